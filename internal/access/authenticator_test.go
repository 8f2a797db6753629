package access_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muster-id/muster/internal/access"
	"github.com/muster-id/muster/internal/store"
)

// tokens is a store of tokens with a clock, counting its look-ups.
type tokens struct {
	mu      sync.Mutex
	now     time.Time
	known   map[access.Hash]access.Principal
	lookups int
	err     error
}

func newTokens() *tokens {
	return &tokens{now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), known: map[access.Hash]access.Principal{}}
}

func (s *tokens) lookup(_ context.Context, hash access.Hash) (access.Principal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookups++
	if s.err != nil {
		return access.Principal{}, s.err
	}
	p, ok := s.known[hash]
	if !ok {
		return access.Principal{}, fmt.Errorf("find token: %w", access.ErrUnknownToken)
	}
	return p, nil
}

func (s *tokens) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *tokens) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// create returns a new token that the store knows.
func (s *tokens) create(p access.Principal) (string, access.Hash) {
	plain, hash, _ := access.NewToken()
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Hash = hash
	if p.Tenant == 0 {
		p.Tenant = store.Default
	}
	s.known[hash] = p
	return plain.Reveal(), hash
}

func (s *tokens) revoke(hash access.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, hash)
}

func (s *tokens) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookups
}

func stranger() string {
	plain, _, _ := access.NewToken()
	return plain.Reveal()
}

var home = netip.MustParseAddr("192.0.2.1")

func reasonOf(err error) access.Reason {
	if e, ok := errors.AsType[*access.Error](err); ok {
		return e.Reason
	}
	return ""
}

func TestAcceptedTokenGivesItsPrincipal(t *testing.T) {
	t.Parallel()
	s := newTokens()
	want := access.Principal{Tenant: store.Default, Source: 2, SourceName: "hr", TokenID: "7", TokenName: "Entra", Profile: "entra"}
	token, hash := s.create(want)
	want.Hash = hash
	a := access.New(s.lookup, s.clock, access.Options{})
	for range 3 {
		got, err := a.Token(t.Context(), token, home, store.Default)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("principal (-want +got):\n%s", diff)
		}
	}
	if s.count() != 1 {
		t.Errorf("%d look-ups for three uses in a row, want 1", s.count())
	}
}

func TestSec_A04_MalformedTokensCostNoLookup(t *testing.T) {
	t.Parallel()
	s := newTokens()
	token, _ := s.create(access.Principal{})
	a := access.New(s.lookup, s.clock, access.Options{MaxFailures: 1_000})
	for i := range len(token) {
		altered := token[:i] + token[i+1:]
		if _, err := a.Token(t.Context(), altered, home, store.Default); reasonOf(err) != access.ReasonMalformed {
			t.Errorf("without position %d: %v, want malformed", i, err)
		}
	}
	if s.count() != 0 {
		t.Errorf("%d look-ups, want none", s.count())
	}
}

func TestSec_A07_LookupIsByHashAndComparedAgain(t *testing.T) {
	t.Parallel()
	s := newTokens()
	token, hash := s.create(access.Principal{})
	p := s.known[hash]
	for name, stored := range map[string]access.Hash{
		"another hash":  {1, 2, 3},
		"no hash":       {},
		"last byte off": func() access.Hash { h := hash; h[31] ^= 1; return h }(),
	} {
		p.Hash = stored
		s.known[hash] = p // a store that answers for what it was not asked
		a := access.New(s.lookup, s.clock, access.Options{})
		if _, err := a.Token(t.Context(), token, home, store.Default); reasonOf(err) != access.ReasonUnknown {
			t.Errorf("%s: %v, want unknown", name, err)
		}
	}
	a := access.New(func(_ context.Context, got access.Hash) (access.Principal, error) {
		if got != hash {
			t.Errorf("looked up by %x, want the SHA-256 of the token", got)
		}
		return access.Principal{Tenant: store.Default, Hash: got}, nil
	}, s.clock, access.Options{})
	if _, err := a.Token(t.Context(), token, home, store.Default); err != nil {
		t.Error(err)
	}
}

func TestSec_A10_RevocationWorksWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	for _, ttl := range []time.Duration{0, 5 * time.Second, time.Hour} {
		s := newTokens()
		token, hash := s.create(access.Principal{})
		a := access.New(s.lookup, s.clock, access.Options{CacheTTL: ttl})
		if _, err := a.Token(t.Context(), token, home, store.Default); err != nil {
			t.Fatal(err)
		}
		s.revoke(hash)
		s.pass(5 * time.Second)
		if _, err := a.Token(t.Context(), token, home, store.Default); reasonOf(err) != access.ReasonUnknown {
			t.Errorf("TTL %v: 5 s after the revocation: %v, want unknown", ttl, err)
		}
	}
}

func TestForgottenTokenIsAskedForAtOnce(t *testing.T) {
	t.Parallel()
	s := newTokens()
	token, hash := s.create(access.Principal{})
	a := access.New(s.lookup, s.clock, access.Options{})
	if _, err := a.Token(t.Context(), token, home, store.Default); err != nil {
		t.Fatal(err)
	}
	s.revoke(hash)
	a.Forget(hash)
	if _, err := a.Token(t.Context(), token, home, store.Default); reasonOf(err) != access.ReasonUnknown {
		t.Errorf("after Forget: %v, want unknown", err)
	}
}

// Rows: P-2-06, P-7.4-02.
func TestSec_A11_ExpiredTokenIsRefusedToTheInstant(t *testing.T) {
	t.Parallel()
	s := newTokens()
	token, _ := s.create(access.Principal{Expires: s.now.Add(2 * time.Second)})
	a := access.New(s.lookup, s.clock, access.Options{})
	s.pass(2*time.Second - 1)
	if _, err := a.Token(t.Context(), token, home, store.Default); err != nil {
		t.Fatalf("before the end: %v", err)
	}
	s.pass(1) // the cache still holds it
	_, err := a.Token(t.Context(), token, home, store.Default)
	if reasonOf(err) != access.ReasonExpired {
		t.Errorf("at the end: %v, want expired", err)
	}
}

// Rows: AUTH-10.
func TestSec_A18_FailuresAreLimitedPerAddress(t *testing.T) {
	t.Parallel()
	s := newTokens()
	good, _ := s.create(access.Principal{})
	a := access.New(s.lookup, s.clock, access.Options{})
	if _, err := a.Token(t.Context(), good, home, store.Default); err != nil {
		t.Fatal(err)
	}
	got := map[int]int{}
	for range 1_000 {
		_, err := a.Token(t.Context(), stranger(), home, store.Default)
		e, ok := errors.AsType[*access.Error](err)
		if !ok {
			t.Fatalf("a wrong token gives %v", err)
		}
		got[e.Status]++
		if e.Status == http.StatusTooManyRequests && (e.RetryAfter < time.Second || e.RetryAfter > time.Minute) {
			t.Fatalf("Retry-After %v, want between a second and a minute", e.RetryAfter)
		}
	}
	if want := map[int]int{401: 30, 429: 970}; !maps.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
	if s.count() != 31 {
		t.Errorf("%d look-ups, want the good one and 30", s.count())
	}

	s.pass(10 * time.Second)
	if _, err := a.Token(t.Context(), good, home, store.Default); err != nil {
		t.Errorf("a token that worked before, from the limited address: %v", err)
	}
	if _, err := a.Token(t.Context(), stranger(), netip.MustParseAddr("192.0.2.2"), store.Default); reasonOf(err) != access.ReasonUnknown {
		t.Errorf("another address: %v, want unknown", err)
	}
	fresh, _ := s.create(access.Principal{})
	if _, err := a.Token(t.Context(), fresh, home, store.Default); reasonOf(err) != access.ReasonLimited {
		t.Errorf("a right token that was never used, from the limited address: %v, want limited", err)
	}
	s.pass(time.Minute)
	if _, err := a.Token(t.Context(), fresh, home, store.Default); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func TestSec_A18_MalformedTokensCountToo(t *testing.T) {
	t.Parallel()
	s := newTokens()
	a := access.New(s.lookup, s.clock, access.Options{MaxFailures: 3})
	for i := range 5 {
		_, err := a.Token(t.Context(), "guess", home, store.Default)
		want := access.ReasonMalformed
		if i >= 3 {
			want = access.ReasonLimited
		}
		if reasonOf(err) != want {
			t.Errorf("guess %d: %v, want %s", i+1, err, want)
		}
	}
}

func TestSec_A18_AddressesAreCountedAsNetworksAndBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, first, second string
		together            bool
	}{
		{"IPv4 neighbours", "192.0.2.1", "192.0.2.2", false},
		{"IPv4 and its mapped form", "192.0.2.1", "::ffff:192.0.2.1", true},
		{"one IPv6 host", "2001:db8::1", "2001:db8::ffff:2", true},
		{"two IPv6 networks", "2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"zones of one network", "fe80::1%a", "fe80::2%b", true},
	} {
		s := newTokens()
		a := access.New(s.lookup, s.clock, access.Options{MaxFailures: 1})
		for range 2 {
			_, _ = a.Token(t.Context(), stranger(), netip.MustParseAddr(c.first), store.Default) // only counted
		}
		_, err := a.Token(t.Context(), stranger(), netip.MustParseAddr(c.second), store.Default)
		if got := reasonOf(err) == access.ReasonLimited; got != c.together {
			t.Errorf("%s: limited together %t, want %t", c.name, got, c.together)
		}
	}

	s := newTokens()
	a := access.New(s.lookup, s.clock, access.Options{MaxFailures: 2, MaxAddresses: 1})
	reasons := []access.Reason{}
	for i := range 5 {
		_, err := a.Token(t.Context(), stranger(), netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), store.Default)
		reasons = append(reasons, reasonOf(err))
	}
	u, l := access.ReasonUnknown, access.ReasonLimited
	if diff := cmp.Diff([]access.Reason{u, u, u, l, l}, reasons); diff != "" {
		t.Errorf("five addresses with room for one (-want +got):\n%s", diff)
	}
}

func TestUnreachableStoreIsNotAFailureOfTheCaller(t *testing.T) {
	t.Parallel()
	s := newTokens()
	token, _ := s.create(access.Principal{})
	s.err = errors.New("disk gone")
	a := access.New(s.lookup, s.clock, access.Options{MaxFailures: 1})
	for range 3 {
		_, err := a.Token(t.Context(), token, home, store.Default)
		e, ok := errors.AsType[*access.Error](err)
		if !ok || e.Status != http.StatusServiceUnavailable || e.RetryAfter < time.Second || !errors.Is(err, s.err) {
			t.Fatalf("got %v, want 503 with the cause", err)
		}
		if strings.Contains(e.Detail(), "disk") {
			t.Errorf("the client is told %q", e.Detail())
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	s := newTokens()
	a := access.New(s.lookup, s.clock, access.Options{MaxCached: 2})
	var all []string
	for range 10 {
		token, _ := s.create(access.Principal{})
		all = append(all, token)
	}
	for _, token := range all {
		if _, err := a.Token(t.Context(), token, home, store.Default); err != nil {
			t.Fatal(err)
		}
	}
	before := s.count()
	for _, token := range all {
		if _, err := a.Token(t.Context(), token, home, store.Default); err != nil {
			t.Fatal(err)
		}
	}
	if hits := len(all) - (s.count() - before); hits > 2 {
		t.Errorf("%d of %d tokens were remembered, want at most 2", hits, len(all))
	}
}

// Rows: AUTH-05.
func TestRequest(t *testing.T) {
	t.Parallel()
	s := newTokens()
	token, _ := s.create(access.Principal{Source: 2})
	a := access.New(s.lookup, s.clock, access.Options{MaxFailures: 1_000})
	request := func(target string, headers ...string) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("access_token="+token))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, h := range headers {
			r.Header.Add("Authorization", h)
		}
		return r
	}
	for _, c := range []struct {
		name      string
		request   *http.Request
		status    int // zero: accepted
		challenge string
	}{
		{"right token", request("/scim/v2/Users", "Bearer "+token), 0, ""},
		{"AUTH-04 none", request("/scim/v2/Users"), 401, `Bearer realm="Muster"`},
		{"AUTH-04 wrong", request("/scim/v2/Users", "Bearer "+stranger()), 401, `Bearer realm="Muster", error="invalid_token"`},
		{"AUTH-03 two headers", request("/scim/v2/Users", "Bearer "+token, "Bearer "+token), 400, ""},
		{"A08 in the query", request("/scim/v2/Users?access_token=" + token + "&token=" + token), 401, `Bearer realm="Muster"`},
	} {
		p, err := a.Request(c.request, store.Default, home, "")
		if c.status == 0 {
			if err != nil || p.Source != 2 {
				t.Errorf("%s: got %v, %v", c.name, p, err)
			}
			continue
		}
		e, ok := errors.AsType[*access.Error](err)
		if !ok || e.Status != c.status || e.Challenge() != c.challenge || e.Detail() == "" {
			t.Errorf("%s: got %#v with challenge %q, want %d %q", c.name, err, e.Challenge(), c.status, c.challenge)
		}
	}
}

func TestSec_A18_NoAnswerTellsWhichPartWasWrong(t *testing.T) {
	t.Parallel()
	s := newTokens()
	expired, _ := s.create(access.Principal{Expires: s.now.Add(-time.Hour)})
	a := access.New(s.lookup, s.clock, access.Options{})
	answers := map[string]bool{}
	for _, token := range []string{stranger(), expired, "mst_guess", expired[:52] + "!"} {
		_, err := a.Token(t.Context(), token, home, store.Default)
		e, ok := errors.AsType[*access.Error](err)
		if !ok {
			t.Fatalf("%v is not an access error", err)
		}
		answers[fmt.Sprint(e.Status, e.Detail(), e.Challenge(), e.RetryAfter)] = true
	}
	if len(answers) != 1 {
		t.Errorf("clients can tell failures apart: %v", answers)
	}
}

func TestSec_A19_ForwardedAddressIsNotBelieved(t *testing.T) {
	t.Parallel()
	s := newTokens()
	a := access.New(s.lookup, s.clock, access.Options{MaxFailures: 1})
	var last error
	for i := range 3 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+stranger())
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))
		_, last = a.Request(r, store.Default, home, "")
	}
	if reasonOf(last) != access.ReasonLimited {
		t.Errorf("third failure under three forged addresses: %v, want limited", last)
	}
}

func TestPrincipalTravelsInTheContext(t *testing.T) {
	t.Parallel()
	if _, ok := access.FromContext(t.Context()); ok {
		t.Error("an empty context has a principal")
	}
	p, ok := access.FromContext(access.WithPrincipal(t.Context(), access.Principal{Tenant: 7}))
	if !ok || p.Tenant != 7 {
		t.Errorf("FromContext = %v, %t", p, ok)
	}
}

func TestAuthenticatorIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	s := newTokens()
	a := access.New(s.lookup, s.clock, access.Options{MaxCached: 4})
	var wg sync.WaitGroup
	for range 8 {
		token, hash := s.create(access.Principal{})
		wg.Go(func() {
			for i := range 200 {
				if _, err := a.Token(t.Context(), token, home, store.Default); err != nil {
					t.Error(err)
					return
				}
				_, _ = a.Token(t.Context(), "guess", home, store.Default) // counted beside the others
				if i%10 == 0 {
					a.Forget(hash)
					s.pass(time.Minute)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkCachedToken(b *testing.B) {
	s := newTokens()
	token, _ := s.create(access.Principal{})
	a := access.New(s.lookup, s.clock, access.Options{})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Token(ctx, token, home, store.Default); err != nil {
			b.Fatal(err)
		}
	}
}

// Rows: AUTH-74.
func TestSec_B02_TokenOfAnotherTenantIsUnknown(t *testing.T) {
	t.Parallel()
	s := newTokens()
	token, _ := s.create(access.Principal{Tenant: 2})
	a := access.New(s.lookup, s.clock, access.Options{})
	refused := func(tenant store.Tenant) *access.Error {
		t.Helper()
		_, err := a.Token(t.Context(), token, home, tenant)
		e, ok := errors.AsType[*access.Error](err)
		if !ok || e.Reason != access.ReasonTenant {
			t.Fatalf("at tenant %d: %v", tenant, err)
		}
		return e
	}
	_, err := a.Token(t.Context(), stranger(), home, 1)
	unknown, _ := errors.AsType[*access.Error](err)
	for _, when := range []string{"fresh", "cached"} {
		for _, tenant := range []store.Tenant{1, 3, store.System, access.NoTenant} {
			e := refused(tenant)
			if e.Status != unknown.Status || e.Detail() != unknown.Detail() || e.Challenge() != unknown.Challenge() {
				t.Errorf("%s, tenant %d: the answer differs from that to an unknown token", when, tenant)
			}
		}
		if _, err := a.Token(t.Context(), token, home, 2); err != nil {
			t.Errorf("%s: at its own tenant: %v", when, err)
		}
	}
	for range 40 {
		_, err = a.Token(t.Context(), token, home, 3)
	}
	if reasonOf(err) != access.ReasonLimited {
		t.Errorf("after 40 tries at another tenant: %v, want limited", err)
	}
}
