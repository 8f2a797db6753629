package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/internal/store"
)

// Store is what a Reporter needs of a store.
type Store interface {
	store.Reader
	store.Feed
	store.Audit
	store.Deliveries
	store.Tokens
}

// Reporter makes reports. It is safe for concurrent use.
type Reporter struct {
	store Store
	audit *audit.Log
	feed  func(context.Context, store.Tenant) (*feed.Reader, error)
}

// New returns a reporter; open returns a reader of a tenant's feed.
func New(st Store, log *audit.Log, open func(context.Context, store.Tenant) (*feed.Reader, error)) *Reporter {
	return &Reporter{st, log, open}
}

// The states of a resource.
const (
	Absent  = "absent" // not created yet, or deleted
	Present = "present"
	Deleted = "deleted"
	Erased  = "erased"
)

// Person is everything that is held on a resource, or what it was at a time: then without Changes, Targets, Tokens and Audit.
type Person struct {
	ID         string           `json:"id"`
	Person     string           `json:"person,omitzero"` // id of the first record, where it is another one
	Type       string           `json:"type"`
	State      string           `json:"state"`
	At         time.Time        `json:"at,omitzero"` // what follows was so then
	Version    int64            `json:"version,omitzero"`
	Document   jsontext.Value   `json:"document,omitzero"`
	Attributes []Origin         `json:"attributes,omitempty"` // of the document: who said so last
	Groups     []Membership     `json:"groups,omitempty"`
	Changes    []*feed.Change   `json:"changes,omitempty"`
	Targets    []Target         `json:"targets,omitempty"`
	Tokens     []Token          `json:"tokens,omitempty"`
	Audit      []jsontext.Value `json:"audit,omitempty"`
}

// Origin says where the value of an attribute is from.
type Origin struct {
	Name   string    `json:"name"`
	At     time.Time `json:"at"`
	Source string    `json:"source"`
	Actor  string    `json:"actor"`
	Change store.Seq `json:"change"`
}

// Target is what one target has of the resource.
type Target struct {
	Name     string    `json:"name"`
	RemoteID string    `json:"remoteId,omitzero"` // id of its account there
	Upto     store.Seq `json:"upto"`              // changes up to this one are settled, but for Problem
	Problem  string    `json:"problem,omitzero"`  // why a change is not
}

// Token is a token that speaks for the person.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	Revoked time.Time `json:"revoked,omitzero"`
}

// page is how many changes are read at once.
const page = 200

// history reads all changes of a resource from a place in the feed on.
func (r *Reporter) history(ctx context.Context, t store.Tenant, n store.Num, from store.Seq, visit func(*store.Change) (more bool, err error)) error {
	head, err := r.store.Head(ctx, t)
	if err != nil {
		return err
	}
	for {
		list, err := r.store.ChangesOf(ctx, t, n, from, head.Seq, page)
		if err != nil {
			return err
		}
		for _, c := range list {
			if more, err := visit(c); err != nil || !more {
				return err
			}
			from = c.Seq + 1
		}
		if len(list) < page {
			return nil
		}
	}
}

// Person reports on a resource, by an id that it has or had; at an instant unless that is zero. store.ErrNotFound: nobody has or
// had the id.
func (r *Reporter) Person(ctx context.Context, t store.Tenant, id string, at time.Time) (*Person, error) {
	row, err := r.store.Former(ctx, t, id)
	if err != nil {
		return nil, err
	}
	reader, err := r.feed(ctx, t)
	if err != nil {
		return nil, err
	}
	head, err := r.store.Head(ctx, t)
	if err != nil {
		return nil, err
	}
	p := &Person{ID: row.ID, Type: row.Type, State: Absent, At: at}
	if row.Person != row.ID {
		p.Person = row.Person
	}
	ids := []string{row.Person, row.ID}
	origins := map[string]Origin{}
	var gone jsontext.Value // before the last deletion
	err = r.history(ctx, t, row.Num, 1, func(c *store.Change) (bool, error) {
		if !at.IsZero() && c.At.After(at) {
			return false, nil
		}
		ch, err := reader.Load(ctx, head.Epoch, c)
		if err != nil {
			return false, err
		}
		ids = append(ids, c.ID)
		p.Version, p.Document, p.State = c.Version, ch.After, Present
		if c.Kind == store.Deleted {
			p.Document, p.State, gone = nil, Deleted, ch.Before
		}
		if at.IsZero() {
			p.Changes = append(p.Changes, ch)
		}
		return true, note(origins, c.Seq, ch)
	})
	if err != nil {
		return nil, err
	}
	if p.State == Deleted && gone == nil {
		p.State = Erased
	}
	if p.Attributes, err = attributes(origins, p.Document); err != nil {
		return nil, err
	}
	if p.Groups, err = r.groups(ctx, t, row.Num, at); err != nil {
		return nil, err
	}
	if !at.IsZero() {
		return p, nil
	}
	slices.Sort(ids)
	return p, r.rest(ctx, t, row.Num, slices.Compact(ids), p)
}

// note remembers what a change said.
func note(origins map[string]Origin, seq store.Seq, ch *feed.Change) error {
	names, err := said(ch)
	for _, name := range names {
		origins[name] = Origin{Name: name, At: ch.At, Source: ch.Source, Actor: ch.Actor, Change: seq}
	}
	return err
}

// said names what a change altered; a creation altered everything.
func said(ch *feed.Change) ([]string, error) {
	if ch.After == nil {
		return nil, nil
	}
	whole := *ch
	if whole.Before == nil {
		whole.Before = jsontext.Value("{}")
	}
	return whole.Changed()
}

// attributes returns the origins of what is in a document, in order of name.
func attributes(origins map[string]Origin, doc jsontext.Value) (list []Origin, err error) {
	names, err := said(&feed.Change{After: doc})
	for _, name := range names {
		if o, ok := origins[name]; ok {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b Origin) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}

// rest adds what is held beside the feed.
func (r *Reporter) rest(ctx context.Context, t store.Tenant, n store.Num, ids []string, p *Person) error {
	cursors, err := r.store.Cursors(ctx, t)
	if err != nil {
		return err
	}
	for _, c := range cursors {
		x := Target{Name: c.Target, Upto: c.Seq}
		link, err := r.store.Link(ctx, t, c.Target, n)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		x.RemoteID = link.RemoteID
		detours, err := r.store.DetoursOf(ctx, t, c.Target, []store.Num{n})
		if err != nil {
			return err
		}
		for _, d := range detours {
			if !d.Ahead {
				x.Problem = strings.TrimSpace(d.Reason + " " + d.Detail)
			}
		}
		p.Targets = append(p.Targets, x)
	}
	tokens, err := r.store.Tokens(ctx, t)
	if err != nil {
		return err
	}
	for _, k := range tokens {
		if k.User != "" && slices.Contains(ids, k.User) {
			p.Tokens = append(p.Tokens, Token{k.ID, k.Name, k.Created, k.Expires, k.Revoked})
		}
	}
	type numbered struct {
		n    int64
		body jsontext.Value
	}
	var records []numbered
	for _, id := range ids {
		err := r.audit.Read(ctx, t, audit.Query{Resource: id}, func(rec *audit.Record) error {
			records = append(records, numbered{rec.N, rec.Verbatim})
			return nil
		})
		if err != nil {
			return fmt.Errorf("read the audit: %w", err)
		}
	}
	slices.SortFunc(records, func(a, b numbered) int { return int(a.n - b.n) })
	records = slices.CompactFunc(records, func(a, b numbered) bool { return a.n == b.n })
	for _, rec := range records {
		p.Audit = append(p.Audit, rec.body)
	}
	return nil
}
