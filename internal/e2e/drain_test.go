package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestRel_R78_DrainBehindABalancer ends a hub below clients that go by its readiness, as those behind a load balancer do, and keep
// their connections. Not one request fails: not those of the time before the balancer has noticed, not the one that had begun.
func TestRel_R78_DrainBehindABalancer(t *testing.T) {
	t.Parallel()
	const delay = 2 * time.Second
	dir, config := t.TempDir(), filepath.Join(t.TempDir(), "muster.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "drain_delay: %s\n", delay), 0o600); err != nil {
		t.Fatal(err)
	}
	h := startHub(t, dir, "--config", config)
	slow := beginSlowly(t, h, `{"userName":"slow@acme.test"}`)

	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
	defer cancel()
	var ready, unready atomic.Bool
	ready.Store(true)
	probe := strings.TrimSuffix(h.base, "/scim/v2") + "/readyz"
	var wg sync.WaitGroup
	wg.Go(func() {
		for ready.Load() && ctx.Err() == nil {
			if status := probed(ctx, t, probe); status == http.StatusServiceUnavailable {
				unready.Store(true)
				// A balancer is late: what it sends meanwhile has to be answered too.
				idle(ctx, delay/4)
				ready.Store(false)
			}
			idle(ctx, 20*time.Millisecond)
		}
	})
	made, late := make([]int, 6), atomic.Int64{}
	for w := range made {
		wg.Go(func() {
			for ready.Load() && ctx.Err() == nil {
				during := unready.Load()
				status, _, body, err := h.send(ctx, http.MethodPost, "/Users", map[string]any{"userName": fmt.Sprintf("w%d-%d@acme.test", w, made[w])})
				if err != nil || status != http.StatusCreated {
					t.Errorf("a request failed while draining: %d %s %v", status, body, err)
					return
				}
				made[w]++
				if during {
					late.Add(1)
				}
			}
		})
	}
	eventually(t, "the writers are at work", 10*time.Second, func() bool { return total(t, h, "userName sw \"w\"") >= 50 })
	began := time.Now()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if status := slow(); status != http.StatusCreated {
		t.Errorf("the request that had begun: %d", status)
	}
	select {
	case err := <-h.done:
		if err != nil {
			t.Errorf("exit after SIGTERM: %v\n%s", err, h.log)
		}
	case <-ctx.Done():
		t.Fatalf("did not end\n%s", h.log)
	}
	if took := time.Since(began); took < delay {
		t.Errorf("ended after %s, before the delay of %s was over", took, delay)
	}
	if late.Load() == 0 {
		t.Error("nothing was answered between readiness and the end")
	}

	token := h.token
	h = startHub(t, dir, "--config", config)
	h.token = token
	for w, n := range made {
		if got := total(t, h, fmt.Sprintf("userName sw \"w%d-\"", w)); got != n {
			t.Errorf("writer %d has %d answers, %d users are there", w, n, got)
		}
	}
	if got := total(t, h, `userName eq "slow@acme.test"`); got != 1 {
		t.Errorf("the request that had begun is stored %d times", got)
	}
}

// idle waits, or until ctx ends.
func idle(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// probed returns the status of a probe; 0 if there was no answer.
func probed(ctx context.Context, t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Error(err)
		return 0
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Errorf("the probe was not answered: %v", err)
		return 0
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK && !res.Close {
		t.Error("an answer while draining lets the client keep its connection")
	}
	return res.StatusCode
}
