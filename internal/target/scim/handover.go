package scim

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/target"
)

// Names pass from one resource to the next, and the peer refuses a name while somebody has it:
//
//	the holder is                      what a Sync does
//	none of ours                       fails; a person has to decide
//	ours, and is to keep the name      fails; the directory says both, which it will not for long
//	ours, and is to go or be renamed   waits a little for that to happen, then fails and is tried again
//	ours, and waits for our own name   as above, but one of the circle takes a name that nobody wants,
//	                                   or none of them would ever get its own

// patience is how long a Sync waits for a name, in steps: its slot could serve others.
var patience = []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, 750 * time.Millisecond}

// maxCircle bounds how far a circle of names is followed. A longer one is left to a person.
const maxCircle = 16

// handover runs once, and again while what it needs is a name that is about to be free.
func (j *job) handover(ctx context.Context, once func(context.Context) error) error {
	err := once(ctx)
	for _, wait := range patience {
		if !isConflict(err) {
			return err
		}
		holder := j.leaving(ctx, j.r)
		if holder == nil {
			return err
		}
		if j.link != nil && j.begins(ctx, holder) {
			if j.stepAside(ctx) != nil {
				return err
			}
			wait = 0
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
		err = once(ctx)
	}
	return err
}

// isConflict reports whether an error may be about a name that another account has.
func isConflict(err error) bool {
	e, ok := errors.AsType[*outbound.Error](err)
	return status(err) == http.StatusConflict || ok && e.Reason == outbound.ReasonConflict && e.Retry
}

// leaving returns the resource of ours whose account has the name that r is to have, and which is to have
// another one or to go; nil: there is none, or nobody can say.
func (j *job) leaving(ctx context.Context, r *target.Resource) *target.Resource {
	name := nameOf(j.typ)
	if name == nil || !r.Live {
		return nil
	}
	wanted, _ := r.Document[name.Name].(string)
	matches, err := j.lookup(ctx, name, wanted)
	if err != nil {
		return nil
	}
	for _, m := range matches {
		l, err := j.work.Links.ByRemote(ctx, j.typ.Name, m.id)
		if l == nil || err != nil || l.Num == r.Num {
			continue
		}
		holder, err := j.work.Directory.Resource(ctx, l.Num)
		if holder == nil || err != nil {
			continue
		}
		kept, _ := holder.Document[name.Name].(string)
		if !holder.Live || j.set.Key(name, kept) != j.set.Key(name, wanted) {
			return holder
		}
	}
	return nil
}

// begins reports whether the names go round in a circle, and whether it is on this job to break it: of all in it,
// it has the lowest number.
func (j *job) begins(ctx context.Context, holder *target.Resource) bool {
	for range maxCircle {
		switch {
		case holder == nil || holder.Num < j.r.Num:
			return false
		case holder.Num == j.r.Num:
			return true
		}
		holder = j.leaving(ctx, holder)
	}
	return false
}

// stepAside gives our account a name that nobody wants, so that its own is free. What the link says of the name
// is in doubt since the write that was refused, so that the next one writes the right name.
func (j *job) stepAside(ctx context.Context) error {
	a, err := accountOf(ctx, j.typ, j.r, j.linked)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(a.fields, func(f field) bool { return f.key() == nameOf(j.typ).Name })
	if i < 0 {
		return nil
	}
	wanted, _ := a.fields[i].value.(string)
	a.fields[i].value = spareName(j.r.ID, wanted)
	j.log.LogAttrs(ctx, slog.LevelInfo, "names go round: the account takes another one in between",
		slog.String("type", j.typ.Name), slog.Int64("resource", int64(j.r.Num)))
	patches, err := j.peer.patches(ctx)
	if err != nil {
		return err
	}
	if patches {
		_, err = j.client.Patch(ctx, j.typ.Endpoint, j.link.RemoteID, operations(a.fields[i:i+1], nil))
		return err
	}
	body := a.body()
	if hasMembers(j.typ) {
		if body[attrMembers], err = j.allMembers(ctx); err != nil {
			return err
		}
	}
	_, err = j.client.Replace(ctx, j.typ.Endpoint, j.link.RemoteID, body)
	return err
}

// spareName is a name of the same shape as wanted: some applications take addresses only.
func spareName(id, wanted string) string {
	if _, domain, ok := strings.Cut(wanted, "@"); ok {
		return "renaming-" + id + "@" + domain
	}
	return "renaming-" + id
}
