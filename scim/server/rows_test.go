package server_test

import (
	"errors"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

// counter is a cursor of n rows that ends with err.
type counter struct {
	at, n int
	err   error
}

func (c *counter) Next() bool { c.at++; return c.at <= c.n }
func (c *counter) Err() error { return c.err }

func TestRows(t *testing.T) {
	t.Parallel()
	broken := errors.New("the connection is gone")
	for _, want := range []error{nil, broken} {
		c := &counter{n: 3, err: want}
		var err error
		rows := 0
		for r, e := range server.Rows(c, func() (*server.Resource, error) { return &server.Resource{}, nil }) {
			if err = e; r != nil {
				rows++
			}
		}
		if rows != 3 || !errors.Is(err, want) {
			t.Errorf("got %d rows and %v, want 3 and %v", rows, err, want)
		}
	}
	c := &counter{n: 3, err: broken}
	for _, err := range server.Rows(c, func() (*server.Resource, error) { return nil, nil }) {
		if err != nil {
			t.Errorf("an early end is no failure: %v", err)
		}
		break
	}
	if c.at != 1 {
		t.Errorf("read %d rows after the first had been enough", c.at-1)
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	cur, next := &server.Resource{Version: "2"}, &server.Resource{}
	edit := server.Edit{
		If:    server.Cond{IfMatch: []string{"1"}},
		Apply: func(*server.Resource) (*server.Resource, error) { return next, nil },
	}
	if r, err := edit.Decide(cur); r != nil || scim.AsError(err) == nil || scim.AsError(err).Status != 412 {
		t.Errorf("a condition that does not hold: got %v, %v", r, err)
	}
	edit.If.IfMatch = []string{"1", "2"}
	if r, err := edit.Decide(cur); r != next || err != nil {
		t.Errorf("got %v, %v", r, err)
	}
}
