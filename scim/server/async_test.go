package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// gate holds up every slice until it is opened.
type gate struct {
	open chan struct{}
	once sync.Once
}

func (g *gate) release() { g.once.Do(func() { close(g.open) }) }

// slow starts a provider with Jobs whose store waits for a gate.
func slow(t *testing.T, o server.JobOptions) (*provider, *gate) {
	t.Helper()
	g, jobs := &gate{open: make(chan struct{})}, server.NewJobs(o)
	p := newProvider(t, scim.Compat(), sliced, func(svc *server.Service, o *server.Options) {
		o.Jobs, svc.Subject = jobs, "t1/hr"
		do := svc.Do
		svc.Do = func(ctx context.Context, ops []server.Op) []server.Result {
			<-g.open
			return do(ctx, ops)
		}
	})
	t.Cleanup(func() {
		g.release()
		if err := jobs.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p, g
}

const async = "Prefer: respond-async"

// ended waits for the outcome of a job.
func (p *provider) ended(path string) *answer {
	p.t.Helper()
	for {
		if a := p.get(path); a.status != http.StatusAccepted {
			return a.is(200)
		}
	}
}

// started checks a 202 and returns the path of its outcome and the transaction.
func (a *answer) started() (path, txn string) {
	a.t.Helper()
	a.is(202)
	path, ok := strings.CutPrefix(a.header.Get("Location"), base)
	if !ok || a.raw != "" || a.header.Get("Set-Txn") == "" || a.header.Get("Preference-Applied") != "respond-async" {
		a.t.Fatalf("got %v %q", a.header, a.raw)
	}
	return path, a.header.Get("Set-Txn")
}

func TestAsync(t *testing.T) {
	two := bulkBody("", newGroup("g", "g", "bulkId:u"), newUser("u", "ada"), newUser("v", ""))
	t.Run("EVT-15 EVT-19 EVT-20 EVT-21 EVT-22 EVT-23 EVT-24 EVT-25 EVT-26 EVT-27", func(t *testing.T) {
		p, g := slow(t, server.JobOptions{})
		path, txn := p.post("/Bulk", two, async).started()
		running := p.get(path).is(202)
		if running.raw != "" || running.header.Get("Retry-After") == "" || running.header.Get("Set-Txn") != txn {
			t.Fatalf("got %v %q", running.header, running.raw)
		}
		g.release()
		a := p.ended(path).has("txn", txn)
		const event = "events/urn:ietf:params:scim:event:misc:asyncresp/"
		for i, want := range []struct{ method, bulkID, status, uri string }{
			{"POST", "g", "201", "/Groups/"}, {"POST", "u", "201", "/Users/"}, {"POST", "v", "400", "/Users"},
		} {
			set := fmt.Sprintf("sets/%d/", i)
			a.has(set+"txn", fmt.Sprintf("%s:%d", txn, i)).has(set+"iss", base).has(set+"sub_id/format", "scim").
				has(set+event+"method", want.method).has(set+event+"bulkId", want.bulkID).has(set+event+"status", want.status)
			if !strings.HasPrefix(a.text(set+"sub_id/uri"), want.uri) {
				t.Fatal(a.raw)
			}
		}
		a.has("sets/2/"+event+"response/scimType", string(scim.InvalidValue))
		if len(a.list("sets")) != 3 {
			t.Fatal(a.raw)
		}
		p.get("/Users").has("totalResults", 1)
	})
	t.Run("EVT-16 Accept is ignored", func(t *testing.T) {
		p, _ := slow(t, server.JobOptions{})
		p.post("/Bulk", two, async, "Accept: text/html").started()
		p.post("/Bulk", two, "Accept: text/html").refused(406, "")
		p.get("/Users", async, "Accept: text/html").refused(406, "")
	})
	t.Run("EVT-17 EVT-18 wait", func(t *testing.T) {
		p, g := slow(t, server.JobOptions{})
		path, _ := p.post("/Bulk", two, "Prefer: wait=1, respond-async").started()
		g.release()
		p.ended(path)
		other := bulkBody("", newUser("w", "wes"))
		p.post("/Bulk", other, "Prefer: respond-async", "Prefer: wait=20").statuses("201").has("schemas/0", scim.BulkResponseMessage)
	})
	t.Run("only when asked", func(t *testing.T) {
		p, g := slow(t, server.JobOptions{})
		g.release()
		p.post("/Bulk", two, "Prefer: wait=1").statuses("201", "201", "400")
		p.post("/Bulk", two, "Prefer: return=minimal").statuses("409", "409", "400")
	})
	t.Run("what is wrong as a whole is said at once", func(t *testing.T) {
		p, _ := slow(t, server.JobOptions{})
		p.post("/Bulk", `{"schemas":["`+scim.BulkRequestMessage+`"]}`, async).refused(400, scim.InvalidSyntax)
		p.post("/Bulk", `{`, async).refused(400, scim.InvalidSyntax)
	})
	t.Run("EVT-29 EVT-30 ServiceProviderConfig", func(t *testing.T) {
		quiet, _ := slow(t, server.JobOptions{})
		quiet.get("/ServiceProviderConfig").has("securityEvents", nil)
		p, _ := slow(t, server.JobOptions{Advertise: true})
		p.get("/ServiceProviderConfig").has("securityEvents/asyncRequest", "request").
			has("securityEvents/eventUris/0", "urn:ietf:params:scim:event:misc:asyncresp")
		without := compat(t)
		without.get("/ServiceProviderConfig").has("securityEvents", nil)
		without.post("/Bulk", two, async).statuses("201", "201", "400")
		without.get("/Bulk/1").refused(404, "")
	})
	t.Run("EVT-36 the outcome is for its subject", func(t *testing.T) {
		p, g := slow(t, server.JobOptions{})
		path, _ := p.post("/Bulk", two, async).started()
		p.svc.Subject = "t1/other"
		p.get(path).refused(404, "")
		g.release()
		p.get(path).refused(404, "")
		p.svc.Subject = "t1/hr"
		p.ended(path)
		p.get("/Bulk/0123456789abcdef0123456789abcdef").refused(404, "")
		p.delete(path).refused(405, "")
	})
}

func TestJobs(t *testing.T) {
	one := func(name string) string { return bulkBody("", newUser("u", name)) }
	t.Run("too many at once are waited for", func(t *testing.T) {
		p, g := slow(t, server.JobOptions{Running: 1})
		p.post("/Bulk", one("ada"), async).started()
		done := make(chan *answer)
		go func() { done <- p.post("/Bulk", one("bo"), async) }()
		g.release()
		if a := <-done; a.status != 200 && a.status != 202 {
			t.Fatal(a.raw)
		}
	})
	t.Run("outcomes are forgotten, the oldest first", func(t *testing.T) {
		p, g := slow(t, server.JobOptions{Operations: 2})
		g.release()
		var paths []string
		for _, name := range []string{"ada", "bo", "cy"} {
			path, _ := p.post("/Bulk", one(name), async).started()
			p.ended(path)
			paths = append(paths, path)
		}
		p.get(paths[0]).refused(404, "")
		p.get(paths[1]).is(200)
		p.post("/Bulk", bulkBody("", newUser("1", "1"), newUser("2", "2"), newUser("3", "3")), async).statuses("201", "201", "201")
	})
	t.Run("outcomes are forgotten in time", func(t *testing.T) {
		var mu sync.Mutex
		now := time.Now()
		p, g := slow(t, server.JobOptions{Age: time.Minute, Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		}})
		g.release()
		path, _ := p.post("/Bulk", one("ada"), async).started()
		p.ended(path)
		mu.Lock()
		now = now.Add(2 * time.Minute)
		mu.Unlock()
		p.get(path).refused(404, "")
	})
	t.Run("a job survives its client", func(t *testing.T) {
		p, g := slow(t, server.JobOptions{})
		path, _ := p.post("/Bulk", one("ada"), async).started()
		p.srv.CloseClientConnections()
		g.release()
		p.ended(path).has("sets/0/events/urn:ietf:params:scim:event:misc:asyncresp/status", "201")
	})
}

func TestJobsStop(t *testing.T) {
	for name, c := range map[string]struct {
		hurry bool // no time for the jobs
		done  int
	}{"waits": {false, 100}, "cuts off between slices and says so": {true, 64}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				svc, jobs, open := scimtest.NewService(base, scim.Compat()), server.NewJobs(server.JobOptions{}), make(chan struct{})
				sliced(svc, nil)
				do := svc.Do
				svc.Do = func(ctx context.Context, ops []server.Op) []server.Result {
					<-open
					return do(ctx, ops)
				}
				h := server.Handler(scimtest.Open(svc), server.Options{Jobs: jobs})
				send := func(method, path, body string) *httptest.ResponseRecorder {
					r := httptest.NewRequest(method, path, strings.NewReader(body))
					r.Header.Set("Content-Type", scim.MediaType)
					r.Header.Set("Prefer", "respond-async")
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					return w
				}
				var ops []string
				for i := range 100 { // more than a slice
					ops = append(ops, newUser(fmt.Sprint(i), fmt.Sprint("user", i)))
				}
				path := strings.TrimPrefix(send("POST", "/Bulk", bulkBody("", ops...)).Header().Get("Location"), base)
				synctest.Wait() // until the store has the first slice
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.hurry {
					cancel()
				}
				stopped := make(chan error, 1)
				go func() { stopped <- jobs.Stop(ctx) }()
				synctest.Wait()
				close(open)
				if err := <-stopped; (err != nil) != c.hurry {
					t.Fatalf("Stop: %v", err)
				}
				if w := send("POST", "/Bulk", bulkBody("", newUser("late", "late"))); w.Code != http.StatusOK {
					t.Errorf("a job after Stop: %d", w.Code)
				}
				body := send("GET", path, "").Body.String()
				if done, not := strings.Count(body, `"status":"201"`), strings.Count(body, `"status":"503"`)/2; done != c.done || done+not != 100 {
					t.Errorf("got %d operations carried out and %d reported as not: %s", done, not, body)
				}
			})
		})
	}
}
