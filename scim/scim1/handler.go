package scim1

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/internal/body"
	"github.com/muster-id/muster/scim/server"
)

// translated is how much larger than its 1.1 form the 2.0 form of a body may be: a bare
// value becomes an object, an element an operation with a path.
const translated = 4

// Handler returns the SCIM 1.1 face of the service provider that open opens for each
// request. The Base of its Service is the URL of this face ("https://…/scim/v1"), from
// which locations are made.
//
// The profile is scim.SCIM1, whatever open says; of the one that open gives only
// scim.NeedVersion and scim.NewerFilter count, which are about 1.1 alone. opts are those
// of server.Handler and mean the same.
func Handler(open server.Open, opts server.Options) http.Handler {
	h := &handler{open: open, prefix: strings.TrimSuffix(opts.Prefix, "/"), log: opts.Log}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	// The limits hold for what a client sends: here. The server gets more of it.
	l := &opts.Limits
	h.body, h.large = cmp.Or(l.Body, 2<<20), cmp.Or(l.LargeBody, 10<<20)
	h.budget.Max = cmp.Or(l.BodiesInFlight, 256<<20)
	l.Body, l.LargeBody, l.BodiesInFlight = translated*h.body, translated*h.large, translated*h.budget.Max
	h.inner = server.Handler(reopen, opts)
	return h
}

type handler struct {
	open   server.Open
	inner  http.Handler
	prefix string
	log    *slog.Logger
	body   int64 // limit of a request body in bytes
	large  int64 // the same for groups and bulk
	budget body.Budget
}

// opened is what open returned for a request. The server gets it by the context: a
// request is translated with the schemas that it is answered with.
type opened struct {
	svc *server.Service
	err error
}

type openedKey struct{}

// reopen is the server.Open of the server behind a handler.
func reopen(r *http.Request) (*server.Service, error) {
	o := r.Context().Value(openedKey{}).(opened)
	return o.svc, o.err
}

// exchange is one request and its answer.
type exchange struct {
	*handler
	w     http.ResponseWriter
	svc   *server.Service // nil: the caller is not let in
	d     *scim.Dialect
	at    place
	taken int64 // what the body holds of the budget
}

// ServeHTTP translates one request, has it answered and translates the answer.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchange{handler: h, w: w}
	defer func() { h.budget.Give(x.taken) }()
	in, err := x.request(r)
	if e := scim.AsError(err); e != nil {
		x.refuse(e)
		return
	}
	x.answer(in)
}

// let opens the service and puts the profile of 1.1 in the place of the caller's.
func (x *exchange) let(r *http.Request) *http.Request {
	svc, err := x.open(r)
	if err == nil {
		own := *svc
		svc = &own
		p := scim.SCIM1()
		for _, s := range []scim.Switch{scim.NeedVersion, scim.NewerFilter} {
			if own.Profile.Switches.Has(s) {
				p.Switches = p.Switches.With(s)
			}
		}
		svc.Profile, x.svc, x.d = p, svc, scim.NewDialect(p)
	}
	return r.WithContext(context.WithValue(r.Context(), openedKey{}, opened{svc, err}))
}
