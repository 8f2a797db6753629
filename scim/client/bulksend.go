package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim/schema"
)

// Limits for servers that do not say theirs: that is not "without limit".
const (
	defaultBulk     = 100
	defaultBulkSize = 1 << 20
	bulkEnvelope    = 256 // bytes of a request around its operations
)

// Bulk sends the operations in as few requests as the server's maxOperations and maxPayloadSize allow (RFC 7644 §3.7.4),
// and returns what became of each, in their order. Where they do not fit into one request, those that refer to another one
// come in the same or a later one, by then with the id that the server gave. A request that is too large all the same
// (413) is halved, and that is remembered. A server without bulk gets single requests.
//
// The error is that of a request as a whole: what had been answered by then is in the results, the rest is
// [ErrNotDone] and may have been done. Operations that the server refused are no error, only results.
func (c *Client) Bulk(ctx context.Context, b *Bulk, options ...Option) ([]BulkResult, error) {
	r := &bulkRun{
		c: c, b: b, options: options, ids: make(map[string]string), made: make(map[string]int),
		results: make([]BulkResult, len(b.operations)), operations: defaultBulk, size: defaultBulkSize,
	}
	for i, o := range b.operations {
		r.results[i] = BulkResult{Method: o.method, Endpoint: o.endpoint, Err: ErrNotDone}
		if !strings.HasPrefix(o.id, refPrefix) {
			r.results[i].ID = o.id
		}
		if o.bulkID != "" {
			r.made[o.bulkID] = i
		} else if err := CheckID(o.id); err != nil {
			return r.results, fmt.Errorf("operation %d of a bulk request: %w", i+1, err)
		}
	}
	config := c.configuration(ctx)
	if config.MaxBulk > 0 {
		r.operations = config.MaxBulk
	}
	if config.MaxBulkSize > 0 {
		r.size = config.MaxBulkSize
	}
	c.peer.mu.Lock()
	if c.peer.bulk > 0 {
		r.operations = min(r.operations, c.peer.bulk)
	}
	c.peer.mu.Unlock()
	return r.results, r.run(ctx)
}

// bulkRun is a bulk on its way.
type bulkRun struct {
	c                *Client
	b                *Bulk
	options          []Option
	operations, size int // most of one request
	results          []BulkResult
	made             map[string]int    // operations that make something, by bulkId
	ids              map[string]string // of what was made, by bulkId
	failed           int
}

// part is one request.
type part struct {
	operations []int // by index
	encoded    []any // jsontext.Value of each
	size       int
}

func (r *bulkRun) run(ctx context.Context) error {
	rest := units(r.b.operations)
	if all, err := r.whole(); err != nil {
		return err
	} else if all != nil && r.c.Can(FeatureBulk) {
		rest = [][]int{all.operations} // as it was put together
	}
	for len(rest) > 0 && !r.enough() {
		if !r.c.Can(FeatureBulk) {
			return r.singly(ctx, r.apart(rest))
		}
		p, behind, err := r.pack(rest)
		if err != nil {
			return err
		}
		if len(p.operations) == 0 {
			rest = behind
			continue
		}
		err = r.send(ctx, p)
		switch {
		case errors.Is(err, ErrUnsupported) || errors.Is(err, ErrNotFound):
			r.c.refuse(FeatureBulk)
			continue
		case (errors.Is(err, ErrPayload) || errors.Is(err, ErrTooMany)) && len(p.operations) > 1:
			r.operations = len(p.operations) / 2
			r.c.peer.mu.Lock()
			r.c.peer.bulk = r.operations
			r.c.peer.mu.Unlock()
			rest = r.apart(rest)
			continue
		case errors.Is(err, ErrPayload):
			r.fail(p.operations[0], err)
		case err != nil:
			return err
		}
		rest = behind
	}
	return nil
}

// whole returns all operations as one request; nil if they do not fit.
func (r *bulkRun) whole() (*part, error) {
	if len(r.b.operations) > r.operations {
		return nil, nil
	}
	p := &part{size: bulkEnvelope}
	for i := range r.b.operations {
		if err := r.add(p, i); err != nil {
			return nil, err
		}
	}
	if p.size > r.size {
		return nil, nil
	}
	return p, nil
}

// apart returns what is left as units that can be split.
func (r *bulkRun) apart(rest [][]int) [][]int {
	left := make(map[int]bool)
	for _, u := range rest {
		for _, i := range u {
			left[i] = true
		}
	}
	var apart [][]int
	for _, u := range units(r.b.operations) {
		if left[u[0]] {
			apart = append(apart, u)
		}
	}
	return apart
}

// enough reports whether as many operations failed as are allowed.
func (r *bulkRun) enough() bool { return r.b.FailOnErrors > 0 && r.failed >= r.b.FailOnErrors }

// fail keeps why an operation is not done.
func (r *bulkRun) fail(i int, err error) {
	r.results[i].Err = err
	r.failed++
}

// pack takes units into a part until one does not fit. What cannot be sent at all fails on the way.
func (r *bulkRun) pack(rest [][]int) (*part, [][]int, error) {
	p := &part{size: bulkEnvelope}
	inside := make(map[int]bool)
	for n, unit := range rest {
		for _, i := range unit {
			inside[i] = true
		}
		if r.orphaned(unit, inside) {
			continue
		}
		before, size := len(p.operations), p.size
		for _, i := range unit {
			if err := r.add(p, i); err != nil {
				return nil, nil, err
			}
		}
		switch {
		case len(p.operations) <= r.operations && p.size <= r.size:
		case before > 0:
			p.operations, p.encoded, p.size = p.operations[:before], p.encoded[:before], size
			return p, rest[n:], nil
		case len(unit) == 1:
			return p, rest[n+1:], nil // it cannot be made smaller; the server may take it
		default:
			p = &part{size: bulkEnvelope}
			for _, i := range unit {
				inside[i] = false
				r.fail(i, ErrCircle)
			}
		}
	}
	return p, nil, nil
}

// orphaned fails the operations of a unit if one of them refers to something that was not made, and that is not made
// inside the same request.
func (r *bulkRun) orphaned(unit []int, inside map[int]bool) bool {
	missing := false
	for _, i := range unit {
		r.b.operations[i].references(func(ref string) {
			j, ours := r.made[ref]
			missing = missing || ours && !inside[j] && r.ids[ref] == ""
		})
	}
	for _, i := range unit {
		if missing {
			inside[i] = false
			r.fail(i, ErrReference)
		}
	}
	return missing
}

// add encodes an operation into a part.
func (r *bulkRun) add(p *part, i int) error {
	o := &r.b.operations[i]
	path, err := r.path(o)
	if err != nil {
		return fmt.Errorf("operation %d of a bulk request: %w", i+1, err)
	}
	m := schema.Object{"method": o.method, "path": path}
	if o.bulkID != "" {
		m["bulkId"] = o.bulkID
	}
	if o.version != "" {
		m["version"] = o.version
	}
	if o.data != nil {
		m["data"] = o.resolved(r.ids)
	}
	b, err := marshal(m)
	if err != nil {
		return fmt.Errorf("write operation %d of a bulk request: %w", i+1, err)
	}
	p.operations = append(p.operations, i)
	p.encoded = append(p.encoded, jsontext.Value(b))
	p.size += len(b) + 1
	return nil
}

// path returns the path of an operation, with the id by now.
func (r *bulkRun) path(o *operation) (string, error) {
	if o.bulkID != "" {
		return o.endpoint, nil
	}
	return resourcePath(o.endpoint, r.idOf(o))
}

// idOf returns the id of an operation's resource, or the reference to it.
func (r *bulkRun) idOf(o *operation) string {
	if ref, ok := strings.CutPrefix(o.id, refPrefix); ok && r.ids[ref] != "" {
		return r.ids[ref]
	}
	return o.id
}

// send sends a part and takes in what became of its operations.
func (r *bulkRun) send(ctx context.Context, p *part) error {
	message := schema.Object{"schemas": []any{bulkRequestMessage}, "Operations": p.encoded}
	if r.b.FailOnErrors > 0 {
		message["failOnErrors"] = int64(r.b.FailOnErrors - r.failed)
	}
	call, err := newCall(http.MethodPost, "/Bulk", message, r.options)
	if err != nil {
		return err
	}
	a, err := r.c.exchange(ctx, call)
	if err != nil {
		return err
	}
	doc, err := a.document()
	if err != nil {
		return a.unusable(call, err)
	}
	r.match(p, doc.objects("Operations"))
	return nil
}

// match finds the operation that each answer is about: by bulkId, by the id at the end of its location, else by
// order (RFC 7644 §3.7; some servers leave out bulkId, some answer in another order).
func (r *bulkRun) match(p *part, answers []Document) {
	open := slices.Clone(p.operations)
	take := func(d Document, is func(o *operation) bool) bool {
		for n, i := range open {
			if o := &r.b.operations[i]; is(o) {
				r.result(i, d)
				open = slices.Delete(open, n, n+1)
				return true
			}
		}
		return false
	}
	var unnamed []Document
	for _, d := range answers {
		bulkID := d.String("bulkId")
		named := bulkID != "" && take(d, func(o *operation) bool { return o.bulkID == bulkID })
		if !named {
			unnamed = append(unnamed, d)
		}
	}
	answers, unnamed = unnamed, nil
	for _, d := range answers {
		location, method := d.String("location"), d.String("method")
		named := location != "" && take(d, func(o *operation) bool {
			return o.bulkID == "" && (method == "" || method == o.method) && idIn(location, o.endpoint) == r.idOf(o)
		})
		if !named {
			unnamed = append(unnamed, d)
		}
	}
	for _, d := range unnamed {
		method := d.String("method")
		take(d, func(o *operation) bool {
			return (method == "" || method == o.method) && (o.bulkID == "" || d.String("bulkId") == "")
		})
	}
}

// result takes in what became of an operation.
func (r *bulkRun) result(i int, d Document) {
	o, x := &r.b.operations[i], &r.results[i]
	x.Status, x.Version = statusOf(d), d.String("version")
	response, _ := d.Value("response").(schema.Object)
	if x.Status < 200 || x.Status > 299 {
		if o.method == http.MethodDelete && x.Status == http.StatusNotFound {
			x.Err = nil // it is gone, which was the wish
			return
		}
		e := &Error{Status: x.Status, Method: o.method, Endpoint: o.endpoint}
		e.explain(Document(response), "")
		r.fail(i, e)
		return
	}
	x.Err = nil
	if response != nil {
		x.Document = Document(response)
		x.Document.setVersion(x.Version)
		if x.Version == "" {
			x.Version = x.Document.Version()
		}
	}
	switch id := x.Document.ID(); {
	case o.bulkID == "":
		x.ID = r.idOf(o)
	case id != "":
		x.ID = id
	default:
		x.ID = idIn(d.String("location"), o.endpoint)
	}
	if o.bulkID != "" {
		r.ids[o.bulkID] = x.ID
	}
}

// statusOf reads the status of an operation: "201", 201 or {"code": "201"} (AMB-32); 0 if it is none of these.
func statusOf(d Document) int {
	s := d.String("status")
	if s == "" {
		s = d.String("status", "code")
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// singly sends what is left one by one.
func (r *bulkRun) singly(ctx context.Context, rest [][]int) error {
	for _, unit := range rest {
		if r.enough() {
			return nil
		}
		if len(unit) > 1 {
			for _, i := range unit {
				r.fail(i, ErrCircle)
			}
			continue
		}
		if r.orphaned(unit, map[int]bool{}) {
			continue
		}
		if err := r.single(ctx, unit[0]); err != nil {
			return err
		}
	}
	return nil
}

// single sends one operation as a request of its own. The error is that of a server that cannot be reached, or does not let
// us in: it would come again with the next one.
func (r *bulkRun) single(ctx context.Context, i int) error {
	o, x := &r.b.operations[i], &r.results[i]
	path, err := r.path(o)
	if err != nil {
		return fmt.Errorf("operation %d of a bulk request: %w", i+1, err)
	}
	doc, err := r.c.write(ctx, o.method, path, r.idOf(o), o.resolved(r.ids), []Option{IfMatch(o.version), madeReadBack(o)})
	e, answered := errors.AsType[*Error](err)
	switch {
	case errors.Is(err, ErrNotFound) && o.method == http.MethodDelete:
		x.Status, x.Err = e.Status, nil
		return nil
	case answered && !errors.Is(err, ErrUnauthorized) && !e.Temporary():
		x.Status = e.Status
		r.fail(i, err)
		return nil
	case err != nil:
		return err
	}
	x.Err, x.Status, x.Document, x.Version, x.ID = nil, http.StatusOK, doc, doc.Version(), r.idOf(o)
	if o.bulkID != "" {
		x.Status, x.ID = http.StatusCreated, doc.ID()
		r.ids[o.bulkID] = x.ID
	}
	return nil
}

// madeReadBack makes a create return its id.
func madeReadBack(o *operation) Option {
	if o.bulkID == "" {
		return func(*call) {}
	}
	return ReadBack()
}
