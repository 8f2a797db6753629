package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// bulkSlice is how many operations go to the store at once. More share a commit, and everybody else waits longer
// behind them.
const bulkSlice = 64

// bulkSliceBytes is how large a slice grows at most, but for its last operation: a group with hundreds of members takes
// the store as long as many users.
const bulkSliceBytes = 64 << 10

// bulkJob carries out a bulk request. But for what a slice shares with its Ops, it belongs to one goroutine.
type bulkJob struct {
	*call
	*bulkRequest
	do      func(context.Context, []Op) []Result
	size    int  // of a slice
	promise bool // ids are given out first, and the store knows what is promised

	ids     []string     // of what each operation has created, or will
	results []bulkResult // by operation
	failed  []bool       // by operation, settled slices only
	errors  int
	stopped bool // by failOnErrors
	left    bool // ctx ended, and something is left to do

	next   *bulkSliceOf // being prepared
	flying *bulkSliceOf // with the store
}

func newBulkJob(c *call, req *bulkRequest) *bulkJob {
	n := len(req.ops)
	j := &bulkJob{
		call: c, bulkRequest: req, do: c.svc.Do, size: bulkSlice,
		ids: make([]string, n), results: make([]bulkResult, n), failed: make([]bool, n),
	}
	if j.do == nil {
		j.do, j.size = c.svc.oneByOne, 1
	}
	j.promise = c.svc.Do != nil && c.svc.NewID != nil
	return j
}

// full says whether a slice of n operations of so many bytes goes to the store as it is.
func (j *bulkJob) full(n, bytes int) bool { return n >= j.size || bytes >= bulkSliceBytes }

// run carries out the job. When ctx ends it goes on to the end of what the store has been given, and returns the error of
// ctx if anything is left then.
func (j *bulkJob) run(ctx context.Context) error {
	defer j.settle() // after a panic too, nothing is left behind
	for _, u := range j.order() {
		if j.stopped || j.left {
			break
		}
		if u.circle {
			j.settleAll(ctx)
			if j.left = ctx.Err() != nil; !j.left && !j.stopped {
				j.circle(ctx, u.ops)
			}
			continue
		}
		i := u.ops[0]
		if j.svc.NewID == nil && len(j.ops[i].needs) > 0 {
			j.settleAll(ctx) // the ids it needs are known only then
		}
		if j.next == nil {
			j.next = &bulkSliceOf{bulkJob: j}
		}
		op, err := j.prepare(i)
		j.next.add(i, op, err)
		if j.full(len(j.next.ops), j.next.bytes) {
			j.send(ctx)
		}
	}
	j.settleAll(ctx)
	if j.left {
		return ctx.Err()
	}
	return nil
}

// bulkSliceOf is a slice of a job: what it shares with its Ops, which are decided while the job prepares the next.
type bulkSliceOf struct {
	*bulkJob
	ops     []Op
	bytes   int     // of the members in the request
	members []int   // the operations, in the order in which they are carried out
	faults  []error // by member: why it is not sent to the store
	sent    []int   // the members that ops are
	errors  int     // of the job before the slice
	done    chan struct{}
	results []Result // by op

	mu  sync.Mutex
	bad []bool      // by member: refused, or its last decision was an error
	at  map[int]int // members by operation
}

// add takes over an operation, or why there is none.
func (s *bulkSliceOf) add(i int, op Op, err error) {
	m := len(s.members)
	s.members, s.faults, s.bad = append(s.members, i), append(s.faults, err), append(s.bad, err != nil)
	if s.at == nil {
		s.at = make(map[int]int)
	}
	s.at[i] = m
	s.bytes += len(s.bulkRequest.ops[i].raw)
	if err != nil {
		return
	}
	op.Proceed = func() error { return s.proceed(i, m) }
	op.Decided = func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.bad[m] = err != nil
	}
	s.ops, s.sent = append(s.ops, op), append(s.sent, m)
}

// proceed says whether an operation may still be carried out.
func (s *bulkSliceOf) proceed(i, m int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failOnErrors > 0 {
		n := s.errors
		for _, bad := range s.bad[:m] {
			if bad {
				n++
			}
		}
		if n >= s.failOnErrors {
			return ErrStopped
		}
	}
	for _, need := range s.bulkRequest.ops[i].needs {
		if at, here := s.at[need]; here && s.bad[at] || !here && s.failed[need] {
			return s.refersToFailed(need)
		}
	}
	return nil
}

// refersToFailed refuses an operation that refers to one that failed (RFC 7644 §3.7.1).
func (j *bulkJob) refersToFailed(need int) error {
	return scim.Errorf(http.StatusConflict, "it refers to bulkId %s, whose operation failed", scim.Quote(j.bulkRequest.ops[need].bulkID))
}

// send gives the slice that is prepared to the store, once that has done with the one before.
func (j *bulkJob) send(ctx context.Context) {
	s := j.next
	j.next = nil
	j.settle()
	if j.left = j.left || ctx.Err() != nil; j.left || j.stopped {
		return
	}
	s.errors = j.errors
	s.done = make(chan struct{})
	j.flying = s
	go s.fly(context.WithoutCancel(ctx))
}

// fly waits for the store. A panic there is a fault of the operations, not the end of the process.
func (s *bulkSliceOf) fly(ctx context.Context) {
	defer close(s.done)
	defer func() {
		if p := recover(); p != nil {
			s.fault(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if len(s.ops) == 0 {
		return
	}
	if s.results = s.do(ctx, s.ops); len(s.results) != len(s.ops) {
		s.fault(fmt.Errorf("Service.Do returned %d results for %d ops", len(s.results), len(s.ops)))
	}
}

// fault gives every op the same error.
func (s *bulkSliceOf) fault(err error) {
	s.results = slices.Repeat([]Result{{Err: err}}, len(s.ops))
}

// settle waits for the slice that the store has and notes what became of it.
func (j *bulkJob) settle() {
	s := j.flying
	if s == nil {
		return
	}
	<-s.done
	j.flying = nil
	outcomes := make([]Result, len(s.members))
	for m, err := range s.faults {
		outcomes[m].Err = err
	}
	for n, m := range s.sent {
		outcomes[m] = s.results[n]
	}
	for m, i := range s.members {
		j.note(i, outcomes[m])
	}
}

// settleAll waits until nothing is under way.
func (j *bulkJob) settleAll(ctx context.Context) {
	if j.next != nil {
		j.send(ctx)
	}
	j.settle()
}

// note enters what became of an operation. Of those that failOnErrors kept from happening there is nothing to tell.
func (j *bulkJob) note(i int, r Result) {
	if errors.Is(r.Err, ErrStopped) || j.stopped && r.Err != nil {
		j.failed[i] = true
		return
	}
	op := j.ops[i]
	out := bulkResult{done: true, method: op.method, bulkID: op.bulkID, id: op.id}
	if op.typ != nil {
		out.endpoint = op.typ.Endpoint
	}
	if op.creator >= 0 {
		out.id = j.ids[op.creator]
	}
	if r.Err == nil {
		out.status = statusOf(&op.endpoint, op.method)
		if r.Resource != nil {
			out.id = r.Resource.ID
			if op.features.Versions {
				out.version = r.Resource.Version
			}
		}
		if op.method == http.MethodPost {
			j.ids[i] = out.id
		}
		j.results[i] = out
		return
	}
	if op.creator >= 0 && j.failed[op.creator] {
		out.id = "" // of something that is not there
	}
	j.failed[i] = true
	out.err = j.explain(r.Err)
	out.status = out.err.Status
	j.results[i] = out
	if j.errors++; j.failOnErrors > 0 && j.errors >= j.failOnErrors {
		j.stopped = true
	}
}

// idOf returns the id of what an operation creates; empty if it is not known yet.
func (j *bulkJob) idOf(i int) string {
	if j.ids[i] == "" && j.svc.NewID != nil {
		j.ids[i] = j.svc.NewID()
	}
	return j.ids[i]
}

// refused says why an operation is not even prepared.
func (j *bulkJob) refused(i int) error {
	op := j.ops[i]
	if op.err != nil {
		return op.err
	}
	for _, need := range op.needs {
		if j.failed[need] {
			return j.refersToFailed(need)
		}
	}
	return nil
}

// prepare makes an operation ready for the store.
func (j *bulkJob) prepare(i int) (Op, error) {
	if err := j.refused(i); err != nil {
		return Op{}, err
	}
	op := j.ops[i]
	e := op.endpoint
	e.call = j.call
	if op.creator >= 0 {
		e.id = j.idOf(op.creator)
	}
	out := Op{Type: op.typ.Name, ID: e.id, Dialect: j.d}
	cond, err := op.condition()
	if err != nil {
		return out, err
	}
	if op.method == http.MethodDelete {
		out.Delete = &cond
		return out, nil
	}
	data, err := j.data(op)
	if err != nil {
		return out, err
	}
	switch op.method {
	case http.MethodPost:
		doc, links, err := e.draft(data)
		if err != nil {
			return out, err
		}
		out.Create = newResource(doc, links)
		out.Create.ID = j.idOf(i)
	case http.MethodPut:
		put, err := e.replacement(data, cond)
		if err != nil {
			return out, err
		}
		out.Edit = &put.Edit
	case http.MethodPatch:
		if out.Edit, err = e.alteration(data, cond, nil); err != nil {
			return out, err
		}
	}
	if out.Edit != nil {
		out.Edit.Want = &Want{}
	}
	return out, nil
}

// condition reads the version of an operation, its If-Match.
func (op *bulkOp) condition() (Cond, error) {
	if op.version == "" || op.method == http.MethodPost || !op.features.Versions {
		return Cond{}, nil
	}
	any, versions, ok := parseTags([]string{op.version})
	if !ok {
		return Cond{}, scim.BadRequest(scim.InvalidValue, "version is no entity tag")
	}
	return Cond{Any: any, IfMatch: versions}, nil
}

// data parses the data of an operation, with ids for references.
func (j *bulkJob) data(op *bulkOp) (schema.Object, error) {
	data, err := op.data()
	if err != nil || len(op.needs) == 0 {
		return data, err
	}
	j.refs.resolve(data, j.created)
	return data, nil
}

// created returns the id of what the operation with the bulkId creates, and where resources like it are.
func (j *bulkJob) created(bulkID string) (id, endpoint string, ok bool) {
	i, ok := j.creators[bulkID]
	if !ok {
		return "", "", false
	}
	id = j.idOf(i)
	return id, j.ops[i].typ.Endpoint, id != ""
}

// data parses the data of an operation.
func (op *bulkOp) data() (schema.Object, error) {
	v, err := schema.Parse(op.raw)
	if err != nil {
		return nil, err
	}
	in, _ := v.(schema.Object)
	data, _ := member(in, "data").(schema.Object)
	return data, nil
}
