package directory

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

// owns refuses a write to what another source of the tenant has created (B07): it may be seen and named, not changed.
func (c Caller) owns(r *store.Resource) error {
	if r.Source == c.Source {
		return nil
	}
	return scim.Errorf(http.StatusForbidden, "another source owns this %s; only that one can change or delete it", r.Type)
}

// translate makes of an error of the store what a client is told. It is the only place
// that does. What it does not know is a fault of ours and passes: the server answers 500
// with an id.
func translate(err error) error {
	answer := &scim.Error{Status: http.StatusServiceUnavailable, RetryAfter: time.Second, Err: err}
	switch {
	case err == nil:
		return nil
	case scim.AsError(err) != nil:
		return err
	case errors.Is(err, store.ErrNotFound):
		answer.Status, answer.RetryAfter, answer.Detail = http.StatusNotFound, 0, "resource not found"
	case errors.Is(err, store.ErrFull):
		answer.Status, answer.RetryAfter = http.StatusInsufficientStorage, 0
		answer.Detail = "the disk of the server is full; nothing was stored"
	case errors.Is(err, store.ErrAudit):
		answer.Detail = "what is written cannot be recorded at the moment; nothing was stored, try again"
	case errors.Is(err, store.ErrUnknown):
		answer.Detail = "the database did not answer; a write may have been stored, read before you repeat it"
	case errors.Is(err, store.ErrUnavailable):
		answer.Detail = "the database cannot be reached; nothing was stored, try again"
	case errors.Is(err, store.ErrLong):
		return scim.BadRequest(scim.InvalidValue, "an indexed value, such as userName or the value of an email, is too long: at most 2,600 bytes fit the index")
	case errors.Is(err, store.ErrBusy):
		answer.Detail = "too many writes are waiting; nothing was stored, try again"
	case errors.Is(err, store.ErrGeneration):
		answer.Detail = "the schemas have just changed; nothing was stored, try again"
	case errors.Is(err, store.ErrPosition):
		// A cursor is sealed: only one of an older version has a position that is none.
		return scim.BadRequest(scim.InvalidCursor, "the cursor is not valid for this request; begin again without one")
	case errors.Is(err, store.ErrLongKey):
		return server.LongPosition()
	case errors.Is(err, store.ErrSearches):
		answer.Detail = "too many searches without an index are under way; try again"
	case errors.Is(err, store.ErrCostly):
		answer.Status, answer.Type, answer.RetryAfter = http.StatusBadRequest, scim.TooMany, 0
		answer.Detail = "the search looks at too much; filter by an indexed attribute, such as userName eq"
	case errors.Is(err, store.ErrClosed):
		answer.Detail = "the server is stopping; try again"
	case errors.Is(err, context.DeadlineExceeded):
		answer.Detail = "no answer in time; a write may have been stored, read before you repeat it"
	default:
		return err
	}
	return answer
}
