package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxURLBytes bounds a configured URL; longer ones are refused.
const maxURLBytes = 2048

// CheckURL says whether text is a URL that can be called, spelled in the one way
// that every parser reads alike (G05): an absolute http or https URL in lower case
// with a plain host, no user-info, no fragment, no dot segments and nothing that
// has to be guessed. The error says how to mend it and repeats neither path nor
// query, which may hold a key.
//
// It is the check of the moment somebody types the URL. What the host resolves to
// is judged at every dial, by [Guard.Check].
func CheckURL(text string) error {
	if len(text) > maxURLBytes {
		return fmt.Errorf("is longer than %d bytes", maxURLBytes)
	}
	for _, c := range []byte(text) {
		switch {
		case c <= ' ' || c == 0x7f:
			return errors.New("has a blank or a control character in it")
		case c >= 0x80:
			return errors.New("has a character outside ASCII; write an international host name in its xn-- form and percent-encode the path")
		case c == '\\':
			return errors.New(`has a \ in it, which some programs read as /`)
		}
	}
	u, err := url.Parse(text)
	if err != nil {
		// The parser's error repeats the text.
		return errors.New("cannot be read as a URL; write it as https://host/path")
	}
	switch {
	case u.Scheme == "" || u.Opaque != "" || u.Host == "":
		return errors.New("is not an absolute URL; write it as https://host/path")
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("has the scheme %s; only https, and http to allowed addresses, can be called", u.Scheme)
	case u.User != nil:
		return errors.New("has user-info (name:password@) in it; credentials belong in a secret of their own")
	case strings.Contains(text, "#"):
		return errors.New("has a fragment (#...), which is never sent")
	}
	if err := checkHost(u); err != nil {
		return err
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return errors.New("has a . or .. segment in its path; write the path they lead to")
		}
	}
	// Whatever the parser changed, another parser may read otherwise.
	if u.String() != text {
		return fmt.Errorf("is spelled in a way that programs read differently; begin it with %s://%s", u.Scheme, u.Host)
	}
	return nil
}

// checkHost checks host and port of u.
func checkHost(u *url.URL) error {
	host := u.Hostname()
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
			return errors.New("has a port that is not a plain number from 1 to 65535")
		}
	}
	if strings.HasPrefix(u.Host, "[") {
		switch ip, err := netip.ParseAddr(host); {
		case err != nil:
			return errors.New("has brackets around something that is not an IPv6 address")
		case ip.Zone() != "":
			return errors.New("has an address with a zone, which means something on one machine only")
		case ip.Is4In6():
			return fmt.Errorf("has an IPv4 address written as IPv6; write %s", ip.Unmap())
		case ip.String() != host:
			return fmt.Errorf("has an IPv6 address in a long form; write [%s]", ip)
		}
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		return nil
	}
	return checkName(host)
}

// checkName takes host names of letters, digits and hyphens. A last label of
// digits is refused: resolvers take 2130706433, 0x7f.1 and 0177.0.0.1 for
// addresses, each in its own way.
func checkName(host string) error {
	if host == "" || len(host) > 253 {
		return errors.New("has no host name, or one over 253 bytes")
	}
	if strings.HasSuffix(host, ".") {
		return errors.New("has a host name that ends in a dot")
	}
	last := ""
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("has a host name with an empty or overlong part, or a hyphen at the edge of one")
		}
		for _, c := range []byte(label) {
			switch {
			case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-':
			case 'A' <= c && c <= 'Z':
				return fmt.Errorf("has upper-case letters in its host name; write %s", strings.ToLower(host))
			default:
				return errors.New("has a host name with something else than letters, digits and hyphens in it")
			}
		}
		last = label
	}
	if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		return errors.New("has a number for a host; write an IPv4 address as four decimal numbers, such as 192.0.2.1")
	}
	return nil
}

// CheckURL is [CheckURL] and, for a host that is an address or localhost, the
// judgement of the guard: what would be refused at every dial is better refused
// while somebody is looking. insecureHTTP is what [Options.InsecureHTTP] will be.
func (g *Guard) CheckURL(text string, insecureHTTP bool) error {
	if err := CheckURL(text); err != nil {
		return err
	}
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("cannot be read as a URL; write it as https://host/path")
	}
	s := schemeOf(u, insecureHTTP)
	ip, err := netip.ParseAddr(u.Hostname())
	switch {
	case u.Hostname() == "localhost":
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case err != nil && s == HTTP:
		return errors.New("is plain http to a named host; use https, or insecure_http for a host whose addresses are in outbound.allow")
	case err != nil:
		return nil
	}
	if err := g.Check(netip.AddrPortFrom(ip, portOf(u)), s); err != nil {
		return fmt.Errorf("cannot be called: %w", err)
	}
	return nil
}

func schemeOf(u *url.URL, insecureHTTP bool) Scheme {
	switch {
	case u.Scheme == "https":
		return HTTPS
	case insecureHTTP:
		return InsecureHTTP
	default:
		return HTTP
	}
}

// portOf returns the port of a URL that CheckURL took.
func portOf(u *url.URL) uint16 {
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(n)
	}
	if u.Scheme == "http" {
		return 80
	}
	return 443
}
