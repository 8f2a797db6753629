package scim

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/target"
	protocol "github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

const (
	// maxReplaced bounds the members of a group that is written whole, because the peer has no PATCH.
	maxReplaced = 10_000
	// maxFailing is how many accounts in a row may fail for reasons that pass before the
	// peer is taken to be in trouble.
	maxFailing = 5
	// maxRefused is how many memberships the peer may refuse before the rest of the group is left for the next attempt.
	maxRefused = 3
)

// hasMembers reports whether resources of a type are groups: they have members that clients write.
func hasMembers(t *schema.ResourceType) bool {
	a := t.Schema.Attribute(attrMembers)
	return a != nil && a.Relation && a.Mutability != schema.ReadOnly
}

// A membership is one member to add to the peer's group or to remove from it.
type membership struct {
	num    target.Num // 0: the account is none of ours
	remote string
	group  bool
	add    bool
}

// members is the work on the memberships of one group.
type members struct {
	*job
	missing map[target.Num]bool
	failing int // accounts in a row that could not be made
	refused []error
}

func (j *job) members() *members {
	m := &members{job: j, missing: make(map[target.Num]bool, len(j.digest.Missing))}
	for _, n := range j.digest.Missing {
		m.missing[n] = true
	}
	return m
}

// patchMembers brings the memberships up to date by deltas.
func (j *job) patchMembers(ctx context.Context) error {
	m := j.members()
	var there map[string]bool // the peer's members of an adopted group
	if j.digest.Prune {
		var err error
		if there, err = m.shown(ctx); err != nil {
			return err
		}
	}
	err := m.write(ctx, there)
	if err == nil && len(m.refused) > 0 {
		err = m.refused[0]
	}
	// What was done is noted also if the rest failed.
	if noteErr := m.note(ctx); noteErr != nil {
		return errors.Join(err, noteErr)
	}
	return err
}

// write goes through the members that are not known to be right.
func (m *members) write(ctx context.Context, there map[string]bool) error {
	d := &m.job.digest
	filled, from := d.Fill, d.After
	if filled {
		if err := m.fill(ctx, there); err != nil {
			return err
		}
	}
	// A new group has no members to remove. One that was there has, for an earlier attempt may have added them.
	if !m.fresh {
		if err := m.changes(ctx, func(n target.Num) bool { return filled && n > from }); err != nil {
			return err
		}
	}
	if d.Prune {
		if err := m.prune(ctx, there); err != nil {
			return err
		}
		d.Prune = false
	}
	return nil
}

// note saves which members are missing. Too many to note are found by going through all again.
func (m *members) note(ctx context.Context) error {
	d := &m.job.digest
	if len(m.missing) > maxMissing {
		clear(m.missing)
		d.Fill, d.After = true, 0
	}
	d.Missing = slices.Sorted(maps.Keys(m.missing))
	return m.save(ctx)
}

// shown returns the members that the peer shows, in full or in part. What it does not show is not removed.
func (m *members) shown(ctx context.Context) (map[string]bool, error) {
	doc, err := m.client.Get(ctx, m.typ.Endpoint, m.link.RemoteID, client.Want{})
	if errors.Is(err, client.ErrTooLarge) {
		m.log.LogAttrs(ctx, slog.LevelWarn, "members of a group that was taken over cannot be read, foreign ones stay", slog.Int64("resource", int64(m.r.Num)))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	list, _ := doc.Value(attrMembers).([]any)
	for _, e := range list {
		o, _ := e.(schema.Object)
		if id := client.Document(o).String(subValue); client.CheckID(id) == nil {
			there[id] = true
		}
	}
	return there, nil
}

// fill adds all members beyond digest.After, and remembers how far it came.
func (m *members) fill(ctx context.Context, there map[string]bool) error {
	for {
		// A page at a time: nothing of the directory is held open while the peer takes its time.
		page, err := collect(m.work.Directory.Members(ctx, m.r.Num, m.digest.After), m.peer.chunk())
		if err != nil {
			return err
		}
		var adds []membership
		for _, n := range page {
			add, err := m.adding(ctx, n)
			if err != nil {
				return err
			}
			if add != nil && !there[add.remote] {
				adds = append(adds, *add)
			}
		}
		if err := m.send(ctx, adds); err != nil {
			return err
		}
		if len(page) == 0 {
			m.digest.Fill, m.digest.After = false, 0
			return nil
		}
		m.digest.After = page[len(page)-1]
		if err := m.note(ctx); err != nil {
			return err
		}
	}
}

// changes writes what is true now of the members that are missing and of those that changes name.
func (m *members) changes(ctx context.Context, skip func(target.Num) bool) error {
	batch := make([]target.Num, 0, m.peer.chunk())
	for n, err := range m.named() {
		if err != nil {
			return err
		}
		if slices.Contains(batch, n) {
			continue
		}
		if batch = append(batch, n); len(batch) == cap(batch) {
			if err := m.change(ctx, batch, skip); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return m.change(ctx, batch, skip)
}

// change writes what is true now of a few members.
func (m *members) change(ctx context.Context, batch []target.Num, skip func(target.Num) bool) error {
	if len(batch) == 0 {
		return nil
	}
	missing := maps.Clone(m.missing)
	err := func() error {
		is, err := m.work.Directory.IsMember(ctx, m.r.Num, batch)
		if err != nil {
			return err
		}
		var list []membership
		for _, n := range batch {
			var one *membership
			switch {
			case !is[n]:
				one, err = m.removing(ctx, n)
			case !skip(n):
				one, err = m.adding(ctx, n)
			}
			if err != nil {
				return err
			}
			if one != nil {
				list = append(list, *one)
			}
		}
		return m.send(ctx, list)
	}()
	if err != nil {
		maps.Copy(m.missing, missing) // no change will name them again
	}
	return err
}

// named yields the members that are missing and those that changes name.
func (m *members) named() iter.Seq2[target.Num, error] {
	return func(yield func(target.Num, error) bool) {
		for _, n := range slices.Sorted(maps.Keys(m.missing)) {
			if !yield(n, nil) {
				return
			}
		}
		m.work.Touched(yield)
	}
}

// prune removes the members of an adopted group that are not ours.
func (m *members) prune(ctx context.Context, there map[string]bool) error {
	var extra []membership
	known := map[target.Num]membership{}
	for _, id := range slices.Sorted(maps.Keys(there)) {
		l, err := m.byRemote(ctx, id)
		switch {
		case err != nil:
			return err
		case l == nil:
			extra = append(extra, membership{remote: id})
		default:
			known[l.Num] = membership{num: l.Num, remote: id}
		}
	}
	for nums := range slices.Chunk(slices.Sorted(maps.Keys(known)), m.peer.chunk()) {
		is, err := m.work.Directory.IsMember(ctx, m.r.Num, nums)
		if err != nil {
			return err
		}
		for _, n := range nums {
			if !is[n] {
				extra = append(extra, known[n])
			}
		}
	}
	return m.send(ctx, extra)
}

// byRemote returns the link of an account whose type is not known.
func (m *members) byRemote(ctx context.Context, id string) (*target.Link, error) {
	for _, t := range m.set.Types {
		if l, err := m.work.Links.ByRemote(ctx, t.Name, id); l != nil || err != nil {
			return l, err
		}
	}
	return nil, nil
}

// adding returns a member to add, after making its account if that is missing; nil: that cannot be done now, or
// never again.
func (m *members) adding(ctx context.Context, n target.Num) (*membership, error) {
	l, err := m.work.Links.Get(ctx, n)
	if err != nil {
		return nil, err
	}
	if l == nil {
		l, err = m.work.Ensure(ctx, n)
	}
	var r *target.Resource
	if err == nil {
		r, err = m.work.Directory.Resource(ctx, n)
	}
	switch {
	case err == nil && r != nil && isFormer(l, r):
		m.missing[n] = true
		return nil, nil
	case err == nil:
		m.failing = 0
		delete(m.missing, n)
		return &membership{num: n, remote: l.RemoteID, group: l.Type == m.typ.Name, add: true}, nil
	case errors.Is(err, target.ErrGone):
		delete(m.missing, n)
		return nil, nil
	case trouble(ctx, err):
		return nil, err
	}
	if e, ok := errors.AsType[*outbound.Error](err); ok && e.Retry {
		if m.failing++; m.failing >= maxFailing {
			return nil, err
		}
	}
	m.missing[n] = true
	return nil, nil
}

// removing returns a member to remove; nil: it has no account, and so is no member.
func (m *members) removing(ctx context.Context, n target.Num) (*membership, error) {
	delete(m.missing, n)
	l, err := m.work.Links.Get(ctx, n)
	if l == nil || err != nil {
		return nil, err
	}
	return &membership{num: n, remote: l.RemoteID}, nil
}

// send writes memberships, so many at a time as the peer takes.
func (m *members) send(ctx context.Context, list []membership) error {
	for len(list) > 0 {
		n := min(len(list), m.peer.chunk())
		if err := m.request(ctx, list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// request writes memberships by one request. One that is too large is halved; so is one that the peer refuses,
// because some refuse all for the sake of one: that one is noted and the others are written.
func (m *members) request(ctx context.Context, list []membership) error {
	doc, err := m.client.Patch(ctx, m.typ.Endpoint, m.link.RemoteID, delta(list))
	switch s := status(err); {
	case err == nil:
		return m.confirm(ctx, account{typ: m.typ}, doc)
	case s == http.StatusRequestEntityTooLarge:
		m.peer.tooMany(len(list))
	case s != http.StatusBadRequest:
		return err
	case len(list) == 1:
		return m.refuse(list[0], err)
	}
	if len(list) == 1 {
		return err
	}
	half := len(list) / 2
	if err := m.request(ctx, list[:half]); err != nil {
		return err
	}
	return m.request(ctx, list[half:])
}

// refuse takes in that the peer refuses a single membership.
func (m *members) refuse(one membership, err error) error {
	if e, ok := errors.AsType[*client.Error](err); ok && !one.add && e.Type == protocol.NoTarget {
		return nil // it is not there, which is what was wanted
	}
	if one.num != 0 {
		m.missing[one.num] = true
	}
	if m.refused = append(m.refused, err); len(m.refused) >= maxRefused {
		return err
	}
	return nil
}

// delta is the PATCH of memberships: one add with all that come, a remove for each that goes. Never a
// replace (rule 2 of the provisioning requirements).
func delta(list []membership) *client.Patch {
	var p client.Patch
	var adds []any
	for _, one := range list {
		if one.add {
			adds = append(adds, one.element())
		} else {
			p.RemoveValue(attrMembers, one.remote)
		}
	}
	if len(adds) > 0 {
		p.Add(attrMembers, adds)
	}
	return &p
}

// element is the member in a request. The type is only said where it is not the usual one.
func (m membership) element() schema.Object {
	o := schema.Object{subValue: m.remote}
	if m.group {
		o[subType] = "Group"
	}
	return o
}

// membersTouched reports whether anything about the memberships may have changed.
func (j *job) membersTouched(ctx context.Context) (bool, error) {
	if j.digest.Fill || j.digest.Prune {
		return true, nil
	}
	for _, err := range j.work.Touched {
		return true, err
	}
	if len(j.digest.Missing) == 0 {
		return false, nil
	}
	// Who was missing and is neither a member nor has an account by now is not waited for any more.
	is, err := j.work.Directory.IsMember(ctx, j.r.Num, j.digest.Missing)
	if err != nil {
		return false, err
	}
	for _, n := range j.digest.Missing {
		l, err := j.work.Links.Get(ctx, n)
		if is[n] || l != nil || err != nil {
			return true, err
		}
	}
	return false, nil
}

// allMembers returns the whole list of members, for a peer without PATCH.
func (j *job) allMembers(ctx context.Context) ([]any, error) {
	m := j.members()
	clear(m.missing)
	list := []any{}
	for after := target.Num(0); ; {
		page, err := collect(j.work.Directory.Members(ctx, j.r.Num, after), defaultMembers)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			break
		}
		for _, n := range page {
			add, err := m.adding(ctx, n)
			if err != nil {
				return nil, err
			}
			if add != nil {
				list = append(list, add.element())
			}
		}
		if after = page[len(page)-1]; len(list) > maxReplaced {
			return nil, &outbound.Error{
				Fault: outbound.FaultTheirs, Reason: outbound.ReasonTooLarge,
				Err: fmt.Errorf("the group has more than %d members, and the application has no PATCH by which to write them in parts", maxReplaced),
			}
		}
	}
	j.digest.Fill, j.digest.After, j.digest.Prune = len(m.missing) > maxMissing, 0, false
	j.digest.Missing = slices.Sorted(maps.Keys(m.missing))
	return list, nil
}

// collect takes the first n of a sequence.
func collect(seq iter.Seq2[target.Num, error], n int) ([]target.Num, error) {
	list := make([]target.Num, 0, n)
	for num, err := range seq {
		if err != nil {
			return nil, err
		}
		if list = append(list, num); len(list) == n {
			break
		}
	}
	return list, nil
}
