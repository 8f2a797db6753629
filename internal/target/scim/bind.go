package scim

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/muster-id/muster/internal/target"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

const (
	lookupPage = 10
	// maxLookup bounds how many resources are read of a peer that ignores the filter.
	maxLookup = 1000
)

// A match is an account of the peer that is, or may become, ours.
type match struct {
	id    string
	owned bool // its externalId is an id of our resource, so that we made it
}

// bind gives the resource a link: to an account that is there already, or to a new one.
func (j *job) bind(ctx context.Context) error {
	m, err := j.find(ctx)
	if err != nil {
		return err
	}
	if m != nil {
		return j.adopt(ctx, m)
	}
	return j.create(ctx)
}

// rebind gives another link to a resource whose account the peer no longer knows. The old one goes only once the peer
// has answered a question about accounts, for a base URL that leads nowhere answers 404 too.
func (j *job) rebind(ctx context.Context) error {
	m, err := j.find(ctx)
	if err != nil {
		return err
	}
	if m != nil && m.id == j.link.RemoteID {
		return lies("the application lists an account and says that it does not exist")
	}
	j.log.LogAttrs(ctx, slog.LevelWarn, "account has vanished from the application", slog.String("type", j.typ.Name), slog.Int64("resource", int64(j.r.Num)))
	if err := j.work.Links.Delete(ctx, j.r.Num); err != nil {
		return err
	}
	j.link = nil
	if m != nil {
		return j.adopt(ctx, m)
	}
	return j.create(ctx)
}

// adopt links an account that is there. Nothing is known of what it holds.
func (j *job) adopt(ctx context.Context, m *match) error {
	j.fresh = false
	if !m.owned {
		j.log.LogAttrs(ctx, slog.LevelInfo, "account taken over", slog.String("type", j.typ.Name), slog.Int64("resource", int64(j.r.Num)))
	}
	d := digest{Foreign: !m.owned}
	d.Fill, d.Prune = hasMembers(j.typ), hasMembers(j.typ)
	return j.bindTo(ctx, m.id, d)
}

// create makes the account, without references to what has no link yet and without members.
func (j *job) create(ctx context.Context) error {
	a, err := accountOf(ctx, j.typ, j.r, j.linked)
	if err != nil {
		return err
	}
	doc, err := j.client.Create(ctx, j.typ.Endpoint, a.body())
	if status(err) == http.StatusConflict || err == nil && doc.ID() == "" {
		// Somebody was faster, or an attempt of ours whose answer was lost; or there is an account and its id was
		// not told.
		m, lookupErr := j.find(ctx)
		switch {
		case lookupErr != nil:
			return lookupErr
		case m != nil:
			return j.adopt(ctx, m)
		case err == nil:
			return lies("the application says that it made an account, but does not show it")
		}
	}
	if err != nil {
		return err
	}
	d := digest{Fill: hasMembers(j.typ)}
	d.wrote(a.taken(doc))
	j.fresh = true
	return j.bindTo(ctx, doc.ID(), d)
}

// taken returns the fields without active if the peer's answer contradicts it: some
// make every new account active.
func (a account) taken(doc client.Document) []field {
	want, ours := a.at(attrActive).(bool)
	got, theirs := doc.Bool(attrActive)
	if !ours || !theirs || want == got {
		return a.fields
	}
	fields := make([]field, 0, len(a.fields))
	for _, f := range a.fields {
		if f.key() != attrActive {
			fields = append(fields, f)
		}
	}
	return fields
}

// bindTo links an account, unless it is linked to another resource.
func (j *job) bindTo(ctx context.Context, id string, d digest) error {
	release, ok := j.claims.take(claim{j.typ.Name, id})
	if !ok {
		return lies("the application gave one account to two resources at once")
	}
	defer release()
	other, err := j.work.Links.ByRemote(ctx, j.typ.Name, id)
	if err != nil {
		return err
	}
	if other != nil && other.Num != j.r.Num {
		return bound(other)
	}
	d.ID = j.r.ID
	l := &target.Link{Num: j.r.Num, Type: j.typ.Name, RemoteID: id, Digest: d.encode()}
	if err := j.work.Links.Put(ctx, l); err != nil {
		return err
	}
	j.link, j.digest = l, d
	return nil
}

// find looks for the account: by externalId, then by name. nil: there is none.
func (j *job) find(ctx context.Context) (*match, error) {
	m, err := j.byExternalID(ctx)
	if m != nil || err != nil {
		return m, err
	}
	name := nameOf(j.typ)
	if name == nil {
		return nil, nil
	}
	value, _ := j.r.Document[name.Name].(string)
	matches, err := j.lookup(ctx, name, value)
	if err != nil {
		return nil, err
	}
	free := matches[:0]
	for _, m := range matches {
		other, err := j.work.Links.ByRemote(ctx, j.typ.Name, m.id)
		switch {
		case err != nil:
			return nil, err
		case other == nil || other.Num == j.r.Num:
			free = append(free, m)
		case name.Uniqueness != schema.UniqueNone:
			return nil, bound(other)
		} // else two of ours have the same name, which they may
	}
	return only(name.Name, free)
}

// byExternalID looks for the account that has our id. Of somebody who was hired again that is also the first
// one: the account may have been made shortly before, by an attempt whose answer was lost.
func (j *job) byExternalID(ctx context.Context) (*match, error) {
	p, err := j.typ.Resolve(attrExternalID, nil)
	if err != nil {
		return nil, err
	}
	matches, err := j.lookup(ctx, p.Attr, j.r.ID)
	if err == nil && len(matches) == 0 && j.r.Person != j.r.ID {
		matches, err = j.lookup(ctx, p.Attr, j.r.Person)
	}
	if err != nil {
		return nil, err
	}
	return only(attrExternalID, matches)
}

// only returns the single match: of several nobody knows which is meant.
func only(attribute string, matches []match) (*match, error) {
	switch len(matches) {
	case 0:
		return nil, nil
	case 1:
		return &matches[0], nil
	default:
		return nil, conflict("the application has several accounts with the same %s; remove all but one there", attribute)
	}
}

// lookup returns the accounts whose attribute has this value: those that show it, not those that the peer lists.
func (j *job) lookup(ctx context.Context, a *schema.Attribute, value string) ([]match, error) {
	if value == "" {
		return nil, nil
	}
	var matches []match
	seen := map[string]bool{}
	received := 0
	q := client.Query{Filter: client.Eq(a.Name, value), Count: lookupPage, Want: withoutMembers(j.typ)}
	for doc, err := range j.client.All(ctx, j.typ.Endpoint, q) {
		if s := status(err); s == http.StatusBadRequest || s == http.StatusNotImplemented {
			return nil, nil // this cannot be asked here
		}
		if err != nil {
			return nil, err
		}
		if received++; received > maxLookup {
			break
		}
		id := doc.ID()
		if id == "" || seen[id] || j.set.Key(a, doc.String(a.Name)) != j.set.Key(a, value) {
			continue
		}
		seen[id] = true
		mark := doc.String(attrExternalID)
		matches = append(matches, match{id, mark != "" && (mark == j.r.ID || mark == j.r.Person)})
	}
	return matches, nil
}

// nameOf returns the attribute by which accounts of a type are recognised; nil: none.
func nameOf(t *schema.ResourceType) *schema.Attribute {
	if a := t.Schema.Attribute(attrUserName); a != nil {
		return a
	}
	return t.Schema.Attribute(attrName)
}

// withoutMembers asks for a resource without what can be large in it.
func withoutMembers(t *schema.ResourceType) client.Want {
	if !hasMembers(t) {
		return client.Want{}
	}
	return client.Want{Excluded: []string{attrMembers}}
}
