package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

// recorder is a server that remembers what it was asked, with method, body and token.
type recorder struct {
	*httptest.Server

	mu  sync.Mutex // guards what follows
	all []string
}

// sent returns the requests so far.
func (s *recorder) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

func record(t *testing.T, answer http.HandlerFunc) *recorder {
	t.Helper()
	s := new(recorder)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.all = append(s.all, strings.TrimSpace(strings.Join([]string{r.Method, r.URL.Path, string(b), r.Header.Get("Authorization")}, " ")))
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *recorder) client(t *testing.T, follow bool) *client.Client {
	t.Helper()
	c, err := client.New(s.URL+"/scim/v2", client.Options{
		HTTP: s.Client(), FollowRedirects: follow,
		Token: func(context.Context) (string, error) { return "s3cret", nil },
	})
	assert.NoError(t, err)
	return c
}

func TestSec_G10_TheTokenGoesToNobodyElse(t *testing.T) {
	t.Parallel()
	thief := record(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"id":"1"}`) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, follow := range []bool{false, true} {
			s := record(t, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, thief.URL+"/scim/v2/Users/1", status)
			})
			_, err := s.client(t, follow).Get(t.Context(), "/Users", "1", client.Want{})
			assert.ErrorIs(t, err, client.ErrRedirect)
			assert.ErrorContains(t, err, "it redirects to http://127.0.0.1")
			_, err = s.client(t, follow).Create(t.Context(), "/Users", schema.Object{})
			assert.ErrorIs(t, err, client.ErrRedirect)
		}
	}
	assert.Equal(t, thief.sent(), nil)
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	moving := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if rest, ok := strings.CutPrefix(r.URL.Path, "/scim/v2/"); ok {
				http.Redirect(w, r, "/new/"+rest, status)
				return
			}
			_, _ = io.WriteString(w, `{"id":"1"}`)
		}
	}
	const first = `POST /scim/v2/Users {"userName":"ada"} Bearer s3cret`
	const moved = `POST /new/Users {"userName":"ada"} Bearer s3cret`
	for _, c := range []struct {
		name   string
		status int
		want   []string // of two creates
	}{
		{"C-09, P-3.12-05: 307 is not remembered", 307, []string{first, moved, first, moved}},
		{"C-09, P-3.12-06: 308 is", 308, []string{first, moved, moved}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := record(t, moving(c.status))
			cl := s.client(t, true)
			for range 2 {
				_, err := cl.Create(t.Context(), "/Users", schema.Object{"userName": "ada"})
				assert.NoError(t, err)
			}
			assert.Equal(t, s.sent(), c.want)
		})
	}
	t.Run("G04: not unless it is asked for", func(t *testing.T) {
		t.Parallel()
		s := record(t, moving(308))
		_, err := s.client(t, false).Create(t.Context(), "/Users", schema.Object{"userName": "ada"})
		assert.ErrorIs(t, err, client.ErrRedirect)
		assert.ErrorContains(t, err, "it redirects to /new/Users, and redirects are not followed")
		assert.Equal(t, s.sent(), []string{first})
	})
	t.Run("to a page to sign in", func(t *testing.T) {
		t.Parallel()
		s := record(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) })
		_, err := s.client(t, true).Create(t.Context(), "/Users", schema.Object{"userName": "ada"})
		assert.ErrorContains(t, err, "it redirects to /login, perhaps a page to sign in")
		assert.Equal(t, s.sent(), []string{first})
	})
	t.Run("in circles", func(t *testing.T) {
		t.Parallel()
		s := record(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		})
		_, err := s.client(t, true).Create(t.Context(), "/Users", schema.Object{"userName": "ada"})
		assert.ErrorContains(t, err, "more than 5 times")
		assert.Equal(t, len(s.sent()), 6)
	})
	t.Run("to nowhere", func(t *testing.T) {
		t.Parallel()
		s := record(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTemporaryRedirect) })
		_, err := s.client(t, true).Get(t.Context(), "/Users", "1", client.Want{})
		assert.ErrorIs(t, err, client.ErrRedirect)
	})
}

func TestServerIdentity(t *testing.T) {
	t.Parallel()
	asked := 0
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	for name, config := range map[string]*tls.Config{
		"C-03: an authority that nobody knows": {MinVersion: tls.VersionTLS12},
		"P-7.2-02: another host's certificate": {
			MinVersion: tls.VersionTLS12, ServerName: "other.example",
			RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
		},
	} {
		t.Run(name, func(t *testing.T) {
			hc := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
			waited := 0
			c, err := client.New(s.URL, client.Options{HTTP: hc, Retry: client.Retry{
				Attempts: 3, Wait: func(context.Context, time.Duration) error { waited++; return nil },
			}})
			assert.NoError(t, err)
			_, err = c.Get(t.Context(), "/Users", "secret-id", client.Want{})
			if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
				t.Fatalf("got %v", err)
			}
			assert.NotContains(t, err.Error(), "secret-id")
			assert.Equal(t, asked, 0)
			assert.Equal(t, waited, 0, assert.Sprintf("a wrong certificate stays wrong"))
		})
	}
}

func TestTokensStayOffPlainHTTP(t *testing.T) {
	t.Parallel()
	token := func(context.Context) (string, error) { return "s3cret", nil }
	for _, c := range []struct {
		base string
		o    client.Options
		ok   bool
	}{
		{"http://app.example/scim", client.Options{Token: token}, false},
		{"http://app.example/scim", client.Options{Token: token, Cleartext: true}, true},
		{"http://app.example/scim", client.Options{}, true},
		{"https://app.example/scim", client.Options{Token: token}, true},
		{"http://localhost:8080", client.Options{Token: token}, true},
		{"http://127.0.0.2", client.Options{Token: token}, true},
		{"http://[::1]:80", client.Options{Token: token}, true},
	} {
		c.o.HTTP = answering(200, "")
		_, err := client.New(c.base, c.o)
		assert.Equal(t, err == nil, c.ok, assert.Sprintf("P-7.2-01: %s: %v", c.base, err))
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		tokens   []string // as they are asked for
		valid    string
		requests int
		want     error
	}{
		{"AUTH-59: a fresh one after 401", []string{"old", "new", "new"}, "new", 2, nil},
		{"the same one is not tried twice", []string{"old", "old"}, "new", 1, client.ErrUnauthorized},
		{"only once", []string{"old", "older", "older", "oldest"}, "new", 2, client.ErrUnauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n, rejected := 0, ""
			s := answering(0, "")
			s.answer = func(r *http.Request) (int, string) {
				if r.Header.Get("Authorization") != "Bearer "+c.valid {
					return 401, ""
				}
				return 200, `{"id":"1"}`
			}
			cl, err := client.New("https://app.example", client.Options{
				HTTP:     s,
				Token:    func(context.Context) (string, error) { n++; return c.tokens[n-1], nil },
				Rejected: func(_ context.Context, token string) { rejected = token },
			})
			assert.NoError(t, err)
			_, err = cl.Get(t.Context(), "/Users", "1", client.Want{})
			assert.Equal(t, errors.Is(err, client.ErrUnauthorized), c.want != nil)
			assert.Equal(t, len(s.sent), c.requests)
			assert.Equal(t, rejected, "old")
		})
	}
}
