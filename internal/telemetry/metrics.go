package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the figures of a hub. Their methods are cheap and safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	batch    prometheus.Histogram
	commit   prometheus.Histogram
	switches *prometheus.CounterVec
	attempts *prometheus.CounterVec
	took     *prometheus.HistogramVec
	settled  *prometheus.HistogramVec
	denied   *prometheus.CounterVec
}

// NewMetrics returns the figures in a registry of their own.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_http_requests_total",
			Help: "SCIM requests by method, resource and status class. When 5xx grows, look for ERROR in the log; when 4xx grows, a source sends what is refused.",
		}, []string{"method", "resource", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "muster_http_request_duration_seconds",
			Help:    "Time to answer SCIM requests. When high for writes, look at muster_store_commit_seconds; for reads, at filters on attributes without index.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}, []string{"method"}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "muster_store_batch_size",
			Help:    "Writes that shared a commit. Large batches mean load, not trouble.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 8),
		}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "muster_store_commit_seconds",
			Help:    "Time of a commit from begin to disk. When high, the disk is slow or busy.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		switches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_dialect_uses_total",
			Help: "Requests that needed a forgiveness, by source and switch. It tells which profile a source really needs.",
		}, []string{"source", "switch"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_target_attempts_total",
			Help: "Attempts to deliver, by target, outcome and reason. When failures grow, see \"muster targets\" for the last error.",
		}, []string{"target", "outcome", "reason"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "muster_target_attempt_seconds",
			Help:    "Time of attempts to deliver. When high, the target is slow.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		}, []string{"target"}),
		settled: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "muster_target_settled_seconds",
			Help:    "Time from the commit of a change until the target had it. When high, see muster_target_lag_changes and muster_target_attempt_seconds.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 20),
		}, []string{"target"}),
		denied: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_authentication_failures_total",
			Help: "Requests that were not authenticated, by reason. A burst of unknown means guessing, or a source whose token has expired or was revoked.",
		}, []string{"reason"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.batch, m.commit, m.switches, m.attempts, m.took, m.settled, m.denied,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the figures in the format of Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Request counts a SCIM request. resource is "User", "Group", "discovery" or "other".
func (m *Metrics) Request(method, resource string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, resource, statusClass(status)).Inc()
	m.duration.WithLabelValues(method).Observe(took.Seconds())
}

func statusClass(status int) string {
	if status == http.StatusNotImplemented {
		return "501" // something that is not offered was asked for: nobody has to be woken for that
	}
	switch status / 100 {
	case 2:
		return "2xx"
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	default:
		return "5xx"
	}
}

// Commit counts a group commit of so many writes.
func (m *Metrics) Commit(writes int, took time.Duration) {
	m.batch.Observe(float64(writes))
	m.commit.Observe(took.Seconds())
}

// Switch counts a request that needed a forgiveness.
func (m *Metrics) Switch(source, name string) { m.switches.WithLabelValues(source, name).Inc() }

// Denied counts a request that was not authenticated.
func (m *Metrics) Denied(reason string) { m.denied.WithLabelValues(reason).Inc() }

// Attempt counts an attempt to deliver. outcome is "ok" or "failed"; reason is empty for "ok".
func (m *Metrics) Attempt(target, outcome, reason string, took time.Duration) {
	m.attempts.WithLabelValues(target, outcome, reason).Inc()
	m.took.WithLabelValues(target).Observe(took.Seconds())
}

// Settled counts a change that a target has, so long after its commit.
func (m *Metrics) Settled(target string, after time.Duration) {
	m.settled.WithLabelValues(target).Observe(after.Seconds())
}

// Gauge registers a figure that is read when somebody asks for it. labels are pairs of name and value.
func (m *Metrics) Gauge(name, help string, read func() float64, labels ...string) {
	constant := prometheus.Labels{}
	for i := 0; i+1 < len(labels); i += 2 {
		constant[labels[i]] = labels[i+1]
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: constant}, read))
}

// Each registers a figure that has a value for each of some things, which are asked for when somebody asks for it. labels are the
// names of what emit is called with behind the value.
func (m *Metrics) Each(name, help string, labels []string, read func(emit func(value float64, labels ...string))) {
	m.registry.MustRegister(&each{prometheus.NewDesc(name, help, labels, nil), read})
}

type each struct {
	desc *prometheus.Desc
	read func(emit func(float64, ...string))
}

// Describe implements prometheus.Collector.
func (e *each) Describe(to chan<- *prometheus.Desc) { to <- e.desc }

// Collect implements prometheus.Collector.
func (e *each) Collect(to chan<- prometheus.Metric) {
	e.read(func(value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(e.desc, prometheus.GaugeValue, value, labels...)
	})
}
