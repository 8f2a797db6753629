package scim

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/target"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

// Target is an application that has been opened.
type Target struct {
	dial    *outbound.Client
	client  *client.Client
	schemas func() *schema.Set
	log     *slog.Logger
	peer    *peer
	claims  claims
}

var _ target.State = (*Target)(nil)

// Close implements [target.Target].
func (t *Target) Close() error {
	t.dial.Close()
	return nil
}

// Sync implements [target.State].
func (t *Target) Sync(ctx context.Context, w *target.Work) error {
	set := t.schemas()
	typ := set.Type(w.Resource.Type)
	if typ == nil {
		if !w.Resource.Live {
			return nil // of a type that has gone, which it could because no resource of it was left
		}
		return fmt.Errorf("resource type %q is not defined", w.Resource.Type)
	}
	r, err := t.offered(ctx, typ, w.Resource)
	if r == nil || err != nil {
		return failure(err)
	}
	j := &job{Target: t, work: w, r: r, typ: typ, set: set}
	return failure(j.handover(ctx, j.run))
}

// A job is one Sync.
type job struct {
	*Target
	work *target.Work
	r    *target.Resource
	typ  *schema.ResourceType
	set  *schema.Set // those in force as the Sync began

	link   *target.Link // nil: none
	digest digest       // of link
	fresh  bool         // the account was made by this Sync
}

// run makes the account what the resource should be. It may run again.
func (j *job) run(ctx context.Context) error {
	link, err := j.work.Links.Get(ctx, j.r.Num)
	if err != nil {
		return err
	}
	j.link = link
	if !j.r.Live {
		return j.remove(ctx)
	}
	if link != nil {
		j.digest = decodeDigest(link.Digest)
		if j.digest.former(j.r.ID) {
			// Deletion and rehire came together. The account goes as it would have gone between them, and with it the
			// memberships that nobody gave back.
			if err := j.remove(ctx); err != nil {
				return err
			}
			j.link, j.digest = nil, digest{}
		}
	}
	if j.link == nil {
		if err := j.bind(ctx); err != nil {
			return err
		}
	}
	if j.work.Bare {
		return nil
	}
	err = j.settle(ctx)
	if gone(err) {
		if err := j.rebind(ctx); err != nil {
			return err
		}
		err = j.settle(ctx)
	}
	return err
}

// settle writes what differs from what was last written.
func (j *job) settle(ctx context.Context) error {
	a, err := accountOf(ctx, j.typ, j.r, j.ensured)
	if err != nil {
		return err
	}
	patches, err := j.peer.patches(ctx)
	if err != nil {
		return err
	}
	if patches {
		err = j.patch(ctx, a)
		if err == nil && hasMembers(j.typ) {
			err = j.patchMembers(ctx)
		}
		if !j.peer.refused(err) {
			return err
		}
	}
	return j.put(ctx, a)
}

// linked returns the peer's id of a live resource, "" if there is none yet.
func (j *job) linked(ctx context.Context, id string) (string, error) {
	r, err := j.work.Directory.Lookup(ctx, id)
	if r == nil || err != nil {
		return "", err
	}
	l, err := j.work.Links.Get(ctx, r.Num)
	if l == nil || err != nil || isFormer(l, r) {
		return "", err
	}
	return l.RemoteID, nil
}

// isFormer reports whether a link is of the time before its resource was deleted and came back.
// The account is about to go; what has to refer to the new one is synced again once that has its link.
func isFormer(l *target.Link, r *target.Resource) bool {
	d := decodeDigest(l.Digest)
	return d.former(r.ID)
}

// ensured is linked, after making the account if it is missing. If that cannot be done now the
// reference is left out; delivery comes back once there is a link.
func (j *job) ensured(ctx context.Context, id string) (string, error) {
	remote, err := j.linked(ctx, id)
	if remote != "" || err != nil {
		return remote, err
	}
	r, err := j.work.Directory.Lookup(ctx, id)
	if r == nil || err != nil {
		return "", err
	}
	l, err := j.work.Ensure(ctx, r.Num)
	switch {
	case err == nil && isFormer(l, r):
		return "", nil
	case err == nil:
		return l.RemoteID, nil
	case trouble(ctx, err):
		return "", err
	default:
		return "", nil
	}
}

// save writes the link if its digest has changed.
func (j *job) save(ctx context.Context) error {
	b := j.digest.encode()
	if string(b) == string(j.link.Digest) {
		return nil
	}
	l := *j.link
	l.Digest = b
	if err := j.work.Links.Put(ctx, &l); err != nil {
		return err
	}
	j.link = &l
	return nil
}

// remove deletes the account.
func (j *job) remove(ctx context.Context) error {
	if j.link != nil {
		found, err := j.client.Delete(ctx, j.typ.Endpoint, j.link.RemoteID)
		switch {
		case err != nil && status(err) != http.StatusGone:
			return err
		case found:
			return j.work.Links.Delete(ctx, j.r.Num)
		}
	}
	// Without a link an account may have been made by an attempt whose answer was lost, and one that the peer does
	// not know may have another id. Looking also tells a peer without the account from one whose base URL leads
	// nowhere.
	m, err := j.byExternalID(ctx)
	if err != nil {
		return err
	}
	if m != nil {
		other, err := j.work.Links.ByRemote(ctx, j.typ.Name, m.id)
		if err != nil {
			return err
		}
		if other != nil && other.Num != j.r.Num {
			return bound(other)
		}
		if _, err := j.client.Delete(ctx, j.typ.Endpoint, m.id); err != nil {
			return err
		}
	}
	return j.work.Links.Delete(ctx, j.r.Num)
}

// bound is the conflict of an account that is linked to another resource of ours. It may pass: the other
// one may be about to go, or to give up the name.
func bound(l *target.Link) error {
	return &outbound.Error{
		Retry: true, Fault: outbound.FaultOurs, Reason: outbound.ReasonConflict,
		Err: fmt.Errorf("the application's account belongs to resource %d already; two resources never share one", l.Num),
	}
}

// claims keeps two jobs from binding the same account at the same time.
type claims struct {
	mu   sync.Mutex // guards held
	held map[claim]struct{}
}

type claim struct{ typ, remote string }

// take claims an account until release is called; false: another resource has it.
func (c *claims) take(k claim) (release func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, taken := c.held[k]; taken {
		return nil, false
	}
	c.held[k] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.held, k)
	}, true
}
