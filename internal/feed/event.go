package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"strings"

	"github.com/muster-id/muster/internal/store"
)

// Member is the resource at the other end of a membership that came or went.
type Member struct {
	ID   string
	Type string // resource type name
}

// Event is what a change means to a listener.
type Event struct {
	ID     string  // the same on every read, unique over tenants and installations; letters, digits and "_"
	Type   string  // "user.created"
	Member *Member // of member_added and member_removed; else nil
}

// bits are the events of a document, in the order in which they are told.
var bits = []struct {
	bit  store.Events
	name string
}{
	{store.EventCreated, "created"},
	{store.EventRehired, "rehired"},
	{store.EventUpdated, "updated"},
	{store.EventActivated, "activated"},
	{store.EventReactivated, "reactivated"},
	{store.EventDeactivated, "deactivated"},
}

const (
	deleted       = "deleted"
	memberAdded   = "member_added"
	memberRemoved = "member_removed"
)

// Len returns the number of events.
func (c *Change) Len() int {
	n := len(c.names) + len(c.edges)
	if c.deleted {
		n++
	}
	return n
}

// Event returns the event at index i, from 0 to Len()-1. Events are made when asked for: a change of a group
// may have 50,000.
func (c *Change) Event(i int) Event {
	e := Event{ID: fmt.Sprintf("evt_%d_%d_%d_%s", c.Position.Epoch, c.Position.Seq, i, c.mark)}
	name := deleted
	switch j := i - len(c.names); {
	case j < 0:
		name = c.names[i]
	case j < len(c.edges):
		edge := c.edges[j]
		name = memberAdded
		if edge.Removed {
			name = memberRemoved
		}
		e.Member = &Member{ID: edge.ChildID, Type: edge.ChildType}
	}
	e.Type = prefix(c.ResourceType) + name
	return e
}

// Events yields all events in order.
func (c *Change) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for i := range c.Len() {
			if !yield(c.Event(i)) {
				return
			}
		}
	}
}

// prefix is the first part of an event's name. Only letters, digits, "_" and "." may stand in a name
// (WH-02), and a custom resource type may be called anything.
func prefix(resourceType string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, resourceType) + "."
}

// mark distinguishes changes with the same place in different feeds: of another tenant, or of a data
// directory that was begun anew. A receiver that drops repeats would lose one of them.
func mark(c *store.Change) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", c.ID, c.At.UnixNano()))
	return hex.EncodeToString(sum[:5])
}
