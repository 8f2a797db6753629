package conformance_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/server"
)

// between puts a handler between the checks and a provider.
func between(t *testing.T, meddle func(w http.ResponseWriter, r *http.Request, next http.Handler)) string {
	t.Helper()
	host := start(t, "/scim/v2")
	target, err := url.Parse(host)
	if err != nil {
		t.Fatal(err)
	}
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host, out.RequestURI = target.Scheme, target.Host, ""
		resp, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer func() { _ = resp.Body.Close() }()
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		var b bytes.Buffer
		_, _ = b.ReadFrom(resp.Body)
		_, _ = w.Write(b.Bytes())
	})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { meddle(w, r, next) }))
	t.Cleanup(srv.Close)
	return srv.URL + "/scim/v2"
}

// TestReadOnly: nothing but reading is sent.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	var writes atomic.Int32
	base := between(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/.search") {
			// Refusals are asked for too; what matters is that nothing is made.
			writes.Add(1)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
	r, err := conformance.Run(t.Context(), conformance.Options{URL: base, ReadOnly: true, Only: []string{"filter", "page", "sort", "schema", "read"}})
	if err != nil {
		t.Fatal(err)
	}
	if n := writes.Load(); n > 0 {
		t.Errorf("%d requests would have written", n)
	}
	if r.Count(conformance.Skipped) == 0 || r.Count(conformance.Pass) == 0 {
		t.Errorf("%d were skipped and %d passed", r.Count(conformance.Skipped), r.Count(conformance.Pass))
	}
}

// TestCleansUp: afterwards the provider has what it had before, also where an answer to a create was lost.
func TestCleansUp(t *testing.T) {
	t.Parallel()
	var creates atomic.Int32
	var inner http.Handler
	base := between(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		inner = next
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/Users") && creates.Add(1)%10 == 0 {
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
	r, err := conformance.Run(t.Context(), conformance.Options{URL: base, Only: []string{"create", "patch"}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Count(conformance.Broken) == 0 {
		t.Error("no check was broken, so that nothing was tried")
	}
	if len(r.Left) > 0 {
		t.Errorf("left behind: %q", r.Left)
	}
	for _, endpoint := range []string{"/Users", "/Groups"} {
		w := httptest.NewRecorder()
		inner.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/scim/v2"+endpoint+"?count=0", nil))
		if !strings.Contains(w.Body.String(), `"totalResults":0`) {
			t.Errorf("%s: %s", endpoint, w.Body)
		}
	}
}

// TestCleansUpAfterBulk: what a job made is removed, also where the provider takes a user without a name, which nothing
// finds by the marker, and says so in a form of its own.
func TestCleansUpAfterBulk(t *testing.T) {
	t.Parallel()
	var nameless, removed atomic.Int32
	base := between(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		const path = "/scim/v2/Users/nameless"
		switch {
		case strings.HasSuffix(r.URL.Path, "/Bulk"):
			nameless.Add(1)
			w.Header().Set("Content-Type", "application/scim+json")
			_, _ = io.WriteString(w, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],"Operations":[`+
				`{"method":"POST","bulkId":"bad","location":"http://example.com`+path+`","status":{"code":"201"}},`+
				`{"method":"POST","bulkId":"two","location":"http://example.com/scim/v2/Users/precious","status":"409"}]}`)
		case r.Method == http.MethodDelete && r.URL.Path == path:
			removed.Add(1)
			w.WriteHeader(http.StatusNoContent)
		case r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, "/precious"):
			t.Error("somebody was deleted who had been there")
		default:
			next.ServeHTTP(w, r)
		}
	})
	if _, err := conformance.Run(t.Context(), conformance.Options{URL: base, Only: []string{"bulk/mixed"}}); err != nil {
		t.Fatal(err)
	}
	if nameless.Load() == 0 || removed.Load() != nameless.Load() {
		t.Errorf("%d were made, %d removed", nameless.Load(), removed.Load())
	}
}

// TestClosedUnannounced: a provider that refuses a long URL and closes the connection without a word of it breaks no
// check that follows.
func TestClosedUnannounced(t *testing.T) {
	t.Parallel()
	var refused atomic.Int32
	base := between(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if len(r.RequestURI) < 8<<10 {
			next.ServeHTTP(w, r)
			return
		}
		refused.Add(1)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 414 URI Too Long\r\nContent-Length: 0\r\n\r\n")
		_, _ = conn.Read(make([]byte, 1)) // the next request, if one is sent here
	})
	r, err := conformance.Run(t.Context(), conformance.Options{URL: base, Only: []string{
		"filter/wrong", "filter/encoding", "filter/schemas", "limits/long-filter", "limits/long-url", "limits/many-values",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if refused.Load() == 0 {
		t.Error("nothing was refused, so that nothing was tried")
	}
	for _, res := range r.Results {
		if res.Verdict == conformance.Broken {
			t.Errorf("%s is broken: %q", res.Check.Name, res.Findings)
		}
	}
}

// TestEmptyPages: a provider that says totalResults and nothing else where a page is empty is right as long as nobody is
// there, and wrong with count=0 as soon as it says 0 in spite of somebody.
func TestEmptyPages(t *testing.T) {
	t.Parallel()
	base := between(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/Users") {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/scim+json")
		_, _ = io.WriteString(w, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0}`)
	})
	r, err := conformance.Run(t.Context(), conformance.Options{
		URL: base, Only: []string{"page/start-index", "page/count-zero"}, Settle: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]conformance.Verdict{"page/start-index": conformance.Pass, "page/count-zero": conformance.Fail}
	for _, res := range r.Results {
		if v := want[res.Check.Name]; v != "" && v != res.Verdict {
			t.Errorf("%s: %s, want %s: %q", res.Check.Name, res.Verdict, v, res.Findings)
		}
	}
}

// TestWrongLocation: a Location that leads nowhere is told, also where nobody has to send one.
func TestWrongLocation(t *testing.T) {
	t.Parallel()
	base := between(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		if _, id, ok := strings.Cut(r.URL.Path, "/Users/"); ok && r.Method == http.MethodGet {
			w.Header().Set("Location", answer.Header().Get("Location")+"/"+id) // as Apache SCIMple does it
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
	r, err := conformance.Run(t.Context(), conformance.Options{URL: base, Only: []string{"read/one"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range r.Results {
		if res.Check.Name == "read/one" && (res.Verdict != conformance.Warn || len(res.Findings) != 1) {
			t.Errorf("%s: %q", res.Verdict, res.Findings)
		}
	}
}

// TestReports: every form can be read, whatever a provider says.
func TestReports(t *testing.T) {
	t.Parallel()
	base := between(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodPatch {
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte("{\"detail\":\"<script>alert(1)</script> \x01 ]]>\"}"))
			return
		}
		next.ServeHTTP(w, r)
	})
	r, err := conformance.Run(t.Context(), conformance.Options{URL: base, Only: []string{"patch", "lifecycle", "discovery"}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Count(conformance.Fail) == 0 {
		t.Fatal("nothing failed")
	}
	for _, g := range r.Grades() {
		if g.Works || !g.Known || len(g.Against) == 0 {
			t.Errorf("%s would work without PATCH", g.Provider)
		}
	}
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Counts map[string]int `json:"counts"`
		Checks []struct {
			Name      string `json:"name"`
			Verdict   string `json:"verdict"`
			Exchanges []any  `json:"exchanges"`
		} `json:"checks"`
	}
	if err := json.Unmarshal(b.Bytes(), &parsed); err != nil || parsed.Counts["fail"] != r.Count(conformance.Fail) || len(parsed.Checks) != len(r.Results) {
		t.Errorf("JSON: %v, %v", err, parsed.Counts)
	}
	b.Reset()
	if err := r.WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(b.Bytes(), new(struct {
		XMLName xml.Name `xml:"testsuites"`
	})); err != nil {
		t.Errorf("JUnit: %v", err)
	}
	b.Reset()
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<script>") || !strings.Contains(b.String(), "&lt;script&gt;") {
		t.Error("HTML: what the provider said is not shown as text")
	}
}

// TestPace: Retry-After is followed, and the check passes all the same.
func TestPace(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	base := between(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if asked.Add(1) == 5 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(w, r)
	})
	r, err := conformance.Run(t.Context(), conformance.Options{URL: base, Only: []string{"create/created"}, Rate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if r.Count(conformance.Pass) != 1 {
		t.Errorf("%d checks passed", r.Count(conformance.Pass))
	}
}

// TestGradeWithoutGroups: who has no groups is judged by people alone.
func TestGradeWithoutGroups(t *testing.T) {
	t.Parallel()
	host := start(t, "/scim/v2", func(s *server.Service) { delete(s.Stores, "Group") })
	r, err := conformance.Run(t.Context(), conformance.Options{URL: host + "/scim/v2", Only: []string{"lifecycle"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range r.Grades() {
		if !g.Works {
			t.Errorf("%s would not work: %v", g.Provider, g.Against)
		}
	}
}
