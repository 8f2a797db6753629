package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// faulty is a store whose reads go wrong as the test says.
type faulty struct {
	server.Store
	get  func() (*server.Resource, error)
	find func(emit func(*server.Resource) error) (server.Page, error)
}

func (f *faulty) Get(context.Context, string, *server.Want) (*server.Resource, error) { return f.get() }

func (f *faulty) Find(_ context.Context, _ *server.Query, emit func(*server.Resource) error) (server.Page, error) {
	return f.find(emit)
}

// log is a log that a test reads while the server writes.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// broken starts a provider whose user store is faulty.
func broken(t *testing.T, f *faulty) (*provider, *log) {
	t.Helper()
	l := new(log)
	p := newProvider(t, scim.Compat(), func(s *server.Service, o *server.Options) {
		f.Store = s.Stores["User"]
		s.Stores["User"] = f
		o.Log = slog.New(slog.NewTextHandler(l, nil))
		o.NewID = func(context.Context) string { return "the-id" }
	})
	return p, l
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		logged bool
	}{
		"C14 the cause stays in the log": {errors.New("SQLSTATE 23505 at db.go:12"), 500, true},
		"wrapped":                        {fmt.Errorf("get: %w", scim.NotFound("x")), 404, false},
		"deadline":                       {fmt.Errorf("get: %w", context.DeadlineExceeded), 503, false},
		"cause of an error of ours": {
			&scim.Error{Status: 507, Detail: "no space left", Err: errors.New("SQLSTATE 23505 at db.go:12")}, 507, true,
		},
		"Retry-After": {&scim.Error{Status: 429, Detail: "slow down", RetryAfter: 1100 * time.Millisecond}, 429, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, l := broken(t, &faulty{get: func() (*server.Resource, error) { return nil, c.err }})
			a := p.get("/Users/x").refused(c.status, "")
			if strings.Contains(a.raw, "SQL") || strings.Contains(a.raw, ".go:") {
				t.Fatalf("the answer tells too much: %s", a.raw)
			}
			if c.logged != strings.Contains(l.String(), "db.go:12") {
				t.Fatalf("logged: %s", l)
			}
			if c.status == 500 && (!strings.Contains(a.text("detail"), "the-id") || !strings.Contains(l.String(), "id=the-id")) {
				t.Fatalf("answer and log do not share an id: %s\n%s", a.raw, l)
			}
			if got := a.header.Get("Retry-After"); (c.status == 503 || c.status == 429) != (got == "2") {
				t.Fatalf("got Retry-After %q", got)
			}
		})
	}
}

func TestSec_E10_Panic(t *testing.T) {
	t.Parallel()
	p, l := broken(t, &faulty{get: func() (*server.Resource, error) { panic("boom") }})
	a := p.get("/Users/x").refused(500, "")
	if strings.Contains(a.raw, "boom") || !strings.Contains(l.String(), "boom") || !strings.Contains(l.String(), "id=the-id") {
		t.Fatalf("%s\n%s", a.raw, l)
	}
	p.get("/Groups").is(200)
}

// TestCutOff sees that an answer that fails after it began does not look whole.
func TestCutOff(t *testing.T) {
	t.Parallel()
	long := []byte(`{"schemas":["` + scim.UserSchema + `"],"userName":"` + strings.Repeat("x", 100<<10) + `"}`)
	for name, f := range map[string]func(emit func(*server.Resource) error) (server.Page, error){
		"an error": func(emit func(*server.Resource) error) (server.Page, error) {
			return server.Page{}, errors.Join(emit(&server.Resource{ID: "1", Raw: long}), errors.New("disk gone"))
		},
		"a panic": func(emit func(*server.Resource) error) (server.Page, error) {
			if err := emit(&server.Resource{ID: "1", Raw: long}); err != nil {
				return server.Page{}, err
			}
			panic("disk gone")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, l := broken(t, &faulty{find: f})
			resp, err := http.Get(p.srv.URL + "/t/t1/scim/v2/Users")
			if err == nil {
				defer resp.Body.Close()
				_, err = new(bytes.Buffer).ReadFrom(resp.Body)
			}
			if err == nil {
				t.Fatal("the answer ended as if it were whole")
			}
			if !strings.Contains(l.String(), "disk gone") {
				t.Fatalf("logged: %s", l)
			}
		})
	}
	t.Run("before it began it is an error", func(t *testing.T) {
		t.Parallel()
		p, _ := broken(t, &faulty{find: func(emit func(*server.Resource) error) (server.Page, error) {
			return server.Page{}, errors.Join(emit(&server.Resource{ID: "1", Raw: []byte(`{}`)}), errors.New("disk gone"))
		}})
		p.get("/Users").refused(500, "")
	})
	t.Run("a relation that fails", func(t *testing.T) {
		t.Parallel()
		p, _ := broken(t, &faulty{get: func() (*server.Resource, error) {
			return &server.Resource{ID: "1", Version: "1", Raw: []byte(`{}`), Relations: map[string]iter.Seq2[server.Ref, error]{
				"groups": func(yield func(server.Ref, error) bool) { yield(server.Ref{}, errors.New("disk gone")) },
			}}, nil
		}})
		a := p.get("/Users/1").refused(500, "")
		if a.header.Get("ETag") != "" || a.header.Get("Location") != "" {
			t.Fatalf("headers of a resource on an error: %v", a.header)
		}
	})
}

// TestSec_E05_Want sees that the store is asked for what is sent and nothing else (P-A-13, E05).
func TestSec_E05_Want(t *testing.T) {
	t.Parallel()
	var asked []string
	p := newProvider(t, scim.Compat(), func(s *server.Service, _ *server.Options) {
		s.Stores["Group"] = &asking{Store: s.Stores["Group"], ask: func(w *server.Want) {
			asked = append(asked, fmt.Sprint(w.Has("members")))
		}}
	})
	g := p.group("g")
	for query, want := range map[string]string{
		"":                                  "true",
		"?excludedAttributes=members":       "false",
		"?attributes=displayName":           "false",
		"?attributes=members.value":         "true",
		"?excludedAttributes=members.value": "true",
		"?filter=members+pr&attributes=id":  "false", // the store sees the filter by itself
	} {
		asked = nil
		paths := []string{"/Groups" + query}
		if !strings.Contains(query, "filter") {
			paths = append(paths, "/Groups/"+g+query)
		}
		for _, path := range paths {
			p.get(path).is(200)
		}
		p.patch("/Groups/"+g+strings.Replace(query, "?filter=members+pr&", "?", 1), `{"op":"remove","path":"externalId"}`)
		patched := want
		if query == "" {
			patched = "false" // 204
		}
		for i, got := range asked {
			if i < len(asked)-1 && got != want || i == len(asked)-1 && got != patched {
				t.Errorf("%q: asked for members %v, want %s, then %s", query, asked, want, patched)
			}
		}
	}
}

// asking tells which relations it is asked for.
type asking struct {
	server.Store
	ask func(*server.Want)
}

func (a *asking) Get(ctx context.Context, id string, w *server.Want) (*server.Resource, error) {
	a.ask(w)
	return a.Store.Get(ctx, id, w)
}

func (a *asking) Find(ctx context.Context, q *server.Query, emit func(*server.Resource) error) (server.Page, error) {
	a.ask(q.Want)
	return a.Store.Find(ctx, q, emit)
}

func (a *asking) Update(ctx context.Context, id string, e *server.Edit) (*server.Resource, error) {
	a.ask(e.Want)
	return a.Store.Update(ctx, id, e)
}

// late is a store that answers before it decides, as one does whose caller gave up waiting.
type late struct {
	server.Store
	edits []*server.Edit
}

func (l *late) Update(_ context.Context, _ string, e *server.Edit) (*server.Resource, error) {
	l.edits = append(l.edits, e)
	return nil, context.DeadlineExceeded
}

// TestLateDecision sees that an Edit outlives its request, whose memory serves others by then.
func TestLateDecision(t *testing.T) {
	t.Parallel()
	var l *late
	p := newProvider(t, scim.Compat(), func(s *server.Service, _ *server.Options) {
		l = &late{Store: s.Stores["User"]}
		s.Stores["User"] = l
	})
	p.put("/Users/x", `{"userName":"bo"}`).refused(503, "")
	p.patch("/Users/x", `{"op":"replace","path":"title","value":"Dr"}`).refused(503, "")
	for range 10 {
		p.get("/Groups").is(200)
	}
	cur := &server.Resource{ID: "x", Attrs: schema.Object{"schemas": []any{scim.UserSchema}, "userName": "ada", "active": false}}
	for i, want := range []schema.Object{
		{"schemas": []any{scim.UserSchema}, "userName": "bo", "active": false},
		{"schemas": []any{scim.UserSchema}, "userName": "ada", "active": false, "title": "Dr"},
	} {
		got, err := l.edits[i].Apply(cur)
		if err != nil || !schema.Equal(got.Attrs, want) {
			t.Fatalf("got %+v, %v; want %v", got, err, want)
		}
	}
}
