package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/relational"
)

// cursorOp is the least that a write can be.
func cursorOp(target string, seq store.Seq) *store.Op {
	return &store.Op{Source: store.DefaultSource, Decide: func(store.View) (*store.Rows, error) {
		return &store.Rows{Cursors: []store.Cursor{{Target: target, Seq: seq}}}, nil
	}}
}

// openTestEngine opens an engine on a database of its own.
func openTestEngine(t *testing.T) *engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "muster.db")
	assert.NoError(t, migrate(t.Context(), path))
	e, err := openEngine(t.Context(), path, Options{Readers: 1}.Defaults())
	assert.NoError(t, err)
	return e
}

// hooked is an engine whose transactions begin with what a test wants to do in them. The hook changes while nothing is written.
type hooked struct {
	*engine
	hook func(relational.Conn) error
}

type hookedSession struct {
	relational.Session
	e *hooked
}

func (e *hooked) Session(ctx context.Context) (relational.Session, error) {
	s, err := e.engine.Session(ctx)
	return hookedSession{s, e}, err
}

func (s hookedSession) Transact(f func(relational.Conn) error) error {
	return s.Session.Transact(func(c relational.Conn) error {
		if s.e.hook != nil {
			if err := s.e.hook(c); err != nil {
				return err
			}
		}
		return f(c)
	})
}

// codedError is an error as SQLite makes it.
type codedError int

func (e codedError) Error() string { return fmt.Sprint("sqlite error ", int(e)) }
func (e codedError) Code() int     { return int(e) }

// TestRel_R12_IOErrorIsNeverRetried: after an I/O error the outcome is unknown. All callers hear of it, nothing runs
// again, and the writer goes on with a new connection.
func TestRel_R12_IOErrorIsNeverRetried(t *testing.T) {
	const ioErrFsync = codedError(10 | 4<<8)
	e := &hooked{engine: openTestEngine(t)}
	db, err := relational.New(t.Context(), e, Options{})
	assert.NoError(t, err)
	defer db.Close()
	var conns []relational.Conn
	e.hook = func(c relational.Conn) error {
		conns = append(conns, c)
		if len(conns) > 1 {
			return nil
		}
		_, err := c.Exec("UPDATE head SET users = 77")
		return errors.Join(err, ioErrFsync)
	}
	err = db.Write(t.Context(), store.Default, cursorOp("t", 1))
	assert.ErrorIs(t, err, ioErrFsync)
	assert.ErrorIs(t, err, store.ErrUnknown)
	assert.Equal(t, len(conns), 1)
	assert.NoError(t, db.Write(t.Context(), store.Default, cursorOp("t", 1)))
	assert.True(t, conns[0] != conns[1], assert.Sprintf("the connection that failed is still in use"))
	s, err := db.Stats(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, s.Users, 0)
}

// TestRel_R11_DiskFull: writes are refused as such, reads go on, what was acknowledged is there, and
// writing goes on by itself when there is room again.
func TestRel_R11_DiskFull(t *testing.T) {
	e := &hooked{engine: openTestEngine(t)}
	db, err := relational.New(t.Context(), e, Options{})
	assert.NoError(t, err)
	defer db.Close()
	pages := func(n int) {
		t.Helper()
		e.hook = func(c relational.Conn) error {
			_, err := c.One(func(relational.Row) {}, fmt.Sprint("PRAGMA max_page_count = ", n))
			return err
		}
		assert.NoError(t, db.Write(t.Context(), store.Default, cursorOp("t", 1)))
		e.hook = nil
	}
	pages(150)
	var acknowledged []string
	var full atomic.Int32
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 100 {
				id := fmt.Sprint(w, "-", i)
				err := db.Write(t.Context(), store.Default, &store.Op{Decide: func(v store.View) (*store.Rows, error) {
					n := v.NextNum()
					return &store.Rows{
						Resources: []*store.Resource{{Num: n, Type: "User", ID: id, Person: id, Body: make([]byte, 2000)}},
						Changes:   []*store.Change{{Num: n, Type: "User", ID: id, Kind: store.Created}},
					}, nil
				}})
				switch {
				case err == nil:
					mu.Lock()
					acknowledged = append(acknowledged, id)
					mu.Unlock()
				case errors.Is(err, store.ErrFull):
					full.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	assert.True(t, full.Load() > 0, assert.Sprintf("the disk did not fill"))
	assert.True(t, len(acknowledged) > 0)

	check := func() {
		t.Helper()
		for _, id := range acknowledged {
			_, err := db.Get(t.Context(), store.Default, "User", id)
			assert.NoError(t, err)
		}
		list, err := db.Changes(t.Context(), store.Default, 0, 10_000)
		assert.NoError(t, err)
		var ids []string
		for i, c := range list {
			assert.Equal(t, c.Seq, store.Seq(i+1))
			ids = append(ids, c.ID)
		}
		slices.Sort(ids)
		slices.Sort(acknowledged)
		assert.Equal(t, ids, acknowledged)
		s, err := db.Stats(t.Context(), store.Default)
		assert.NoError(t, err)
		assert.Equal(t, int(s.Users), len(acknowledged))
		integrity := ""
		assert.NoError(t, e.Read(t.Context(), func(c relational.Conn) error {
			_, err := c.One(func(r relational.Row) { integrity = r.Text(0) }, "PRAGMA integrity_check")
			return err
		}))
		assert.Equal(t, integrity, "ok")
	}
	check()
	pages(1_000_000)
	assert.NoError(t, db.Write(t.Context(), store.Default, &store.Op{Decide: func(v store.View) (*store.Rows, error) {
		n := v.NextNum()
		return &store.Rows{
			Resources: []*store.Resource{{Num: n, Type: "User", ID: "after", Person: "after", Body: []byte("{}")}},
			Changes:   []*store.Change{{Num: n, Type: "User", ID: "after", Kind: store.Created}},
		}, nil
	}}))
	acknowledged = append(acknowledged, "after")
	check()
}
