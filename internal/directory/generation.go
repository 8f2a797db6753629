package directory

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

// Schemas is one generation of a tenant's schemas. It does not change: a Directory has one, and With makes a
// Directory of the next one beside it.
type Schemas struct {
	// Gen is the generation that documents are written under. Defaults to 1.
	Gen int
	// Set is what requests speak.
	Set *schema.Set
	// Index is Set with all indexes that are asked for, also those that are still being made: their entries are
	// written, and no search of Set relies on them. Defaults to Set.
	Index *schema.Set
	// Claiming are the unique attributes whose values in older resources have no claims yet. Until they do
	// nobody takes a new value: it might be one of theirs.
	Claiming []store.Work
	// Dropped is what older documents hold and nobody reads any more.
	Dropped []Dropped
}

// Dropped says that an attribute was taken away, or became another one of that name, while documents had values of it:
// what was written before the generation Before is not read.
type Dropped struct {
	Type   string // resource type name
	Before int
	Schema string // URI
	Attr   string // "": the whole schema
	Sub    string // "": the whole attribute
}

// With returns a Directory like d of another generation of schemas. Both may be used side by side, but the store
// refuses writes of the older one once the newer is in force.
func (d *Directory) With(s Schemas) *Directory {
	if s.Gen == 0 {
		s.Gen = firstGeneration
	}
	if s.Index == nil {
		s.Index = s.Set
	}
	next := &Directory{store: d.store, opts: d.opts, schemas: s}
	for _, t := range s.Set.Types {
		next.kinds = append(next.kinds, newKind(&next.schemas, t))
	}
	return next
}

// firstGeneration is that of a tenant that has defined nothing.
const firstGeneration = 1

// Set returns the schemas that requests speak.
func (d *Directory) Set() *schema.Set { return d.schemas.Set }

// Generation returns the generation of the schemas.
func (d *Directory) Generation() int { return d.schemas.Gen }

// Document decodes the body of a row by the schemas of today.
func (d *Directory) Document(row *store.Resource) (schema.Object, error) {
	k := d.kind(row.Type)
	if k == nil {
		return nil, fmt.Errorf("resource type %q is not defined", row.Type)
	}
	return k.document(row)
}

// IndexOf returns what a live resource is found by, made of its document anew. While the schemas are new, the rows
// of the index that they demand are still being made.
func (d *Directory) IndexOf(row *store.Resource) (x store.Index, err error) {
	doc, err := d.Document(row)
	if err != nil {
		return x, err
	}
	return d.kind(row.Type).index(doc), nil
}

// document decodes the body of a row, without what was dropped since it was written.
func (k *kind) document(row *store.Resource) (schema.Object, error) {
	body, err := k.dropFrom(row)
	if err != nil {
		return nil, err
	}
	return k.Decode(body)
}

// body returns the body of a row as canonical JSON of today. That is what is stored unless something was dropped:
// attributes that came since are absent in it.
func (k *kind) body(row *store.Resource) ([]byte, error) {
	if !k.outdated(row) {
		return row.Body, nil
	}
	doc, err := k.document(row)
	if err != nil {
		return nil, err
	}
	return k.Append(nil, doc), nil
}

// unchanged reports whether a document that was edited is still that of the row: before is what it was decoded to, body
// what it has become.
func (k *kind) unchanged(row *store.Resource, before schema.Object, body []byte) bool {
	if bytes.Equal(body, row.Body) {
		return true
	}
	// Another generation may have had another order.
	return row.Gen != k.gen && bytes.Equal(body, k.Append(nil, before))
}

// outdated reports whether a document may hold what was dropped since it was written.
func (k *kind) outdated(row *store.Resource) bool { return row.Gen < k.readable && row.Body != nil }

// learnDropped takes over what was dropped of the schemas of the type.
func (k *kind) learnDropped(all []Dropped) {
	for _, d := range all {
		if d.Type != k.Name {
			continue
		}
		k.dropped = append(k.dropped, d)
		k.readable = max(k.readable, d.Before)
	}
}

// dropFrom returns the body of a row without what was dropped. It looks at names only: a value that is dropped may be
// of any type.
func (k *kind) dropFrom(row *store.Resource) ([]byte, error) {
	if !k.outdated(row) {
		return row.Body, nil
	}
	gone := map[string]bool{}
	for _, d := range k.dropped {
		if row.Gen >= d.Before {
			continue
		}
		path := []string{d.Schema, d.Attr, d.Sub}
		if strings.EqualFold(d.Schema, k.Schema.ID) {
			path = path[1:]
		}
		gone[pathKey(slices.DeleteFunc(path, func(name string) bool { return name == "" }))] = true
	}
	var out bytes.Buffer
	in := jsontext.NewDecoder(bytes.NewReader(row.Body))
	if err := copyWithout(jsontext.NewEncoder(&out), in, gone, nil); err != nil {
		return nil, fmt.Errorf("read resource %d of schema generation %d: %w", row.Num, row.Gen, err)
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

// pathKey makes one string of names, compared without case.
func pathKey(path []string) string { return strings.ToLower(strings.Join(path, "\x00")) }

// copyWithout copies one value without the members whose paths are gone. Arrays are no part of a path.
func copyWithout(out *jsontext.Encoder, in *jsontext.Decoder, gone map[string]bool, path []string) error {
	token, err := in.ReadToken()
	if err != nil {
		return err
	}
	if err := out.WriteToken(token); err != nil {
		return err
	}
	kind := token.Kind()
	if kind != '{' && kind != '[' {
		return nil
	}
	for in.PeekKind() != '}' && in.PeekKind() != ']' {
		inner := path
		if kind == '{' {
			name, err := in.ReadToken()
			if err != nil {
				return err
			}
			text := name.String()
			inner = append(slices.Clip(path), text)
			if gone[pathKey(inner)] {
				if err := in.SkipValue(); err != nil {
					return err
				}
				continue
			}
			if err := out.WriteToken(jsontext.String(text)); err != nil {
				return err
			}
		}
		if err := copyWithout(out, in, gone, inner); err != nil {
			return err
		}
	}
	end, err := in.ReadToken()
	if err != nil {
		return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return out.WriteToken(end)
}
