package client

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"net/http"

	"github.com/muster-id/muster/scim"
)

// Paging is how a list is read.
type Paging uint8

// The ways to read a list.
const (
	// PageAuto goes by what the server shows, then by what it offers: a page that has a nextCursor is followed by it, asked
	// for or not; where a list goes on and the configuration offers cursors, they are used; else it goes by index.
	PageAuto Paging = iota
	// PageIndex goes by startIndex (RFC 7644 §3.4.2.4), and by nextCursor if the server sends it all the same.
	PageIndex
	// PageCursor goes by cursor from the first page on (RFC 9865 §2).
	PageCursor
)

// ErrEndless is a list that does not end, or goes round in circles.
var ErrEndless = errors.New("the list does not end")

const (
	defaultMax  = 10_000_000
	maxRestarts = 3  // of a list whose cursor expired
	maxBack     = 10 // how often one goes back for what may have moved to a page that was read already
	maxStale    = 10 // pages in a row without anything new
)

// All yields the resources at an endpoint that match, page by page, each id once. The empty endpoint is that of all
// types.
//
// By index the next page begins behind what was received, however many were asked for; an empty page ends it, and so
// does one without anything new, for then the server does not page. When the total shrinks from one page to the next,
// something that was read already is gone and others have moved up: All goes back by as many. By cursor the last page
// is the one without a nextCursor; a cursor that expired begins the list anew, without yielding anything twice.
//
// An error ends the sequence. All keeps 8 bytes or so in memory for every resource that it yielded.
func (c *Client) All(ctx context.Context, endpoint string, q Query) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		l := &listing{c: c, endpoint: endpoint, q: q, seen: make(map[uint64]struct{}), seed: maphash.MakeSeed(), yield: yield}
		if l.q.Max <= 0 {
			l.q.Max = defaultMax
		}
		if err := l.run(ctx); err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

// errStopped is a caller who wants no more.
var errStopped = errors.New("stopped")

// listing is one walk through a list.
type listing struct {
	c        *Client
	endpoint string
	q        Query
	yield    func(Document, error) bool

	seed    maphash.Seed
	seen    map[uint64]struct{} // hashes of the ids that were yielded
	yielded int

	restarts int // after a cursor expired
	stale    int // pages in a row without anything new

	full  int // pages with something new, by index
	high  int // behind the furthest index at which there can be what was read
	total int // as claimed with the page before; -1: not
	back  int // how often one may still go back
}

// rewind begins at the first page, with nothing known of the others.
func (l *listing) rewind() { l.full, l.high, l.total, l.back = 0, 1, -1, maxBack }

func (l *listing) run(ctx context.Context) error {
	c := l.c
	at := position{start: 1}
	at.byCursor = l.q.Paging == PageCursor || l.q.Paging == PageAuto && c.offersCursors()
	if at.byCursor {
		l.clamp()
	}
	first := true
	l.rewind()
	for {
		p, err := c.find(ctx, l.endpoint, l.q, at)
		if err != nil {
			next, ok := l.recover(at, first, err)
			if !ok {
				return err
			}
			at, first = next, true
			l.rewind()
			continue
		}
		if first && l.goesOn(p, at) && l.q.Paging == PageAuto && c.learnCursors(ctx) {
			// It can page by cursor, which no insertion or deletion disturbs: begin like that.
			l.clamp()
			at = position{byCursor: true}
			continue
		}
		fresh, err := l.take(p)
		if err != nil {
			return err
		}
		switch {
		case p.Next != "":
			if err := l.advance(&at, p, fresh); err != nil {
				return err
			}
		case at.byCursor && at.cursor == "" && p.Total > len(p.Resources) && len(p.Resources) > 0:
			// It says that there is more, and has no cursor for it: it does not know cursors.
			c.refuse(FeatureCursor)
			at, l.high = position{start: 1 + len(p.Resources)}, 1+len(p.Resources)
		case at.byCursor:
			return nil
		case !l.next(&at, p, fresh):
			return nil
		}
		first = false
	}
}

// goesOn reports whether a first page that was asked for by index is followed by another one.
func (l *listing) goesOn(p *Page, at position) bool {
	return !at.byCursor && p.Next == "" && len(p.Resources) > 0 && p.Total > len(p.Resources)
}

// take yields what is new of a page and returns how many that were.
func (l *listing) take(p *Page) (fresh int, err error) {
	first := l.yielded == 0
	for _, r := range p.Resources {
		if id := r.ID(); id != "" {
			h := maphash.String(l.seed, id)
			if _, ok := l.seen[h]; ok {
				continue
			}
			l.seen[h] = struct{}{}
		} else if !first {
			continue // what has no id cannot be told from what was on the page before
		}
		fresh++
		if l.yielded == l.q.Max {
			return fresh, fmt.Errorf("%w: it has more than %d resources", ErrEndless, l.q.Max)
		}
		l.yielded++
		if !l.yield(r, nil) {
			return fresh, errStopped
		}
	}
	return fresh, nil
}

// next goes to the next index and reports whether there is one.
func (l *listing) next(at *position, p *Page, fresh int) bool {
	gone := 0
	if p.Total >= 0 {
		if l.total >= 0 {
			gone = l.total - p.Total
		}
		l.total = p.Total
	}
	l.high += max(0, -gone) // what was read may have moved down by as much
	known := at.start < l.high
	behind := at.start + len(p.Resources)
	l.high = max(l.high, behind)
	if fresh > 0 {
		l.stale = 0
		l.full++
	} else {
		l.stale++
	}
	switch {
	case gone > 0 && p.Total > 0 && l.back > 0 && at.start > 1: // 0 is also what some servers claim behind the end
		l.back--
		at.start = max(1, at.start-gone)
		return true
	case len(p.Resources) == 0:
		return false
	case fresh == 0 && (!known || l.stale > l.full+maxStale):
		return false // the server does not page
	}
	at.start = behind
	return p.Total < 0 || at.start <= p.Total
}

// advance goes to the next cursor.
func (l *listing) advance(at *position, p *Page, fresh int) error {
	if fresh > 0 {
		l.stale = 0
	} else if l.stale++; l.stale > maxStale || p.Next == at.cursor {
		return fmt.Errorf("%w: a cursor leads to nothing new", ErrEndless)
	}
	*at = position{byCursor: true, cursor: p.Next}
	return nil
}

// recover decides where to go on after an error; ok is false if nowhere.
func (l *listing) recover(at position, first bool, err error) (position, bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Err != nil {
		return at, false
	}
	switch {
	case e.Type == invalidCount && l.q.Count > 0:
		l.q.Count = 0 // as the server likes it
		return position{byCursor: at.byCursor, start: 1}, true
	case at.byCursor && at.cursor != "" && (e.Type == expiredCursor || e.Type == invalidCursor) && l.restarts < maxRestarts:
		l.restarts++
		return position{byCursor: true}, true
	case at.byCursor && at.cursor == "" && first && l.q.Paging == PageAuto && refusesCursor(e):
		l.c.refuse(FeatureCursor)
		return position{start: 1}, true
	}
	return at, false
}

// refusesCursor reports whether a first page was refused for the parameter that the configuration promised.
func refusesCursor(e *Error) bool {
	switch e.Status {
	case http.StatusBadRequest:
		return e.Type != scim.InvalidFilter && e.Type != scim.TooMany
	case http.StatusInternalServerError, http.StatusNotImplemented:
		return true
	}
	return false
}

// clamp keeps the count of a list by cursor within what the server says is the most: it may refuse more (RFC 9865 §2.1).
func (l *listing) clamp() {
	l.c.peer.mu.Lock()
	defer l.c.peer.mu.Unlock()
	if most := l.c.peer.config.MaxPageSize; most > 0 {
		l.q.Count = min(l.q.Count, most)
	}
}

// offersCursors reports whether the server is known to page by cursor.
func (c *Client) offersCursors() bool {
	c.peer.mu.Lock()
	known := c.peer.config.Cursor
	c.peer.mu.Unlock()
	return known && c.Can(FeatureCursor)
}

// learnCursors reports whether the server pages by cursor, and asks it if that is not known.
func (c *Client) learnCursors(ctx context.Context) bool {
	c.peer.mu.Lock()
	read := c.peer.read
	c.peer.mu.Unlock()
	if !read.IsZero() {
		return false // then it was known before the first page
	}
	return c.configuration(ctx).Cursor && c.Can(FeatureCursor)
}
