package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

// patient returns a client that makes up to four attempts and notes how long it waited in between.
func patient(t *testing.T, d client.Doer, alter ...func(*client.Options)) (c *client.Client, waits *[]time.Duration) {
	t.Helper()
	waits = new([]time.Duration)
	o := client.Options{HTTP: d, Retry: client.Retry{Attempts: 4, Wait: func(_ context.Context, d time.Duration) error {
		*waits = append(*waits, d)
		return nil
	}}}
	for _, f := range alter {
		f(&o)
	}
	c, err := client.New("https://app.example/scim/v2", o)
	assert.NoError(t, err)
	return c, waits
}

// doer is a function as a Doer.
type doer func(r *http.Request) (*http.Response, error)

func (f doer) Do(r *http.Request) (*http.Response, error) { return f(r) }

var errBroken = errors.New("connection reset by peer")

func TestC10_WhatIsRepeated(t *testing.T) {
	t.Parallel()
	calls := map[string]func(ctx context.Context, c *client.Client) error{
		"GET": func(ctx context.Context, c *client.Client) error {
			_, err := c.Get(ctx, "/Users", "1", client.Want{})
			return err
		},
		"PUT": func(ctx context.Context, c *client.Client) error {
			_, err := c.Replace(ctx, "/Users", "1", schema.Object{})
			return err
		},
		"conditional PUT": func(ctx context.Context, c *client.Client) error {
			_, err := c.Replace(ctx, "/Users", "1", schema.Object{}, client.IfMatch("1"))
			return err
		},
		"DELETE": func(ctx context.Context, c *client.Client) error {
			_, err := c.Delete(ctx, "/Users", "1")
			return err
		},
		"POST": func(ctx context.Context, c *client.Client) error {
			_, err := c.Create(ctx, "/Users", schema.Object{})
			return err
		},
		"PATCH": func(ctx context.Context, c *client.Client) error {
			_, err := c.Patch(ctx, "/Users", "1", title("x"))
			return err
		},
		"PATCH that may come twice": func(ctx context.Context, c *client.Client) error {
			_, err := c.Patch(ctx, "/Users", "1", title("x"), client.Idempotent())
			return err
		},
		"search": func(ctx context.Context, c *client.Client) error {
			_, err := c.Find(ctx, "/Users", client.Query{Filter: "active eq true", Private: true}, 1)
			return err
		},
	}
	twice := []string{"GET", "PUT", "DELETE", "PATCH that may come twice", "search"}
	once := []string{"POST", "PATCH", "conditional PUT"}
	all := slices.Concat(twice, once)
	for _, answer := range []struct {
		name       string
		status     int
		retryAfter string
		err        error
		repeated   []string // by four attempts
	}{
		{"500", 500, "", nil, twice},
		{"502", 502, "", nil, twice},
		{"504", 504, "", nil, twice},
		{"408", 408, "", nil, twice},
		{"503", 503, "", nil, twice},
		{"429", 429, "", nil, twice},
		{"503 with Retry-After", 503, "2", nil, all},
		{"429 with Retry-After", 429, "2", nil, all},
		{"a Retry-After that is none", 429, "soon", nil, twice},
		{"longer than anybody waits", 429, "301", nil, nil},
		{"500 with Retry-After", 500, "2", nil, twice},
		{"400", 400, "2", nil, nil},
		{"401", 401, "", nil, nil},
		{"404", 404, "", nil, nil},
		{"409", 409, "", nil, nil},
		{"501", 501, "", nil, nil},
		{"the connection broke", 0, "", errBroken, twice},
		{"no connection", 0, "", &net.OpError{Op: "dial", Err: errBroken}, all},
		{"no such host", 0, "", &net.DNSError{Err: "no such host"}, all},
	} {
		for method, call := range calls {
			t.Run(answer.name+" to "+method, func(t *testing.T) {
				t.Parallel()
				sent := 0
				c, waits := patient(t, doer(func(*http.Request) (*http.Response, error) {
					sent++
					if answer.err != nil {
						return nil, answer.err
					}
					return response(answer.status, "", "Retry-After", answer.retryAfter), nil
				}))
				err := call(t.Context(), c)
				want := 1
				if slices.Contains(answer.repeated, method) {
					want = 4
				}
				assert.Equal(t, sent, want)
				assert.Equal(t, len(*waits), want-1)
				if answer.status != 404 || method != "DELETE" {
					assert.NotNil(t, err)
				}
			})
		}
	}
}

func TestC10_RetryAfterIsWaitedFor(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"30":                            30 * time.Second,
		"0":                             0,
		"Fri, 01 May 2026 12:00:45 GMT": 45 * time.Second,
		"Fri, 01 May 2026 11:00:00 GMT": 0,
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			s := answering(503, "")
			s.header.Set("Retry-After", value)
			c, waits := patient(t, s, func(o *client.Options) { o.Now = func() time.Time { return now } })
			_, err := c.Create(t.Context(), "/Users", schema.Object{})
			assert.ErrorIs(t, err, client.ErrUnavailable)
			assert.Equal(t, len(*waits), 3)
			for _, w := range *waits {
				if w < want || w > want+want/5 {
					t.Errorf("waited %v where %v was asked for", w, want)
				}
			}
		})
	}
}

func TestC10_BackOffGrowsAndVaries(t *testing.T) {
	t.Parallel()
	varied := false
	for range 20 {
		c, waits := patient(t, answering(500, ""), func(o *client.Options) { o.Retry.Delay = client.Ladder })
		_, err := c.Get(t.Context(), "/Users", "1", client.Want{})
		assert.ErrorIs(t, err, client.ErrUnavailable)
		for i, base := range []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute} {
			w := (*waits)[i]
			if w < base*4/5 || w > base*6/5 {
				t.Fatalf("wait %d was %v", i+1, w)
			}
			varied = varied || w != base
		}
	}
	if !varied {
		t.Error("everybody comes back at the same moment")
	}
	assert.Equal(t, []time.Duration{client.Ladder(0), client.Ladder(11), client.Ladder(99)}, []time.Duration{5 * time.Second, 24 * time.Hour, 24 * time.Hour})
	e := client.Exponential(time.Second, 10*time.Second)
	assert.Equal(t, []time.Duration{e(1), e(2), e(4), e(5), e(1000)}, []time.Duration{time.Second, 2 * time.Second, 8 * time.Second, 10 * time.Second, 10 * time.Second})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	t.Run("a wait beyond the deadline is not begun", func(t *testing.T) {
		t.Parallel()
		s := answering(503, "")
		s.header.Set("Retry-After", "100")
		c, waits := patient(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := c.Get(ctx, "/Users", "1", client.Want{})
		assert.ErrorIs(t, err, client.ErrUnavailable)
		assert.Equal(t, len(*waits), 0)
	})
	t.Run("a wait is ended", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		s := answering(503, "")
		s.answer = func(*http.Request) (int, string) { cancel(); return 503, "" }
		c, err := client.New("https://app.example", client.Options{HTTP: s, Retry: client.Retry{Attempts: 9}})
		assert.NoError(t, err)
		_, err = c.Get(ctx, "/Users", "1", client.Want{})
		assert.ErrorIs(t, err, client.ErrUnavailable)
		assert.Equal(t, len(s.sent), 1)
	})
}

func TestRepeatsSendTheSameBody(t *testing.T) {
	t.Parallel()
	var bodies []string
	s := answering(0, "")
	s.answer = func(*http.Request) (int, string) {
		if bodies = append(bodies, s.body); len(bodies) < 3 {
			return 502, ""
		}
		return 200, `{"id":"1"}`
	}
	c, _ := patient(t, s)
	_, err := c.Replace(t.Context(), "/Users", "1", schema.Object{"userName": "ada"})
	assert.NoError(t, err)
	assert.Equal(t, bodies, []string{`{"userName":"ada"}`, `{"userName":"ada"}`, `{"userName":"ada"}`})
}

func TestHooks(t *testing.T) {
	t.Parallel()
	var events []string
	s := answering(429, `{"detail":"slower"}`)
	s.header.Set("Retry-After", "7")
	s.header.Set("X-RateLimit-Remaining", "0")
	c, _ := patient(t, s, func(o *client.Options) {
		o.Retry.Attempts = 2
		o.Before = func(_ context.Context, a client.Attempt) error {
			events = append(events, fmt.Sprint("before ", a.Method, a.Endpoint, a.Number))
			return nil
		}
		o.After = func(_ context.Context, a client.Attempt) {
			events = append(events, fmt.Sprint("after ", a.Number, " ", a.Status, a.RetryAfter, a.Header.Get("X-RateLimit-Remaining"), errors.Is(a.Err, client.ErrThrottled)))
		}
	})
	_, err := c.Get(t.Context(), "/Users", "secret-id", client.Want{})
	assert.ErrorIs(t, err, client.ErrThrottled)
	assert.Equal(t, events, []string{
		"before GET/Users1", "after 1 429 7s0true", "before GET/Users2", "after 2 429 7s0true",
	})

	c, _ = patient(t, s, func(o *client.Options) {
		o.Before = func(context.Context, client.Attempt) error { return context.Canceled }
	})
	sent := len(s.sent)
	_, err = c.Get(t.Context(), "/Users", "1", client.Want{})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, len(s.sent), sent)
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "30", "-1", "1.5", "99999999999999999999", "Fri, 01 May 2026 12:00:45 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "soon"} {
		f.Add(s)
	}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := client.ParseRetryAfter(s, now)
		if d < 0 || d > 24*time.Hour || !ok && d != 0 {
			t.Fatalf("ParseRetryAfter(%q) = %v, %v", s, d, ok)
		}
	})
}
