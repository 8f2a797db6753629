package schemas

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
)

const (
	// workSlice is how many resources are brought up to date in one write.
	workSlice = 100
	// workPause spreads the slices, so that nobody's write waits for many of them.
	workPause = 2 * time.Millisecond
	// workRetry is how long the worker waits after a failure.
	workRetry = time.Second
)

// Start does what is left to be done to resources, and then what each change of schemas asks for.
func (r *Registry) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.done.Go(func() { r.run(ctx) })
	if r.store.Shared() {
		r.done.Go(func() { r.follow(ctx) })
	}
	r.poke()
}

// Stop ends that and waits for it. What is not done is done after the next Start.
func (r *Registry) Stop() {
	r.cancel()
	r.done.Wait()
}

func (r *Registry) run(ctx context.Context) {
	for {
		select {
		case <-r.wake:
		case <-ctx.Done():
			return
		}
		_, busy, err := r.store.Busy(ctx, time.Time{})
		if err != nil && ctx.Err() == nil {
			r.opts.Log.WarnContext(ctx, "looking for resources to index failed, it is tried again", "err", err)
			pause(ctx, workRetry)
			r.poke()
		}
		for _, number := range busy {
			t, err := r.tenant(ctx, number)
			if err == nil {
				err = r.tend(ctx, t)
			}
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				continue
			case !errors.Is(err, store.ErrGeneration):
				r.opts.Log.WarnContext(ctx, "indexing resources for new schemas failed, it is tried again", "tenant", int64(number), "err", err)
				pause(ctx, workRetry)
			}
			r.poke()
		}
	}
}

// tend does the work of a tenant. Claims may have to be taken back, which is a change of the schemas; and whoever asked
// for them is about to take them, unless the hub was killed then.
func (r *Registry) tend(ctx context.Context, t *tenant) error {
	if slices.ContainsFunc(t.now.Load().work, isUnique) {
		t.changes.Lock()
		defer t.changes.Unlock()
	}
	return r.work(ctx, t, func(store.Work) bool { return true })
}

func isUnique(w store.Work) bool { return w.Unique }

// work gives resources of a tenant the entries and claims that the schemas in force demand, and says when that is done:
// type by type, as long as there is some of the kind asked for. It ends with store.ErrGeneration if the schemas
// change meanwhile.
func (r *Registry) work(ctx context.Context, t *tenant, kind func(store.Work) bool) error {
	for {
		g := t.now.Load()
		i := slices.IndexFunc(g.work, kind)
		if i < 0 {
			return nil
		}
		typ := g.work[i].Type
		err := r.refresh(ctx, t, g, typ)
		if dup, ok := errors.AsType[*directory.DuplicateError](err); ok {
			return r.withdraw(ctx, t, store.Work{Type: typ, Attr: dup.Attr, Unique: true}, err)
		}
		if err != nil {
			return err
		}
		if err := r.finish(ctx, t, g, typ); err != nil {
			return err
		}
	}
}

// refresh goes over all resources of a type.
func (r *Registry) refresh(ctx context.Context, t *tenant, g *generation, typ string) error {
	for after := store.Num(0); ; {
		rows, err := r.store.Slice(ctx, t.number, typ, after, workSlice)
		if err != nil {
			return fmt.Errorf("read resources of type %s: %w", typ, err)
		}
		if len(rows) == 0 {
			return nil
		}
		nums := make([]store.Num, len(rows))
		for i, row := range rows {
			nums[i] = row.Num
		}
		if err := g.dir.Refresh(ctx, t.number, typ, nums); err != nil {
			return fmt.Errorf("refresh resources of type %s: %w", typ, err)
		}
		after = nums[len(nums)-1]
		pause(ctx, workPause)
	}
}

// finish notes that the work on a type is done, and puts its indexes to use.
func (r *Registry) finish(ctx context.Context, t *tenant, g *generation, typ string) error {
	var done, left []store.Work
	for _, w := range g.work {
		if w.Type == typ {
			done = append(done, w)
		} else {
			left = append(left, w)
		}
	}
	next := *g
	next.work = slices.Clip(left)
	if err := next.build(g.dir); err != nil {
		return err
	}
	err := r.store.Write(ctx, t.number, &store.Op{
		Source: store.DefaultSource, Gen: g.number,
		Decide: func(store.View) (*store.Rows, error) { return &store.Rows{Worked: done}, nil },
	})
	if err != nil {
		return fmt.Errorf("note that resources of type %s are indexed: %w", typ, err)
	}
	t.now.CompareAndSwap(g, &next)
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
