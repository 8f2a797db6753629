package sqlite

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/muster-id/muster/internal/store"
)

// readers are the connections that read. The first that is free is taken, not the one that has rested longest: few
// are busy at a time, and those have a large page cache, which is warm.
type readers struct {
	free chan struct{} // one for each connection that is not in use

	mu   sync.Mutex // guards all
	all  []*conn
	used []bool // of all
}

func newReaders(n int) *readers { return &readers{free: make(chan struct{}, n)} }

// add adds a connection.
func (r *readers) add(c *conn) {
	r.all, r.used = append(r.all, c), append(r.used, false)
	r.free <- struct{}{}
}

// take waits for a connection. There is none after closing is closed, nor after the end of the context.
func (r *readers) take(ctx context.Context, closing <-chan struct{}) (*conn, error) {
	select {
	case <-closing:
		return nil, store.ErrClosed
	default:
	}
	select {
	case <-r.free: // choosing among many takes longer
		return r.pop(), nil
	default:
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-closing:
		return nil, store.ErrClosed
	case <-r.free:
		return r.pop(), nil
	}
}

func (r *readers) pop() *conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.used, false)
	r.used[i] = true
	return r.all[i]
}

func (r *readers) give(c *conn) {
	r.mu.Lock()
	r.used[slices.Index(r.all, c)] = false
	r.mu.Unlock()
	r.free <- struct{}{} // never waits: there is room for every connection
}

// forget ends the transactions that idle connections keep. The others are at work and will notice.
func (r *readers) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, c := range r.all {
		if !r.used[i] {
			// An error is met again, and reported, by the next read on the connection.
			_ = c.forget()
		}
	}
}

// close waits for the connections and closes them.
func (r *readers) close() error {
	var errs []error
	for range r.all {
		<-r.free
		errs = append(errs, r.pop().close())
	}
	return errors.Join(errs...)
}
