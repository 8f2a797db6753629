package directory

import (
	"bytes"
	"maps"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

const active = "active"

// isActive reports whether a document is one of somebody who may use services. Only an
// explicit false says no: a source that sends no active has no notion of it.
func (k *kind) isActive(doc schema.Object) bool {
	if !k.lifecycle {
		return true
	}
	on, ok := doc[active].(bool)
	return on || !ok
}

// stillInactive returns the document after an edit, in which somebody inactive stays so unless
// it says otherwise: a null from a template that has no value must not bring a leaver back (C06).
func (k *kind) stillInactive(before, after schema.Object) schema.Object {
	if _, said := after[active]; said || k.isActive(before) {
		return after
	}
	after = maps.Clone(after)
	after[active] = false
	return after
}

// updates returns the events of a document that changed from before to after, of a resource
// that has been active at some time or not:
//
//	active only       the flip: deactivated, reactivated, or activated the first time
//	active and more   the flip and updated
//	anything else     updated
func (k *kind) updates(before, after schema.Object, once bool) store.Events {
	was, is := k.isActive(before), k.isActive(after)
	if was == is {
		return store.EventUpdated
	}
	var events store.Events
	switch {
	case was:
		events = store.EventDeactivated
	case once:
		events = store.EventReactivated
	default:
		events = store.EventActivated
	}
	if !bytes.Equal(k.Append(nil, without(before, active)), k.Append(nil, without(after, active))) {
		events |= store.EventUpdated
	}
	return events
}

// lane returns the priority of a change with these events: what ends access goes first (D13).
func lane(e store.Events) store.Lane {
	if e&(store.EventDeactivated|store.EventDeleted) != 0 {
		return store.Urgent
	}
	return store.Normal
}
