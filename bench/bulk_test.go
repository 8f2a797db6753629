package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

// BenchmarkBulk measures creates of users of about 1.5 KB over HTTP on one connection, synced to disk before they are
// answered: 10,000 of them in bulk requests of so many operations, whose cost for one should not grow, and one by one.
// others is how long the writes of eight other clients take while a bulk of 10,000 runs, and idle how long without one.
// cpu-µs is of the whole process, client included, and says the same on a machine that others use too.
//
//	go test ./bench -run '^$' -bench Bulk -benchtime 1x -count 5
func BenchmarkBulk(b *testing.B) {
	b.Logf("%d CPUs, %s", runtime.GOMAXPROCS(0), runtime.Version())
	const users = 10_000
	b.Run("single", func(b *testing.B) {
		w := newBulkLoad(b)
		w.figures(users, func() {
			for range users {
				w.single()
			}
		})
	})
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprintf("operations=%d", n), func(b *testing.B) {
			w := newBulkLoad(b)
			w.figures(users, func() {
				for range users / n {
					w.bulk(n)
				}
			})
		})
	}
	b.Run("others", func(b *testing.B) {
		w := newBulkLoad(b)
		var took []time.Duration
		for range b.N {
			took = append(took, w.others(func() { w.bulk(10_000) })...)
		}
		percentiles(b, took)
	})
	b.Run("idle", func(b *testing.B) {
		w := newBulkLoad(b)
		var took []time.Duration
		for range b.N {
			took = append(took, w.others(func() { <-time.After(time.Second) })...)
		}
		percentiles(b, took)
	})
}

// bulkLoad is a client with one connection to a hub of the library's handler, the directory and a real store.
type bulkLoad struct {
	b    *testing.B
	dir  string
	srv  *httptest.Server
	next atomic.Int64
}

func newBulkLoad(b *testing.B) *bulkLoad {
	w := &bulkLoad{b: b, dir: b.TempDir()}
	st, err := sqlite.Open(b.Context(), filepath.Join(w.dir, "muster.db"), sqlite.Options{})
	assert.NoError(b, err)
	set := directory.NewSet()
	dir := directory.New(st, set, directory.Options{})
	caller := directory.Caller{Tenant: store.Default, Source: store.DefaultSource, Actor: "bench"}
	w.srv = httptest.NewServer(server.Handler(server.Static(&server.Service{
		Base: "https://hub.test/scim/v2", Schemas: set, Profile: scim.Compat(), Stores: dir.Stores(caller), NewID: dir.NewID,
		Do: func(ctx context.Context, ops []server.Op) []server.Result { return dir.Do(ctx, caller, ops) },
	}), server.Options{Limits: server.Limits{Operations: 10_000, LargeBody: 64 << 20}}))
	b.Cleanup(func() {
		w.srv.Close()
		assert.NoError(b, st.Close())
	})
	return w
}

// figures runs a load of n creates b.N times.
func (w *bulkLoad) figures(n int, load func()) {
	syncs := fsyncRate(w.b, w.dir)
	before := cpuTime(w.b)
	w.b.ResetTimer()
	for range w.b.N {
		load()
	}
	w.b.StopTimer()
	creates := float64(w.b.N * n)
	w.b.ReportMetric((cpuTime(w.b)-before).Seconds()*1e6/creates, "cpu-µs/user")
	w.b.ReportMetric(syncs, "fsyncs/s")
	w.b.ReportMetric(creates/w.b.Elapsed().Seconds(), "users/s")
}

// cpuTime is what the process has used of the processors.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	assert.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func percentiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1000, "p50-ms")
	b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "p99-ms")
	b.ReportMetric(took[len(took)-1].Seconds()*1000, "max-ms")
	b.ReportMetric(float64(len(took)), "writes")
}

func (w *bulkLoad) user() string {
	name := userName(w.next.Add(1))
	pad := strings.Repeat("x", 300)
	return fmt.Sprintf(`{"schemas":["%[3]s","%[4]s"],"externalId":"ext-%[1]s","userName":"%[1]s@bench.test","active":true,
"displayName":"Bench User %[1]s","title":"Engineer","locale":"en-US","timezone":"Europe/Berlin","nickName":"%[2]s",
"name":{"formatted":"Bench User %[1]s","givenName":"Bench","familyName":"User %[1]s"},"profileUrl":"https://people.bench.test/%[1]s",
"emails":[{"value":"%[1]s@bench.test","type":"work","primary":true},{"value":"%[1]s@home.test","type":"home"}],
"phoneNumbers":[{"value":"+49 30 1","type":"work"},{"value":"+49 170 1","type":"mobile"}],
"addresses":[{"type":"work","streetAddress":"%[2]s","locality":"Berlin","postalCode":"10115","country":"DE"}],
"%[4]s":{"employeeNumber":"%[1]s","costCenter":"CC","department":"Platform","division":"Technology","organization":"Bench"}}`,
		name, pad, scim.UserSchema, scim.EnterpriseUserSchema)
}

func (w *bulkLoad) single() { w.post(w.srv.Client(), "/Users", w.user(), http.StatusCreated) }

func (w *bulkLoad) bulk(n int) {
	w.b.StopTimer()
	var body strings.Builder
	body.WriteString(`{"schemas":["` + scim.BulkRequestMessage + `"],"Operations":[`)
	for i := range n {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"method":"POST","path":"/Users","bulkId":"%d","data":%s}`, i, w.user())
	}
	body.WriteString("]}")
	w.b.StartTimer()
	answer := w.post(w.srv.Client(), "/Bulk", body.String(), http.StatusOK)
	if created := strings.Count(answer, `"status":"201"`); created != n {
		w.b.Errorf("%d of %d were created: %.300s", created, n, answer)
	}
}

// others has eight clients write one by one, as fast as 100 a second in all, until what they disturb is over.
func (w *bulkLoad) others(during func()) []time.Duration {
	var mu sync.Mutex
	var took []time.Duration
	ctx, stop := context.WithCancel(w.b.Context())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil {
				began := time.Now()
				w.post(client, "/Users", w.user(), http.StatusCreated)
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
				<-tick.C
			}
		})
	}
	during()
	stop()
	wg.Wait()
	return took
}

func (w *bulkLoad) post(client *http.Client, path, body string, want int) string {
	req, err := http.NewRequestWithContext(w.b.Context(), http.MethodPost, w.srv.URL+path, strings.NewReader(body))
	if err != nil {
		w.b.Error(err)
		return ""
	}
	req.Header.Set("Content-Type", scim.MediaType)
	resp, err := client.Do(req)
	if err != nil {
		w.b.Error(err)
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		w.b.Errorf("POST %s: %s %v: %.300s", path, resp.Status, err, answer)
	}
	return string(answer)
}
