package feed

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/store"
)

// Kind is what a change did to its resource.
type Kind string

// The kinds of change.
const (
	Created Kind = "created"
	Updated Kind = "updated"
	Deleted Kind = "deleted"
)

// Change is one committed alteration of one resource, as a reader of the feed sees it.
type Change struct {
	Position     Position
	At           time.Time
	ResourceType string
	ID           string // outside name of the resource at that time
	Person       string // outside name of its first record: ID, unless the person was hired again
	Kind         Kind
	Version      int64  // of the resource after the change
	Source       string // which source said so
	Actor        string // token id, or the component that wrote
	RequestID    string
	Urgent       bool // ends somebody's access
	// Hold is the guard's, if it holds the change or has: what targets do not get, or did not get then. 0: none.
	Hold      int64
	HoldState string // open, approved or rejected

	// Before and After are the documents: canonical JSON without id, meta, relations and never-returned
	// attributes; nil where there is none. They are equal if only relations changed.
	Before, After jsontext.Value

	names   []string // of the document's events, but for the last
	edges   []store.EdgeChange
	deleted bool
	mark    string // part of the event ids
}
