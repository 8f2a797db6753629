package target

import (
	"context"
	"errors"
	"iter"

	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/scim/schema"
)

// Target is a downstream system that has been opened. It is a [Stream] or a [State] too.
type Target interface {
	// Close gives back connections. No call is running then, and none follows.
	Close() error
}

// Stream is a target that wants every change.
type Stream interface {
	Target
	// Deliver brings one change of one resource. Events before d.Done were delivered by an earlier attempt
	// and are left out; Deliver counts d.Done up as it goes on.
	Deliver(ctx context.Context, d *Delivery) error
}

// State is a target that converges to what a resource is now.
type State interface {
	Target
	// Sync makes the target's account of one resource what it should be right now.
	// One that the target has no place for is left alone: no link, no error.
	Sync(ctx context.Context, w *Work) error
}

// Delivery is one change on its way to a Stream.
type Delivery struct {
	Change  *feed.Change // with documents
	Attempt int          // 1: the first in this process
	Done    int          // how many of the change's events have been delivered
}

// Num names a resource inside Muster: unique in its tenant, never reused, also over a rehire.
type Num int64

// Resource is a resource as it is now.
type Resource struct {
	Num     Num
	Type    string // resource type name: "User", "Group"
	ID      string // outside name; another one after a rehire
	Person  string // outside name of the first record: stays over a rehire
	Version int64  // grows with every effective change
	Live    bool   // false: deleted
	// Document is canonical, without id, meta and relations; nil unless Live. It is shared and must not
	// be altered. References in it (manager.value) are outside names.
	Document schema.Object
}

// Work is one Sync of one resource.
type Work struct {
	Resource *Resource // read as the work began, after every change that it settles
	// Bare asks for no more than that the account exists and is linked: somebody else's work waits for
	// the link. Relations and references may wait; the resource's own changes come later, or came
	// before.
	Bare bool
	// Attempt is 1 unless earlier attempts for this resource failed.
	Attempt int
	// Touched yields the members that the changes to settle added or removed. A member may come twice.
	// What is true of it now says Directory.IsMember. A group whose link is new has members that no
	// change names: Directory.Members. What a Sync leaves out (a member without link) it has to note in
	// its own link, for Touched does not name it again.
	Touched iter.Seq2[Num, error]

	Directory Directory
	Links     Links
	// Ensure returns the link of another resource, after bringing it into being at the target first if
	// it has none (a Bare Sync of it, in its own turn). ErrGone: it is not live, or its Sync made no link. Any other error: it
	// could not be linked now. Delivery then tries that resource again by itself, and once it has its
	// link every linked group and report that refers to it is synced again: go on without it, note it,
	// and return nil.
	//
	// Put the link of your own resource before you call it, so that two groups that contain each other
	// cannot wait for each other; a circle that is there nevertheless is an error, not a deadlock.
	Ensure func(ctx context.Context, n Num) (*Link, error)
}

// ErrGone says that a resource is not live, or of a kind that the target does not have: nothing is to be linked.
var ErrGone = errors.New("the resource is deleted, or none for the target")

// Directory reads what is true now.
type Directory interface {
	// Resource returns a resource by number; nil: there is none.
	Resource(ctx context.Context, n Num) (*Resource, error)
	// Lookup returns a live resource by outside name; nil: there is none.
	Lookup(ctx context.Context, id string) (*Resource, error)
	// Members streams the live members of a group in order of Num, those beyond after.
	Members(ctx context.Context, group, after Num) iter.Seq2[Num, error]
	// IsMember reports which of members a group has now.
	IsMember(ctx context.Context, group Num, members []Num) (map[Num]bool, error)
}

// Link is a target's own id for one of our resources.
type Link struct {
	Num      Num
	Type     string // resource type name
	RemoteID string
	Digest   []byte // what was last written there; the kind's own format
}

// Links keeps a target's links. What Put or Delete did is durable when they return.
type Links interface {
	// Get returns the link of a resource; nil: there is none.
	Get(ctx context.Context, n Num) (*Link, error)
	// ByRemote returns the link that holds a target's id, so that one account is never bound twice; nil: none.
	ByRemote(ctx context.Context, typ, remoteID string) (*Link, error)
	// Put inserts or replaces a link. The first link of a resource makes those dirty that refer to it
	// (manager) or wait for it (groups): a State leaves a reference out while what it refers to has no
	// link. An account that is bound to another resource is refused with an outbound.Error of
	// ReasonConflict.
	Put(ctx context.Context, l *Link) error
	// Delete removes a link; that there is none is no error. Reports of the resource become dirty by
	// it, as by Put.
	Delete(ctx context.Context, n Num) error
}
