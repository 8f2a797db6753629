package transport

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the addresses of proxies that are believed when they say who their client is. The zero Proxies believe nobody.
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks.
func ParseProxies(list []string) (Proxies, error) {
	var p Proxies
	for _, s := range list {
		n, err := netip.ParsePrefix(s)
		if a, addrErr := netip.ParseAddr(s); err != nil && addrErr == nil && a.Zone() == "" {
			n, err = a.Prefix(a.BitLen())
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is neither an address nor a network: write 10.0.0.5 or 10.0.0.0/24", s)
		case n != n.Masked():
			return nil, fmt.Errorf("%q has bits set beyond its length: is %s meant?", s, n.Masked())
		case n.Bits() == 0:
			return nil, fmt.Errorf("%q is everybody: name the proxies", s)
		}
		p = append(p, n)
	}
	return p, nil
}

func (p Proxies) trusts(a netip.Addr) bool {
	a = a.Unmap()
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(a) })
}

// maxHops bounds the hops that are looked at.
const maxHops = 32

// Client returns the address of the client that sent a request: that of the connection, unless a trusted proxy has it; then the last
// address in X-Forwarded-For that is no trusted proxy's. What stands before that one anybody may have written (A19). The zero Addr if
// it cannot be told.
func (p Proxies) Client(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	client := ap.Addr().Unmap().WithZone("")
	if len(p) == 0 || !p.trusts(client) {
		return client
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= max(len(hops)-maxHops, 0); i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return client // a proxy that writes what is no address tells no more
		}
		if client = a.Unmap().WithZone(""); !p.trusts(client) {
			break
		}
	}
	return client
}

// Thumbprint returns what RFC 8705 calls x5t#S256 of the certificate that a client has shown; "" if it has shown none.
func Thumbprint(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
