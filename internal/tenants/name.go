package tenants

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// MaxName bounds the name of a tenant or source, in characters: a label of DNS.
const MaxName = 63

// CheckForm says whether a name could be that of a tenant at all, reserved ones included.
func CheckForm(name string) error {
	if len(name) > MaxName || !nameForm.MatchString(name) {
		return errForm
	}
	return nil
}

var errForm = errors.New("not the form of a name")

var nameForm = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)

// reserved are names that a person, a URL or a log line would take for something of ours (B08).
var reserved = []string{
	"admin", "all", "anonymous", "api", "cli", "console", "credential", "guard", "health", "healthz", "hub", "internal", "local", "localhost",
	"login", "metrics", "muster", "none", "null", "oauth", "operator", "readyz", "root", "scim", "self", "status", "sweeper", "system", "t",
	"unknown", "well-known", "www",
}

// CheckName says what is wrong with the name of a tenant or source, if something is. what is "tenant" or "source".
func CheckName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a %s needs a name", what)
	case len(name) > MaxName:
		return fmt.Errorf("the name of a %s has at most %d characters", what, MaxName)
	case !nameForm.MatchString(name):
		return fmt.Errorf("%q cannot be the name of a %s: use a-z, 0-9 and hyphens, with a letter first and no hyphen at the end", name, what)
	case slices.Contains(reserved, name):
		return fmt.Errorf("%q is a reserved name: choose another for the %s", name, what)
	}
	return nil
}

// maxHosts bounds the names of hosts of one tenant.
const maxHosts = 20

// hostForm is a DNS name of at least two labels, as a Host header has it in lower case.
var hostForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func checkHosts(hosts []string) error {
	if len(hosts) > maxHosts {
		return fmt.Errorf("a tenant has at most %d hosts", maxHosts)
	}
	for _, h := range hosts {
		if _, err := netip.ParseAddr(h); err == nil {
			return fmt.Errorf("%q is an address: a host is a name such as scim.acme.example", h)
		}
		if len(h) > 253 || !hostForm.MatchString(h) {
			return fmt.Errorf("%q cannot be a host: give its name alone, such as scim.acme.example, without scheme, port or path", h)
		}
	}
	return nil
}

// Host returns the name in a Host header as it is kept, or "" if it is none: without port and closing dot, in lower case.
func Host(header string) string {
	if i := strings.LastIndexByte(header, ':'); i >= 0 && !strings.Contains(header[i:], "]") {
		header = header[:i]
	}
	header = strings.TrimSuffix(header, ".")
	if len(header) > 253 || strings.HasPrefix(header, "[") {
		return ""
	}
	return strings.ToLower(header)
}

var errDefault = errors.New("the tenant \"default\" cannot be suspended or deleted: /scim/v2 is its address")
