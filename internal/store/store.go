// Package store is the contract between Muster and its database. It speaks keys
// and rows and knows no SCIM rule: internal/directory decides, a store loads,
// writes and finds. store/sqlite implements it; storetest proves an implementation.
//
// # A write
//
// A write is an Op: keys to load, a pure decision over what was loaded, rows to
// write. It is never a closure over a transaction. The store collects the Ops that
// wait, loads the keys of all, lets each decide in order of arrival on a View that
// shows what the Ops before it decided, writes all rows with few statements and
// commits once. Only then does Write return to every caller.
//
//   - A decision may run more than once (a batch that fails is rolled back and its
//     Ops run one by one), so it touches nothing but its View and its result, and ids and times come in with it.
//   - A decision that returns an error writes nothing; the Ops beside it are not affected.
//   - The caller's context ends its waiting, never a batch that has begun: then the outcome is unknown to the caller.
//   - Resources, records, edges, claims, index entries, changes and the head are one
//     transaction. There is no state in which one exists without the others.
//   - Heavy Ops run in a batch of their own.
//
// # Identity
//
// Inside, a resource is a Num: unique in its tenant, growing, never reused. The UUID
// is only the outside name. A delete leaves a tombstone, invisible to every read but
// those of the feed; its edges count as gone at once and are swept in slices (Sweep).
// A rehire is a second Record of an old resource: the Num comes back to life with the new record's id.
//
// # The feed
//
// Changes of a tenant are numbered without gaps in the order in which they commit; nobody sees n+1
// before n. A change keeps the document before it; the one after it is the next change's before, or the body.
//
// # Schemas
//
// What a tenant defines has a generation, which every body names that is written under it. A decision that was made
// under another one than that in force is refused: it may know nothing of an attribute, an index or a claim.
//
// Every method takes the tenant, so that forgetting it does not compile; but for those that find tenants, and
// TokenByHash, which finds it. Errors: ErrNotFound, ErrTaken, ErrStale,
// ErrFull, ErrBusy, ErrClosed, ErrGeneration, ErrMoved, those of Find, and the error of a decision as it is; anything else is a fault of the database.
package store

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// The errors that a store answers with, whatever its engine.
var (
	ErrNotFound = errors.New("not found")
	// ErrFull: the disk is full. Nothing was written; reads go on.
	ErrFull = errors.New("the disk is full")
	// ErrUnavailable: the database cannot be reached, or cannot be written at the moment. Nothing was written.
	ErrUnavailable = errors.New("the database cannot be reached")
	// ErrUnknown: the database did not do as told, so that it is not known whether a write was committed. It is never tried
	// again blindly: whoever repeats it has to look first.
	ErrUnknown = errors.New("the outcome of the write is unknown")
	// ErrLong: a value is longer than the index of its attribute can hold.
	ErrLong = errors.New("a value is too long for the index of its attribute")
	// ErrBusy: too many writes are waiting. Nothing was written; try again later.
	ErrBusy = errors.New("too many writes are waiting")
	// ErrClosed: the store is closed or closing.
	ErrClosed = errors.New("the store is closed")
	// ErrSearches: too many searches of the tenant that look at every resource are under way; try again later.
	ErrSearches = errors.New("too many expensive searches are under way")
	// ErrLongKey: a page ends at a resource whose sort key is longer than MaxKey, so that no position can be made of it.
	ErrLongKey = errors.New("a sort key is too long for a position")
	// ErrPosition: a position does not belong to the search.
	ErrPosition = errors.New("the position is not one of this search")
	// ErrTaken: the name or the host is that of another tenant, or the name that of another source. Nothing was written.
	ErrTaken = errors.New("the name is taken")
	// ErrStale: the row of a tenant was changed after it was read. Nothing was written.
	ErrStale = errors.New("the row was changed meanwhile")
	// ErrAudit: what was to be written cannot be recorded in the audit, so it was not written (K01).
	ErrAudit = errors.New("the audit record cannot be written")
	// ErrAlive: a resource that is to be erased has not been deleted.
	ErrAlive = errors.New("it has not been deleted")
	// ErrCostly: the search looks at so much that it ran out of time. Trying again does not help.
	ErrCostly = errors.New("the search takes too long")
)

// Tenant is a tenant's number. It is a type of its own so that no other number passes for it.
type Tenant int64

// Source is the number of a source of a tenant.
type Source int64

// Default is the tenant that exists from the start, and DefaultSource its source.
const (
	Default       Tenant = 1
	DefaultSource Source = 1
)

// Num is a resource's number.
type Num int64

// Seq is the place of a change in its tenant's feed; the first is 1.
type Seq int64

// Store is a database of tenants. It is safe for concurrent use.
type Store interface {
	Writer
	Slicer
	Reader
	Feed
	Deliveries
	Tokens
	Schemas
	Tenants
	Purger
	Audit
	Secrets
	Guard
	Items
	Nodes
	Checker
	// Sweep removes up to limit edges of tombstones and expired pending references of the tenant and returns how many it
	// removed; 0: nothing is left to sweep. Groups that lose an edge get a new version and time, but no change.
	Sweep(ctx context.Context, t Tenant, now time.Time, limit int) (int, error)
	// Stats reports figures for metrics and readiness; an error means that the database does not answer.
	Stats(ctx context.Context, t Tenant) (Stats, error)
	Close() error
}

// Writer commits decisions.
type Writer interface {
	Write(ctx context.Context, t Tenant, op *Op) error
}

// Slicer commits decisions that belong together, such as a slice of a bulk request.
type Slicer interface {
	// WriteAll is a Write of each Op, waiting in the queue one behind the other, so that they share commits and none is
	// decided before those in front of it. The errors are those of the Ops; one of a queue that has no place for all is that of each.
	// Where the ctx ends too soon, it is the last Ops that are left out.
	WriteAll(ctx context.Context, t Tenant, ops []*Op) []error
}

// Op is one write. See the package comment.
type Op struct {
	Source Source
	Load   Keys
	Decide func(v View) (*Rows, error)
	Heavy  bool // changes many edges: runs in a batch of its own
	Gen    int  // schema generation that it is made under: ErrGeneration if another one is in force. 0: any
}

// Keys is what a decision wants loaded.
type Keys struct {
	IDs      []string    // live resources by outside id, of any type: the resource itself, manager
	Refs     []string    // the same with their names alone (no Body, of Index only Display), for members by the thousand; not to be written back
	Nums     []Num       // resources by number, tombstones included
	Claims   []ClaimKey  // who holds a unique key
	Edges    []EdgeKeys  // whether these members are in the relation
	Children []ChildKeys // all edges of a parent
	Former   []FormerKey // ended records of the Op's source, for a rehire
	Pending  []string    // pending references that wait for one of these values (of the Op's source)
}

// ClaimKey names a unique key of a tenant: "userName" and the folded name.
type ClaimKey struct{ Scope, Key string }

// EdgeKeys asks which of Members, named by outside id, are children of Parent.
type EdgeKeys struct {
	Parent  string
	Rel     Rel
	Members []string
}

// ChildKeys asks for all edges of Parent, at most Limit+1 of them.
type ChildKeys struct {
	Parent string
	Rel    Rel
	Limit  int
}

// FormerKey asks for the latest ended record of the Op's source with this external id, or
// with this employee number; an empty field matches nothing.
type FormerKey struct{ Type, ExternalID, EmployeeNumber string }

// Rel is a relation between resources.
type Rel uint8

// Members is Group.members: parent the group, child the member.
const Members Rel = 1

// View shows a decision what was loaded for its Op, as the Ops before it in the batch left it. What was
// not asked for in Keys may be absent. The resources that a claim, a former record, a pending reference
// or an edge of Children leads to come with it: ByNum knows them, those of Children with their names alone.
type View interface {
	// ByID returns a live resource, or nil. It must not be altered.
	ByID(id string) *Resource
	// ByNum returns a resource, tombstones included, or nil.
	ByNum(n Num) *Resource
	// Claim returns who holds the key.
	Claim(k ClaimKey) (Num, bool)
	// HasEdge reports whether child is in the relation of parent, tombstones left out.
	HasEdge(r Rel, parent, child Num) bool
	// Children yields the edges of parent whose child is live, in order of Num.
	Children(r Rel, parent Num) iter.Seq[Num]
	// Former returns the record of the key, or nil.
	Former(k FormerKey) *Record
	// Pending returns the references that wait for the value, expired ones left out by the caller.
	Pending(value string) []Pending
	// NextNum takes a new number for a resource.
	NextNum() Num
}

// Resource is a row of a resource.
type Resource struct {
	Num      Num
	Type     string    // resource type name
	ID       string    // outside name: the id of its newest record; it is its own key (Set.Key leaves it as it is)
	Person   string    // the id of its first record; stays over a rehire
	Version  int64     // grows with every effective change
	Created  time.Time // instants are kept in whole milliseconds
	Modified time.Time
	Body     []byte // canonical JSON without id, meta and relations; nil in a tombstone
	Gen      int    // schema generation that Body was written under
	Source   Source // who owns it: who created it, or brought it back
	Key      []byte // what its sealed documents need; the store makes it, a decision hands it on. Empty: none yet, or erased
	Deleted  bool
	Once     bool  // has been active at some time (User): tells activation from reactivation
	Index    Index // of what is written and what a View shows; the Reader leaves it empty
	// Parentless is set by Get and Find for a resource that no edge leads to, so that nobody needs to ask for its
	// Ancestors. false says nothing.
	Parentless bool
}

// Record is what one source says about a resource.
type Record struct {
	Source         Source
	ID             string // the id the source was given
	Num            Num
	ExternalID     string
	EmployeeNumber string    // of the resource when the record ended
	Body           []byte    // nil while it equals the resource's
	Created, Ended time.Time // Ended zero: live. A record that is replaced keeps the Created of its first writing
}

// Claim is a unique key and its holder.
type Claim struct {
	ClaimKey
	Num Num
}

// Edge says that Child is in relation Rel of Parent.
type Edge struct {
	Rel           Rel
	Parent, Child Num
	Source        Source // who said so
}

// Pending is a reference to a resource that is not there yet (F20).
type Pending struct {
	Source  Source
	Value   string // as the client sent it; joins an externalId of the same source
	Rel     Rel
	Parent  Num
	Expires time.Time
}

// Kind is what a change did to its resource.
type Kind uint8

// The kinds of change.
const (
	Created Kind = 1
	Updated Kind = 2
	Deleted Kind = 3
)

// Events is the set of events that a change carries beside those of its edges.
type Events uint16

// The events of a change; what they mean is in package feed.
const (
	EventCreated Events = 1 << iota
	EventUpdated
	EventActivated
	EventDeactivated
	EventReactivated
	EventRehired
	EventDeleted
)

// Lane is the priority of a change.
type Lane uint8

// The lanes: Urgent is for what ends access.
const (
	Normal Lane = 0
	Urgent Lane = 1
)

// Change is one committed alteration of one resource.
type Change struct {
	Seq       Seq // given by the store
	Num       Num
	Type      string
	ID        string // outside name of the resource at that time
	Person    string
	Kind      Kind
	Events    Events // 0 and no Edges: a change without events
	Version   int64  // of the resource after it
	SameDoc   bool   // the document did not change: Before is not kept
	Before    []byte // canonical JSON; nil for Created and SameDoc
	At        time.Time
	Source    Source
	Actor     string // token id, or the component that wrote
	RequestID string
	Address   string    // of the client; for the audit alone, a Change that is read has none
	Repair    bool      // puts right what was rejected: never held. For the store alone
	Hold      int64     // that it is held by, or was; 0: none. Given by the store
	Held      HoldState // of Hold
	Lane      Lane
	Edges     []EdgeChange
}

// EdgeChange is one edge that a change added or removed.
type EdgeChange struct {
	Rel     Rel
	Child   Num
	Removed bool
	// ChildID and ChildType are filled in when a change is read.
	ChildID, ChildType string
}

// Rows is what a decision writes.
type Rows struct {
	Resources []*Resource // inserted, or replaced as a whole by Num; index entries follow
	Records   []*Record   // inserted, or replaced by Source and ID
	Claim     []Claim     // a claim that somebody else holds fails the batch's Op with a fault: look before
	Release   []ClaimKey
	Link      []Edge
	Unlink    []Edge
	Cut       []Num // all edges of these resources are removed at once (before a revival)
	Swept     []Num // tombstones whose edges Sweep is to remove
	Pend      []Pending
	Unpend    []Pending // before Pend; one with an empty Value stands for all of its Parent, Rel and Source
	Changes   []*Change // numbered in this order
	Tokens    []*Token  // inserted or replaced by ID
	Used      []*TokenUse
	Cursors   []Cursor
	Detours   []Detour
	Undetours []DetourKey
	Links     []Link
	Unlinks   []LinkKey
	Schema    *NewSchema
	Worked    []Work // is done
	// Tenants are inserted, or replaced by number; only an Op of System may write them. A new one has a number that NextNum
	// gave; it begins with an empty feed, its default source and generation 1. A name or host of two is ErrTaken, a row that was changed after it was read ErrStale.
	Tenants []*TenantRecord
	Sources []*SourceRecord // inserted, or replaced by number
	Purged  []*PurgeReport  // of System
	// Audit is what was done beside Changes, which have their Acts by themselves.
	Audit      []*Act
	Checkpoint *Checkpoint
	Secrets    []*Secret // inserted or replaced by name
	Items      []*Item
	Decisions  []*Decision
	Protect    []*Protected // inserted, or replaced by Type and Key
	Unprotect  []*Protected // by Type and Key
	Restored   []Num        // tombstones among Resources that come back with the edges they had
	// Fence is the lease under which this is written: ErrFenced if it has changed hands. nil: none is needed.
	Fence *Fence
}

// Reader reads resources. Tombstones are invisible to it.
type Reader interface {
	// Get returns a live resource of a type by outside id, or ErrNotFound. typ "" means any.
	Get(ctx context.Context, t Tenant, typ, id string) (*Resource, error)
	// ByNum returns resources by number, tombstones included, in any order; unknown numbers are left out.
	ByNum(ctx context.Context, t Tenant, nums []Num) ([]*Resource, error)
	// Find emits the live resources that match in order; see Query.
	Find(ctx context.Context, t Tenant, q *Query, emit func(*Resource) error) (Page, error)
	// Children streams the live children of a parent in order of Num, from after on.
	Children(ctx context.Context, t Tenant, r Rel, parent Num, after Num) iter.Seq2[Ref, error]
	// Ancestors returns the live parents of a child: those with an edge first (Direct), then those that are reached through
	// them, each once. Cycles end where they close; the child itself is never among them.
	Ancestors(ctx context.Context, t Tenant, r Rel, child Num) ([]Ref, error)
	// IsChild reports which of the children have an edge from parent now, tombstones left out.
	IsChild(ctx context.Context, t Tenant, r Rel, parent Num, children []Num) (map[Num]bool, error)
}

// Ref is a resource as another one refers to it.
type Ref struct {
	Num     Num
	ID      string
	Type    string
	Display string // Index.Display; empty: none
	Direct  bool   // Ancestors only
}

// Query is a search over the live resources of one type. What has no value comes last in ascending order and
// first in descending; an empty string is no value, and equals go by Num.
//
// What the store's indexes answer exactly is done by the engine, ordering, counting and paging included
// where the whole filter is exact. What is left is evaluated row by row with filter.Match on the
// document that Doc makes of a row, while streaming. A tenant is never held in memory.
type Query struct {
	Type   *schema.ResourceType
	Filter filter.Expr // bound; nil: all
	Sort   []SortKey   // empty: by Num
	Start  int         // 1-based, counted from After
	Count  int         // 0: the total only
	After  Position    // only what follows it; the zero Position: all
	Next   bool        // Page.Next is wanted
	// Doc completes a row for filter.Match and for sorting by what has no index: decoded body, id, meta, relations.
	Doc func(ctx context.Context, r *Resource) (schema.Object, error)
}

// SortKey is one ordering attribute.
type SortKey struct {
	Path       schema.Path
	Descending bool
}

// Position is a place in the order of a Query: behind the resource with these keys. It names values and no resource, so
// whatever is written meanwhile, what follows it and was not touched follows it still.
type Position struct {
	// Keys has one for each SortKey, as Set.Key makes them (a time in its key form); nil: no value.
	Keys []any
	Num  Num
}

// MaxKey is the longest sort key of a Position, in bytes. Positions travel in URLs.
const MaxKey = 4096

// Page is what Find counted.
type Page struct {
	Total int // of all matches, those up to After included
	// Next is the position of the last resource of the page if there are more behind it; else nil. Only if Query.Next.
	Next *Position
}

// Feed reads changes.
type Feed interface {
	// Head returns the tenant's epoch and last sequence number.
	Head(ctx context.Context, t Tenant) (Head, error)
	// Wait returns when the head is beyond after, or ctx ends. It is how readers follow without polling.
	Wait(ctx context.Context, t Tenant, after Seq) error
	// Changes returns up to limit changes beyond after, in order, without documents, edges included.
	Changes(ctx context.Context, t Tenant, after Seq, limit int) ([]*Change, error)
	// ChangesOf returns changes of one resource in order: from <= Seq <= to.
	ChangesOf(ctx context.Context, t Tenant, n Num, from, to Seq, limit int) ([]*Change, error)
	// UrgentAfter returns up to limit changes of lane Urgent beyond after.
	UrgentAfter(ctx context.Context, t Tenant, after Seq, limit int) ([]*Change, error)
	// EdgeHistory returns, in order, the changes that made a resource a child of others or ended that. It may look at every
	// change of edges that the tenant has: it is for reports.
	EdgeHistory(ctx context.Context, t Tenant, r Rel, child Num) ([]EdgeMove, error)
	// Documents returns the documents before and after a change; nil where there is none.
	Documents(ctx context.Context, t Tenant, c *Change) (before, after []byte, err error)
}

// EdgeMove is a change of an edge, as seen from the child.
type EdgeMove struct {
	Seq                  Seq
	At                   time.Time
	Actor                string
	Parent               Num
	ParentID, ParentType string // what they are now
	Removed              bool
}

// Head is the state of a tenant's feed.
type Head struct {
	Epoch int64 // grows at a restore
	Seq   Seq
	Holds int64     // that are open
	At    time.Time // of the last change; zero: none
}

// Deliveries reads what delivery keeps; its writes are Rows of an Op.
type Deliveries interface {
	Cursor(ctx context.Context, t Tenant, target string) (Cursor, error) // ErrNotFound: none yet
	// Cursors returns those of all targets that the tenant has or had, in order of name.
	Cursors(ctx context.Context, t Tenant) ([]Cursor, error)
	// Detours returns all detours of a target. There may be a million; delivery itself pages with the next two.
	Detours(ctx context.Context, t Tenant, target string) ([]Detour, error)
	// DetoursOf returns the detours that these resources have, in any order.
	DetoursOf(ctx context.Context, t Tenant, target string, nums []Num) ([]Detour, error)
	// DueDetours returns up to limit detours behind (not Ahead), the earliest Next first, also those not due yet.
	DueDetours(ctx context.Context, t Tenant, target string, limit int) ([]Detour, error)
	// CountDetours returns how many detours behind (not Ahead) a target has.
	CountDetours(ctx context.Context, t Tenant, target string) (int, error)
	Link(ctx context.Context, t Tenant, target string, n Num) (Link, error) // ErrNotFound
	// LinkByRemote returns the link that holds a target's id, so that one account is never bound twice.
	LinkByRemote(ctx context.Context, t Tenant, target, typ, remoteID string) (Link, error)
}

// Cursor says that a target has settled everything up to Seq, but for its detours.
type Cursor struct {
	Target string
	Seq    Seq
}

// DetourKey names a detour.
type DetourKey struct {
	Target string
	Num    Num
}

// Detour is a resource that a target takes outside its window; see package delivery.
type Detour struct {
	DetourKey
	Ahead    bool // settled up to Upto before the window came there; else behind: unsettled from From on
	From     Seq
	Upto     Seq
	Attempts int
	Next     time.Time // not before
	Reason   string    // of the last failure: a short constant
	Detail   string    // of the last failure, for people; no secrets
}

// LinkKey names a link.
type LinkKey struct {
	Target string
	Num    Num
}

// Link is a target's own id for one of our resources.
type Link struct {
	LinkKey
	Type     string // resource type name
	RemoteID string
	Digest   []byte // what was last written there, per attribute; the target kind's own format
}

// Tokens reads credentials; they are written as Rows of an Op.
type Tokens interface {
	TokenByHash(ctx context.Context, hash [32]byte) (Token, error) // ErrNotFound
	Tokens(ctx context.Context, t Tenant) ([]Token, error)
	// ExpiringTokens returns the live tokens of all tenants that expire after from and up to until, the first one first.
	ExpiringTokens(ctx context.Context, from, until time.Time) ([]Token, error)
}

// Token is a bearer credential of a source. The secret itself is never stored.
type Token struct {
	Tenant  Tenant
	ID      string
	Source  Source
	Name    string
	Hash    [32]byte
	Hint    string // last characters, for people
	Profile string // profile name
	User    string // outside id of the User whom alone it speaks for; empty: for the whole source
	Scopes  string // separated by blanks, in the form of whoever writes it; empty: scim
	Allow   string // networks that it may be used from, separated by blanks; empty: all
	Created time.Time
	Expires time.Time // zero: never
	Revoked time.Time // zero: live

	// What follows is written as Rows.Used, and left alone by Rows.Tokens.

	Used     time.Time // last, within a minute; zero: never
	UsedFrom string    // address
	Networks []string  // it was used from, the latest new one first
	Warned   int       // of its end, so many days before; 0: not yet
}

// TokenUse is what is noted of a token. Zero fields leave alone what there is.
type TokenUse struct {
	ID       string
	At       time.Time
	Address  string
	Networks []string
	Warned   int
}

// Stats are figures of a tenant.
type Stats struct {
	Users, Groups int64
	Waiting       int   // writes in the queue
	LogBytes      int64 // size of the write-ahead log
}

// The resource types that Stats counts.
const (
	TypeUser  = "User"
	TypeGroup = "Group"
)
