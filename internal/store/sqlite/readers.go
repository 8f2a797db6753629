package sqlite

import (
	"context"
	"errors"
	"sync"

	"github.com/muster-id/muster/internal/store"
)

// readers are the connections that read. The one that was given back last is taken first: its page cache is the
// warmest, and those that are never needed stay small.
type readers struct {
	free chan struct{} // one for each connection in idle

	mu   sync.Mutex // guards idle
	idle []*conn
}

func newReaders(n int) *readers { return &readers{free: make(chan struct{}, n)} }

// take waits for a connection. There is none after closing is closed, nor after the end of the context.
func (r *readers) take(ctx context.Context, closing <-chan struct{}) (*conn, error) {
	select {
	case <-closing:
		return nil, store.ErrClosed
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
	last := len(r.idle) - 1
	c := r.idle[last]
	r.idle = r.idle[:last]
	return c
}

func (r *readers) give(c *conn) {
	r.mu.Lock()
	r.idle = append(r.idle, c)
	r.mu.Unlock()
	r.free <- struct{}{} // never waits: there is room for every connection
}

// forget ends the transactions that idle connections keep. The others are at work and will notice.
func (r *readers) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.idle {
		// An error is met again, and reported, by the next read on the connection.
		_ = c.forget()
	}
}

// close waits for so many connections and closes them.
func (r *readers) close(n int) error {
	var errs []error
	for range n {
		<-r.free
		errs = append(errs, r.pop().close())
	}
	return errors.Join(errs...)
}
