package server

import (
	"context"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// Write is a change of one resource as Hooks see it.
//
//	             create    update            delete
//	ID           empty*    of the resource   of the resource
//	Before       nil       as it is          nil
//	After        to be     to be             nil
//	Links        nil       of the request    nil
//
// (*) unless Service.NewID gave one.
type Write struct {
	// Op is what is done: WriteCreate, WriteUpdate (PUT and PATCH) or WriteDelete.
	Op WriteOp
	// ID is the id of the resource.
	ID string
	// Before is the resource as it is, without relations. It is not to be altered.
	Before *Resource
	// After is the resource as it will be. Hooks.Before may alter its Attrs, which is a copy; what it puts there is
	// canonical (see package schema) and fits the schema, because nothing checks it again. Relations are those
	// of a create and are not to be read: they can be read once, by the store.
	After *Resource
	// Links are what an update does to relations such as members, which are not in After. They are not to be altered.
	Links []LinkEdit
	// Cond is the condition of an update or a delete.
	Cond Cond
	// Dialect is that of the request; nil for a delete.
	Dialect *scim.Dialect
}

// WriteOp is what a Write does.
type WriteOp string

// The operations of a Write.
const (
	WriteCreate WriteOp = "create"
	WriteUpdate WriteOp = "update"
	WriteDelete WriteOp = "delete"
)

// Hooks are called around the writes of a Store, see WithHooks. Either may be nil.
type Hooks struct {
	// Before may refuse the write: an error that is a *scim.Error is what the client gets, anything else a 500. It
	// may alter After.Attrs.
	//
	// For an update it runs where Edit.Apply does, within the store's transaction: it is quick, does nothing that
	// lasts, does not call the store, and may run again with a newer resource. An update that alters neither the document
	// nor a relation is no write, and Before is not asked.
	Before func(ctx context.Context, w *Write) error
	// After is called once for each write that has happened, before it is answered, with what the store returned; nil
	// for a delete. It cannot undo the write: the place for a cache, a metric or a message to be sent. What must
	// not be lost when the process ends belongs into the store's transaction instead. An update that leaves the
	// version as it was has not happened.
	After func(ctx context.Context, w *Write, r *Resource)
}

// WithHooks returns a store that calls hooks around the writes of another one, which single requests and the
// operations of a bulk request pass alike; those that Service.Do carries out do not. It describes itself as that store does.
func WithHooks(s Store, h Hooks) Store { return &hooked{Store: s, hooks: h} }

// hooked is a Store with Hooks.
type hooked struct {
	Store
	hooks Hooks
}

var _ Describer = (*hooked)(nil)

// Features implements Describer.
func (h *hooked) Features() Features { return features(h.Store) }

// Create implements Store.
func (h *hooked) Create(ctx context.Context, r *Resource, d *scim.Dialect) (*Resource, error) {
	w := &Write{Op: WriteCreate, ID: r.ID, After: ownAttrs(r), Dialect: d}
	if err := h.before(ctx, w); err != nil {
		return nil, err
	}
	out, err := h.Store.Create(ctx, w.After, d)
	if err != nil {
		return nil, err
	}
	w.ID = out.ID
	h.after(ctx, w, out)
	return out, nil
}

// Update implements Store.
func (h *hooked) Update(ctx context.Context, id string, e *Edit) (*Resource, error) {
	var last *Write // of the run of Apply that counts
	edit := *e
	edit.Apply = func(cur *Resource) (*Resource, error) {
		next, err := e.Apply(cur)
		if err != nil {
			return nil, err
		}
		last = nil
		if next == cur && len(e.Links) == 0 {
			return cur, nil
		}
		w := &Write{
			Op: WriteUpdate, ID: id, Before: cur, After: ownAttrs(next), Links: e.Links, Cond: e.If, Dialect: e.Dialect,
		}
		if err := h.before(ctx, w); err != nil {
			return nil, err
		}
		last = w
		if schema.Equal(w.After.Attrs, cur.Attrs) {
			return cur, nil
		}
		w.After.Raw = nil
		return w.After, nil
	}
	out, err := h.Store.Update(ctx, id, &edit)
	if err != nil {
		return nil, err
	}
	if last != nil && (last.Before.Version == "" || last.Before.Version != out.Version) {
		h.after(ctx, last, out)
	}
	return out, nil
}

// Delete implements Store.
func (h *hooked) Delete(ctx context.Context, id string, c Cond) error {
	w := &Write{Op: WriteDelete, ID: id, Cond: c}
	if err := h.before(ctx, w); err != nil {
		return err
	}
	if err := h.Store.Delete(ctx, id, c); err != nil {
		return err
	}
	h.after(ctx, w, nil)
	return nil
}

func (h *hooked) before(ctx context.Context, w *Write) error {
	if h.hooks.Before == nil {
		return nil
	}
	return h.hooks.Before(ctx, w)
}

func (h *hooked) after(ctx context.Context, w *Write, r *Resource) {
	if h.hooks.After != nil {
		h.hooks.After(ctx, w, r)
	}
}

// ownAttrs returns a copy of a resource whose document can be altered.
func ownAttrs(r *Resource) *Resource {
	own := *r
	own.Attrs = schema.Clone(r.Attrs)
	return &own
}
