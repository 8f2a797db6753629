package doctest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// people keeps users in memory.
type people struct {
	mu   sync.Mutex
	last int
	byID map[string]*server.Resource // never altered, only replaced
}

// Handler serves the users below /scim/v2 to whoever has the token.
func Handler(base, token string) http.Handler {
	svc := &server.Service{
		Base:    base, // "https://example.com/scim/v2"
		Schemas: schema.Core(nil),
		Profile: scim.Compat(),
		Stores:  map[string]server.Store{"User": &people{byID: map[string]*server.Resource{}}},
	}
	return server.Handler(server.Bearer(server.Static(svc), token), server.Options{Prefix: "/scim/v2"})
}

func (p *people) Get(_ context.Context, id string, _ *server.Want) (*server.Resource, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.byID[id]; r != nil {
		return r, nil
	}
	return nil, scim.NotFound(id)
}

// Find looks at everybody. A store with indexes compiles q.Filter first.
func (p *people) Find(ctx context.Context, q *server.Query, emit func(*server.Resource) error) (server.Page, error) {
	p.mu.Lock()
	all := slices.SortedFunc(maps.Values(p.byID), func(a, b *server.Resource) int { return strings.Compare(a.ID, b.ID) })
	p.mu.Unlock()
	return q.Scan(func(yield func(*server.Resource, error) bool) {
		for _, r := range all {
			if !yield(r, ctx.Err()) {
				return
			}
		}
	}, emit)
}

func (p *people) Create(_ context.Context, in *server.Resource, _ *scim.Dialect) (*server.Resource, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	r := &server.Resource{ID: fmt.Sprintf("u%06d", p.last), Version: "1", Created: time.Now(), Attrs: in.Attrs}
	r.Modified = r.Created
	return r, p.put(r)
}

// Update is PUT and PATCH: what the request means is in e.
func (p *people) Update(_ context.Context, id string, e *server.Edit) (*server.Resource, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cur := p.byID[id]
	if cur == nil {
		return nil, scim.NotFound(id)
	}
	next, err := e.Decide(cur)     // If-Match, then the change
	if err != nil || next == cur { // the same pointer: nothing changes, the version stays
		return cur, err
	}
	r := *next
	version, _ := strconv.Atoi(cur.Version) // ours
	r.Version, r.Modified = strconv.Itoa(version+1), time.Now()
	return &r, p.put(&r)
}

func (p *people) Delete(_ context.Context, id string, c server.Cond) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	cur := p.byID[id]
	if cur == nil {
		return scim.NotFound(id)
	}
	if err := c.Check(cur.Version); err != nil {
		return err
	}
	delete(p.byID, id)
	return nil
}

// put keeps userName unique without regard to case, which is the store's part.
func (p *people) put(r *server.Resource) error {
	name, _ := r.Attrs["userName"].(string)
	for id, other := range p.byID {
		if taken, _ := other.Attrs["userName"].(string); id != r.ID && strings.EqualFold(name, taken) {
			return scim.Taken("userName")
		}
	}
	p.byID[r.ID] = r
	return nil
}

// The server of docs/library.md, asked by two identity providers' requests.
func ExampleHandler() {
	srv := httptest.NewServer(Handler("https://example.com/scim/v2", "secret"))
	defer srv.Close()
	send := func(method, path, body string) {
		req, err := http.NewRequestWithContext(context.Background(), method, srv.URL+"/scim/v2"+path, strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		req.Header.Set("Authorization", "Bearer secret")
		req.Header.Set("Content-Type", scim.MediaType)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		_, active, _ := strings.Cut(string(b), `"active":`)
		active, _, _ = strings.Cut(active, ",")
		fmt.Println(method, path, resp.StatusCode, resp.Header.Get("ETag"), active, err)
	}
	send(http.MethodPost, "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@example.com","active":true}`)
	send(http.MethodPost, "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ADA@example.com"}`)
	send(http.MethodPatch, "/Users/u000001", `{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`)
	send(http.MethodGet, "/Users?filter=active+eq+false", "")
	// Output:
	// POST /Users 201 W/"1" true <nil>
	// POST /Users 409   <nil>
	// PATCH /Users/u000001 200 W/"2" false <nil>
	// GET /Users?filter=active+eq+false 200  false <nil>
}
