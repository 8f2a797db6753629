package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/id"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/telemetry"
	"github.com/muster-id/muster/internal/transport"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/scim1"
	"github.com/muster-id/muster/scim/server"
)

// The times and sizes of connections. The feed over the command socket may be followed for ever, so
// that listener has no limit on writing.
const (
	headerTimeout  = 5 * time.Second
	bodyTimeout    = 30 * time.Second
	requestTimeout = 60 * time.Second
	idleTimeout    = 120 * time.Second
	maxHeaderBytes = 64 << 10
	maxStreams     = 250 // of one connection, at once
)

// serve answers on the listener until Stop.
func (a *App) serve(l listener) {
	base, cancel := context.WithCancel(context.Background())
	s := &http.Server{
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		TLSConfig:         l.tls,
		Handler:           l.handler(),
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	follows := l.name == "command" // whoever follows the feed is sent away, the others may end
	if !follows {
		s.WriteTimeout = requestTimeout
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var err error
		if l.tls != nil {
			err = s.ServeTLS(l.Listener, "", "")
		} else {
			err = s.Serve(l.Listener)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			a.failed <- err
		}
	}()
	a.onStop("stop "+l.name+" listener", func(ctx context.Context) error {
		if follows {
			cancel()
		}
		err := s.Shutdown(ctx)
		if err != nil {
			err = errors.Join(err, s.Close())
		}
		cancel()
		<-done
		return err
	})
}

// Nothing that is served is a page, so no browser may show it as one or tell where it came from (F03).
// The values are shared: nobody alters them.
var (
	noPage     = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer = []string{"no-referrer"}
	noPlain    = []string{"max-age=31536000"}
	closing    = []string{"close"}
)

// handler is everything on the SCIM listener.
func (a *App) handler() http.Handler {
	options := server.Options{
		Prefix: Prefix,
		Limits: a.o.Limits,
		Log:    a.log,
		NewID:  telemetry.RequestID,
		Realm:  "muster",
		Jobs:   a.jobs,

		CursorKey: a.cursorKey,
	}
	provider := server.Handler(a.open, options)
	options.Prefix, options.Jobs = Prefix1, nil // SCIM 1.1 knows no asynchronous requests
	provider1 := scim1.Handler(a.open1, options)
	options.Prefix, options.Jobs = unversioned, a.jobs
	newest := server.Handler(a.open, options)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Content-Security-Policy"], h["Referrer-Policy"] = noPage, noReferrer
		if a.encrypted {
			h["Strict-Transport-Security"] = noPlain
		}
		if a.draining.Load() {
			// Whoever keeps a connection would meet its end in the middle of the next request.
			h["Connection"] = closing
		}
		at := a.hosted(r)
		if to, name := named(r); to != nil {
			r, at = to, name
		}
		switch path := r.URL.Path; {
		case path == Prefix || strings.HasPrefix(path, Prefix+"/"):
			a.observed(provider, w, r, at)
		case path == Prefix1 || strings.HasPrefix(path, Prefix1+"/"):
			a.observed(provider1, w, r, at)
		case path == unversioned || strings.HasPrefix(path, unversioned+"/"):
			a.observed(newest, w, r, at)
		case a.oauthPath(w, r, at):
		case at.name != "":
			answer(w, http.StatusNotFound, "text/plain; charset=utf-8", []byte("Muster: SCIM of a tenant is served below "+tenantPrefix+"NAME"+Prefix+"\n"))
		case path == "/healthz":
			a.health(w, r, nil)
		case path == "/readyz":
			a.health(w, r, a.notReady(r.Context()))
		default:
			answer(w, http.StatusNotFound, "text/plain; charset=utf-8", []byte("Muster: SCIM is served below "+Prefix+", SCIM 1.1 below "+Prefix1+"\n"))
		}
	})
}

// observed gives a request its id, and its log line and figures afterwards.
func (a *App) observed(h http.Handler, w http.ResponseWriter, r *http.Request, at place) {
	began := time.Now()
	rid := id.New()
	w.Header().Set("X-Request-Id", rid)
	seen := &statusWriter{ResponseWriter: w}
	q := &request{Request: telemetry.Request{ID: rid, Client: a.clientOf(r)}, place: at}
	ctx := context.WithValue(telemetry.WithRequest(r.Context(), &q.Request), requestKey{}, q)
	h.ServeHTTP(seen, r.WithContext(ctx))
	took := time.Since(began)
	if seen.status == 0 {
		seen.status = http.StatusOK
	}
	method, resource := r.Method, resourceOf(r.URL.Path)
	if !known(method) {
		method = "other"
	}
	a.metrics.Request(method, resource, seen.status, took)
	a.refused(q, method, resource, seen.status)
	level := slog.LevelDebug // reads are many, and nothing happened
	if method != http.MethodGet || seen.status >= http.StatusBadRequest {
		level = slog.LevelInfo
	}
	if a.log.Enabled(ctx, level) {
		// The query stays out: filters hold names.
		a.log.LogAttrs(ctx, level, "request", slog.String("method", method), slog.String("path", r.URL.Path),
			slog.Int("status", seen.status), slog.Duration("took", took))
	}
}

func known(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	}
	return false
}

// resourceOf names what a path is about, with a bounded number of names.
func resourceOf(path string) string {
	for _, prefix := range []string{Prefix, Prefix1, unversioned} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			path = rest
			break
		}
	}
	endpoint, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch strings.TrimSuffix(endpoint, ".json") { // as SCIM 1.1 may have it
	case "Users":
		return "User"
	case "Groups":
		return "Group"
	case "Bulk":
		return "Bulk"
	case "ServiceProviderConfig", "ServiceProviderConfigs", "ResourceTypes", "Schemas":
		return "discovery"
	case "oauth", ".well-known":
		return "oauth"
	}
	return "other"
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// open is the service as the caller of a request sees it.
func (a *App) open(r *http.Request) (*server.Service, error) {
	q := requestOf(r.Context())
	tenant, base, err := a.tenant(r.Context(), q.place)
	q.tenant = max(tenant, store.System)
	q.root = base
	base += Prefix
	if err != nil {
		return &server.Service{Base: base}, err
	}
	p, err := a.authenticate(r, tenant)
	if err != nil {
		// ServiceProviderConfig is answered without credentials too, with its location.
		return &server.Service{Base: base}, a.denied(q, err)
	}
	q.who = p
	if !a.o.NoAccess {
		if err := a.pace(r.Context(), &p); err != nil {
			return &server.Service{Base: base}, err
		}
		a.usage.Note(&p, addrOf(q))
	}
	profile, ok := scim.ProfileByName(p.Profile)
	if !ok {
		profile = scim.Compat()
	}
	caller := directory.Caller{Tenant: p.Tenant, Source: p.Source, Actor: p.TokenID}
	dir, err := a.schemas.Directory(r.Context(), p.Tenant) // the request stays with the schemas that are in force now
	if err != nil {
		return &server.Service{Base: base}, err
	}
	if need := permission(dir.Set(), r.Method, r.URL.Path); !p.Scopes.Allow(need) {
		return &server.Service{Base: base}, insufficient(need)
	}
	svc := &server.Service{
		Base:    base,
		Schemas: dir.Set(),
		Profile: profile,
		Subject: p.Subject(),
		Stores:  dir.Stores(caller),
		Do: func(ctx context.Context, ops []server.Op) []server.Result {
			return dir.Do(ctx, caller, ops)
		},
		NewID: dir.NewID,
		Used: func(used scim.Switches) {
			if used == 0 {
				return
			}
			a.uses.count(p.TokenID, used)
			for s := range used.All() {
				a.metrics.Switch(p.SourceName, s.String())
			}
		},
	}
	scoped(svc, p.Scopes)
	if p.User != "" {
		return a.personal(r.Context(), p, dir, svc)
	}
	return svc, nil
}

// authenticate tells who a request is from.
func (a *App) authenticate(r *http.Request, t store.Tenant) (access.Principal, error) {
	if a.o.NoAccess {
		return access.Principal{Tenant: store.Default, Source: store.DefaultSource, SourceName: defaultTenant, TokenID: "measured", Scopes: access.Scopes{access.ScopeAll}}, nil
	}
	return a.auth.Request(r, t, addrOf(requestOf(r.Context())), transport.Thumbprint(r))
}

// open1 is the same for a request of SCIM 1.1.
func (a *App) open1(r *http.Request) (*server.Service, error) {
	svc, err := a.open(r)
	if svc != nil {
		svc.Base = strings.TrimSuffix(svc.Base, Prefix) + Prefix1
	}
	return svc, err
}

// denied is the one place where a failed authentication becomes a SCIM error.
func (a *App) denied(q *request, err error) error {
	e, ok := errors.AsType[*access.Error](err)
	if !ok {
		return err
	}
	a.metrics.Denied(string(e.Reason))
	q.reason = string(e.Reason)
	answer := &scim.Error{Status: e.Status, Detail: e.Detail(), RetryAfter: e.RetryAfter, Err: e}
	if e.Status == http.StatusUnauthorized {
		answer.Challenge = a.challenge(q, e)
	}
	return answer
}

// request is what is learned of a request while it is answered.
type request struct {
	telemetry.Request
	place  place
	root   string       // URL of the tenant, without /scim/v2
	tenant store.Tenant // store.System: of no tenant that is known
	who    access.Principal
	reason string // why it was not authenticated
}

type requestKey struct{}

// requestOf returns the request that a context serves.
func requestOf(ctx context.Context) *request {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		return q
	}
	return &request{}
}

// clientOf returns the address of the client.
func (a *App) clientOf(r *http.Request) string {
	if addr := a.proxies.Client(r); addr.IsValid() {
		return addr.String()
	}
	return ""
}

// refused tells the audit of an attempt that was refused: credentials, rights, limits, and every write. A read of what is not
// there is none.
func (a *App) refused(q *request, method, resource string, status int) {
	if a.o.NoAudit {
		return
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
	default:
		if status < http.StatusBadRequest || method == http.MethodGet || method == http.MethodHead {
			return
		}
	}
	reason := q.reason
	if reason == "" {
		reason = strings.ToLower(http.StatusText(status))
	}
	a.audit.Refused(audit.Refusal{
		Tenant: q.tenant, Status: status, Reason: reason, Actor: q.who.TokenID, Source: q.who.Source,
		Address: q.Client, Method: method, Type: resource,
	}, q.ID)
}

// notReady says why the hub is not ready, or nil.
func (a *App) notReady(ctx context.Context) error {
	if a.draining.Load() {
		return errors.New("draining: the hub is about to stop")
	}
	if !a.ready.Load() {
		return errors.New("starting or stopping")
	}
	// 100 ms is what a probe may take; a database that needs longer is not ready.
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := a.store.Stats(ctx, store.Default); err != nil {
		return errors.New("the database does not answer")
	}
	return nil
}

// health answers a probe. Details are on the metrics listener (F13).
func (a *App) health(w http.ResponseWriter, r *http.Request, problem error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		answer(w, http.StatusMethodNotAllowed, "application/json", nil)
		return
	}
	body, status := map[string]string{"status": "ok"}, http.StatusOK
	if problem != nil {
		body, status = map[string]string{"status": "unavailable", "reason": problem.Error()}, http.StatusServiceUnavailable
	}
	b, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		status = http.StatusInternalServerError
	}
	answer(w, status, "application/json", append(b, '\n'))
}

func answer(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone is no fault
}
