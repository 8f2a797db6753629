package server

import (
	"context"
	"net/http"
	"strconv"

	"github.com/muster-id/muster/scim"
)

// bulk is POST on /Bulk (RFC 7644 §3.7).
//
//	read ─▶ order ─▶ slices: prepare ─▶ Service.Do ─▶ results ─▶ answer
//
// The request is read and checked as a whole before anything is carried out (bulkread.go). Operations are put
// into an order in which each comes after those whose resources it refers to (bulkorder.go), and carried out in slices,
// the next of which is prepared while the store is busy with one (bulkjob.go). The answer lists what
// was carried out, in the order of the request.
//
// Each operation is atomic by itself and has the outcome that the same request alone would have had at its place.
func (c *call) bulk() error {
	req, err := c.readBulk()
	if err != nil {
		return err
	}
	if wait, wanted := c.asksAsync(); wanted {
		if run := c.Jobs.begin(c, req); run != nil {
			return c.answerAsync(run, wait)
		}
	}
	j := newBulkJob(c, req)
	if err := j.run(c.r.Context()); err != nil {
		return err
	}
	return c.answerBulk(j.results)
}

// bulkResult is what became of one operation (RFC 7644 §3.7.3).
type bulkResult struct {
	done     bool // carried out, or refused; else failOnErrors kept it from happening and it is not reported
	method   string
	bulkID   string
	endpoint string // of the resource type; empty: the path was refused
	id       string // of the resource; empty: there is none
	version  string
	status   int
	err      *scim.Error
}

// answerBulk writes the results in the order of the request.
func (c *call) answerBulk(results []bulkResult) error {
	c.buf = append(c.buf, `{"schemas":["`+scim.BulkResponseMessage+`"],"Operations":[`...)
	first := true
	for i := range results {
		if !results[i].done {
			continue
		}
		if !first {
			c.buf = append(c.buf, ',')
		}
		first = false
		c.buf = results[i].append(c.buf, c.svc.Base)
		if err := c.spill(); err != nil {
			return err
		}
	}
	c.buf = append(c.buf, "]}"...)
	return c.finish()
}

// append appends a result as JSON. The body of a resource is left out (P-B-24), a location is there wherever
// there is something to locate (P-B-21).
func (r *bulkResult) append(dst []byte, base string) []byte {
	dst = append(dst, '{')
	if r.endpoint != "" && r.id != "" {
		dst = appendString(append(dst, `"location":`...), base+r.endpoint+"/"+escapeID(r.id))
		dst = append(dst, ',')
	}
	dst = appendString(append(dst, `"method":`...), r.method) // empty if there was none
	if r.bulkID != "" {
		dst = appendString(append(dst, `,"bulkId":`...), r.bulkID)
	}
	if r.version != "" {
		dst = appendString(append(dst, `,"version":`...), tag(r.version))
	}
	dst = strconv.AppendInt(append(dst, `,"status":"`...), int64(r.status), 10) // a string (AMB-32)
	dst = append(dst, '"')
	if r.err != nil {
		dst = appendError(append(dst, `,"response":`...), r.err)
	}
	return append(dst, '}')
}

// oneByOne carries out ops for a Service without Do: in order, each by the store of its type.
func (s *Service) oneByOne(ctx context.Context, ops []Op) []Result {
	results := make([]Result, len(ops))
	for i := range ops {
		results[i] = s.one(ctx, &ops[i])
		if ops[i].Decided != nil {
			ops[i].Decided(results[i].Err)
		}
	}
	return results
}

func (s *Service) one(ctx context.Context, op *Op) (r Result) {
	if op.Proceed != nil {
		if r.Err = op.Proceed(); r.Err != nil {
			return r
		}
	}
	store := s.Stores[op.Type]
	switch {
	case op.Create != nil:
		r.Resource, r.Err = store.Create(ctx, op.Create, op.Dialect)
	case op.Edit != nil:
		r.Resource, r.Err = store.Update(ctx, op.ID, op.Edit)
	default:
		r.Err = store.Delete(ctx, op.ID, *op.Delete)
	}
	return r
}

// statusOf is the status that an operation has when it succeeds.
func statusOf(e *endpoint, method string) int {
	switch {
	case method == http.MethodPost:
		return http.StatusCreated
	case method == http.MethodDelete, method == http.MethodPatch && e.isQuiet():
		return http.StatusNoContent
	}
	return http.StatusOK
}
