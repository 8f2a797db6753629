package outbound_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/outbound"
)

func guard(t *testing.T, allow ...string) *outbound.Guard {
	t.Helper()
	g, err := outbound.NewGuard(allow)
	if err != nil {
		t.Fatalf("NewGuard(%q): %v", allow, err)
	}
	return g
}

// The ranges of G02, and those that the registry of special addresses adds.
var refusedRanges = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/128", "::1/128", "::/3", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
	"2002::/16", "4000::/2", "8000::/1", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
	"192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24", "2620:4f:8000::/48", "3fff::/20",
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// Rows: WH-20.
func TestSec_G02_EdgesOfEveryRefusedRange(t *testing.T) {
	t.Parallel()
	g := guard(t)
	prefixes := make([]netip.Prefix, len(refusedRanges))
	for i, text := range refusedRanges {
		prefixes[i] = netip.MustParsePrefix(text)
	}
	refused := func(a netip.Addr) bool {
		for _, p := range prefixes {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	check := func(a netip.Addr) {
		t.Helper()
		err := g.Check(netip.AddrPortFrom(a, 443), outbound.HTTPS)
		if refused(a) != (err != nil) {
			t.Errorf("Check(%s) = %v, want refused %t", a, err, refused(a))
		}
		if a.Is4() {
			mapped := netip.AddrFrom16(a.As16())
			if err := g.Check(netip.AddrPortFrom(mapped, 443), outbound.HTTPS); refused(a) != (err != nil) {
				t.Errorf("Check(%s) = %v, want the answer for %s", mapped, err, a)
			}
		}
	}
	open := 0
	for _, p := range prefixes {
		first, last := p.Addr(), lastOf(p)
		for _, a := range []netip.Addr{first, last, first.Prev(), last.Next()} {
			if !a.IsValid() {
				continue // before the first or behind the last of all addresses
			}
			check(a)
			if !refused(a) {
				open++
			}
		}
	}
	if open < 20 {
		t.Errorf("only %d neighbours of refused ranges are public: the table tests refusals only", open)
	}
}

func TestSec_G01_PortsOfPublicAddresses(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"8.8.8.8:443": true, "8.8.8.8:8443": true, "[2606:4700::1]:443": true,
		"8.8.8.8:80": false, "8.8.8.8:22": false, "8.8.8.8:6379": false, "8.8.8.8:0": false, "[2606:4700::1]:25": false,
	} {
		err := guard(t).Check(netip.MustParseAddrPort(addr), outbound.HTTPS)
		if (err == nil) != want {
			t.Errorf("Check(%s) = %v, want allowed %t", addr, err, want)
		}
	}
}

func TestSec_G06_AllowList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		allow  string
		addr   string
		scheme outbound.Scheme
		want   bool
	}{
		{"range, any port", "10.1.0.0/16", "10.1.2.3:9000", outbound.HTTPS, true},
		{"outside the range", "10.1.0.0/16", "10.2.0.1:443", outbound.HTTPS, false},
		{"port of the rule", "10.1.0.0/16:8443", "10.1.2.3:8443", outbound.HTTPS, true},
		{"another port", "10.1.0.0/16:8443", "10.1.2.3:443", outbound.HTTPS, false},
		{"mapped form of an allowed address", "10.1.0.0/16", "[::ffff:10.1.2.3]:443", outbound.HTTPS, true},
		{"IPv6 range with port", "[fd12:3456::/32]:8443", "[fd12:3456::1]:8443", outbound.HTTPS, true},
		{"odd port of a public address", "8.8.8.8:9443", "8.8.8.8:9443", outbound.HTTPS, true},

		{"metadata in an allowed range", "169.254.0.0/16", "169.254.169.254:80", outbound.InsecureHTTP, false},
		{"metadata in the range of everything", "0.0.0.0/0", "169.254.169.254:443", outbound.HTTPS, false},
		{"mapped metadata in an allowed range", "169.254.0.0/16", "[::ffff:169.254.169.254]:80", outbound.InsecureHTTP, false},
		{"metadata named exactly", "169.254.169.254", "169.254.169.254:80", outbound.InsecureHTTP, true},
		{"metadata named exactly, other port", "169.254.169.254:80", "169.254.169.254:443", outbound.HTTPS, false},
		{"IPv6 metadata in an allowed range", "fd00::/8", "[fd00:ec2::254]:80", outbound.InsecureHTTP, false},
		{"IPv6 metadata named exactly", "fd00:ec2::254", "[fd00:ec2::254]:80", outbound.InsecureHTTP, true},
		{"public metadata address", "", "168.63.129.16:443", outbound.HTTPS, false},

		{"private behind an allowed NAT64", "64:ff9b::/96", "[64:ff9b::10.0.0.1]:443", outbound.HTTPS, false},
		{"metadata behind an allowed NAT64", "64:ff9b::/96", "[64:ff9b::169.254.169.254]:443", outbound.HTTPS, false},
		{"public behind an allowed NAT64", "64:ff9b::/96", "[64:ff9b::8.8.8.8]:443", outbound.HTTPS, true},
		{"loopback behind an allowed 6to4", "2002::/16", "[2002:7f00:1::1]:443", outbound.HTTPS, false},

		{"http to allowed loopback", "127.0.0.0/8", "127.0.0.1:80", outbound.HTTP, true},
		{"http to loopback nobody allowed", "", "127.0.0.1:80", outbound.HTTP, false},
		{"http to allowed private", "10.0.0.0/8", "10.0.0.1:80", outbound.HTTP, false},
		{"insecure http to allowed private", "10.0.0.0/8", "10.0.0.1:80", outbound.InsecureHTTP, true},
		{"insecure http to a public address", "10.0.0.0/8", "8.8.8.8:443", outbound.InsecureHTTP, false},

		{"zone", "fe80::/10", "[fe80::1%eth0]:443", outbound.HTTPS, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var allow []string
			if c.allow != "" {
				allow = []string{c.allow}
			}
			err := guard(t, allow...).Check(netip.MustParseAddrPort(c.addr), c.scheme)
			if (err == nil) != c.want {
				t.Fatalf("Check(%s) with %q = %v, want allowed %t", c.addr, c.allow, err, c.want)
			}
			if err == nil {
				return
			}
			if e, ok := errors.AsType[*outbound.Error](err); !ok || e.Reason != outbound.ReasonRefused || e.Fault != outbound.FaultOurs {
				t.Errorf("Check error = %#v, want a refusal that is ours", err)
			}
		})
	}
}

func TestRulesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "localhost", "app.example:443", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/8:0", "10.0.0.0/8:65536", "10.0.0.0/8:",
		"10.0.0.0/8:443:1", "[fd00::/8", "[fd00::/8]443", "fe80::1%eth0", "::ffff:10.0.0.0/104", "010.0.0.0/8", "https://10.0.0.1",
	} {
		if r, err := outbound.ParseRule(text); err == nil {
			t.Errorf("ParseRule(%q) = %v, want an error", text, r)
		}
	}
	_, err := outbound.NewGuard([]string{"first", "10.0.0.0/8", "second"})
	if err == nil || !strings.Contains(err.Error(), `"first"`) || !strings.Contains(err.Error(), `"second"`) {
		t.Errorf("NewGuard reports %v, want both bad rules", err)
	}
}
