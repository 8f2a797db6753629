package app

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/store"
)

// readyDetail says everything there is to say about readiness, to operators (F13).
func (a *App) readyDetail(w http.ResponseWriter, r *http.Request) {
	detail := map[string]any{"status": "ok"}
	status := http.StatusOK
	if problem := a.notReady(r.Context()); problem != nil {
		detail["status"], detail["reason"], status = "unavailable", problem.Error(), http.StatusServiceUnavailable
	}
	if n, err := a.store.OpenHolds(r.Context()); err == nil && n > 0 {
		detail["guard"] = map[string]any{"holds": n, "do": "muster guard list"}
	}
	if b := a.audit.Broken(); b != nil { // writes go on: who would stop them could stop a hub by it
		detail["audit"] = map[string]any{"status": "broken", "tenant": int64(b.Tenant), "record": b.N, "problem": b.Problem}
	}
	body, err := json.Marshal(detail, json.Deterministic(true))
	if err != nil {
		status = http.StatusInternalServerError
	}
	answer(w, status, "application/json", append(body, '\n'))
}

// metricsHandler serves the figures of the hub, those that are read when somebody asks included.
func (a *App) metricsHandler() http.Handler {
	stats := func(f func(store.Stats) float64) func() float64 {
		return func() float64 {
			s, err := a.store.Totals(context.Background())
			if err != nil {
				return -1 // unknown is said, not hidden behind a zero
			}
			return f(s)
		}
	}
	m := a.metrics
	m.Gauge("muster_users", "People the hub holds.", stats(func(s store.Stats) float64 { return float64(s.Users) }))
	m.Gauge("muster_groups", "Groups the hub holds.", stats(func(s store.Stats) float64 { return float64(s.Groups) }))
	m.Gauge("muster_store_waiting_writes", "Writes in the queue. When it stays high, the disk or the processor is the limit.",
		stats(func(s store.Stats) float64 { return float64(s.Waiting) }))
	m.Gauge("muster_store_log_bytes", "Size of the write-ahead log. When it grows beyond 256 MiB, a reader holds it: restart, and report it.",
		stats(func(s store.Stats) float64 { return float64(s.LogBytes) }))
	m.Gauge("muster_feed_head", "Sequence number of the last change.", func() float64 {
		h, err := a.store.Head(context.Background(), store.Default)
		if err != nil {
			return -1
		}
		return float64(h.Seq)
	})
	a.targetFigures()
	m.Gauge("muster_connections", "Open connections of the SCIM listener.", func() float64 { return float64(a.door.Open()) })
	m.Gauge("muster_connections_refused", "Connections that were closed at once since the start, because there were too many.",
		func() float64 { return float64(a.door.Refused()) })
	if a.certs != nil {
		m.Gauge("muster_certificate_expires_seconds", "Until the first certificate of the SCIM listener ends.",
			func() float64 { return time.Until(a.certs.Expires()).Seconds() })
	}
	m.Gauge("muster_tokens_expiring", "Live tokens that expire within 30 days: see \"muster token list\".", func() float64 {
		n, err := a.usage.Expiring(context.Background())
		if err != nil {
			return -1
		}
		return float64(n)
	})
	m.Gauge("muster_guard_holds", "Mass changes that wait for a decision: see \"muster guard list\".", func() float64 {
		n, err := a.store.OpenHolds(context.Background())
		if err != nil {
			return -1
		}
		return float64(n)
	})
	m.Gauge("muster_audit_broken", "1 if a record of the audit was found altered or missing: see /readyz on this listener.", func() float64 {
		if a.audit.Broken() != nil {
			return 1
		}
		return 0
	})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	mux.HandleFunc("GET /readyz", a.readyDetail)
	return mux
}
