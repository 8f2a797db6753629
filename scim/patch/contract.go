// Package patch applies PATCH requests (RFC 7644 §3.5.2) to documents.
//
// A request is parsed (New), which checks every operation against the resource
// type and splits it: what concerns the document, and what concerns relations
// (Group.members), which are edges and never part of a document. Apply is pure
// and atomic: it returns a new document or an error and may be called again.
package patch

import (
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// LinkOp is what a Link does.
type LinkOp uint8

// The operations on a relation, in the order in which a request names them.
const (
	LinkAdd    LinkOp = iota // add Refs that are not there yet
	LinkRemove               // remove Refs that are there
	LinkSet                  // Refs are all there is afterwards; empty clears
	LinkClear                // none is left
	LinkWhere                // remove those that match Where
)

// Link is one operation on a relation of a resource.
type Link struct {
	Relation string // name of the attribute: "members"
	Op       LinkOp
	Refs     []Ref       // Add, Remove, Set
	Where    filter.Expr // LinkWhere; bound to the relation's elements
}

// Ref names one resource at the other end of a relation, as the client wrote it.
type Ref struct {
	Value   string // its id
	Type    string // resource type name if the client said so, else ""
	Display string // as sent; for logs only, never stored
}

// STUBS below; the owner of this package replaces them.

// Patch is a checked PATCH request.
type Patch struct{}

// New reads a PatchOp message that schema.Parse has parsed, and checks it against the type. maxOps
// limits the number of operations (413 above it).
func New(body any, t *schema.ResourceType, d *scim.Dialect, maxOps int) (*Patch, error) {
	panic("stub")
}

// Apply returns cur with the document operations applied; cur itself if nothing changes. It never alters cur.
func (p *Patch) Apply(cur schema.Object) (schema.Object, error) { panic("stub") }

// Links returns the operations on relations in request order.
func (p *Patch) Links() []Link { panic("stub") }

// ReadLinks reads the values of a relation in a resource body (POST, PUT) and returns the Refs.
func ReadLinks(v any, t *schema.ResourceType, relation *schema.Attribute, d *scim.Dialect) ([]Ref, error) {
	panic("stub")
}
