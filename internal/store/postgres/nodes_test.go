package postgres

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/relational"
	"github.com/muster-id/muster/internal/testenv"
)

// create makes a resource with a change.
func create(typ, id string) *store.Op {
	return &store.Op{Source: store.DefaultSource, Decide: func(v store.View) (*store.Rows, error) {
		n := v.NextNum()
		return &store.Rows{
			Resources: []*store.Resource{{Num: n, Type: typ, ID: id, Person: id, Body: []byte("{}")}},
			Changes:   []*store.Change{{Num: n, Type: typ, ID: id, Kind: store.Created, At: time.UnixMilli(1)}},
		}, nil
	}}
}

// feed returns the ids of all changes, and checks that their sequence is dense.
func feed(t *testing.T, db store.Feed) (ids []string) {
	t.Helper()
	for after := store.Seq(0); ; {
		list, err := db.Changes(t.Context(), store.Default, after, 500)
		assert.NoError(t, err)
		if len(list) == 0 {
			return ids
		}
		for _, c := range list {
			after++
			assert.Equal(t, c.Seq, after)
			ids = append(ids, c.ID)
		}
	}
}

// TestRel_R26_NodesKeepTheFeedDense: nodes that write to one tenant at the same time make one feed without a gap, and a
// reader that follows it on another node misses nothing.
func TestRel_R26_NodesKeepTheFeedDense(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	const nodes, writers, each = 3, 4, 25
	reader := open(t, url, Options{})
	defer reader.Close()

	var read []store.Seq
	followed := make(chan error, 1)
	go func() {
		for after := store.Seq(0); after < nodes*writers*each; {
			if err := reader.Wait(t.Context(), store.Default, after); err != nil {
				followed <- err
				return
			}
			list, err := reader.Changes(t.Context(), store.Default, after, 50)
			if err != nil {
				followed <- err
				return
			}
			for _, c := range list {
				after = c.Seq
				read = append(read, after)
			}
		}
		followed <- nil
	}()
	var wg sync.WaitGroup
	for n := range nodes {
		db := open(t, url, Options{})
		defer db.Close()
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					if err := db.Write(t.Context(), store.Default, create("User", fmt.Sprint(n, "-", w, "-", i))); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	assert.NoError(t, <-followed)
	for i, seq := range read {
		assert.Equal(t, seq, store.Seq(i+1))
	}
	ids := feed(t, reader)
	slices.Sort(ids)
	assert.Equal(t, len(slices.Compact(ids)), nodes*writers*each)
	s, err := reader.Stats(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, s.Users, nodes*writers*each)
}

// TestRel_R26_SlowTransaction: a batch that is slow to commit has taken its place in the feed. Others wait for it, and no
// reader sees what comes behind it before.
func TestRel_R26_SlowTransaction(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	a, b := open(t, url, Options{}), open(t, url, Options{})
	defer a.Close()
	defer b.Close()
	held, release := make(chan struct{}), make(chan struct{})
	slow, fast := make(chan error, 1), make(chan error, 1)
	go func() {
		op := create("User", "slow")
		decide := op.Decide
		op.Decide = func(v store.View) (*store.Rows, error) {
			close(held)
			<-release
			return decide(v)
		}
		slow <- a.Write(t.Context(), store.Default, op)
	}()
	<-held
	go func() { fast <- b.Write(t.Context(), store.Default, create("User", "fast")) }()
	// Nothing of the second one is there while the first one holds the head.
	for range 20 {
		assert.Equal(t, len(feed(t, b)), 0)
	}
	close(release)
	assert.NoError(t, <-slow)
	assert.NoError(t, <-fast)
	assert.Equal(t, feed(t, b), []string{"slow", "fast"})
}

// TestOtherNodesSeeTheNesting: what a node keeps of the nesting of groups is not used after another node has changed it.
func TestOtherNodesSeeTheNesting(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	a, b := open(t, url, Options{}), open(t, url, Options{})
	defer a.Close()
	defer b.Close()
	ctx := t.Context()
	for _, id := range []string{"outer", "inner"} {
		assert.NoError(t, a.Write(ctx, store.Default, create("Group", id)))
	}
	assert.NoError(t, a.Write(ctx, store.Default, create("User", "u")))
	link := func(parent, child string, there bool) {
		t.Helper()
		op := &store.Op{Source: store.DefaultSource, Load: store.Keys{IDs: []string{parent, child}, Edges: []store.EdgeKeys{{Rel: store.Members, Parent: parent, Members: []string{child}}}}}
		op.Decide = func(v store.View) (*store.Rows, error) {
			e := []store.Edge{{Rel: store.Members, Parent: v.ByID(parent).Num, Child: v.ByID(child).Num, Source: store.DefaultSource}}
			if there {
				return &store.Rows{Link: e}, nil
			}
			return &store.Rows{Unlink: e}, nil
		}
		assert.NoError(t, a.Write(ctx, store.Default, op))
	}
	ancestors := func(db *relational.DB) int {
		t.Helper()
		refs, err := db.Ancestors(ctx, store.Default, store.Members, 3)
		assert.NoError(t, err)
		return len(refs)
	}
	link("inner", "u", true)
	assert.Equal(t, ancestors(b), 1)
	link("outer", "inner", true)
	assert.Equal(t, ancestors(b), 2)
	link("outer", "inner", false)
	assert.Equal(t, ancestors(b), 1)
}

// TestRel_R22_LostCommit: a connection that breaks while it commits leaves a write that happened once, whether the server
// had committed or not, and the caller is told so.
func TestRel_R22_LostCommit(t *testing.T) {
	t.Parallel()
	p, url := through(t, testenv.Postgres(t))
	db := open(t, url, Options{})
	defer db.Close()
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const rounds = 40
	for i := range rounds {
		p.cut.Store([]int32{cutNothing, cutBefore, cutAfter, cutAtAnyTime}[random.IntN(4)])
		assert.NoError(t, db.Write(t.Context(), store.Default, create("User", fmt.Sprint(i))))
	}
	p.cut.Store(cutNothing)
	var want []string
	for i := range rounds {
		want = append(want, fmt.Sprint(i))
	}
	assert.Equal(t, feed(t, db), want)
}

// TestRel_R21_ServerDown: while the server is away reads and writes say so at once; when it is back they go on, and nothing
// that was acknowledged is missing, although the server was killed.
func TestRel_R21_ServerDown(t *testing.T) {
	t.Parallel()
	server, url := testenv.Durable(t)
	db := open(t, url, Options{})
	defer db.Close()
	ctx := t.Context()
	assert.NoError(t, db.Write(ctx, store.Default, create("User", "before")))
	server.Stop(t)
	for range 3 {
		assert.ErrorIs(t, db.Write(ctx, store.Default, create("User", "meanwhile")), store.ErrUnavailable)
		_, err := db.Get(ctx, store.Default, "User", "before")
		assert.ErrorIs(t, err, store.ErrUnavailable)
	}
	_, err := Open(ctx, url, Options{})
	assert.ErrorIs(t, err, store.ErrUnavailable)
	server.Start(t)
	_, err = db.Get(ctx, store.Default, "User", "before")
	assert.NoError(t, err)
	for {
		if err = db.Write(ctx, store.Default, create("User", "after")); err == nil {
			break
		}
		assert.ErrorIs(t, err, store.ErrUnavailable) // for the half second in which it is not asked again
	}
	assert.Equal(t, feed(t, db), []string{"before", "after"})
}

// TestLongKeys: what no index can hold is refused as such, and nothing else in its batch is.
func TestLongKeys(t *testing.T) {
	t.Parallel()
	db := open(t, testenv.Postgres(t), Options{})
	defer db.Close()
	var name []byte
	for i := range 5000 {
		name = fmt.Appendf(name, "%x", i*i*7919)
	}
	op := create("User", "u")
	decide := op.Decide
	op.Decide = func(v store.View) (*store.Rows, error) {
		rows, err := decide(v)
		rows.Resources[0].Index.UserName = string(name)
		return rows, err
	}
	errs := db.WriteAll(t.Context(), store.Default, []*store.Op{create("User", "a"), op, create("User", "b")})
	assert.NoError(t, errs[0])
	assert.ErrorIs(t, errs[1], store.ErrLong)
	assert.NoError(t, errs[2])
}

func TestTextThatPostgresRefuses(t *testing.T) {
	t.Parallel()
	db := open(t, testenv.Postgres(t), Options{})
	defer db.Close()
	_, err := db.Get(t.Context(), store.Default, "User", "a\x00b")
	assert.ErrorIs(t, err, store.ErrNotFound)
	_, err = db.Get(t.Context(), store.Default, "User", "a\xffb")
	assert.ErrorIs(t, err, store.ErrNotFound)
}
