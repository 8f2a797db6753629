package access_test

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muster-id/muster/internal/access"
)

// Rows: AUTH-71.
func TestSec_A09_ScopesAreWholeSegments(t *testing.T) {
	t.Parallel()
	permissions := []access.Permission{
		{},
		{Verb: access.Read, Type: "User"},
		{Verb: access.Write, Type: "User"},
		{Verb: access.Read, Type: "Group"},
		{Verb: access.Write, Type: "Group"},
		{Verb: access.Read, Type: "Device"},
		{Verb: access.Write, Type: "Device"},
		{Verb: access.Read},
		{Verb: access.Write},
		{Verb: access.Bulk},
	}
	for scope, want := range map[string]string{
		"scim":                               "1111111111",
		"scim.read":                          "1101010100", // and below: reading of every type
		"scim.write":                         "1010101010",
		"scim.users.read":                    "1100000000",
		"scim.users.write":                   "1010000000",
		"scim.groups.read":                   "1001000000",
		"scim.groups.write":                  "1000100000",
		"scim.bulk":                          "1000000001",
		"scim.users.read,scim.groups.write":  "1100100000",
		"scim.users.write scim.bulk":         "1010000001",
		"scim.read  scim.write , scim.bulk ": "1111111111",
	} {
		s, err := access.ParseScopes(scope)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, p := range permissions {
			got.WriteByte("01"[map[bool]int{true: 1}[s.Allow(p)]])
		}
		if got.String() != want {
			t.Errorf("%s: %s, want %s", scope, got.String(), want)
		}
	}
	for _, strange := range []access.Scopes{{"scim.users"}, {"scim.users.read2"}, {"scim.users-admin.read"}, {"SCIM"}, {"scim."}, {""}, nil} {
		for _, p := range permissions[1:] {
			if strange.Allow(p) {
				t.Errorf("%q grants %+v", strange, p)
			}
		}
	}
	for _, bad := range []string{"scim.users", "admin", "scim.users.admin", "Scim", "scim.users.read;scim"} {
		if _, err := access.ParseScopes(bad); err == nil || !strings.Contains(err.Error(), "scim.users.read") {
			t.Errorf("%q: %v, want an error that lists the scopes", bad, err)
		}
	}
	if s, err := access.ParseScopes(" "); err != nil || !s.All() {
		t.Errorf("none given: %v, %v", s, err)
	}
}

func TestSec_J01_AllowList(t *testing.T) {
	t.Parallel()
	s := newTokens()
	allow, err := access.ParseAllow("203.0.113.0/24, 2001:db8::/32 198.51.100.7")
	if err != nil {
		t.Fatal(err)
	}
	token, _ := s.create(access.Principal{Allow: allow})
	a := access.New(s.lookup, s.clock, access.Options{MaxFailures: 1000})
	for range 2 { // the second time from the cache
		for addr, ok := range map[string]bool{
			"203.0.113.1": true, "203.0.113.255": true, "203.0.114.0": false, "198.51.100.7": true, "198.51.100.8": false,
			"2001:db8::1": true, "2001:db9::1": false, "::ffff:203.0.113.5": true,
		} {
			_, err := a.Token(t.Context(), token, netip.MustParseAddr(addr), 1)
			if ok && err != nil || !ok && reasonOf(err) != access.ReasonAddress {
				t.Errorf("from %s: %v", addr, err)
			}
		}
	}
	if _, err := a.Token(t.Context(), token, netip.Addr{}, 1); reasonOf(err) != access.ReasonAddress {
		t.Errorf("from nowhere: %v", err)
	}
	for _, bad := range []string{"203.0.113.1/24", "example.com", "10.0.0.0/33", "fe80::1%eth0"} {
		if _, err := access.ParseAllow(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestPacer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := access.NewPacer[string](time.Now, 2*time.Second)
		pace := access.Pace{Rate: 10, Burst: 5}
		took := func(who string) (time.Duration, time.Duration) {
			began := time.Now()
			after, err := p.Wait(t.Context(), who, pace)
			if err != nil {
				t.Fatal(err)
			}
			return time.Since(began), after
		}
		for i := range 5 {
			if waited, after := took("a"); waited != 0 || after != 0 {
				t.Errorf("request %d of the burst waited %v", i, waited)
			}
		}
		if waited, _ := took("a"); waited != 100*time.Millisecond {
			t.Errorf("behind the burst: waited %v, want 100ms", waited)
		}
		if waited, _ := took("b"); waited != 0 {
			t.Errorf("somebody else waited %v", waited)
		}
		// A storm: what can have its turn within 2 s waits, the rest is refused at once.
		var mu sync.Mutex
		served, refused := 0, 0
		var wg sync.WaitGroup
		began := time.Now()
		for range 100 {
			wg.Go(func() {
				after, err := p.Wait(t.Context(), "a", pace)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
					t.Error(err)
				case after > 0:
					refused++
					if after < time.Second || time.Since(began) != 0 {
						t.Errorf("refused after %v, to come again in %v", time.Since(began), after)
					}
				default:
					served++
				}
			})
		}
		wg.Wait()
		if served != 20 || refused != 80 || time.Since(began) > 2*time.Second {
			t.Errorf("%d served, %d refused in %v", served, refused, time.Since(began))
		}
		// Whoever goes away while he waits is no burden.
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		for range 6 {
			_, _ = p.Wait(t.Context(), "c", pace)
		}
		if _, err := p.Wait(ctx, "c", pace); err == nil {
			t.Error("a caller that went away got its turn")
		}
		if after, err := p.Wait(t.Context(), "d", access.Pace{}); after != 0 || err != nil {
			t.Error("no limit is a limit")
		}
	})
}
