package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muster-id/muster/internal/outbound"
)

const (
	maxTargets     = 1_000
	maxConcurrency = 64
	maxRate        = 10_000
	maxDrainDelay  = 5 * time.Minute
)

var (
	levels  = []string{"debug", "info", "warn", "error"}
	formats = []string{"auto", "text", "json"}
	events  = []string{
		"user.created", "user.updated", "user.activated", "user.deactivated", "user.reactivated", "user.rehired", "user.deleted",
		"group.created", "group.updated", "group.member_added", "group.member_removed", "group.deleted",
	}
	// customEvent is an event of a resource type that a tenant has defined, about which the configuration knows nothing.
	customEvent = regexp.MustCompile(`^[a-z][a-z0-9_]*\.(created|updated|activated|deactivated|reactivated|deleted)$`)
	targetName  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	hostName    = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,63}$`)
	envName     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// Validate reports every problem at once, as an [*Error]. It looks at nothing but
// the values; whether files and variables hold the secrets is a matter of [Load].
func (c *Config) Validate() error {
	ps := &problems{c: c}
	c.validate(ps)
	return ps.err()
}

// validateDatabase refuses a URL that shows a password: the configuration is printed, copied and committed.
func (c *Config) validateDatabase(ps *problems) {
	d := c.Database
	if d.PasswordFile != "" && d.PasswordEnv != "" {
		ps.add("database.password_env", "is given beside password_file; one of them leads to the password")
	}
	if d.URL == "" {
		if d.PasswordFile != "" || d.PasswordEnv != "" {
			ps.add("database.url", "is empty although there is a password; the embedded database has none")
		}
		return
	}
	u, err := url.Parse(d.URL)
	switch {
	case err != nil, u.Scheme != "postgres" && u.Scheme != "postgresql":
		// Without the value, which may hold a password.
		ps.add("database.url", "is not a URL of PostgreSQL, such as postgres://muster@db.example.com/muster")
	case u.User != nil:
		if _, has := u.User.Password(); has {
			ps.add("database.url", "has a password in it; name a file with password_file, or use MUSTER_DATABASE_URL")
		}
	}
}

func (c *Config) validate(ps *problems) {
	if c.Data == "" {
		ps.add("data", "is empty; name a directory")
	}
	c.validateDatabase(ps)
	c.validateListener(ps, "listen", c.Listen)
	if c.Metrics != "" {
		c.validateListener(ps, "metrics", c.Metrics)
		if c.Metrics == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
			ps.add("metrics", "is the same address as listen; metrics have a listener of their own")
		}
	}
	if c.BaseURL != "" {
		validateBaseURL(ps, c.BaseURL)
	}
	if c.DrainDelay < 0 || c.DrainDelay > maxDrainDelay {
		ps.add("drain_delay", "is not from 0s to %s", maxDrainDelay)
	}
	oneOf(ps, "log.level", c.Log.Level, levels)
	oneOf(ps, "log.format", c.Log.Format, formats)
	c.validateTLS(ps)
	c.validateLimits(ps)
	c.validateTargets(ps, c.validateAllow(ps))
}

func oneOf(ps *problems, path, value string, values []string) {
	if !slices.Contains(values, value) {
		ps.add(path, "is not one of %s", strings.Join(values, ", "))
	}
}

// validateListener checks an address to listen on. Off loopback it would carry
// tokens in the clear, which somebody has to want (A21).
func (c *Config) validateListener(ps *problems, path, address string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		ps.add(path, "is not an address; write it as host:port, such as 127.0.0.1:8080")
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		ps.add(path, "has a port that is not a number from 0 to 65535")
		return
	}
	ip, err := netip.ParseAddr(host)
	loopback := host == "localhost" || err == nil && ip.IsLoopback()
	if encrypted := path == "listen" && c.TLS.On(); !loopback && !encrypted && !c.InsecureHTTP {
		ps.add(path, "can be reached from other machines, in plain HTTP; give it a certificate (tls.cert_files), listen on 127.0.0.1 behind a proxy that does TLS, or set insecure_http: true if something else protects the way here")
	}
}

// On reports whether there is TLS.
func (t *TLS) On() bool { return len(t.CertFiles) > 0 || len(t.ACMEHosts) > 0 }

func (c *Config) validateTLS(ps *problems) {
	t := &c.TLS
	if len(t.CertFiles) != len(t.KeyFiles) {
		ps.add("tls.key_files", "are %d for %d tls.cert_files: each certificate has a key, in the same order", len(t.KeyFiles), len(t.CertFiles))
	}
	if len(t.ACMEHosts) > 0 {
		if len(t.CertFiles) > 0 {
			ps.add("tls.acme_hosts", "are set beside tls.cert_files; certificates come from one or the other")
		}
		if !t.ACMEAcceptTerms {
			ps.add("tls.acme_accept_terms", "is not true; ACME needs your agreement to the authority's terms of service")
		}
		for i, h := range t.ACMEHosts {
			if !hostName.MatchString(h) {
				ps.add(fmt.Sprintf("tls.acme_hosts[%d]", i), "is not the name of a host, such as scim.example.com")
			}
		}
	}
	if t.ACMEDirectory != "" {
		if err := outbound.CheckURL(t.ACMEDirectory); err != nil {
			ps.add("tls.acme_directory", "%v", err)
		}
	}
	oneOf(ps, "tls.client_certificates", t.ClientCertificates, []string{"off", "optional", "required"})
	switch asked := t.ClientCertificates != "off"; {
	case asked && !t.On():
		ps.add("tls.client_certificates", "are asked for without TLS; give the listener a certificate (tls.cert_files)")
	case asked && t.ClientCAFile == "":
		ps.add("tls.client_ca_file", "is missing; it holds the authorities that may have signed the certificates of clients")
	case !asked && t.ClientCAFile != "":
		ps.add("tls.client_ca_file", "is set, but tls.client_certificates is off")
	}
	for i, p := range c.TrustedProxies {
		if n, err := netip.ParsePrefix(p); err == nil && n.Bits() > 0 && n == n.Masked() {
			continue
		}
		if _, err := netip.ParseAddr(p); err != nil {
			ps.add(fmt.Sprintf("trusted_proxies[%d]", i), "is neither an address nor a network; write 10.0.0.5 or 10.0.0.0/24")
		}
	}
}

func validateBaseURL(ps *problems, text string) {
	if err := outbound.CheckURL(text); err != nil {
		ps.add("base_url", "%v", err)
		return
	}
	if u, err := url.Parse(text); err == nil && (u.RawQuery != "" || u.ForceQuery) {
		ps.add("base_url", "has a query (?...); paths are put behind it")
	}
}

func (c *Config) validateLimits(ps *problems) {
	for _, l := range []struct {
		key           string
		value         int
		least, utmost int
	}{
		{"max_body_bytes", c.Limits.MaxBodyBytes, 1 << 10, 1 << 28},
		{"max_group_body_bytes", c.Limits.MaxGroupBodyBytes, 1 << 10, 1 << 28},
		{"max_in_flight_bytes", c.Limits.MaxInFlightBytes, 1 << 20, 1 << 30},
		{"max_page", c.Limits.MaxPage, 1, 10_000},
		{"default_page", c.Limits.DefaultPage, 1, c.Limits.MaxPage},
		{"max_operations", c.Limits.MaxOperations, 1, 100_000},
		{"max_edges", c.Limits.MaxEdges, 1, 1_000_000},
		{"max_auth_failures", c.Limits.MaxAuthFailures, 1, 1_000_000},
		{"max_connections", c.Limits.MaxConnections, 1, 1_000_000},
		{"max_connections_per_address", c.Limits.MaxConnectionsPerAddress, 1, 1_000_000},
	} {
		if l.value < l.least || l.value > l.utmost {
			ps.add("limits."+l.key, "is not from %d to %d", l.least, l.utmost)
		}
	}
	// A body that can never be admitted would be asked to come back for ever.
	if largest := max(c.Limits.MaxBodyBytes, c.Limits.MaxGroupBodyBytes); c.Limits.MaxInFlightBytes < largest {
		ps.add("limits.max_in_flight_bytes", "is less than one largest body (%d)", largest)
	}
}

// validateAllow checks the allow-list and returns its guard; nil if it has none
// that could judge the targets.
func (c *Config) validateAllow(ps *problems) *outbound.Guard {
	sound := true
	for i, text := range c.Outbound.Allow {
		if _, err := outbound.ParseRule(text); err != nil {
			ps.add(fmt.Sprintf("outbound.allow[%d]", i), "%v", err)
			sound = false
		}
	}
	if !sound {
		return nil
	}
	guard, err := outbound.NewGuard(c.Outbound.Allow)
	if err != nil {
		return nil // every rule was read just now
	}
	return guard
}

func (c *Config) validateTargets(ps *problems, guard *outbound.Guard) {
	if len(c.Targets) > maxTargets {
		ps.add("targets", "are more than %d", maxTargets)
		return
	}
	names := map[string]int{}
	for i := range c.Targets {
		t, at := &c.Targets[i], fmt.Sprintf("targets[%d]", i)
		switch before, taken := names[t.Name]; {
		case t.Name == "":
			ps.add(at+".name", "is missing; it tells the target from others in logs and metrics")
		case !targetName.MatchString(t.Name):
			ps.add(at+".name", "has something else than small letters, digits and hyphens between them, or over 63 of them")
		case taken:
			ps.add(at+".name", "is also the name of targets[%d]", before)
		default:
			names[t.Name] = i
		}
		t.validate(ps, at, guard)
	}
}

func (t *Target) validate(ps *problems, at string, guard *outbound.Guard) {
	if err := t.checkURL(guard); err != nil {
		ps.add(at+".url", "%v", err)
	}
	switch t.Type {
	case TypeWebhook:
		oneSecret(ps, at, "secret", t.SecretFile, t.SecretEnv)
		absent(ps, at, "a webhook is signed, not logged in to: it has secret_file or secret_env", map[string]string{"token_file": t.TokenFile, "token_env": t.TokenEnv})
	case TypeSCIM:
		oneSecret(ps, at, "token", t.TokenFile, t.TokenEnv)
		absent(ps, at, "a SCIM application is logged in to: it has token_file or token_env", map[string]string{"secret_file": t.SecretFile, "secret_env": t.SecretEnv})
		if len(t.Events) > 0 {
			ps.add(at+".events", "is for webhooks; a SCIM application is kept equal as a whole")
		}
	case "":
		ps.add(at+".type", "is missing; it is webhook or scim")
	default:
		ps.add(at+".type", "is not webhook or scim")
	}
	for i, event := range t.Events {
		if !slices.Contains(events, event) && !isCustom(event) {
			ps.add(fmt.Sprintf("%s.events[%d]", at, i), "is no event; %s", suggest(event, events))
		}
	}
	oneOf(ps, at+".start", t.Start, []string{StartBeginning, StartNow})
	if t.Concurrency < 1 || t.Concurrency > maxConcurrency {
		ps.add(at+".concurrency", "is not from 1 to %d", maxConcurrency)
	}
	// NaN fails every comparison: ask for what is right.
	if !(t.Rate >= 0 && t.Rate <= maxRate) {
		ps.add(at+".rate", "is not from 0 (no limit) to %d", maxRate)
	}
}

// isCustom reports whether an event may be one of a custom resource type: not a built-in one, nor one mistyped.
func isCustom(event string) bool {
	typ, _, _ := strings.Cut(event, ".")
	return customEvent.MatchString(event) && distance(typ, "user") > 2 && distance(typ, "group") > 2
}

func (t *Target) checkURL(guard *outbound.Guard) error {
	if t.URL == "" {
		return errors.New("is missing; write it as https://host/path")
	}
	if err := outbound.CheckURL(t.URL); err != nil {
		return err
	}
	if u, err := url.Parse(t.URL); err == nil && t.Type == TypeSCIM && (u.RawQuery != "" || u.ForceQuery) {
		return errors.New("has a query (?...); paths such as /Users are put behind a SCIM base URL")
	}
	if guard == nil {
		return nil
	}
	return guard.CheckURL(t.URL, t.InsecureHTTP)
}

// oneSecret checks that exactly one place is named for a secret.
func oneSecret(ps *problems, at, name, file, variable string) {
	switch {
	case file == "" && variable == "":
		ps.add(at, "has no %[1]s; name a file that holds it with %[1]s_file, or an environment variable with %[1]s_env", name)
	case file != "" && variable != "":
		ps.add(at+"."+name+"_env", "stands beside %s_file; keep one of them", name)
	case variable != "" && !envName.MatchString(variable):
		ps.add(at+"."+name+"_env", "is no name of an environment variable; write the name here, not the value")
	}
}

func absent(ps *problems, at, why string, fields map[string]string) {
	for key, value := range fields {
		if value != "" {
			ps.add(at+"."+key, "is not for this type; %s", why)
		}
	}
}
