package access_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/id"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
)

// office is a registry of tokens over a real store.
type office struct {
	db  *sqlite.DB
	mu  sync.Mutex // guards now
	now time.Time
	*access.Registry
	usage *access.Usage
	log   bytes.Buffer
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	var err error
	o.db, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "muster.db"), sqlite.Options{})
	assert.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, o.db.Close()) })
	o.Registry = access.NewRegistry(o.db, o.clock, id.New)
	o.usage = access.NewUsage(o.db, o.clock, slog.New(slog.NewTextHandler(&o.log, nil)))
	return o
}

func (o *office) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *office) pass(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

func (o *office) token(t *testing.T, id string) store.Token {
	t.Helper()
	all, err := o.List(t.Context(), store.Default)
	assert.NoError(t, err)
	for _, tok := range all {
		if tok.ID == id {
			return tok
		}
	}
	t.Fatalf("no token %s", id)
	return store.Token{}
}

// TestSec_A10_RotationLosesNoRequest: requests go on while the token is rotated and its user changes over.
func TestSec_A10_RotationLosesNoRequest(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	plain, tok, err := o.Create(t.Context(), store.Default, access.Spec{Name: "okta", Scopes: "scim.read", Allow: "127.0.0.0/8"})
	assert.NoError(t, err)
	a := access.New(o.Lookup, o.clock, access.Options{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := a.Request(r, store.Default, netip.MustParseAddr("127.0.0.1"), ""); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer srv.Close()
	var current atomic.Value
	current.Store(plain.Reveal())
	var sent, failed atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
				req.Header.Set("Authorization", "Bearer "+current.Load().(string))
				resp, err := srv.Client().Do(req)
				if err != nil {
					continue
				}
				_ = resp.Body.Close()
				if sent.Add(1); resp.StatusCode != http.StatusOK {
					failed.Add(1)
				}
			}
		})
	}
	for range 20 {
		fresh, next, err := o.Rotate(t.Context(), store.Default, tok.ID, 0, time.Hour)
		assert.NoError(t, err)
		assert.Equal(t, next.Scopes, "scim.read")
		assert.Equal(t, next.Allow, "127.0.0.0/8")
		for begin := sent.Load(); sent.Load() < begin+20; { // both work
			time.Sleep(time.Millisecond) //nolint:forbidigo // requests are under way
		}
		current.Store(fresh.Reveal())
		tok = next
	}
	cancel()
	wg.Wait()
	if failed.Load() > 0 || sent.Load() < 400 {
		t.Errorf("%d of %d requests failed", failed.Load(), sent.Load())
	}

	// The overlap ends.
	o.pass(time.Hour + time.Second)
	live := 0
	all, err := o.List(t.Context(), store.Default)
	assert.NoError(t, err)
	for _, k := range all {
		if o.clock().Before(k.Expires) {
			live++
		}
	}
	assert.Equal(t, live, 1)
	if _, _, err := o.Rotate(t.Context(), store.Default, all[0].ID, 0, time.Hour); err == nil {
		t.Error("a token that has ended was rotated")
	}
}

func TestSec_A11_WarningsBeforeTheEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, tok, err := o.Create(t.Context(), store.Default, access.Spec{Name: "okta", Life: 100 * 24 * time.Hour})
	assert.NoError(t, err)
	if tok.Expires.Sub(tok.Created) != 100*24*time.Hour {
		t.Errorf("expires %v", tok.Expires)
	}
	_, always, err := o.Create(t.Context(), store.Default, access.Spec{Name: "entra"})
	assert.NoError(t, err)
	assert.Equal(t, always.Expires.Sub(always.Created), access.DefaultLife)
	warned := func() int { return strings.Count(o.log.String(), "about to expire") }
	for day := range 101 {
		for range 3 { // every hour, and after each restart
			assert.NoError(t, o.usage.Warn(t.Context()))
		}
		want := 0
		for _, d := range []int{30, 7, 1} {
			if day >= 100-d {
				want++
			}
		}
		if day < 100 && warned() != want {
			t.Fatalf("day %d: %d warnings, want %d", day, warned(), want)
		}
		o.pass(24 * time.Hour)
	}
	assert.Equal(t, warned(), 3)
	if _, _, err := o.Create(t.Context(), store.Default, access.Spec{Name: "past", Life: -time.Hour}); err == nil {
		t.Error("a token that has ended was made")
	}
}

// TestSec_J01_NewAddresses: a use from elsewhere is told once, and uses are noted in batches.
func TestSec_J01_NewAddresses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, tok, err := o.Create(t.Context(), store.Default, access.Spec{Name: "okta"})
	assert.NoError(t, err)
	p := &access.Principal{Tenant: store.Default, TokenID: tok.ID}
	use := func(addr string) {
		t.Helper()
		for range 1000 {
			o.usage.Note(p, netip.MustParseAddr(addr))
		}
		before, err := o.db.AuditHead(t.Context(), store.Default)
		assert.NoError(t, err)
		assert.NoError(t, o.usage.Flush(t.Context()))
		after, err := o.db.AuditHead(t.Context(), store.Default)
		assert.NoError(t, err)
		if after.N-before.N > 1 {
			t.Errorf("%d records of one minute", after.N-before.N)
		}
		o.pass(time.Minute)
	}
	told := func() int { return strings.Count(o.log.String(), "from a new address") }
	use("203.0.113.7")
	assert.Equal(t, told(), 0) // where it belongs
	use("203.0.113.7")
	use("198.51.100.1")
	use("198.51.100.1")
	use("203.0.113.7")
	assert.Equal(t, told(), 1)
	got := o.token(t, tok.ID)
	assert.Equal(t, got.UsedFrom, "203.0.113.7")
	assert.Equal(t, got.Used, o.clock().Add(-time.Minute))
	for i := range 40 {
		use(fmt.Sprintf("192.0.2.%d", i))
	}
	if n := len(o.token(t, tok.ID).Networks); n != 16 {
		t.Errorf("%d networks are kept, want 16", n)
	}
	// What is written of a token otherwise leaves that alone.
	_, err = o.Revoke(t.Context(), store.Default, tok.ID)
	assert.NoError(t, err)
	assert.Equal(t, len(o.token(t, tok.ID).Networks), 16)
}

func TestSec_A09_WhatCannotBeGranted(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, s := range []access.Spec{
		{Name: "x", Scopes: "admin"}, {Name: "x", Allow: "nowhere"}, {Name: "x", User: "u1", Scopes: "scim.users.read"},
	} {
		if _, _, err := o.Create(t.Context(), store.Default, s); err == nil {
			t.Errorf("%+v was made", s)
		}
	}
	all, err := o.List(t.Context(), store.Default)
	assert.NoError(t, err)
	assert.Equal(t, len(all), 0)
}
