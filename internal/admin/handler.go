// Package admin is how the command line talks to a hub: a small HTTP interface on a
// socket in the hub's data directory, and the client for it.
//
// There is no authentication: whoever may open the socket, which is the directory's owner, may do everything. It
// is never served on a network. When no hub runs, the client serves the same handler
// itself, under the directory's lock, so that a command works the same way in both cases.
//
// The header Muster-Tenant names the tenant that a request is about; without it that is the default tenant.
//
//	GET    /v1/tenants       list tenants
//	POST   /v1/tenants       create a tenant
//	GET    /v1/tenants/{name}           a tenant with its settings and sources
//	PATCH  /v1/tenants/{name}           change settings
//	POST   /v1/tenants/{name}/{action}  suspend, resume or delete it
//	GET    /v1/purged        reports of the tenants that were purged
//	GET    /v1/holds         what the guard holds: ?all=true
//	GET    /v1/holds/{num}   a hold with its changes
//	POST   /v1/holds/{num}/{action}  approve or reject
//	GET    /v1/protected     what is protected; POST protects, DELETE ends that: ?type=&name=
//	…      /v1/stored-targets, keys  targets of the database; the keys that seal
//	…      /v1/oauth/clients, issuers, keys  what there is of OAuth
//	GET    /v1/sources       list sources
//	POST   /v1/sources       create a source
//	POST   /v1/tokens        create a token; the only answer that holds a secret
//	GET    /v1/tokens        list tokens
//	DELETE /v1/tokens/{id}   revoke a token
//	POST   /v1/tokens/{id}/rotate  make another one like it; the other answer that holds a secret
//	GET    /v1/changes       the feed as JSON lines: ?after=POSITION&follow=true
//	GET    /v1/audit         records of the audit as JSON lines: ?since=&until=&actor=&resource=&action=&after=&limit=
//	GET    /v1/audit/export  the same in another form: ?format=jsonl|ocsf|cef
//	POST   /v1/audit/verify  verify the chain, against checkpoints if some are given
//	POST   /v1/audit/checkpoint  sign the end of the chain
//	GET    /v1/report/person everything that is held on somebody, or what they were: ?id=&at=
//	GET    /v1/report/group  who was a member of a group: ?id=&since=&until=
//	POST   /v1/erase         destroy what is kept of somebody who was deleted
//	GET    /v1/targets       how the targets are doing
//	GET    /v1/schemas       the schemas, those that were added marked
//	GET    /v1/schemas/{urn} a definition, as it was added
//	POST   /v1/schemas       add definitions
//	DELETE /v1/schemas       take definitions away: ?urn=URN, once for each
//
// Errors are {"error": "…"}, a sentence for the person at the terminal.
package admin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/internal/guard"
	"github.com/muster-id/muster/internal/oauth"
	"github.com/muster-id/muster/internal/report"
	"github.com/muster-id/muster/internal/schemas"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/targets"
	"github.com/muster-id/muster/internal/tenants"
	"github.com/muster-id/muster/internal/vault"
	"github.com/muster-id/muster/internal/verify"
	"github.com/muster-id/muster/scim"
)

// maxRequest bounds the body of a request, in bytes.
const maxRequest = 64 << 10

// Options are the services behind the interface.
type Options struct {
	Tenants *tenants.Registry
	Tokens  *access.Registry
	Audit   *audit.Log
	Report  *report.Reporter
	// Stored are the targets of the database.
	Stored *targets.Manager
	// Vault has the keys that seal.
	Vault *vault.Vault
	// OAuth has the clients and issuers.
	OAuth *oauth.Service
	// Guard shows and decides what is held.
	Guard *guard.Guard
	// Rows returns resources by number.
	Rows func(ctx context.Context, t store.Tenant, nums []store.Num) ([]*store.Resource, error)
	// Feed returns a reader of a tenant's changes.
	Feed func(ctx context.Context, t store.Tenant) (*feed.Reader, error)
	// Stats counts what a tenant has.
	Stats func(ctx context.Context, t store.Tenant) (store.Stats, error)
	// Schemas are what tenants define.
	Schemas *schemas.Registry
	// Person finds the id of the User of a userName or id.
	Person func(ctx context.Context, t store.Tenant, name string) (string, error)
	// Verify looks through the whole hub, and tells what it finds.
	Verify func(ctx context.Context, tell func(verify.Event) error) (verify.Checked, error)
	// Nodes lists the processes that serve the database.
	Nodes func(context.Context) ([]store.Node, error)
	// Targets reports how the targets are doing; nil where none run.
	Targets func(context.Context) ([]Target, error)
	// Forget is told the hash of a token that was revoked; nil where nobody remembers tokens.
	Forget func(access.Hash)
	// Uses tells which switches of its profile a token needed, in how many requests since the start; nil where
	// nobody counts.
	Uses func(tokenID string) map[string]int64
	Log  *slog.Logger
}

// TokenRequest asks for a token.
type TokenRequest struct {
	Name    string `json:"name"`
	Profile string `json:"profile,omitzero"` // Defaults to compat
	Days    int    `json:"days,omitzero"`    // how long it lives. Defaults to 365
	Source  string `json:"source,omitzero"`  // name of the source that it speaks for. Defaults to default
	Scopes  string `json:"scopes,omitzero"`  // separated by blanks. Defaults to scim: everything
	Allow   string `json:"allow,omitzero"`   // addresses and networks that it may be used from. Defaults to all
	User    string `json:"user,omitzero"`    // userName or id of the person whom alone it speaks for. Defaults to nobody
}

// Token is a token as it is shown.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Secret  string    `json:"token,omitzero"` // in the answer to its creation only
	Hint    string    `json:"hint"`
	Profile string    `json:"profile"`
	Source  string    `json:"source"`
	Scopes  string    `json:"scopes"`
	Allow   string    `json:"allow,omitzero"`
	Used    time.Time `json:"used,omitzero"`     // last, within a minute
	From    string    `json:"usedFrom,omitzero"` // address
	User    string    `json:"user,omitzero"`     // id of the person whom alone it speaks for
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	Revoked time.Time `json:"revoked,omitzero"`
	// Uses are the switches that it needed, by the number of requests since the hub started.
	Uses map[string]int64 `json:"uses,omitempty"`
}

// Target is how a target is doing.
type Target struct {
	Name    string  `json:"name"`
	Tenant  string  `json:"tenant"`
	Kind    string  `json:"kind"`
	State   string  `json:"state"`            // of package delivery: "open", "slowed", "tripped", "paused", "disabled", "suspended", "elsewhere"
	Lag     int64   `json:"lag"`              // changes that are not settled
	Age     float64 `json:"ageSeconds"`       // of the oldest of them
	Parked  int64   `json:"parked"`           // resources that failed and are tried again
	Problem string  `json:"problem,omitzero"` // the last failure
}

// Node is one process of a hub.
type Node struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Address string    `json:"address"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Seen    time.Time `json:"seen"`
	Alive   bool      `json:"alive"`
	Targets int       `json:"targets"` // that it delivers to
}

type problem struct {
	Error string `json:"error"`
}

// Handler returns the interface over the services.
func Handler(o Options) http.Handler {
	h := handler{o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/tenants", h.listTenants)
	mux.HandleFunc("POST /v1/tenants", h.createTenant)
	mux.HandleFunc("GET /v1/tenants/{name}", h.showTenant)
	mux.HandleFunc("PATCH /v1/tenants/{name}", h.setTenant)
	mux.HandleFunc("POST /v1/tenants/{name}/{action}", h.actOnTenant)
	mux.HandleFunc("GET /v1/purged", h.purged)
	mux.HandleFunc("GET /v1/holds", h.holds)
	mux.HandleFunc("GET /v1/holds/{num}", h.showHold)
	mux.HandleFunc("POST /v1/holds/{num}/{action}", h.decideHold)
	mux.HandleFunc("GET /v1/protected", h.protected)
	mux.HandleFunc("POST /v1/protected", h.protect)
	mux.HandleFunc("DELETE /v1/protected", h.unprotect)
	mux.HandleFunc("GET /v1/sources", h.sources)
	mux.HandleFunc("POST /v1/sources", h.createSource)
	mux.HandleFunc("POST /v1/tokens", h.createToken)
	mux.HandleFunc("GET /v1/tokens", h.tokens)
	mux.HandleFunc("DELETE /v1/tokens/{id}", h.revokeToken)
	mux.HandleFunc("POST /v1/tokens/{id}/rotate", h.rotateToken)
	mux.HandleFunc("GET /v1/changes", h.changes)
	mux.HandleFunc("GET /v1/audit", h.readAudit)
	mux.HandleFunc("GET /v1/audit/export", h.exportAudit)
	mux.HandleFunc("POST /v1/audit/verify", h.verifyAudit)
	mux.HandleFunc("POST /v1/audit/checkpoint", h.checkpoint)
	mux.HandleFunc("GET /v1/report/person", h.reportPerson)
	mux.HandleFunc("GET /v1/report/group", h.reportGroup)
	mux.HandleFunc("POST /v1/erase", h.erase)
	mux.HandleFunc("GET /v1/targets", h.targets)
	mux.HandleFunc("GET /v1/nodes", h.nodes)
	mux.HandleFunc("POST /v1/verify", h.verify)
	mux.HandleFunc("GET /v1/schemas", h.listSchemas)
	mux.HandleFunc("GET /v1/schemas/{urn}", h.showSchema)
	mux.HandleFunc("POST /v1/schemas", h.addSchemas)
	mux.HandleFunc("DELETE /v1/schemas", h.removeSchemas)
	h.oauthRoutes(mux)
	h.targetRoutes(mux)
	return h.forTenant(mux)
}

type handler struct{ Options }

func (h handler) createToken(w http.ResponseWriter, r *http.Request) {
	var req TokenRequest
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxRequest), &req); err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	spec := access.Spec{Name: req.Name, Profile: req.Profile, Life: time.Duration(req.Days) * 24 * time.Hour, Scopes: req.Scopes, Allow: req.Allow}
	if req.User != "" {
		id, err := h.Person(r.Context(), tenantOf(r), req.User)
		if err != nil {
			h.fail(w, r, http.StatusBadRequest, sentence(err))
			return
		}
		spec.User = id
	}
	source := store.SourceRecord{Source: store.DefaultSource, Name: "default"}
	if req.Source != "" {
		var err error
		if source, err = h.Tenants.Source(r.Context(), tenantOf(r), req.Source); err != nil {
			h.fail(w, r, http.StatusBadRequest, err)
			return
		}
	}
	spec.Source = source.Source
	plain, tok, err := h.Tokens.Create(r.Context(), tenantOf(r), spec)
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	h.Log.InfoContext(r.Context(), "token created", "token", tok.ID, "profile", tok.Profile)
	shown := show(tok)
	shown.Source = source.Name
	shown.Secret = plain.Reveal()
	h.answer(w, r, http.StatusCreated, shown)
}

func (h handler) tokens(w http.ResponseWriter, r *http.Request) {
	all, err := h.Tokens.List(r.Context(), tenantOf(r))
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	sources, err := h.Tenants.Sources(r.Context(), tenantOf(r))
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	names := map[store.Source]string{}
	for _, s := range sources {
		names[s.Source] = s.Name
	}
	shown := make([]Token, len(all))
	for i, tok := range all {
		shown[i] = show(tok)
		shown[i].Source = names[tok.Source]
		if h.Uses != nil {
			shown[i].Uses = h.Uses(tok.ID)
		}
	}
	h.answer(w, r, http.StatusOK, shown)
}

func (h handler) revokeToken(w http.ResponseWriter, r *http.Request) {
	tok, err := h.Tokens.Revoke(r.Context(), tenantOf(r), r.PathValue("id"))
	switch {
	case errors.Is(err, access.ErrNoToken):
		h.fail(w, r, http.StatusNotFound, err)
		return
	case err != nil:
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	if h.Forget != nil {
		h.Forget(tok.Hash)
	}
	h.Log.InfoContext(r.Context(), "token revoked", "token", tok.ID)
	w.WriteHeader(http.StatusNoContent)
}

// RotateRequest asks for a token like another one.
type RotateRequest struct {
	Days    int   `json:"days,omitzero"`           // how long the new one lives. Defaults to 365
	Overlap int64 `json:"overlapSeconds,omitzero"` // how long the old one works on
}

func (h handler) rotateToken(w http.ResponseWriter, r *http.Request) {
	var req RotateRequest
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxRequest), &req); err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	plain, tok, err := h.Tokens.Rotate(r.Context(), tenantOf(r), r.PathValue("id"),
		time.Duration(req.Days)*24*time.Hour, time.Duration(req.Overlap)*time.Second)
	switch {
	case errors.Is(err, access.ErrNoToken):
		h.fail(w, r, http.StatusNotFound, err)
		return
	case err != nil:
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	h.Log.InfoContext(r.Context(), "token rotated", "token", r.PathValue("id"), "new", tok.ID)
	shown := show(tok)
	shown.Secret = plain.Reveal()
	h.answer(w, r, http.StatusCreated, shown)
}

// sentence returns what an error of the protocol says, without its status.
func sentence(err error) error {
	if e := scim.AsError(err); e != nil {
		return errors.New(e.Detail)
	}
	return err
}

func show(t store.Token) Token {
	return Token{
		ID: t.ID, Name: t.Name, Hint: t.Hint, Profile: t.Profile, User: t.User, Scopes: t.Scopes, Allow: t.Allow, Used: t.Used, From: t.UsedFrom,
		Created: t.Created, Expires: t.Expires, Revoked: t.Revoked,
	}
}

// changesPage is how many changes are read at once when nobody follows.
const changesPage = 100

func (h handler) changes(w http.ResponseWriter, r *http.Request) {
	after, err := feed.Parse(r.URL.Query().Get("after"))
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	reader, err := h.Feed(r.Context(), tenantOf(r))
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	page, err := reader.Read(r.Context(), after, changesPage)
	if err != nil { // the position is refused before anything is sent
		status := http.StatusInternalServerError
		if errors.Is(err, feed.ErrHistory) {
			status = http.StatusGone
		}
		h.fail(w, r, status, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriter(w)
	flush := func() error {
		if err := out.Flush(); err != nil {
			return err
		}
		return http.NewResponseController(w).Flush()
	}
	for err == nil && len(page) > 0 {
		for _, c := range page {
			if err := writeLine(out, c); err != nil {
				return // the reader went away
			}
			after = c.Position
		}
		page, err = reader.Read(r.Context(), after, changesPage)
	}
	if err == nil {
		if err = flush(); err != nil {
			return
		}
	}
	if err == nil && r.URL.Query().Get("follow") == "true" {
		for c, followErr := range reader.Follow(r.Context(), after) {
			if err = followErr; err != nil {
				break
			}
			if writeLine(out, c) != nil || flush() != nil {
				return
			}
		}
	}
	if err != nil && r.Context().Err() == nil {
		h.Log.ErrorContext(r.Context(), "reading the feed failed", "err", err)
		panic(http.ErrAbortHandler) // the reader must not take what it has for all there is
	}
}

func writeLine(w *bufio.Writer, c *feed.Change) error {
	if err := json.MarshalWrite(w, c, jsontext.EscapeForHTML(false)); err != nil {
		return err
	}
	return w.WriteByte('\n')
}

func (h handler) targets(w http.ResponseWriter, r *http.Request) {
	if h.Targets == nil {
		h.fail(w, r, http.StatusServiceUnavailable, errors.New("targets run inside a hub: start one with \"muster serve\""))
		return
	}
	all, err := h.Targets(r.Context())
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	h.answer(w, r, http.StatusOK, all)
}

// verify answers with one line of JSON an event, as they come. The last one is the outcome.
func (h handler) verify(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json-lines")
	flush := http.NewResponseController(w)
	line := func(v any) error {
		if err := json.MarshalWrite(w, v); err != nil {
			return err
		}
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
		return flush.Flush()
	}
	checked, err := h.Verify(r.Context(), func(e verify.Event) error { return line(e) })
	if err != nil {
		h.cut(r, line(problem{Error: err.Error()}))
		return
	}
	h.cut(r, line(verify.Event{Checked: &checked, Done: true}))
}

func (h handler) nodes(w http.ResponseWriter, r *http.Request) {
	list, err := h.Nodes(r.Context())
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	all := make([]Node, len(list))
	for i, n := range list {
		all[i] = Node{ID: n.ID, Name: n.Name, Address: n.Address, Version: n.Version, Started: n.Started, Seen: n.Seen, Alive: n.Alive, Targets: n.Leases}
	}
	h.answer(w, r, http.StatusOK, all)
}

func (h handler) answer(w http.ResponseWriter, r *http.Request, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.MarshalWrite(w, v); err != nil {
		h.Log.DebugContext(r.Context(), "answer not sent", "err", err)
	}
}

func (h handler) fail(w http.ResponseWriter, r *http.Request, status int, err error) {
	h.answer(w, r, status, problem{Error: err.Error()})
}
