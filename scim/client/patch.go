package client

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// Patch is a list of operations, put together in order (RFC 7644 §3.5.2). Paths are in the
// RFC's notation, attributes of extensions with their URN in front: see [Qualified] and [Elements]. The zero Patch is
// empty.
type Patch struct{ operations []any }

// Add appends an add.
func (p *Patch) Add(path string, value any) { p.operation("add", path, value) }

// Replace appends a replace. Where there is nothing to replace, it adds.
func (p *Patch) Replace(path string, value any) { p.operation("replace", path, value) }

// Remove appends a remove of all that path names.
func (p *Patch) Remove(path string) {
	p.operations = append(p.operations, schema.Object{"op": "remove", "path": path})
}

// RemoveValue appends a remove of the element of a multi-valued attribute that has this value.
func (p *Patch) RemoveValue(attribute, value string) {
	p.Remove(Elements(attribute, Eq("value", value), ""))
}

// Set appends a replace without a path: each attribute of values is replaced, the others stay (RFC 7644 §3.5.2.3).
func (p *Patch) Set(values schema.Object) {
	p.operations = append(p.operations, schema.Object{"op": "replace", "value": values})
}

// AddMembers appends an add of resources to a group.
func (p *Patch) AddMembers(ids ...string) {
	if len(ids) == 0 {
		return
	}
	members := make([]any, len(ids))
	for i, id := range ids {
		members[i] = schema.Object{"value": id}
	}
	p.Add("members", members)
}

// RemoveMembers appends a remove of each of these resources from a group. That some are no members is no error (AMB-14).
func (p *Patch) RemoveMembers(ids ...string) {
	for _, id := range ids {
		p.RemoveValue("members", id)
	}
}

// Len returns the number of operations.
func (p *Patch) Len() int { return len(p.operations) }

// operation: op in small letters, which is how the RFC's grammar spells it; some servers know no other.
func (p *Patch) operation(op, path string, value any) {
	p.operations = append(p.operations, schema.Object{"op": op, "path": path, "value": value})
}

func (p *Patch) message() schema.Object {
	return schema.Object{"schemas": []any{scim.PatchOpMessage}, "Operations": p.operations}
}

// Split returns patches that do the same one after the other, each with at most so many changes. An operation counts as
// one, an add of a list as many as it has elements; that is also what is taken apart. A replace of a list is not: in
// between half of it would be gone.
func (p *Patch) Split(most int) []*Patch {
	most = max(most, 1)
	var parts []*Patch
	part, room := new(Patch), most
	flush := func() {
		if part.Len() > 0 {
			parts = append(parts, part)
		}
		part, room = new(Patch), most
	}
	for _, operation := range p.operations {
		o, _ := operation.(schema.Object)
		list, ok := o["value"].([]any)
		path, _ := o["path"].(string)
		if o["op"] != "add" || !ok || path == "" || len(list) == 0 {
			if room == 0 {
				flush()
			}
			part.operations = append(part.operations, operation)
			room--
			continue
		}
		for len(list) > 0 {
			if room == 0 {
				flush()
			}
			n := min(room, len(list))
			part.Add(path, list[:n:n])
			list, room = list[n:], room-n
		}
	}
	flush()
	return parts
}

// PatchParts sends a patch in parts of at most so many changes, for servers that take no more; if the server finds
// one too large (413), it goes on with half of that. It returns what the last part was answered. A condition [IfMatch]
// holds for the first part; the next ones follow what was answered before them. After an error the parts before it
// are done.
func (c *Client) PatchParts(ctx context.Context, endpoint, id string, p *Patch, most int, options ...Option) (Document, error) {
	conditional := false
	for _, o := range options {
		r := &call{header: make(http.Header)}
		o(r)
		conditional = conditional || r.header.Get("If-Match") != ""
	}
	var doc Document
	parts := p.Split(most)
	for len(parts) > 0 {
		part := parts[0]
		answered, err := c.Patch(ctx, endpoint, id, part, options...)
		if errors.Is(err, ErrPayload) && most > 1 {
			most = max(1, min(most, part.changes())/2)
			var smaller []*Patch
			for _, rest := range parts {
				smaller = append(smaller, rest.Split(most)...)
			}
			if len(smaller) > len(parts) {
				parts = smaller
				continue
			}
		}
		if err != nil {
			return doc, err
		}
		doc, parts = answered, parts[1:]
		if conditional {
			options = append(slices.Clip(options), func(r *call) { r.header.Del("If-Match") }, IfMatch(doc.Version()))
		}
	}
	return doc, nil
}

// changes counts as Split does.
func (p *Patch) changes() int {
	n := 0
	for _, operation := range p.operations {
		o, _ := operation.(schema.Object)
		if list, ok := o["value"].([]any); ok && o["op"] == "add" {
			n += len(list)
		} else {
			n++
		}
	}
	return n
}
