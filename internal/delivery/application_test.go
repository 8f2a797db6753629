package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/target"
	"github.com/muster-id/muster/scim/schema"
)

// application is a state target with accounts of its own, which it keeps equal to what it is asked for:
// as small as a kind of target can be that follows the contract.
type application struct {
	mu       sync.Mutex
	next     int
	accounts map[string]*account // by remote id
	syncs    []synced
	fate     func(ctx context.Context, w *target.Work) error // nil: all goes well
	rude     bool                                            // calls Ensure before it puts its own link
}

type account struct {
	Name, Title, Boss string
	Members           map[string]bool
}

type synced struct {
	num  target.Num
	bare bool
}

func newApplication() *application { return &application{accounts: map[string]*account{}} }

func (a *application) Close() error { return nil }

func (a *application) Sync(ctx context.Context, w *target.Work) error {
	a.mu.Lock()
	a.syncs = append(a.syncs, synced{w.Resource.Num, w.Bare})
	fate := a.fate
	a.mu.Unlock()
	if fate != nil {
		if err := fate(ctx, w); err != nil {
			return err
		}
	}
	link, err := w.Links.Get(ctx, w.Resource.Num)
	if err != nil {
		return err
	}
	if !w.Resource.Live {
		return a.remove(ctx, w, link)
	}
	if a.rude && link == nil && w.Resource.Type == "Group" {
		return a.syncRudely(ctx, w)
	}
	isNew := link == nil
	if isNew {
		link = a.create(w.Resource)
		if err := w.Links.Put(ctx, link); err != nil {
			return err
		}
	}
	if w.Bare {
		return nil
	}
	if err := a.write(ctx, w, link); err != nil || w.Resource.Type != "Group" {
		return err
	}
	return a.members(ctx, w, link, isNew)
}

// syncRudely asks for the members before the group has its own link, and goes on without those it does not get.
func (a *application) syncRudely(ctx context.Context, w *target.Work) error {
	p := progress{Whole: true}
	for n, err := range w.Directory.Members(ctx, w.Resource.Num, 0) {
		if err != nil {
			return err
		}
		if _, err := w.Ensure(ctx, n); err != nil {
			p.Missing = append(p.Missing, n)
		}
	}
	link := a.create(w.Resource)
	var err error
	if link.Digest, err = json.Marshal(p); err != nil {
		return err
	}
	if err := w.Links.Put(ctx, link); err != nil || len(p.Missing) > 0 {
		return err
	}
	return a.members(ctx, w, link, true)
}

func (a *application) remove(ctx context.Context, w *target.Work, link *target.Link) error {
	if link == nil {
		return nil
	}
	a.mu.Lock()
	delete(a.accounts, link.RemoteID)
	for _, acc := range a.accounts {
		delete(acc.Members, link.RemoteID)
	}
	a.mu.Unlock()
	return w.Links.Delete(ctx, w.Resource.Num)
}

// create finds the account that a lost answer left behind, or makes one.
func (a *application) create(r *target.Resource) *target.Link {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, acc := range a.accounts {
		if acc.Name == r.ID {
			return &target.Link{Num: r.Num, Type: r.Type, RemoteID: id, Digest: []byte(`{"whole":true}`)}
		}
	}
	a.next++
	id := fmt.Sprint("acc", a.next)
	a.accounts[id] = &account{Name: r.ID, Members: map[string]bool{}}
	return &target.Link{Num: r.Num, Type: r.Type, RemoteID: id, Digest: []byte(`{"whole":true}`)}
}

func (a *application) write(ctx context.Context, w *target.Work, link *target.Link) error {
	title, _ := w.Resource.Document["title"].(string)
	boss := ""
	if e, ok := w.Resource.Document["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"].(schema.Object); ok {
		m, _ := e["manager"].(schema.Object)
		id, _ := m["value"].(string)
		r, err := w.Directory.Lookup(ctx, id)
		if err != nil {
			return err
		}
		if r != nil {
			l, err := w.Links.Get(ctx, r.Num)
			if err != nil {
				return err
			}
			if l != nil {
				boss = l.RemoteID
			}
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.accounts[link.RemoteID]
	acc.Title, acc.Boss = title, boss
	return nil
}

// progress is what a group's link notes: members that could not be linked, and whether all have to be looked at.
type progress struct {
	Missing []target.Num `json:"missing,omitempty"`
	Whole   bool         `json:"whole,omitzero"`
}

func (a *application) members(ctx context.Context, w *target.Work, link *target.Link, isNew bool) error {
	var p progress
	if err := json.Unmarshal(link.Digest, &p); err != nil {
		return err
	}
	todo := map[target.Num]bool{}
	for _, n := range p.Missing {
		todo[n] = true
	}
	for n, err := range w.Touched {
		if err != nil {
			return err
		}
		todo[n] = true
	}
	if isNew || p.Whole {
		for n, err := range w.Directory.Members(ctx, w.Resource.Num, 0) {
			if err != nil {
				return err
			}
			todo[n] = true
		}
	}
	is, err := w.Directory.IsMember(ctx, w.Resource.Num, slices.Collect(maps.Keys(todo)))
	if err != nil {
		return err
	}
	p = progress{}
	for n := range todo {
		l, err := w.Links.Get(ctx, n)
		if err != nil {
			return err
		}
		if is[n] && l == nil {
			l, err = w.Ensure(ctx, n)
			switch {
			case errors.Is(err, target.ErrGone):
				continue
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil:
				p.Missing = append(p.Missing, n)
				continue
			}
		}
		if l == nil {
			continue
		}
		a.mu.Lock()
		if is[n] {
			a.accounts[link.RemoteID].Members[l.RemoteID] = true
		} else {
			delete(a.accounts[link.RemoteID].Members, l.RemoteID)
		}
		a.mu.Unlock()
	}
	if link.Digest, err = json.Marshal(p); err != nil {
		return err
	}
	return w.Links.Put(ctx, link)
}

func (a *application) calls() []synced {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.syncs)
}

func (a *application) set(fate func(context.Context, *target.Work) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fate = fate
}

// state returns the accounts by the names of their resources, references likewise.
func (a *application) state() map[string]account {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := map[string]account{}
	name := func(remote string) string {
		if acc := a.accounts[remote]; acc != nil {
			return acc.Name
		}
		return remote
	}
	for _, acc := range a.accounts {
		c := account{Name: acc.Name, Title: acc.Title, Boss: name(acc.Boss), Members: map[string]bool{}}
		for m := range acc.Members {
			c.Members[name(m)] = true
		}
		all[acc.Name] = c
	}
	return all
}

// wanted returns what the accounts should be, of all resources or of those named.
func (h *hub) wanted(t testing.TB, names ...string) map[string]account {
	t.Helper()
	if len(names) == 0 {
		names = slices.Collect(maps.Keys(h.id))
	}
	all := map[string]account{}
	for _, name := range names {
		r, err := h.Get(t.Context(), store.Default, "", h.nameOf(name))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		assert.NoError(t, err)
		doc, err := set.Type(r.Type).Decode(r.Body)
		assert.NoError(t, err)
		acc := account{Name: r.ID, Members: map[string]bool{}}
		acc.Title, _ = doc["title"].(string)
		if e, ok := doc["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"].(schema.Object); ok {
			boss, _ := e["manager"].(schema.Object)["value"].(string)
			if _, err := h.Get(t.Context(), store.Default, "", boss); err == nil {
				acc.Boss = boss
			}
		}
		for ref, err := range h.Children(t.Context(), store.Default, store.Members, r.Num, 0) {
			assert.NoError(t, err)
			acc.Members[ref.ID] = true
		}
		all[r.ID] = acc
	}
	return all
}
