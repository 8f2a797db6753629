package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/internal/body"
)

// Options changes how a handler works. The zero value is ready for use.
type Options struct {
	// Prefix is what the path of every request begins with ("/scim/v2"). Defaults to none, for a
	// handler behind http.StripPrefix.
	Prefix string
	// Limits bounds requests. Defaults to those of Limits.
	Limits Limits
	// Log takes what needs an operator: answers of status 500 and cut off answers. Defaults to
	// slog.DiscardHandler.
	Log *slog.Logger
	// NewID makes the id that links an answer of status 500 to its log line; a server that gives
	// requests an id returns that. Defaults to 128 random bits.
	NewID func(context.Context) string
	// Realm is named in WWW-Authenticate. Defaults to "scim".
	Realm string
	// DocumentationURI is published in ServiceProviderConfig. Defaults to none.
	DocumentationURI string
	// PrivateDiscovery asks for credentials for ServiceProviderConfig too, which RFC 7643 §5 would
	// have readable without. Defaults to false.
	PrivateDiscovery bool
	// CursorKey seals cursors (RFC 9865): 32 bytes that all nodes of a service share and that stay over a restart. Any other
	// number of bytes panics. Defaults to a key of the handler's own, with which its cursors end.
	CursorKey []byte
	// CursorAge is how long a cursor may be used; it is advertised as pagination.cursorTimeout, in whole seconds. Defaults
	// to 1 h.
	CursorAge time.Duration
	// Jobs, if set, takes bulk requests that are to be answered before they are carried out (RFC 9967). Whoever made it
	// stops it. Defaults to none: such requests are carried out while the client waits, which it has to be ready for.
	Jobs *Jobs
}

// Handler returns the service provider that open opens for each request.
func Handler(open Open, opts Options) http.Handler {
	h := &handler{open: open, Options: opts}
	h.Limits = opts.Limits.withDefaults()
	h.budget.Max = h.Limits.BodiesInFlight
	h.Prefix = strings.TrimSuffix(opts.Prefix, "/")
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	if h.NewID == nil {
		h.NewID = func(context.Context) string {
			var b [16]byte
			rand.Read(b[:]) // never fails
			return hex.EncodeToString(b[:])
		}
	}
	if h.Realm == "" {
		h.Realm = "scim"
	}
	if h.CursorAge <= 0 {
		h.CursorAge = time.Hour
	}
	h.cursors = newSealer(opts.CursorKey, h.CursorAge)
	return h
}

type handler struct {
	Options
	open    Open
	budget  body.Budget
	cursors *sealer
}

// call is one request on its way.
type call struct {
	*handler
	output
	r   *http.Request
	svc *Service
	d   *scim.Dialect

	plain []*view // see view

	// taken is what the body of this request holds of the budget.
	taken int64
}

var calls = sync.Pool{New: func() any { return new(call) }}

// ServeHTTP answers one request. A panic becomes a 500 with an id; if the answer had
// already begun the connection is cut, so that nobody takes half of it for the whole.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := calls.Get().(*call)
	c.handler, c.r = h, r
	c.begin(w)
	defer func() {
		p := recover()
		if p != nil && p != http.ErrAbortHandler { //nolint:errorlint // a sentinel compared as net/http does
			p = c.panicked(p)
		}
		if c.taken > 0 {
			h.budget.Give(c.taken)
		}
		c.release()
		if p != nil {
			panic(p)
		}
	}()
	if err := c.serve(); err != nil {
		c.fail(err)
	}
}

// serve authenticates and answers, or returns what is to be answered.
func (c *call) serve() error {
	if c.r.Method != http.MethodDelete { // which answers without a body
		if err := c.negotiate(c.r.Header); err != nil {
			if _, async := c.asksAsync(); !async || !strings.HasSuffix(c.r.URL.Path, "/Bulk") {
				return err
			}
			c.json = scimJSON // EVT-16: the answer to expect has no body
		}
	}
	segments, err := c.split()
	if err != nil {
		return err
	}
	svc, err := c.handler.open(c.r)
	if err != nil {
		if c.isPublic(segments, err) {
			return c.serviceProviderConfig(svc)
		}
		return err
	}
	c.svc, c.d = svc, scim.NewDialect(svc.Profile)
	err = c.route(segments)
	if svc.Used != nil {
		svc.Used(c.d.Used())
	}
	return err
}

// release gives the call back to the pool, without anything of the request.
func (c *call) release() {
	out := c.output.reset()
	*c = call{output: out, plain: c.plain}
	calls.Put(c)
}
