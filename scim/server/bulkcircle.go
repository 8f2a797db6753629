package server

import (
	"context"
	"log/slog"
	"net/http"
	"slices"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// Operations that refer to each other in a circle (RFC 7644 §3.7.1) stand or fall together: if one fails, those that
// have happened are undone, so that no resource is left without a reference that its client wanted, and each is reported as
// failed. To a store that keeps promises their ids are given out first. For any other the resources are created without what
// is not there yet, which an update then adds.

// circle carries out the operations of a circle, which all create.
func (j *bulkJob) circle(ctx context.Context, members []int) {
	created := make(map[int]*Resource, len(members))
	create := j.createBare
	if j.promise {
		create = j.createPromised
	}
	failed, err := create(ctx, members, created)
	if err == nil && !j.promise {
		failed, err = j.complete(ctx, members, created)
	}
	if err != nil {
		j.undo(ctx, members, created)
	}
	for _, i := range members {
		switch {
		case err == nil:
			j.note(i, Result{Resource: j.current(ctx, i, created[i])})
		case i == failed:
			j.note(i, Result{Err: err})
		default:
			j.note(i, Result{Err: scim.Errorf(http.StatusConflict, "it refers in a circle to bulkId %s, whose operation failed",
				scim.Quote(j.ops[failed].bulkID))})
		}
	}
}

// createPromised creates the members of a circle in slices. It returns the member that failed.
func (j *bulkJob) createPromised(ctx context.Context, members []int, created map[int]*Resource) (int, error) {
	promised := make(map[string]string, len(members))
	for _, i := range members {
		promised[j.idOf(i)] = j.ops[i].typ.Name
	}
	ops := make([]Op, len(members))
	for n, i := range members {
		op, err := j.prepare(i)
		if err != nil {
			return i, err
		}
		op.Promised = promised
		ops[n] = op
	}
	for len(ops) > 0 {
		n, bytes := 0, 0
		for n < len(ops) && !j.full(n, bytes) {
			bytes += len(j.ops[members[n]].raw)
			n++
		}
		if i, err := j.createSome(ctx, members[:n], ops[:n], created); err != nil {
			return i, err
		}
		members, ops = members[n:], ops[n:]
	}
	return -1, nil
}

// createSome creates members of a circle as far as none fails.
func (j *bulkJob) createSome(ctx context.Context, members []int, ops []Op, created map[int]*Resource) (failed int, err error) {
	s := &bulkSliceOf{bulkJob: j, done: make(chan struct{})}
	for n, i := range members {
		s.add(i, ops[n], nil)
	}
	for n := range s.ops {
		s.ops[n].Proceed = func() error { return s.unbroken(n) }
	}
	s.fly(context.WithoutCancel(ctx))
	for n, i := range s.members {
		switch r := s.results[n]; {
		case r.Err == nil:
			created[i] = r.Resource
		case err == nil:
			failed, err = i, r.Err
		}
	}
	return failed, err
}

// unbroken says whether the first n members of a circle are all there, so that the next may be created.
func (s *bulkSliceOf) unbroken(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.bad[:n], true) {
		return ErrStopped
	}
	return nil
}

// createBare creates the members of a circle one by one, without what refers to those behind them.
func (j *bulkJob) createBare(ctx context.Context, members []int, created map[int]*Resource) (int, error) {
	missing := make(map[string]bool, len(members))
	for _, i := range members {
		missing[j.ops[i].bulkID] = true
	}
	for _, i := range members {
		op, err := j.prepareBare(i, missing)
		if err != nil {
			return i, err
		}
		if i, err := j.createSome(ctx, []int{i}, []Op{op}, created); err != nil {
			return i, err
		}
		j.ids[i] = created[i].ID
		delete(missing, j.ops[i].bulkID)
	}
	return -1, nil
}

// prepareBare prepares a create without what refers to the missing ones.
func (j *bulkJob) prepareBare(i int, missing map[string]bool) (Op, error) {
	if err := j.refused(i); err != nil {
		return Op{}, err
	}
	op := j.ops[i]
	data, err := op.data()
	if err != nil {
		return Op{}, err
	}
	j.refs.prune(data, func(bulkID string) bool { return missing[bulkID] })
	doc, links, err := j.draftOf(op, data)
	if err != nil {
		return Op{}, err
	}
	out := Op{Type: op.typ.Name, Create: newResource(doc, links), Dialect: j.d}
	out.Create.ID = j.idOf(i)
	return out, nil
}

// draftOf is draft for the data of an operation, with ids for references.
func (j *bulkJob) draftOf(op *bulkOp, data schema.Object) (schema.Object, []LinkEdit, error) {
	j.refs.resolve(data, j.created)
	e := op.endpoint
	e.call = j.call
	return e.draft(data)
}

// complete adds to the members of a circle what was not there when they were created.
func (j *bulkJob) complete(ctx context.Context, members []int, created map[int]*Resource) (int, error) {
	for _, i := range members {
		op := j.ops[i]
		data, err := op.data()
		if err != nil {
			return i, err
		}
		doc, links, err := j.draftOf(op, data)
		if err != nil {
			return i, err
		}
		decide := rules{op.typ, j.d}
		edit := &Edit{Links: links, Want: &Want{}, Dialect: j.d, Apply: func(cur *Resource) (*Resource, error) {
			return decide.changed(cur, doc)
		}}
		r := j.do(context.WithoutCancel(ctx), []Op{{Type: op.typ.Name, ID: j.ids[i], Edit: edit, Dialect: j.d}})
		if r[0].Err != nil {
			return i, r[0].Err
		}
	}
	return -1, nil
}

// undo deletes what a circle has created before it failed. What cannot be deleted is for the operator to know.
func (j *bulkJob) undo(ctx context.Context, members []int, created map[int]*Resource) {
	ops := make([]Op, 0, j.size)
	flush := func() {
		if len(ops) == 0 {
			return
		}
		for n, r := range j.do(context.WithoutCancel(ctx), ops) {
			if r.Err != nil {
				j.Log.LogAttrs(ctx, slog.LevelError, "part of a bulk request not undone",
					slog.String("resource", ops[n].ID), slog.Any("err", r.Err))
			}
		}
		ops = ops[:0]
	}
	for _, i := range members {
		if r := created[i]; r != nil {
			ops = append(ops, Op{Type: j.ops[i].typ.Name, ID: r.ID, Delete: &Cond{}, Dialect: j.d})
		}
		if len(ops) == j.size {
			flush()
		}
	}
	flush()
}

// current returns what was created, in its version after all of the circle is there.
func (j *bulkJob) current(ctx context.Context, i int, r *Resource) *Resource {
	now, err := j.ops[i].store.Get(context.WithoutCancel(ctx), r.ID, &Want{})
	if err != nil {
		return r // gone or out of reach: then this was it
	}
	return now
}
