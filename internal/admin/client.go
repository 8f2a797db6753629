package admin

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/datadir"
	"github.com/muster-id/muster/internal/oauth"
	"github.com/muster-id/muster/internal/report"
	"github.com/muster-id/muster/internal/verify"
)

// Client speaks to a hub: through the command socket of a running one, or to a
// Handler in this process.
type Client struct {
	// Tenant is the name of the tenant that calls are about. Defaults to the default tenant.
	Tenant string

	http  http.Client
	close func() error
}

// Dial returns a client for the hub of the data directory. If a hub runs there, its
// socket is used; if not, open is called under the directory's lock to make the handler, which the client
// then serves itself. Close gives everything back.
func Dial(ctx context.Context, dir datadir.Dir, open func() (http.Handler, func() error, error)) (*Client, error) {
	if c, err := dialSocket(ctx, dir); err == nil {
		return c, nil
	}
	release, err := dir.Lock()
	if err != nil {
		if _, inUse := errors.AsType[*datadir.InUseError](err); !inUse {
			return nil, err
		}
		// A hub that is just starting or stopping has the lock and no socket.
		c, dialErr := waitForSocket(ctx, dir)
		if dialErr != nil {
			return nil, fmt.Errorf("%w; its command socket does not answer: %w", err, dialErr)
		}
		return c, nil
	}
	h, done, err := open()
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return &Client{
		http:  http.Client{Transport: inProcess{h}},
		close: func() error { return errors.Join(done(), release()) },
	}, nil
}

func dialSocket(ctx context.Context, dir datadir.Dir) (*Client, error) {
	path := dir.Socket()
	var d net.Dialer
	probe, err := d.DialContext(ctx, "unix", path) //nolint:forbidigo // the hub's own socket, not the outside
	if err != nil {
		return nil, err
	}
	_ = probe.Close() // only asked whether somebody listens
	tr := &http.Transport{
		Proxy:       nil,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", path) }, //nolint:forbidigo // as above
	}
	return &Client{http: http.Client{Transport: tr}, close: func() error { tr.CloseIdleConnections(); return nil }}, nil
}

func waitForSocket(ctx context.Context, dir datadir.Dir) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := dialSocket(ctx, dir)
		if err == nil {
			return c, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}

// Close ends the client.
func (c *Client) Close() error { return c.close() }

// CreateToken creates a token. The answer is the only place where its secret is ever shown.
func (c *Client) CreateToken(ctx context.Context, r TokenRequest) (Token, error) {
	var t Token
	return t, c.do(ctx, http.MethodPost, "/v1/tokens", r, &t)
}

// Tokens lists the tokens, without their secrets.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	var l []Token
	return l, c.do(ctx, http.MethodGet, "/v1/tokens", nil, &l)
}

// RotateToken makes a token like another one, which ends after an overlap. The answer is the only place where the secret is ever shown.
func (c *Client) RotateToken(ctx context.Context, id string, r RotateRequest) (Token, error) {
	var t Token
	return t, c.do(ctx, http.MethodPost, "/v1/tokens/"+url.PathEscape(id)+"/rotate", r, &t)
}

// RevokeToken ends a token.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/v1/tokens/"+url.PathEscape(id), nil, nil)
}

// Tenants lists the tenants.
func (c *Client) Tenants(ctx context.Context) ([]Tenant, error) {
	var l []Tenant
	return l, c.do(ctx, http.MethodGet, "/v1/tenants", nil, &l)
}

// ShowTenant returns a tenant with its settings and sources.
func (c *Client) ShowTenant(ctx context.Context, name string) (Tenant, error) {
	var t Tenant
	return t, c.do(ctx, http.MethodGet, "/v1/tenants/"+url.PathEscape(name), nil, &t)
}

// CreateTenant makes a tenant.
func (c *Client) CreateTenant(ctx context.Context, r TenantRequest) (Tenant, error) {
	var t Tenant
	return t, c.do(ctx, http.MethodPost, "/v1/tenants", r, &t)
}

// SetTenant changes settings of a tenant.
func (c *Client) SetTenant(ctx context.Context, name string, set []string) (Tenant, error) {
	var t Tenant
	return t, c.do(ctx, http.MethodPatch, "/v1/tenants/"+url.PathEscape(name), TenantRequest{Set: set}, &t)
}

// ActOnTenant suspends, resumes or deletes a tenant.
func (c *Client) ActOnTenant(ctx context.Context, name, action string, r TenantRequest) (Tenant, error) {
	var t Tenant
	return t, c.do(ctx, http.MethodPost, "/v1/tenants/"+url.PathEscape(name)+"/"+action, r, &t)
}

// Purged lists the tenants that were purged.
func (c *Client) Purged(ctx context.Context) ([]Purged, error) {
	var l []Purged
	return l, c.do(ctx, http.MethodGet, "/v1/purged", nil, &l)
}

// Sources lists the sources of the tenant.
func (c *Client) Sources(ctx context.Context) ([]Source, error) {
	var l []Source
	return l, c.do(ctx, http.MethodGet, "/v1/sources", nil, &l)
}

// CreateSource makes a source of the tenant.
func (c *Client) CreateSource(ctx context.Context, r SourceRequest) (Source, error) {
	var s Source
	return s, c.do(ctx, http.MethodPost, "/v1/sources", r, &s)
}

// Audit yields records of the audit as the query says, oldest first.
func (c *Client) Audit(ctx context.Context, q AuditQuery) iter.Seq2[AuditRecord, error] {
	return func(yield func(AuditRecord, error) bool) {
		resp, err := c.send(ctx, http.MethodGet, "/v1/audit?"+q.values().Encode(), nil)
		if err != nil {
			yield(AuditRecord{}, err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		for lines := bufio.NewReader(resp.Body); ; {
			line, err := lines.ReadBytes('\n')
			if errors.Is(err, io.EOF) && len(line) == 0 {
				return
			}
			var r AuditRecord
			if err == nil {
				err = json.Unmarshal(line, &r)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// ExportAudit writes the records of the query to w in a format of package audit.
func (c *Client) ExportAudit(ctx context.Context, w io.Writer, q AuditQuery) error {
	resp, err := c.send(ctx, http.MethodGet, "/v1/audit/export?"+q.values().Encode(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err = io.Copy(w, resp.Body); err != nil {
		err = fmt.Errorf("export the audit: %w", err)
	}
	return err
}

// VerifyAudit verifies the chain of the tenant, or of the installation, against checkpoints that were kept.
func (c *Client) VerifyAudit(ctx context.Context, r VerifyRequest) (audit.Verdict, error) {
	var v audit.Verdict
	return v, c.do(ctx, http.MethodPost, "/v1/audit/verify", r, &v)
}

// AuditCheckpoint signs the end of the chain of the tenant, or of the installation.
func (c *Client) AuditCheckpoint(ctx context.Context, installation bool) (audit.CheckpointShown, error) {
	var s audit.CheckpointShown
	return s, c.do(ctx, http.MethodPost, "/v1/audit/checkpoint", VerifyRequest{Installation: installation}, &s)
}

// ReportPerson returns everything that is held on a resource; at an instant, if that is given, what it was then.
func (c *Client) ReportPerson(ctx context.Context, id string, at time.Time) (jsontext.Value, error) {
	q := url.Values{"id": {id}}
	if !at.IsZero() {
		q.Set("at", at.UTC().Format(time.RFC3339Nano))
	}
	var v jsontext.Value
	return v, c.do(ctx, http.MethodGet, "/v1/report/person?"+q.Encode(), nil, &v)
}

// ReportGroup returns who was a member of a group between two instants.
func (c *Client) ReportGroup(ctx context.Context, id string, since, until time.Time) ([]report.Membership, error) {
	q := url.Values{"id": {id}}
	for name, at := range map[string]time.Time{"since": since, "until": until} {
		if !at.IsZero() {
			q.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	var list []report.Membership
	return list, c.do(ctx, http.MethodGet, "/v1/report/group?"+q.Encode(), nil, &list)
}

// Erase destroys what is kept of a resource that was deleted.
func (c *Client) Erase(ctx context.Context, r EraseRequest) error {
	return c.do(ctx, http.MethodPost, "/v1/erase", r, nil)
}

// Holds lists what the guard holds, or has held too.
func (c *Client) Holds(ctx context.Context, all bool) ([]Hold, error) {
	path := "/v1/holds"
	if all {
		path += "?all=true"
	}
	var l []Hold
	return l, c.do(ctx, http.MethodGet, path, nil, &l)
}

// Hold returns a hold with its changes.
func (c *Client) Hold(ctx context.Context, id string) (Hold, error) {
	var h Hold
	return h, c.do(ctx, http.MethodGet, "/v1/holds/"+url.PathEscape(id), nil, &h)
}

// DecideHold approves or rejects a hold.
func (c *Client) DecideHold(ctx context.Context, id, action string, d Decision) (Hold, error) {
	var h Hold
	return h, c.do(ctx, http.MethodPost, "/v1/holds/"+url.PathEscape(id)+"/"+action, d, &h)
}

// Protected lists what is protected.
func (c *Client) Protected(ctx context.Context) ([]Protected, error) {
	var l []Protected
	return l, c.do(ctx, http.MethodGet, "/v1/protected", nil, &l)
}

// Protect protects a group or an account.
func (c *Client) Protect(ctx context.Context, r ProtectRequest) error {
	return c.do(ctx, http.MethodPost, "/v1/protected", r, nil)
}

// Unprotect ends that.
func (c *Client) Unprotect(ctx context.Context, typ, name string) error {
	return c.do(ctx, http.MethodDelete, "/v1/protected?"+url.Values{"type": {typ}, "name": {name}}.Encode(), nil, nil)
}

// StoredTargets lists the targets of the database.
func (c *Client) StoredTargets(ctx context.Context) ([]StoredTarget, error) {
	var l []StoredTarget
	return l, c.do(ctx, http.MethodGet, "/v1/stored-targets", nil, &l)
}

// AddTarget adds a target.
func (c *Client) AddTarget(ctx context.Context, r TargetRequest) (StoredTarget, error) {
	var t StoredTarget
	return t, c.do(ctx, http.MethodPost, "/v1/stored-targets", r, &t)
}

// ChangeTarget changes a target.
func (c *Client) ChangeTarget(ctx context.Context, name string, r TargetRequest) (StoredTarget, error) {
	var t StoredTarget
	return t, c.do(ctx, http.MethodPatch, "/v1/stored-targets/"+url.PathEscape(name), r, &t)
}

// ActOnTarget does something with a target that answers with it.
func (c *Client) ActOnTarget(ctx context.Context, name, action string, r TargetRequest) (StoredTarget, error) {
	var t StoredTarget
	return t, c.do(ctx, http.MethodPost, "/v1/stored-targets/"+url.PathEscape(name)+"/"+action, r, &t)
}

// PauseTarget pauses or resumes a target.
func (c *Client) PauseTarget(ctx context.Context, name, action string) error {
	return c.do(ctx, http.MethodPost, "/v1/stored-targets/"+url.PathEscape(name)+"/"+action, TargetRequest{}, nil)
}

// RemoveTarget removes a target.
func (c *Client) RemoveTarget(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, "/v1/stored-targets/"+url.PathEscape(name), nil, nil)
}

// Keys lists the keys of the keyring, after making another one if rotate says so.
func (c *Client) Keys(ctx context.Context, rotate bool) ([]Key, error) {
	method := http.MethodGet
	if rotate {
		method = http.MethodPost
	}
	var l []Key
	return l, c.do(ctx, method, "/v1/keys", nil, &l)
}

// RetireKey removes a key that seals nothing.
func (c *Client) RetireKey(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/v1/keys/"+url.PathEscape(id), nil, nil)
}

// OAuthClients lists the clients of our own token endpoint.
func (c *Client) OAuthClients(ctx context.Context) ([]OAuthClient, error) {
	var l []OAuthClient
	return l, c.do(ctx, http.MethodGet, "/v1/oauth/clients", nil, &l)
}

// CreateOAuthClient makes a client. The answer is the only place where its secret is ever shown.
func (c *Client) CreateOAuthClient(ctx context.Context, r OAuthClientRequest) (OAuthClient, error) {
	var k OAuthClient
	return k, c.do(ctx, http.MethodPost, "/v1/oauth/clients", r, &k)
}

// RotateOAuthClient gives a client another secret.
func (c *Client) RotateOAuthClient(ctx context.Context, id string, r OAuthRotateRequest) (OAuthClient, error) {
	var k OAuthClient
	return k, c.do(ctx, http.MethodPost, "/v1/oauth/clients/"+url.PathEscape(id)+"/rotate", r, &k)
}

// RevokeOAuthClient ends a client.
func (c *Client) RevokeOAuthClient(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/v1/oauth/clients/"+url.PathEscape(id), nil, nil)
}

// OAuthIssuers lists the issuers outside.
func (c *Client) OAuthIssuers(ctx context.Context) ([]OAuthIssuer, error) {
	var l []OAuthIssuer
	return l, c.do(ctx, http.MethodGet, "/v1/oauth/issuers", nil, &l)
}

// AddOAuthIssuer adds an issuer.
func (c *Client) AddOAuthIssuer(ctx context.Context, r OAuthIssuer) (OAuthIssuer, error) {
	var i OAuthIssuer
	return i, c.do(ctx, http.MethodPost, "/v1/oauth/issuers", r, &i)
}

// RemoveOAuthIssuer removes an issuer.
func (c *Client) RemoveOAuthIssuer(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, "/v1/oauth/issuers/"+url.PathEscape(name), nil, nil)
}

// TestOAuthIssuer asks an issuer for its keys.
func (c *Client) TestOAuthIssuer(ctx context.Context, name string) (oauth.Tried, error) {
	var t oauth.Tried
	return t, c.do(ctx, http.MethodPost, "/v1/oauth/issuers/"+url.PathEscape(name)+"/test", struct{}{}, &t)
}

// OAuthKeys lists our signing keys, after making another one if rotate says so.
func (c *Client) OAuthKeys(ctx context.Context, rotate bool) ([]oauth.SigningKey, error) {
	method := http.MethodGet
	var in any
	if rotate {
		method, in = http.MethodPost, struct{}{}
	}
	var l []oauth.SigningKey
	return l, c.do(ctx, method, "/v1/oauth/keys", in, &l)
}

// Targets reports how the targets are doing.
func (c *Client) Targets(ctx context.Context) ([]Target, error) {
	var l []Target
	return l, c.do(ctx, http.MethodGet, "/v1/targets", nil, &l)
}

// Verify has the whole hub looked through, and tells what is found meanwhile.
func (c *Client) Verify(ctx context.Context, tell func(verify.Event) error) (checked verify.Checked, err error) {
	resp, err := c.send(ctx, http.MethodPost, "/v1/verify", nil)
	if err != nil {
		return checked, err
	}
	defer func() { _ = resp.Body.Close() }()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var e struct {
			verify.Event
			problem
		}
		switch err := json.Unmarshal(lines.Bytes(), &e); {
		case err != nil:
			return checked, fmt.Errorf("read the answer of the hub: %w", err)
		case e.Error != "":
			return checked, errors.New(e.Error)
		case e.Done:
			return *e.Checked, nil
		}
		if err := tell(e.Event); err != nil {
			return checked, err
		}
	}
	return checked, errors.New("the hub broke off in the middle")
}

// Nodes lists the processes that serve the hub's database.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	var l []Node
	return l, c.do(ctx, http.MethodGet, "/v1/nodes", nil, &l)
}

// Schemas lists the schemas.
func (c *Client) Schemas(ctx context.Context) (Schemas, error) {
	var s Schemas
	return s, c.do(ctx, http.MethodGet, "/v1/schemas", nil, &s)
}

// Schema returns the definition of a schema and of the resource types that use it.
func (c *Client) Schema(ctx context.Context, urn string) (jsontext.Value, error) {
	var v jsontext.Value
	return v, c.do(ctx, http.MethodGet, "/v1/schemas/"+url.PathEscape(urn), nil, &v)
}

// AddSchemas adds definitions, as package scim/schema loads them.
func (c *Client) AddSchemas(ctx context.Context, r SchemasRequest) (SchemasResult, error) {
	var out SchemasResult
	return out, c.do(ctx, http.MethodPost, "/v1/schemas", r, &out)
}

// RemoveSchemas takes definitions away.
func (c *Client) RemoveSchemas(ctx context.Context, urns []string, dryRun, force bool) (SchemasResult, error) {
	q := url.Values{"urn": urns}
	if dryRun {
		q.Set("dryRun", "true")
	}
	if force {
		q.Set("force", "true")
	}
	var out SchemasResult
	return out, c.do(ctx, http.MethodDelete, "/v1/schemas?"+q.Encode(), nil, &out)
}

// Changes yields the changes beyond the position ("" for the beginning), each as the JSON of package feed.
// With follow it goes on until ctx ends.
func (c *Client) Changes(ctx context.Context, after string, follow bool) iter.Seq2[jsontext.Value, error] {
	return func(yield func(jsontext.Value, error) bool) {
		q := url.Values{}
		if after != "" {
			q.Set("after", after)
		}
		if follow {
			q.Set("follow", "true")
		}
		resp, err := c.send(ctx, http.MethodGet, "/v1/changes?"+q.Encode(), nil)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		lines := bufio.NewReader(resp.Body)
		for {
			line, err := lines.ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				if len(line) > 0 {
					yield(nil, errors.New("the hub went away in the middle of a change"))
				}
				return
			}
			if err != nil {
				if ctx.Err() == nil {
					yield(nil, fmt.Errorf("read changes: %w", err))
				}
				return
			}
			if !yield(bytes.TrimSuffix(line, []byte("\n")), nil) {
				return
			}
		}
	}
}

func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if out == nil {
		return nil
	}
	if err := json.UnmarshalRead(resp.Body, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://muster"+path, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if c.Tenant != "" {
		req.Header.Set(tenantHeader, c.Tenant)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the hub: %w", err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	var p problem
	if err := json.UnmarshalRead(resp.Body, &p); err != nil || p.Error == "" {
		p.Error = "the hub answered " + resp.Status
	}
	return nil, errors.New(p.Error)
}

// inProcess answers requests with a handler, streaming the body.
type inProcess struct{ h http.Handler }

// RoundTrip runs the handler beside the reader of its answer.
func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	pr, pw := io.Pipe()
	if req.Body == nil {
		req.Body = http.NoBody
	}
	w := &pipeWriter{w: pw, header: http.Header{}, started: make(chan struct{})}
	go func() {
		defer func() { _ = pw.Close() }()
		defer func() {
			if p := recover(); p == http.ErrAbortHandler { //nolint:errorlint // the very value, as net/http compares it
				_ = pw.CloseWithError(io.ErrUnexpectedEOF)
			} else if p != nil {
				panic(p)
			}
		}()
		defer w.WriteHeader(http.StatusOK) // if the handler wrote nothing
		t.h.ServeHTTP(w, req)
	}()
	select {
	case <-w.started:
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	stop := context.AfterFunc(req.Context(), func() { _ = pr.CloseWithError(req.Context().Err()) })
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Header: w.header, Request: req, ContentLength: -1,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: closer{pr, stop},
	}, nil
}

type closer struct {
	*io.PipeReader
	stop func() bool
}

func (c closer) Close() error {
	c.stop()
	return c.PipeReader.Close()
}

type pipeWriter struct {
	w       *io.PipeWriter
	header  http.Header
	status  int
	started chan struct{}
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		close(w.started)
	}
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.w.Write(p)
}

// Flush does nothing: what is written is read at once.
func (w *pipeWriter) Flush() {}
