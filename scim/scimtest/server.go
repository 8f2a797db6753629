package scimtest

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// prefix is where a Server serves SCIM; its second tenant is below /other.
const prefix = "/scim/v2"

// Options changes what a Server is. The zero value is a service provider of users and groups as Okta, Entra ID and
// their like expect it, which does everything that it can.
type Options struct {
	// Profile says what it forgives and how it chooses where the RFC leaves a choice. Defaults to scim.Compat.
	Profile scim.Profile
	// Schemas are its resource types. Defaults to schema.Core.
	Schemas *schema.Set
	// Features are what its stores can do. Defaults to everything.
	Features *server.Features
	// Limits bounds requests. Defaults to those of server.Limits.
	Limits server.Limits
	// Faults are the names of the faults that it has from the start, see Faults. Defaults to none.
	Faults []string
	// Alter, if set, may change the service of each tenant before it is served: hooks, /Me.
	Alter func(*server.Service)
}

// Server is a service provider in memory behind real HTTP on the loopback interface. It is safe for concurrent use.
type Server struct {
	// Tenant is the one that the embedded URL and Token are of.
	Tenant
	// Other is a second tenant of the same server, with a token, users and groups of its own.
	Other Tenant

	http *httptest.Server

	mu      sync.Mutex // guards what follows
	front   http.Handler
	log     []*Request
	scripts []*script
}

// Tenant is one directory of a Server.
type Tenant struct {
	URL     string // base URL without trailing slash
	Token   string // to be sent as bearer token
	Service *server.Service
	Memory  *Memory

	handler http.Handler
}

// New starts a server, which is closed when the test ends. A fault that there is not ends the test.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Start starts a server outside of a test. Its owner calls Close.
func Start(o Options) (*Server, error) {
	if o.Profile.Name == "" {
		o.Profile = scim.Compat()
	}
	s := &Server{}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	s.Tenant = newTenant(s.http.URL+prefix, prefix, o)
	s.Other = newTenant(s.http.URL+"/other"+prefix, "/other"+prefix, o)
	if err := s.Misbehave(o.Faults...); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close stops the server and waits for its requests.
func (s *Server) Close() { s.http.Close() }

// Client returns an HTTP client for the server, which follows redirects but sends no token by itself.
func (s *Server) Client() *http.Client { return s.http.Client() }

func newTenant(url, path string, o Options) Tenant {
	set := o.Schemas
	if set == nil {
		set = coreSet(o.Profile)
	}
	features := server.Features{Versions: true, Sort: true, Cursors: true}
	if o.Features != nil {
		features = *o.Features
	}
	m := NewMemory(set)
	t := Tenant{
		URL: url, Token: rand.Text(), Memory: m,
		Service: &server.Service{Base: url, Schemas: set, Profile: o.Profile, Subject: url, Stores: m.StoresWith(features)},
	}
	if o.Alter != nil {
		o.Alter(t.Service)
	}
	open := server.Bearer(server.Static(t.Service), t.Token)
	t.handler = server.Handler(open, server.Options{Prefix: path, Limits: o.Limits})
	return t
}

// Misbehave gives the server these faults instead of those that it has; without names it is well again. The first is
// nearest to the client. What the memory holds stays.
func (s *Server) Misbehave(names ...string) error {
	faults, err := findFaults(names)
	if err != nil {
		return err
	}
	var q quirks
	for _, f := range faults {
		if f.quirk != nil {
			f.quirk(&q)
		}
	}
	own, other := s.behind(faults, &s.Tenant, &s.Other), s.behind(faults, &s.Other, &s.Tenant)
	s.Memory.setQuirks(q)
	s.Other.Memory.setQuirks(q)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.front = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/other/") {
			other.ServeHTTP(w, r)
			return
		}
		own.ServeHTTP(w, r)
	})
	return nil
}

// behind returns the handler of a tenant behind faults.
func (s *Server) behind(faults []Fault, own, other *Tenant) http.Handler {
	h := own.handler
	for i := len(faults) - 1; i >= 0; i-- {
		f, next := &faults[i], h
		if f.across == nil {
			h = f.handler(h)
			continue
		}
		h = behave(func(x *exchange, pass func()) {
			f.across(x, pass, tenants{own: own, other: other})
		}).handler(next)
	}
	return h
}

// serve answers a request: a script if one is for it, else what Misbehave has left of the server.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w}
	entry := s.note(r)
	defer func() { s.noteStatus(entry, cmp.Or(rec.status, http.StatusOK)) }()
	s.mu.Lock()
	front := s.front
	if h := s.scripted(r); h != nil {
		front = h
	}
	s.mu.Unlock()
	front.ServeHTTP(rec, r)
}
