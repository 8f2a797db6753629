package server

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
)

// Open gives the service as the caller of a request sees it, after authenticating
// the caller. Tenant, base URL, schemas and profile enter only here. An error that
// is a *scim.Error is sent as it is; with status 401 the answer carries WWW-Authenticate.
type Open func(*http.Request) (*Service, error)

// Service is SCIM as one caller sees it.
type Service struct {
	Base    string           // base URL without trailing slash; locations and $ref are made from it when sent
	Schemas *schema.Set      // resource types, definitions, folding
	Profile scim.Profile     // the credential's switches
	Subject string           // who may use a cursor: tenant and source, so a rotated token goes on
	Stores  map[string]Store // by resource type name
	// Do, if set, carries out a slice of a bulk request (RFC 7644 §3.7): the results stand in the order of ops, each
	// op is atomic by itself, and one that comes later sees what those before it did. Without it the ops of a bulk go
	// to Stores one by one.
	Do func(ctx context.Context, ops []Op) []Result
	// NewID, if set, gives the id of a resource that is about to be created: Create takes it from Resource.ID. A bulk
	// request can then refer to what it creates later. Without it stores give ids by themselves.
	NewID func() string
	// Me, if set, is the resource of the person who sends the request: /Me stands for it (RFC 7644 §3.11). Only
	// Type and Value are read. Without Value the person has none yet, and POST on /Me makes one of Type.
	Me *Ref
	// Used, if set, is told after a request which switches it needed.
	Used func(scim.Switches)
}

// Store keeps the resources of one type. Errors that are *scim.Error reach the
// client; anything else becomes a 500 with an id.
//
// A Store enforces uniqueness and referential rules; everything that the schema
// says was checked before. What an Edit decides and writes is one atomic step.
type Store interface {
	// Get returns a resource or scim.NotFound. The iterators of Relations may be used until ctx ends.
	Get(ctx context.Context, id string, w *Want) (*Resource, error)
	// Find emits the resources that match, in order, and returns totals. An error
	// of emit ends it and is returned.
	Find(ctx context.Context, q *Query, emit func(*Resource) error) (Page, error)
	// Create stores a new resource and gives it id, version and times; an id that r has already is one of
	// Service.NewID and is kept. Of Relations those of r are created with it: every Ref needs only Value.
	Create(ctx context.Context, r *Resource, d *scim.Dialect) (*Resource, error)
	// Update is PUT and PATCH. If nothing changes, the resource comes back with its old version. A
	// condition that does not hold is the error of Cond.Check.
	Update(ctx context.Context, id string, e *Edit) (*Resource, error)
	// Delete removes a resource. Afterwards it is unknown to every method.
	Delete(ctx context.Context, id string, c Cond) error
}

// Describer is a Store that says what it can do; discovery follows it. Without it
// a store is taken to filter and sort by Query.Scan and to have versions.
type Describer interface{ Features() Features }

// Features is what a store can do beyond the minimum.
type Features struct {
	Versions bool // resources have a Version: ETags are sent and honoured
	Sort     bool
	// Cursors: Find returns Page.Next and goes on after Query.After, in any order that it sorts by, and what is
	// written meanwhile makes it neither skip nor repeat a resource that was not touched (RFC 9865).
	Cursors bool
}

// Resource is a resource on its way between server and store.
type Resource struct {
	ID       string
	Version  string // opaque visible ASCII without quotes; changes with every effective change; becomes W/"…"
	Created  time.Time
	Modified time.Time
	// Attrs is the canonical document without id, meta, relations and $ref. What the store
	// resolves by itself (manager.displayName) may be in it. Nobody alters it once it has been
	// handed over. A store may leave it nil and give Raw instead.
	Attrs schema.Object
	// Raw is the same as canonical JSON, sent as it is where no rule forbids.
	Raw []byte
	// Relations are the relation attributes that were wanted, by attribute name, streamed. An
	// attribute without values may be missing.
	Relations map[string]iter.Seq2[Ref, error]
}

// Ref is one value of a relation as it is sent.
type Ref struct {
	Value   string // id of the resource
	Type    string // resource type name of what Value names; $ref is made from it
	Display string // its shown name; empty: none
	Kind    string // User.groups.type: "direct" or "indirect"; empty: Type is sent as type
}

// Want says which relations of a resource are read. nil wants all.
type Want struct{ Relations map[string]bool }

// Has reports whether the relation is wanted.
func (w *Want) Has(relation string) bool { return w == nil || w.Relations[relation] }

// Cond is the condition of a write (RFC 7644 §3.14). The zero Cond always holds.
type Cond struct {
	Any     bool     // If-Match: *
	IfMatch []string // versions, one of which must be current; nil: no condition
}

// Check returns the 412 of a condition that a resource of that version does not meet, or nil.
func (c Cond) Check(version string) error {
	if c.Holds(version) {
		return nil
	}
	return scim.Errorf(http.StatusPreconditionFailed, "the resource has changed: its version is not the one If-Match names; read it again")
}

// Holds reports whether a resource of that version may be written.
func (c Cond) Holds(version string) bool {
	return c.Any || c.IfMatch == nil || slices.Contains(c.IfMatch, version)
}

// LinkEdit is one operation on a relation.
type LinkEdit = patch.Link

// Edit is a change of one resource, made in one transaction: load, check If, Apply, write.
type Edit struct {
	If Cond
	// Apply returns the new document, made from a copy; cur itself: the document does not change. It is
	// pure and may run again. cur.Attrs is set, relations are not.
	Apply func(cur *Resource) (*Resource, error)
	Links []LinkEdit
	// Want says what of the result is read.
	Want *Want
	// Dialect of the request: UnknownMembers, UniqueGroups and the like.
	Dialect *scim.Dialect
}

// Op is one operation of a bulk request, checked and ready for the store of its type. Exactly one of Create, Edit
// and Delete is set.
type Op struct {
	Type   string    // resource type name
	ID     string    // of the resource to change; of a create it is in Create.ID, if there is one
	Create *Resource // see Store.Create
	Edit   *Edit     // see Store.Update
	Delete *Cond     // see Store.Delete
	// Promised are the resources that this request creates later: resource type names by id. A relation or reference to
	// one of them is kept as if the resource were there, and is as good as any other once it is.
	Promised map[string]string
	// Proceed, if set, is asked in the moment of the decision, after the decisions of the ops before it: an error ends the
	// op with it and changes nothing. It is how failOnErrors holds, and how nothing is built on an op that failed,
	// although ops share transactions. It is quick and may be asked again.
	Proceed func() error
	// Decided, if set, is told how the decision ended, an error of Proceed included, before the ops behind it are
	// decided. It is quick; told more than once, the last time counts.
	Decided func(error)
	Dialect *scim.Dialect
}

// Result is what became of an Op.
type Result struct {
	Resource *Resource // as it is afterwards, of which ID and Version are read; nil after a delete and after an error
	Err      error
}

// ErrStopped is the error of an Op that was not carried out because too many before it had failed.
var ErrStopped = errors.New("not carried out: too many operations before it failed")

// Query is a search over the resources of one type.
type Query struct {
	Type   *schema.ResourceType // what is searched; Filter and Sort are bound to it
	Filter filter.Expr          // bound, in normal form; nil: all
	Sort   []SortKey            // empty: the store's own stable order
	Start  int                  // 1-based, at least 1
	Count  int                  // at most so many are emitted; 0 asks for the total only
	// ByCursor says that Page.Next is wanted (RFC 9865): only of stores with Features.Cursors. Start is then 1.
	ByCursor bool
	After    string // Next of the page before; empty: the first page
	Want     *Want
}

// SortKey is one ordering attribute (RFC 7644 §3.4.2.3).
type SortKey struct {
	Path       schema.Path
	Descending bool
}

// Page is what Find returns beside the resources.
type Page struct {
	Total int    // of all matches
	Next  string // where the next page begins, see Position; empty: there is no more. Only of a Query that is ByCursor
}
