package client

import (
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// Patch is a list of operations, put together in order (RFC 7644 §3.5.2). Paths are in the
// RFC's notation, attributes of extensions with their URN in front. The zero Patch is empty.
type Patch struct{ operations []any }

// Add appends an add.
func (p *Patch) Add(path string, value any) { p.operation("add", path, value) }

// Replace appends a replace.
func (p *Patch) Replace(path string, value any) { p.operation("replace", path, value) }

// Remove appends a remove of all that path names.
func (p *Patch) Remove(path string) {
	p.operations = append(p.operations, schema.Object{"op": "remove", "path": path})
}

// RemoveValue appends a remove of the element of a multi-valued attribute that has this value.
func (p *Patch) RemoveValue(attribute, value string) {
	p.Remove(attribute + "[" + Eq("value", value) + "]")
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
