package feed

import (
	"context"
	"fmt"
	"iter"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

// pageSize is how many changes Follow reads at once. Edges come with their change, so a page may be
// larger than it looks.
const pageSize = 100

// Options are the properties of a [Reader].
type Options struct {
	// Schemas returns those in force, which tell which attributes are never returned. Defaults to none: then
	// documents go out as they are stored.
	Schemas func() *schema.Set
	// SourceName names a source. Defaults to "default" for the first and "source-<number>" for the others.
	SourceName func(store.Source) string
}

// Reader reads the feed of one tenant. It is safe for concurrent use.
type Reader struct {
	feed    store.Feed
	tenant  store.Tenant
	source  func(store.Source) string
	secrets guard
}

// NewReader returns a reader of the tenant's feed.
func NewReader(f store.Feed, t store.Tenant, o Options) *Reader {
	if o.SourceName == nil {
		o.SourceName = sourceName
	}
	return &Reader{feed: f, tenant: t, source: o.SourceName, secrets: guard{schemas: o.Schemas}}
}

// holdStates are the names of what became of a hold, by store.HoldState.
var holdStates = [...]string{"", "open", "approved", "rejected", "rejected"}

func sourceName(s store.Source) string {
	if s == store.DefaultSource {
		return "default"
	}
	return fmt.Sprintf("source-%d", s)
}

// Head returns the position of the last change.
func (r *Reader) Head(ctx context.Context) (Position, error) {
	h, err := r.feed.Head(ctx, r.tenant)
	if err != nil {
		return Position{}, fmt.Errorf("read head of feed: %w", err)
	}
	return Position{Epoch: h.Epoch, Seq: h.Seq}, nil
}

// Read returns up to limit changes beyond a position, in order; none: there are no more. The next page is
// read from the position of the last one.
func (r *Reader) Read(ctx context.Context, after Position, limit int) ([]*Change, error) {
	head, err := r.Head(ctx)
	if err != nil {
		return nil, err
	}
	if after != (Position{}) && (after.Epoch != head.Epoch || after.Seq > head.Seq) {
		return nil, ErrHistory
	}
	rows, err := r.feed.Changes(ctx, r.tenant, after.Seq, limit)
	if err != nil {
		return nil, fmt.Errorf("read changes after %s: %w", after, err)
	}
	changes := make([]*Change, len(rows))
	for i, row := range rows {
		if changes[i], err = r.Load(ctx, head.Epoch, row); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// Follow yields every change beyond a position and then each as it is committed. It
// ends with ctx, silently, and after an error.
func (r *Reader) Follow(ctx context.Context, after Position) iter.Seq2[*Change, error] {
	return func(yield func(*Change, error) bool) {
		for {
			page, err := r.Read(ctx, after, pageSize)
			if err == nil && len(page) == 0 {
				err = r.feed.Wait(ctx, r.tenant, after.Seq)
			}
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, c := range page {
				if !yield(c, nil) {
					return
				}
				after = c.Position
			}
		}
	}
}

// Load completes a row of the feed of that epoch with its documents and its meaning.
func (r *Reader) Load(ctx context.Context, epoch int64, row *store.Change) (*Change, error) {
	before, after, err := r.feed.Documents(ctx, r.tenant, row)
	if err != nil {
		return nil, fmt.Errorf("read documents of change %d: %w", row.Seq, err)
	}
	if row.SameDoc && before == nil {
		before = after
	}
	c := &Change{
		Position:     Position{Epoch: epoch, Seq: row.Seq},
		At:           row.At,
		ResourceType: row.Type,
		ID:           row.ID,
		Person:       row.Person,
		Kind:         kindOf(row.Kind),
		Version:      row.Version,
		Source:       r.source(row.Source),
		Actor:        row.Actor,
		RequestID:    row.RequestID,
		Urgent:       row.Lane == store.Urgent,
		Hold:         row.Hold,
		HoldState:    holdStates[row.Held],
		edges:        row.Edges,
		deleted:      row.Events&store.EventDeleted != 0,
		mark:         mark(row),
	}
	for _, b := range bits {
		if row.Events&b.bit != 0 {
			c.names = append(c.names, b.name)
		}
	}
	secrets := r.secrets.now()
	if c.Before, err = secrets.drop(row.Type, before); err != nil {
		return nil, fmt.Errorf("document before change %d: %w", row.Seq, err)
	}
	if c.After, err = secrets.drop(row.Type, after); err != nil {
		return nil, fmt.Errorf("document after change %d: %w", row.Seq, err)
	}
	return c, nil
}

func kindOf(k store.Kind) Kind {
	switch k {
	case store.Created:
		return Created
	case store.Deleted:
		return Deleted
	default:
		return Updated
	}
}
