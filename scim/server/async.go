package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// JobOptions bounds Jobs. A zero field means its default.
type JobOptions struct {
	// Running is how many jobs run at once. Above it a request is carried out while its client waits. Defaults to 4.
	Running int
	// Operations is of how many operations the outcomes are kept, over all jobs; the oldest job that
	// has ended goes first. Defaults to 100,000, some 20 MiB.
	Operations int
	// Age is how long the outcome of a job is kept after its end. Defaults to 1 h.
	Age time.Duration
	// Advertise publishes securityEvents in ServiceProviderConfig (RFC 9967 §4, a MAY). Defaults to false: of the clients in
	// use, scim2-client and the UnboundID SCIM 2 SDK refuse a whole configuration for an attribute that they do not
	// know, and so never get to their first request.
	Advertise bool
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
}

// Jobs are bulk requests that run on after they were answered (RFC 9967 §2.5.1): those with Prefer: respond-async. With
// Options.Jobs a handler takes such requests; one Jobs may serve several handlers.
//
// A job and its outcome live in memory. What it has carried out when the process ends is as lasting as after
// any request, but nobody can tell its client: GET on its Location is then 404, and the client reads
// the resources to see what is there.
type Jobs struct {
	opts JobOptions

	mu      sync.Mutex
	jobs    map[string]*asyncJob
	order   []*asyncJob // as they began
	running int
	kept    int // operations of jobs
	closed  bool

	cut int // jobs that had no more time

	wg sync.WaitGroup
}

// NewJobs returns Jobs without any. Stop ends what they do.
func NewJobs(o JobOptions) *Jobs {
	if o.Running <= 0 {
		o.Running = 4
	}
	if o.Operations <= 0 {
		o.Operations = 100_000
	}
	if o.Age <= 0 {
		o.Age = time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Jobs{opts: o, jobs: make(map[string]*asyncJob)}
}

// Stop takes no more jobs and waits for those that run. When ctx ends they are cut off between two slices, and an
// error tells how many.
func (js *Jobs) Stop(ctx context.Context) error {
	js.mu.Lock()
	js.closed = true
	js.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		js.wg.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		js.mu.Lock()
		for _, a := range js.order {
			a.cancel()
		}
		js.mu.Unlock()
		<-done
	}
	js.mu.Lock()
	defer js.mu.Unlock()
	if js.cut > 0 {
		return fmt.Errorf("%d asynchronous bulk requests were cut off", js.cut)
	}
	return nil
}

// asyncJob is one job.
type asyncJob struct {
	txn     string
	subject string
	job     *bulkJob
	began   time.Time
	cancel  context.CancelFunc
	done    chan struct{} // closed at the end; results and ended may be read from then on
	ended   time.Time
	issuer  string // base URL
}

// begin starts a job; nil if there is no room for it.
func (js *Jobs) begin(c *call, req *bulkRequest) *asyncJob {
	var random [16]byte
	rand.Read(random[:]) // never fails
	a := &asyncJob{
		txn: hex.EncodeToString(random[:]), subject: c.svc.Subject, issuer: c.svc.Base,
		began: js.opts.Now(), done: make(chan struct{}),
	}
	js.mu.Lock()
	defer js.mu.Unlock()
	js.expire()
	if js.closed || js.running == js.opts.Running || !js.room(len(req.ops)) {
		return nil
	}
	js.running++
	js.kept += len(req.ops)
	js.jobs[a.txn] = a
	js.order = append(js.order, a)

	// A call of its own: that of the request goes back to the pool once it is answered, and its context ends.
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.r.Context()))
	a.cancel = cancel
	own := &call{handler: c.handler, r: c.r.WithContext(ctx), svc: c.svc, d: scim.NewDialect(c.svc.Profile), taken: c.taken}
	c.taken = 0 // the body stays in memory until the job ends
	for _, op := range req.ops {
		op.call = own
	}
	a.job = newBulkJob(own, req)
	js.wg.Go(func() {
		defer cancel()
		js.run(ctx, a)
	})
	return a
}

// run carries out a job. What a panic leaves undone is reported as failed.
func (js *Jobs) run(ctx context.Context, a *asyncJob) {
	j := a.job
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return j.run(ctx)
	}()
	if err != nil {
		j.giveUp(err)
	}
	if j.svc.Used != nil {
		j.svc.Used(j.d.Used())
	}
	j.budget.Give(j.taken)

	js.mu.Lock()
	defer js.mu.Unlock()
	js.running--
	if errors.Is(err, context.Canceled) {
		js.cut++
		j.Log.LogAttrs(ctx, slog.LevelWarn, "asynchronous bulk request cut off", slog.String("txn", a.txn), slog.Int("operations", len(j.ops)))
	}
	a.ended = js.opts.Now()
	j.release()
	close(a.done)
}

// giveUp reports what was not carried out because of an error.
func (j *bulkJob) giveUp(err error) {
	e := j.explain(err)
	for i, op := range j.ops {
		if j.results[i].done || j.failed[i] {
			continue
		}
		out := bulkResult{done: true, method: op.method, bulkID: op.bulkID, id: op.id, status: e.Status, err: e}
		if op.typ != nil {
			out.endpoint = op.typ.Endpoint
		}
		j.results[i] = out
	}
}

// release lets go of everything but the results.
func (j *bulkJob) release() {
	*j = bulkJob{results: j.results}
}

// expire forgets the jobs that ended long ago.
func (js *Jobs) expire() {
	old := js.opts.Now().Add(-js.opts.Age)
	js.forget(func(a *asyncJob) bool { return a.ended.Before(old) })
}

// room makes room for the outcomes of so many operations and reports whether there is.
func (js *Jobs) room(n int) bool {
	js.forget(func(*asyncJob) bool { return js.kept+n > js.opts.Operations })
	return js.kept+n <= js.opts.Operations
}

// forget drops the jobs that have ended and for which drop is true, the oldest first.
func (js *Jobs) forget(drop func(*asyncJob) bool) {
	js.order = slices.DeleteFunc(js.order, func(a *asyncJob) bool {
		if a.ended.IsZero() || !drop(a) {
			return false
		}
		js.kept -= len(a.job.results)
		delete(js.jobs, a.txn)
		return true
	})
}

// find returns the job of a subject, or nil.
func (js *Jobs) find(txn, subject string) *asyncJob {
	js.mu.Lock()
	defer js.mu.Unlock()
	js.expire()
	if a := js.jobs[txn]; a != nil && a.subject == subject {
		return a
	}
	return nil
}

// maxWait is the longest that a client may have wait be.
const maxWait = 20 * time.Second

// asksAsync reports whether the client prefers an answer before the request is carried out, and how long it waits for
// the other one (RFC 7240 §4.1, §4.3).
func (c *call) asksAsync() (wait time.Duration, wanted bool) {
	if c.Jobs == nil {
		return 0, false
	}
	for _, line := range c.r.Header["Prefer"] {
		for item := range strings.SplitSeq(line, ",") {
			item, _, _ = strings.Cut(item, ";")
			name, value, _ := strings.Cut(item, "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "respond-async":
				wanted = true
			case "wait":
				if n, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`)); err == nil && n > 0 {
					wait = min(time.Duration(n)*time.Second, maxWait)
				}
			}
		}
	}
	return wait, wanted
}

// answerAsync answers with the results if they are there in time, else with 202 and the way to them.
func (c *call) answerAsync(a *asyncJob, wait time.Duration) error {
	if a.within(c.r.Context(), wait) {
		return c.answerBulk(a.job.results)
	}
	h := c.w.Header()
	h["Set-Txn"] = []string{a.txn}
	h["Preference-Applied"] = []string{"respond-async"}
	h["Location"] = []string{c.svc.Base + "/Bulk/" + a.txn}
	c.empty(http.StatusAccepted)
	return nil
}

// within reports whether the job ends in that time. Who does not wait is not told by accident.
func (a *asyncJob) within(ctx context.Context, wait time.Duration) bool {
	if wait == 0 {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-a.done:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// outcome answers GET on the Location of a 202: 202 as long as the job runs, then the completion events of its
// operations (RFC 9967 §2.5.1.3). They are the claims of the security event tokens that a
// stream would carry, not signed: the connection vouches for them.
func (c *call) outcome(txn string) error {
	a := c.Jobs.find(txn, c.svc.Subject)
	if a == nil {
		return scim.NotFound(txn)
	}
	select {
	case <-a.done:
	default:
		h := c.w.Header()
		h["Set-Txn"] = []string{a.txn}
		h["Retry-After"] = []string{"1"}
		c.empty(http.StatusAccepted)
		return nil
	}
	c.json = plainJSON // a message that SCIM has no schema for
	c.buf = appendString(append(c.buf, `{"txn":`...), a.txn)
	c.buf = append(c.buf, `,"sets":[`...)
	first := true
	for i := range a.job.results {
		if !a.job.results[i].done {
			continue
		}
		if !first {
			c.buf = append(c.buf, ',')
		}
		first = false
		c.buf = a.appendEvent(c.buf, i)
		if err := c.spill(); err != nil {
			return err
		}
	}
	c.buf = append(c.buf, "]}"...)
	return c.finish()
}

// asyncResponse is the URI of the event that an asynchronous operation has ended with.
const asyncResponse = "urn:ietf:params:scim:event:misc:asyncresp"

// appendEvent appends the completion event of an operation. txn ends with its index in the request, from 0 (EVT-24).
func (a *asyncJob) appendEvent(dst []byte, i int) []byte {
	r := &a.job.results[i]
	txn := a.txn + ":" + strconv.Itoa(i)
	dst = appendString(append(dst, `{"iss":`...), a.issuer)
	dst = strconv.AppendInt(append(dst, `,"iat":`...), a.ended.Unix(), 10)
	dst = appendString(append(dst, `,"jti":`...), txn)
	dst = appendString(append(dst, `,"txn":`...), txn)
	if r.endpoint != "" {
		uri := r.endpoint
		if r.id != "" {
			uri += "/" + escapeID(r.id)
		}
		dst = appendString(append(dst, `,"sub_id":{"format":"scim","uri":`...), uri)
		dst = append(dst, '}')
	}
	dst = append(dst, `,"events":{"`+asyncResponse+`":`...)
	return append(r.append(dst, a.issuer), "}}"...)
}

// securityEvents describes asynchronous requests in ServiceProviderConfig (RFC 9967 §4).
func securityEvents() schema.Object {
	return schema.Object{"asyncRequest": "request", "eventUris": []any{asyncResponse}}
}
