package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	mediaType = "application/scim+json"
	// maxAnswer bounds what is read of an answer, in bytes. It holds a page of a thousand large users.
	maxAnswer = 8 << 20
	// maxShown bounds what is kept of a body for the report.
	maxShown = 8 << 10
	// longTarget is the length of a URL that a provider may well refuse.
	longTarget = 4 << 10
)

// markerPrefix begins the name of everything that a run makes.
const markerPrefix = "muster-check-"

// session is one run against one provider.
type session struct {
	Options
	client    *http.Client
	marker    string
	names     int
	config    Object            // ServiceProviderConfig
	endpoints map[string]string // of resource types, by name
	types     []Object
	schemas   map[string]Object // by URN
	having    *having           // nil: not tried yet
}

func newSession(o Options) *session {
	if o.Settle <= 0 {
		o.Settle = 2 * time.Second
	}
	s := &session{Options: o, client: o.Client, marker: markerPrefix + strings.ToLower(rand.Text()[:8])}
	if s.client == nil {
		s.client = &http.Client{Timeout: 30 * time.Second}
	}
	if s.client.CheckRedirect == nil {
		c := *s.client
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		s.client = &c
	}
	s.client = pace(s.client, o.Rate)
	s.URL = strings.TrimRight(o.URL, "/")
	return s
}

// Do sends a request. A body that is a string goes out as it is, another one as JSON. Headers are given as "Name: value"; one
// without a value is left out.
func (t *T) Do(method, path string, body any, headers ...string) *Answer {
	raw := ""
	switch b := body.(type) {
	case nil:
	case string:
		raw = b
	default:
		raw = encode(b)
	}
	target := t.s.URL + path
	if strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://") {
		target = path
	}
	req, err := http.NewRequestWithContext(t.ctx, method, target, strings.NewReader(raw))
	if err != nil {
		t.Failf("%s %s is no address that can be asked", method, short(path, 200))
	}
	req.Header.Set("Accept", mediaType)
	req.Header.Set("User-Agent", "muster-check")
	if body != nil {
		req.Header.Set("Content-Type", mediaType)
	}
	if t.s.Token != "" && strings.HasPrefix(target, t.s.URL) {
		req.Header.Set("Authorization", "Bearer "+t.s.Token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		name = strings.TrimSuffix(name, ":")
		if req.Header.Del(name); value != "" {
			req.Header.Set(name, value)
		}
	}
	if method == http.MethodPatch {
		// Nothing is sent for a header without values: it tells the transport that the request may go out again when a
		// connection that was kept open turns out to be closed.
		req.Header["Idempotency-Key"] = nil
	}
	// Some providers refuse what is far too much and close the connection without saying so: it must not be the next
	// check that meets its end.
	req.Close = t.tooMuch || len(target) > longTarget
	began := time.Now()
	resp, err := t.s.client.Do(req)
	if err != nil && strings.Contains(err.Error(), "malformed") {
		t.Failf("%s %s was answered with what is no HTTP: %v", method, short(path, 200), cause(err))
	}
	if err != nil {
		t.broken(fmt.Errorf("%s %s: %w", method, short(path, 200), cause(err)))
	}
	defer func() { _ = resp.Body.Close() }()
	var read bytes.Buffer
	read.Grow(int(min(max(resp.ContentLength, 0), maxAnswer)) + bytes.MinRead)
	_, err = read.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1))
	b := read.Bytes()
	if err != nil {
		t.broken(fmt.Errorf("%s %s: the answer broke off: %w", method, short(path, 200), cause(err)))
	}
	tooLong := len(b) > maxAnswer
	shown := b
	if tooLong {
		shown = b[:4*maxShown] // as many characters as are shown; not a second copy of it all
	}
	answered := string(shown)
	t.exchanges = append(t.exchanges, Exchange{
		Method: method, URL: target, RequestBody: short(raw, maxShown), Status: resp.StatusCode,
		ResponseHeader: resp.Header, ResponseBody: short(answered, maxShown), Took: time.Since(began),
	})
	a := &Answer{t: t, what: method + " " + short(path, 200), Status: resp.StatusCode, Header: resp.Header, Raw: answered}
	switch {
	case tooLong:
		a.tooLong = true
		a.Raw = short(a.Raw, maxShown)
		a.Body = beginning(b)
	case len(b) > 0:
		a.invalidJSON = json.Unmarshal(b, &a.Body)
	}
	t.remember(method, path, a)
	return a
}

// Try is Do for what is far too much: a provider that closes the connection while it is still being sent to has refused it,
// and the answer has status 0.
func (t *T) Try(method, path string, body any) (a *Answer) {
	before := t.verdict
	t.tooMuch = true
	defer func() {
		t.tooMuch = false
		p := recover()
		if p == nil {
			return
		}
		if _, ok := p.(ended); !ok || t.verdict != Broken || t.ctx.Err() != nil {
			panic(p)
		}
		t.verdict, t.findings = before, t.findings[:len(t.findings)-1]
		t.Warnf("the connection was closed instead of an answer")
		a = &Answer{t: t, what: method + " " + short(path, 200)}
	}()
	return t.Do(method, path, body)
}

// beginning returns the members with strings that an object begins with, as far as it is there.
func beginning(b []byte) Object {
	d := jsontext.NewDecoder(bytes.NewBuffer(b)) // read where it lies, not copied
	if tok, err := d.ReadToken(); err != nil || tok.Kind() != '{' {
		return nil
	}
	out := Object{}
	for {
		tok, err := d.ReadToken()
		if err != nil || tok.Kind() != '"' {
			return out
		}
		name := tok.String()
		v, err := d.ReadValue()
		if err != nil {
			return out
		}
		var s string
		if len(v) <= maxShown && json.Unmarshal(v, &s) == nil {
			out[name] = s
		}
	}
}

// remember notes what a request made, so that it is removed.
func (t *T) remember(method, path string, a *Answer) {
	if method != http.MethodPost || a.Status != http.StatusCreated || strings.Contains(path, "://") {
		return
	}
	if id, ok := a.Body["id"].(string); ok && id != "" && !strings.ContainsAny(id, "/?#") {
		endpoint, _, _ := strings.Cut(path, "?")
		t.Made(strings.TrimSuffix(endpoint, "/") + "/" + id)
	}
}

// Made notes a resource that the check made otherwise than by POST, so that it is removed.
func (t *T) Made(path string) {
	if !slices.Contains(t.made, path) {
		t.made = append(t.made, path)
	}
}

// cause leaves out the URL, which the caller names.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func encode(v any) string {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return fmt.Sprint(v) // nothing that a check sends
	}
	return string(b)
}

// learn asks what the provider is: its configuration, types and schemas. What it cannot be asked is guessed as the RFC
// has it, so that one missing page does not hide everything else.
func (s *session) learn(ctx context.Context) error {
	t := &T{ctx: ctx, s: s}
	var failed error
	ask := func(path string) (a *Answer) {
		defer func() {
			if p := recover(); p != nil {
				if _, ok := p.(ended); !ok {
					panic(p)
				}
				failed = errors.New(strings.Join(t.findings, "; "))
			}
		}()
		return t.Get(path)
	}
	a := ask("/ServiceProviderConfig")
	if failed != nil {
		return failed
	}
	if a.Status == http.StatusOK {
		s.config = a.Body
	}
	s.endpoints, s.schemas = map[string]string{}, map[string]Object{}
	if a = ask("/ResourceTypes"); failed == nil && a.Status == http.StatusOK {
		s.types = a.Elements("Resources")
		for _, typ := range s.types {
			name, _ := typ["name"].(string)
			endpoint, _ := typ["endpoint"].(string)
			if name != "" && endpoint != "" {
				s.endpoints[name] = "/" + strings.Trim(strings.TrimPrefix(endpoint, s.URL), "/")
			}
		}
	}
	if len(s.endpoints) == 0 {
		s.endpoints = map[string]string{"User": "/Users", "Group": "/Groups"}
	}
	if a = ask("/Schemas"); failed == nil && a.Status == http.StatusOK {
		for _, schema := range a.Elements("Resources") {
			if id, ok := schema["id"].(string); ok {
				s.schemas[id] = schema
			}
		}
	}
	return failed
}
