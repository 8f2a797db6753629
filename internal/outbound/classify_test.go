package outbound_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muster-id/muster/internal/outbound"
)

func answer(status int, retryAfter string) *http.Response {
	h := http.Header{}
	if retryAfter != "" {
		h.Set("Retry-After", retryAfter)
	}
	return &http.Response{StatusCode: status, Header: h}
}

func TestClassifyEveryStatus(t *testing.T) {
	t.Parallel()
	type verdict struct {
		retry  bool
		fault  outbound.Fault
		reason outbound.Reason
	}
	ours, theirs := outbound.FaultOurs, outbound.FaultTheirs
	known := map[int]verdict{
		400: {false, ours, outbound.ReasonInvalid}, 413: {false, ours, outbound.ReasonInvalid}, 422: {false, ours, outbound.ReasonInvalid},
		401: {false, ours, outbound.ReasonAuth}, 403: {false, ours, outbound.ReasonAuth}, 407: {false, ours, outbound.ReasonAuth},
		404: {false, theirs, outbound.ReasonNotFound}, 410: {false, theirs, outbound.ReasonGone},
		409: {false, ours, outbound.ReasonConflict}, 412: {false, ours, outbound.ReasonConflict},
		408: {true, theirs, outbound.ReasonBusy}, 423: {true, theirs, outbound.ReasonBusy}, 425: {true, theirs, outbound.ReasonBusy},
		429: {true, theirs, outbound.ReasonRateLimited},
	}
	for status := 100; status < 1000; status++ {
		got := outbound.Classify(answer(status, ""), nil)
		if status/100 == 2 {
			if got != nil {
				t.Errorf("%d: got %v, want success", status, got)
			}
			continue
		}
		want, ok := known[status]
		switch {
		case ok:
		case status/100 == 3:
			want = verdict{true, theirs, outbound.ReasonRedirect}
		case status/100 == 5:
			want = verdict{true, theirs, outbound.ReasonServer}
		default:
			want = verdict{false, theirs, outbound.ReasonStatus}
		}
		if got == nil || (verdict{got.Retry, got.Fault, got.Reason}) != want || got.Status != status {
			t.Errorf("%d: got %#v, want %v", status, got, want)
		}
		if got != nil && !strings.Contains(got.Error(), fmt.Sprint(status)) {
			t.Errorf("%d: the error %q does not say so", status, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		day := 24 * time.Hour
		for _, c := range []struct {
			status int
			header string
			want   time.Duration
		}{
			{429, "120", 2 * time.Minute},
			{503, "0", 0},
			{503, " 7 ", 7 * time.Second},
			{500, "5", 5 * time.Second},
			{503, "86400", day},
			{503, "86401", day},
			{429, "99999999999999999999999999", day},
			{503, now.Add(time.Hour).UTC().Format(http.TimeFormat), time.Hour},
			{503, now.Add(time.Hour).UTC().Format(time.RFC850), time.Hour},
			{503, now.Add(-time.Hour).UTC().Format(http.TimeFormat), 0},
			{503, now.AddDate(10, 0, 0).UTC().Format(http.TimeFormat), day},
			{503, "-5", 0},
			{503, "1.5", 0},
			{503, "soon", 0},
			{400, "120", 0}, // nobody will try again
		} {
			got := outbound.Classify(answer(c.status, c.header), nil)
			if got == nil || got.After != c.want {
				t.Errorf("%d with Retry-After %q: got %#v, want %v", c.status, c.header, got, c.want)
			}
		}
	})
}

func TestClassifyErrors(t *testing.T) {
	t.Parallel()
	refused := &outbound.Error{Reason: outbound.ReasonRefused}
	for _, c := range []struct {
		name   string
		err    error
		reason outbound.Reason
		fault  outbound.Fault
	}{
		{"no such name", &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}, outbound.ReasonDNS, outbound.FaultNetwork},
		{"resolver timed out", &net.DNSError{Err: "timeout", IsTimeout: true}, outbound.ReasonDNS, outbound.FaultNetwork},
		{"connection refused", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, outbound.ReasonConnect, outbound.FaultNetwork},
		{"connection reset", fmt.Errorf("read: %w", syscall.ECONNRESET), outbound.ReasonConnect, outbound.FaultNetwork},
		{"dial timed out", &net.OpError{Op: "dial", Err: syscall.ETIMEDOUT}, outbound.ReasonTimeout, outbound.FaultNetwork},
		{"malformed answer", errors.New("malformed HTTP response"), outbound.ReasonProtocol, outbound.FaultTheirs},
	} {
		got := outbound.Classify(nil, c.err)
		if got == nil || got.Reason != c.reason || got.Fault != c.fault || !got.Retry {
			t.Errorf("%s: got %#v, want %s, %s, to be retried", c.name, got, c.reason, c.fault)
		}
	}
	if got := outbound.Classify(nil, fmt.Errorf("wrapped: %w", refused)); got != refused {
		t.Errorf("an Error in the chain: got %#v, want itself", got)
	}
}

func TestReasonsAreDistinct(t *testing.T) {
	t.Parallel()
	all := outbound.Reasons()
	sorted := slices.Sorted(slices.Values(all))
	if len(slices.Compact(sorted)) != len(all) {
		t.Errorf("Reasons() repeats itself: %v", all)
	}
}
