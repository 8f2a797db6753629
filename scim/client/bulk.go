package client

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/muster-id/muster/scim/schema"
)

// Message URNs of bulk requests (RFC 7644 §8.2).
const (
	bulkRequestMessage = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	refPrefix          = "bulkId:"
)

// What the Err of a [BulkResult] can be beside an [Error].
var (
	// ErrNotDone is an operation that was not tried, or of which the server says nothing.
	ErrNotDone = errors.New("the operation was not done, as far as is known")
	// ErrReference is an operation that refers to a resource that was not made.
	ErrReference = errors.New("the operation refers to a resource that was not made")
	// ErrCircle is operations that refer to each other and that the server does not take in one request.
	ErrCircle = errors.New("the operation is one of a circle that does not fit into one request of the server")
)

// Bulk is a list of operations to be sent together (RFC 7644 §3.7). The zero Bulk is empty.
//
// Create returns a reference to the resource that will be made. It stands for its id wherever an id may stand: as the id
// of another operation, as a value or at the end of a $ref in a document, in a path of a patch. Operations may refer to
// ones that come after them, and to each other.
type Bulk struct {
	// FailOnErrors is after how many failed operations the rest is left undone. 0: never.
	FailOnErrors int

	prefix     string
	operations []operation
}

// operation is one of a [Bulk].
type operation struct {
	method, endpoint string
	id               string // of the resource, or a reference; empty: it is made
	bulkID           string // of one that is made
	version          string
	data             schema.Object
}

// Create appends a create (RFC 7644 §3.3) and returns the reference to the new resource.
func (b *Bulk) Create(endpoint string, doc schema.Object) (ref string) {
	if b.prefix == "" {
		// Not to be mistaken for anything that people write.
		var random [4]byte
		_, _ = rand.Read(random[:]) // never fails
		b.prefix = hex.EncodeToString(random[:]) + "-"
	}
	bulkID := b.prefix + strconv.Itoa(len(b.operations)+1)
	b.operations = append(b.operations, operation{method: "POST", endpoint: endpoint, bulkID: bulkID, data: doc})
	return refPrefix + bulkID
}

// Replace appends a replace (RFC 7644 §3.5.1). An empty version is no condition.
func (b *Bulk) Replace(endpoint, id, version string, doc schema.Object) {
	b.operations = append(b.operations, operation{method: "PUT", endpoint: endpoint, id: id, version: version, data: doc})
}

// Patch appends a patch (RFC 7644 §3.5.2). An empty version is no condition.
func (b *Bulk) Patch(endpoint, id, version string, p *Patch) {
	b.operations = append(b.operations, operation{method: "PATCH", endpoint: endpoint, id: id, version: version, data: p.message()})
}

// Delete appends a delete (RFC 7644 §3.6). An empty version is no condition.
func (b *Bulk) Delete(endpoint, id, version string) {
	b.operations = append(b.operations, operation{method: "DELETE", endpoint: endpoint, id: id, version: version})
}

// Len returns the number of operations.
func (b *Bulk) Len() int { return len(b.operations) }

// BulkResult is what became of one operation of a [Bulk].
type BulkResult struct {
	Method   string
	Endpoint string
	ID       string   // of the resource; empty: it was not made, or the server does not say
	Status   int      // 0: the server does not say
	Version  string   // of the resource after the operation; empty: the server does not say
	Document Document // the resource after the operation; nil: the server does not send it
	Err      error    // an [Error], [ErrNotDone], [ErrReference] or [ErrCircle]; nil: it is done
}

// references yields the bulkIds that an operation refers to.
func (o *operation) references(yield func(bulkID string)) {
	if ref, ok := strings.CutPrefix(o.id, refPrefix); ok {
		yield(ref)
	}
	walk(o.data, "", func(_, s string) string {
		if ref := reference(s); ref != "" {
			yield(ref)
		}
		return s
	})
}

// resolved returns the data of an operation with the ids of resources that have been made.
func (o *operation) resolved(ids map[string]string) schema.Object {
	if o.data == nil {
		return nil
	}
	resolved, _ := walk(o.data, "", func(name, s string) string {
		ref := reference(s)
		id, ok := ids[ref]
		if ref == "" || !ok {
			return s
		}
		if name == "path" { // within a string of a filter
			id = strings.Trim(quoted(nil, id), `"`)
		}
		return strings.Replace(s, refPrefix+ref, id, 1)
	}).(schema.Object)
	return resolved
}

// reference returns the bulkId in a string: all of it, the last segment of a URI, or in quotes, as in a path; "" if
// there is none.
func reference(s string) string {
	i := strings.Index(s, refPrefix)
	if i < 0 || i > 0 && s[i-1] != '/' && s[i-1] != '"' {
		return ""
	}
	ref := s[i+len(refPrefix):]
	if i > 0 && s[i-1] == '"' {
		ref, _, _ = strings.Cut(ref, `"`)
	}
	return ref
}

// walk returns a copy of a value with f applied to its strings, which have the name of the attribute they are in.
func walk(v any, name string, f func(name, s string) string) any {
	switch v := v.(type) {
	case string:
		return f(name, v)
	case schema.Object:
		o := make(schema.Object, len(v))
		for n, x := range v {
			o[n] = walk(x, n, f)
		}
		return o
	case Document:
		return walk(schema.Object(v), name, f)
	case map[string]any:
		return walk(schema.Object(v), name, f)
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = walk(x, name, f)
		}
		return list
	case []schema.Object:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = walk(x, name, f)
		}
		return list
	default:
		return v
	}
}

// units returns the operations in an order in which each comes behind those that it refers to, but for those that refer to
// each other, which make one unit. What does not matter keeps its order.
func units(operations []operation) [][]int {
	made := make(map[string]int)
	for i := range operations {
		if id := operations[i].bulkID; id != "" {
			made[id] = i
		}
	}
	t := &tarjan{
		edges: func(i int) []int {
			var to []int
			operations[i].references(func(ref string) {
				if j, ok := made[ref]; ok {
					to = append(to, j)
				}
			})
			return to
		},
		index: make([]int, len(operations)), low: make([]int, len(operations)), open: make([]bool, len(operations)),
	}
	for i := range operations {
		if t.index[i] == 0 {
			t.visit(i)
		}
	}
	return t.units
}

// tarjan finds strongly connected components, which come out behind those they point at (Tarjan 1972).
type tarjan struct {
	edges func(int) []int
	count int
	index []int // order of visit, from 1; 0: not yet
	low   []int
	open  []bool
	stack []int
	units [][]int
}

func (t *tarjan) visit(i int) {
	t.count++
	t.index[i], t.low[i], t.open[i] = t.count, t.count, true
	t.stack = append(t.stack, i)
	for _, j := range t.edges(i) {
		if t.index[j] == 0 {
			t.visit(j)
			t.low[i] = min(t.low[i], t.low[j])
		} else if t.open[j] {
			t.low[i] = min(t.low[i], t.index[j])
		}
	}
	if t.low[i] != t.index[i] {
		return
	}
	var unit []int
	for {
		j := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		t.open[j] = false
		unit = append(unit, j)
		if j == i {
			break
		}
	}
	slices.Sort(unit)
	t.units = append(t.units, unit)
}
