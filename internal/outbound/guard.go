package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"
)

// The ports that public addresses may be reached on without a rule (G05).
var publicPorts = []uint16{443, 8443}

// Metadata services hand credentials to whoever asks from inside. They stay
// refused in an allowed range unless a rule names the address alone (G06). Azure's
// wire server is a public address, so no list of special ranges knows it.
var metadataAddrs = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"),    // AWS, Google Cloud, Azure, Oracle, DigitalOcean, OpenStack
	netip.MustParseAddr("169.254.170.2"),      // Amazon ECS task credentials
	netip.MustParseAddr("169.254.170.23"),     // Amazon EKS pod identity
	netip.MustParseAddr("169.254.42.42"),      // Scaleway
	netip.MustParseAddr("100.100.100.200"),    // Alibaba Cloud
	netip.MustParseAddr("168.63.129.16"),      // Azure wire server
	netip.MustParseAddr("192.0.0.192"),        // Oracle Cloud, classic
	netip.MustParseAddr("fd00:ec2::254"),      // AWS
	netip.MustParseAddr("fd00:ec2::23"),       // Amazon EKS pod identity
	netip.MustParseAddr("fd20:ce::254"),       // Google Cloud
	netip.MustParseAddr("fd00:42::42"),        // Scaleway
	netip.MustParseAddr("fe80::a9fe:a9fe"),    // OpenStack
	netip.MustParseAddr("fd00:c1::a9fe:a9fe"), // Oracle Cloud
}

// Prefixes whose addresses carry an IPv4 address that a gateway would go on to.
var (
	nat64  = ssrf.IPv6NAT64Prefix
	sixTo4 = netip.MustParsePrefix("2002::/16")
)

// A Rule lets the operator's own networks be reached: a range and, if Port is not
// zero, one port of it.
type Rule struct {
	Prefix netip.Prefix
	Port   uint16
}

// ParseRule reads a rule: "10.1.0.0/16", "10.1.0.0/16:8443", "127.0.0.1",
// "127.0.0.1:9000", "fd12:3456::/32", "[fd12:3456::/32]:8443" or "[::1]:9000".
func ParseRule(text string) (Rule, error) {
	addrs, port := text, ""
	if rest, found := strings.CutPrefix(text, "["); found {
		inside, after, closed := strings.Cut(rest, "]")
		if !closed || after != "" && !strings.HasPrefix(after, ":") {
			return Rule{}, fmt.Errorf("rule %q: brackets go around an IPv6 range, as in [fd12::/32]:8443", text)
		}
		addrs, port = inside, after
	} else if i := strings.LastIndexByte(text, ':'); i >= 0 && strings.IndexByte(text, ':') == i {
		// One colon only: an IPv4 range and its port.
		addrs, port = text[:i], text[i:]
	}

	var r Rule
	if port != "" {
		n, err := strconv.ParseUint(port[1:], 10, 16)
		if err != nil || n == 0 {
			return Rule{}, fmt.Errorf("rule %q: a port is a number from 1 to 65535", text)
		}
		r.Port = uint16(n)
	}
	prefix, err := netip.ParsePrefix(addrs)
	if err != nil {
		addr, err := netip.ParseAddr(addrs)
		if err != nil || addr.Zone() != "" {
			return Rule{}, fmt.Errorf("rule %q: want an address or a range such as 10.1.0.0/16 or 10.1.0.0/16:8443; host names are not taken, they can change", text)
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	if prefix.Addr().Is4In6() {
		return Rule{}, fmt.Errorf("rule %q: write an IPv4 range as IPv4", text)
	}
	if prefix != prefix.Masked() {
		return Rule{}, fmt.Errorf("rule %q: bits are set behind the prefix length; write %s", text, prefix.Masked())
	}
	r.Prefix = prefix
	return r, nil
}

func (r Rule) covers(addr netip.AddrPort) bool {
	return r.Prefix.Contains(addr.Addr()) && (r.Port == 0 || r.Port == addr.Port())
}

// A Guard decides which addresses may be dialled. Its zero value is not usable:
// make one with [NewGuard]. It is safe for concurrent use.
type Guard struct {
	rules  []Rule
	public *ssrf.Guardian
}

// NewGuard returns a guard with the operator's allow-list, each in the form that
// [ParseRule] reads. It reports every rule that cannot be read.
func NewGuard(allow []string) (*Guard, error) {
	g := &Guard{public: ssrf.New(ssrf.WithPorts(publicPorts...), ssrf.WithAnyNetwork())}
	var errs []error
	for _, text := range allow {
		r, err := ParseRule(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		g.rules = append(g.rules, r)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return g, nil
}

// Check says whether addr may be dialled to speak s, and if not why: the error is
// an [*Error] with [ReasonRefused].
func (g *Guard) Check(addr netip.AddrPort, s Scheme) error {
	ip := addr.Addr()
	if ip.Zone() != "" {
		return refusedf("%s: addresses with a zone are not dialled", ip)
	}
	ip = ip.Unmap()
	addr = netip.AddrPortFrom(ip, addr.Port())
	// A gateway turns these into the IPv4 address they carry. Allowing the outer
	// range must not open what is behind it.
	if v4, found := carriedIPv4(ip); found {
		if err := g.judge(netip.AddrPortFrom(v4, addr.Port()), s); err != nil {
			return err
		}
	}
	return g.judge(addr, s)
}

// judge applies the rules to one address, taken as it stands.
func (g *Guard) judge(addr netip.AddrPort, s Scheme) error {
	ip := addr.Addr()
	covering := func(r Rule) bool { return r.covers(addr) }
	if slices.Contains(metadataAddrs, ip) {
		covering = func(r Rule) bool { return r.covers(addr) && r.Prefix.IsSingleIP() }
		if !slices.ContainsFunc(g.rules, covering) {
			return refusedf("%s is a metadata address of a cloud provider; only a rule for exactly this address opens it", ip)
		}
	}
	if slices.ContainsFunc(g.rules, covering) {
		if s == HTTP && !ip.IsLoopback() {
			return refusedf("%s: plain http is spoken only to loopback addresses, or to allowed ones with insecure_http", ip)
		}
		return nil
	}
	if s != HTTPS {
		return refusedf("%s: plain http is spoken only to addresses in outbound.allow", ip)
	}
	switch err := g.public.SafeAddrPort(addr); {
	case err == nil:
		return nil
	case errors.Is(err, ssrf.ErrProhibitedPort):
		return refusedf("port %d is not one of %v; a rule in outbound.allow opens others", addr.Port(), publicPorts)
	default:
		return refusedf("%s is not a public address; a rule in outbound.allow opens private ones", ip)
	}
}

// control is the last look before a connection: the dialer calls it with the
// address it is about to connect to, whatever brought it there.
func (g *Guard) control(s Scheme) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		if network != "tcp4" && network != "tcp6" {
			return refusedf("network %s is not dialled", network)
		}
		addr, err := netip.ParseAddrPort(address)
		if err != nil {
			return refusedf("the address to dial cannot be read")
		}
		return g.Check(addr, s)
	}
}

// Scheme is how a connection is to be spoken.
type Scheme uint8

// The schemes. HTTP reaches loopback only, InsecureHTTP what the allow-list has,
// HTTPS that and public addresses.
const (
	HTTPS Scheme = iota
	HTTP
	InsecureHTTP
)

// carriedIPv4 returns the IPv4 address inside a NAT64 or 6to4 address.
func carriedIPv4(ip netip.Addr) (netip.Addr, bool) {
	b := ip.As16()
	switch {
	case nat64.Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixTo4.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	default:
		return netip.Addr{}, false
	}
}
