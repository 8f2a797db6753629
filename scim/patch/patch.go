// Package patch applies PATCH requests (RFC 7644 §3.5.2) to documents.
//
// New reads a request and checks all of it that does not depend on the resource:
// the message, paths, mutability, values. It splits what is left:
//
//   - steps alter the document; Apply runs them on a copy,
//   - links alter relations (Group.members), which are edges and never part of a
//     document; Links hands them to whoever keeps the edges.
//
// Apply is pure and atomic: it returns a new document, which Check of package schema
// has passed, or an error, and may be called again. What changes nothing returns the
// document itself, so that no version moves (F25).
//
// Where the RFC leaves a choice the package chooses thus, if no switch of the dialect
// says otherwise: a replace of a single complex attribute merges, a replace behind a
// filter swaps the element (AMB-12); null means remove (AMB-46); a remove with a list
// of values removes those and never all (AMB-15); an attribute in a value that the
// type does not know is left out (AMB-03). What is forgiven besides is asked of the
// scim.Dialect by name.
package patch

import (
	"net/http"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// Patch is a checked PATCH request. It may be applied any number of times.
type Patch struct {
	t     *schema.ResourceType
	d     *scim.Dialect
	steps []step
	links []Link
}

// New reads a PatchOp message that schema.Parse has parsed, and checks it against
// the type. maxOps limits the number of operations (413 above it); 0 is no limit.
func New(body any, t *schema.ResourceType, d *scim.Dialect, maxOps int) (*Patch, error) {
	ops, err := operations(body, d, maxOps)
	if err != nil {
		return nil, err
	}
	c := compiler{Patch: Patch{t: t, d: d}}
	for i, op := range ops {
		c.n = i + 1
		o, err := readOperation(op)
		if err == nil {
			err = c.operation(o)
		}
		if err != nil {
			return nil, numbered(c.n, err)
		}
	}
	return &c.Patch, nil
}

// Links returns the operations on relations in request order.
func (p *Patch) Links() []Link { return p.links }

// numbered puts the number of the operation in front of a refusal.
func numbered(n int, err error) error {
	e := scim.AsError(err)
	if e == nil {
		return err
	}
	out := scim.Errorf(e.Status, "operation %d: %s", n, e.Detail)
	out.Type, out.Err = e.Type, e.Err
	return out
}

// operations returns the Operations of a message (RFC 7644 §3.5.2).
func operations(body any, d *scim.Dialect, maxOps int) ([]any, error) {
	o, ok := body.(schema.Object)
	if !ok {
		return nil, scim.BadRequest(scim.InvalidSyntax, "a PATCH body is an object with schemas and Operations")
	}
	if err := message(member(o, "schemas"), d); err != nil {
		return nil, err
	}
	ops, ok := member(o, "Operations").([]any)
	switch {
	case !ok || len(ops) == 0:
		return nil, scim.BadRequest(scim.InvalidSyntax, "Operations is an array of at least one operation")
	case maxOps > 0 && len(ops) > maxOps:
		return nil, scim.Errorf(http.StatusRequestEntityTooLarge, "Operations has %d operations, %d are allowed", len(ops), maxOps)
	}
	return ops, nil
}

// message checks the schemas of a message (P-3.5.2-01).
func message(v any, d *scim.Dialect) error {
	if list, ok := v.([]any); ok {
		for _, s := range list {
			if s, ok := s.(string); ok && is(s, scim.PatchOpMessage) {
				return nil
			}
		}
	}
	forgiven := scim.UnknownSchemas
	if list, ok := v.([]any); v == nil || ok && len(list) == 0 {
		forgiven = scim.MissingSchemas
	}
	if d.Forgives(forgiven) {
		return nil
	}
	return scim.BadRequest(scim.InvalidSyntax, "schemas of a PATCH body is [%q]", scim.PatchOpMessage)
}

// verb is what an operation does.
type verb uint8

const (
	add verb = iota
	replace
	remove
)

var verbs = map[string]verb{"add": add, "replace": replace, "remove": remove}

// operation is an operation as it was sent.
type operation struct {
	verb  verb
	path  *string // nil: none
	value any
	given bool // value was sent, be it null
}

func readOperation(v any) (operation, error) {
	o, ok := v.(schema.Object)
	if !ok {
		return operation{}, scim.BadRequest(scim.InvalidSyntax, "an operation is an object with op, path and value")
	}
	name, _ := member(o, "op").(string)
	verb, ok := verbs[strings.ToLower(name)] // "Add" is accepted in every dialect (AMB-18)
	if !ok {
		return operation{}, scim.BadRequest(scim.InvalidSyntax, "op is add, remove or replace, not %s", scim.Quote(name))
	}
	op := operation{verb: verb}
	op.value, op.given = lookup(o, "value")
	switch path := member(o, "path").(type) {
	case nil:
	case string:
		op.path = &path
	default:
		return operation{}, scim.BadRequest(scim.InvalidPath, "path is a string")
	}
	return op, nil
}

// lookup returns the member of o of that name, compared without case (F1), and
// whether there is one, be it null.
func lookup(o schema.Object, name string) (any, bool) {
	if v, ok := o[name]; ok {
		return v, true
	}
	for n, v := range o {
		if is(n, name) {
			return v, true
		}
	}
	return nil, false
}

// member returns the value that lookup finds.
func member(o schema.Object, name string) any {
	v, _ := lookup(o, name)
	return v
}

// is compares a name without ASCII case. Equal length keeps out the letters beyond
// ASCII that fold to one of it.
func is(s, name string) bool { return len(s) == len(name) && strings.EqualFold(s, name) }
