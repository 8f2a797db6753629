package config

import (
	"crypto/x509"
	"net/url"
	"time"

	"github.com/muster-id/muster/internal/secret"
)

// Config is the configuration of one process.
type Config struct {
	// Data is the directory with everything that must survive a restart; it is
	// created if need be. Defaults to ./muster-data.
	Data string `yaml:"data" env:"DATA"`
	// Listen is the address of the SCIM listener, host:port. Port 0 takes a free
	// one. Defaults to 127.0.0.1:8080.
	Listen string `yaml:"listen" env:"LISTEN"`
	// BaseURL is how the world reaches Muster, without /scim/v2; locations and $ref
	// are made from it. Defaults to http:// and the address listened on.
	BaseURL string `yaml:"base_url" env:"BASE_URL"`
	// Metrics is the address of the listener for operators (/metrics), host:port.
	// Empty or "off" for none. Defaults to 127.0.0.1:9090.
	Metrics string `yaml:"metrics" env:"METRICS"`
	// InsecureHTTP lets Listen and Metrics be reached from other machines although
	// they speak plain HTTP: something in front of them does TLS. Defaults to false.
	InsecureHTTP bool `yaml:"insecure_http" env:"INSECURE_HTTP"`

	// TrustedProxies are the addresses of proxies in front of Listen that are believed when X-Forwarded-For says who
	// their client is: 10.0.0.5, 10.0.0.0/24. In the environment separated by commas. Defaults to nobody.
	TrustedProxies []string `yaml:"trusted_proxies" env:"TRUSTED_PROXIES"`

	// DrainDelay is how long the hub goes on after it was told to stop and its readiness has become false, so that load
	// balancers see that and send nobody any more: 10s. At most 5 minutes. Defaults to 0s, for nothing in front.
	DrainDelay time.Duration `yaml:"drain_delay" env:"DRAIN_DELAY"`

	Database Database `yaml:"database" envPrefix:"DATABASE_"`
	TLS      TLS      `yaml:"tls" envPrefix:"TLS_"`
	Keyring  Keyring  `yaml:"keyring" envPrefix:"KEYRING_"`
	Log      Log      `yaml:"log" envPrefix:"LOG_"`
	Outbound Outbound `yaml:"outbound" envPrefix:"OUTBOUND_"`
	Limits   Limits   `yaml:"limits" envPrefix:"LIMITS_"`

	// Targets are the downstream systems. Defaults to none.
	Targets []Target `yaml:"targets" env:"-"`

	// origins says where values came from, by path; what is not in it is a default.
	origins map[string]Origin
}

// Database is where identities are kept.
type Database struct {
	// URL names a database of PostgreSQL 14 or later, which several nodes may share: postgres://user@host/name. Defaults to
	// none: the embedded database in Data. In the environment it may have the password in it; elsewhere there are
	// PasswordFile and PasswordEnv.
	URL string `yaml:"url" env:"URL"`
	// PasswordFile and PasswordEnv lead to the password. Default to none.
	PasswordFile string `yaml:"password_file" env:"PASSWORD_FILE"`
	PasswordEnv  string `yaml:"password_env" env:"PASSWORD_ENV"`

	// Password is what they, or the URL, led to.
	Password secret.String `yaml:"-" env:"-"`
}

// Source returns the URL with the password in it; empty for the embedded database.
func (d Database) Source() string {
	u, err := url.Parse(d.URL)
	if err != nil || d.URL == "" || d.Password == (secret.String{}) {
		return d.URL
	}
	u.User = url.UserPassword(u.User.Username(), d.Password.Reveal())
	return u.String()
}

// Log is how the process tells what it does, on standard error.
type Log struct {
	// Level is the least level that is written: debug, info, warn or error. Debug
	// may hold personal data. Defaults to info.
	Level string `yaml:"level" env:"LEVEL"`
	// Format is text for people, json for machines, or auto: text on a terminal,
	// else json. Defaults to auto.
	Format string `yaml:"format" env:"FORMAT"`
}

// TLS is how Listen is encrypted: with certificates from files, or from an ACME authority. Without either it is plain HTTP.
type TLS struct {
	// CertFiles hold certificates with their chains in PEM, and KeyFiles their keys in the same order. They are read
	// again when they change. A client gets the first one that has the name it asks for. Defaults to none.
	CertFiles []string `yaml:"cert_files" env:"CERT_FILES"`
	KeyFiles  []string `yaml:"key_files" env:"KEY_FILES"`
	// ACMEHosts are names for which certificates are asked from an authority by themselves. Port 443 has to lead
	// here. Defaults to none.
	ACMEHosts []string `yaml:"acme_hosts" env:"ACME_HOSTS"`
	// ACMEEmail is whom the authority tells of problems. Defaults to nobody.
	ACMEEmail string `yaml:"acme_email" env:"ACME_EMAIL"`
	// ACMEDirectory is the authority's URL. Defaults to Let's Encrypt.
	ACMEDirectory string `yaml:"acme_directory" env:"ACME_DIRECTORY"`
	// ACMEAcceptTerms says that you agree to the authority's terms of service. Required with ACMEHosts.
	ACMEAcceptTerms bool `yaml:"acme_accept_terms" env:"ACME_ACCEPT_TERMS"`
	// ClientCertificates says whether clients show certificates: off, optional (one that is shown has to be good), or
	// required. Defaults to off.
	ClientCertificates string `yaml:"client_certificates" env:"CLIENT_CERTIFICATES"`
	// ClientCAFile holds the certificates of the authorities that may have signed them, in PEM. Required unless off.
	ClientCAFile string `yaml:"client_ca_file" env:"CLIENT_CA_FILE"`
}

// Keyring is where the keys are that seal secrets in the database.
type Keyring struct {
	// File is the keyring, made at the first start. Defaults to keyring in Data; better elsewhere.
	File string `yaml:"file" env:"FILE"`
	// Command is a program, with its arguments, that wraps and unwraps the keys in File: a key-management service.
	// Defaults to none.
	Command []string `yaml:"command" env:"COMMAND"`
}

// Outbound is what the hub may dial.
type Outbound struct {
	// Allow lists private ranges that targets may be in, and ports of public ones
	// beside 443 and 8443: 10.1.0.0/16, 10.1.0.0/16:9443, 127.0.0.0/8. In the
	// environment separated by commas. Defaults to none: public addresses only.
	Allow []string `yaml:"allow" env:"ALLOW"`
}

// Limits bound what one request may cost. Each has a default that every known
// identity provider stays under.
type Limits struct {
	// MaxBodyBytes is the largest request body of a user. Defaults to 2097152 (2 MiB).
	MaxBodyBytes int `yaml:"max_body_bytes" env:"MAX_BODY_BYTES"`
	// MaxGroupBodyBytes is the largest request body of a group. Defaults to 10485760 (10 MiB).
	MaxGroupBodyBytes int `yaml:"max_group_body_bytes" env:"MAX_GROUP_BODY_BYTES"`
	// MaxInFlightBytes is how much of request bodies is held at once in the whole
	// process; more is asked to come back. Defaults to 268435456 (256 MiB).
	MaxInFlightBytes int `yaml:"max_in_flight_bytes" env:"MAX_IN_FLIGHT_BYTES"`
	// MaxPage is the largest page of a list. Defaults to 1000.
	MaxPage int `yaml:"max_page" env:"MAX_PAGE"`
	// DefaultPage is the page of a list whose request names no count. Defaults to 100.
	DefaultPage int `yaml:"default_page" env:"DEFAULT_PAGE"`
	// MaxOperations is how many operations one bulk request or one PATCH may have. Defaults to 1000.
	MaxOperations int `yaml:"max_operations" env:"MAX_OPERATIONS"`
	// MaxEdges is how many memberships one request may change. Defaults to 50000.
	MaxEdges int `yaml:"max_edges" env:"MAX_EDGES"`
	// MaxAuthFailures is how many failed authentications one address has in a
	// minute. Defaults to 30.
	MaxAuthFailures int `yaml:"max_auth_failures" env:"MAX_AUTH_FAILURES"`
	// MaxConnections is how many connections there may be at once. Defaults to 10000.
	MaxConnections int `yaml:"max_connections" env:"MAX_CONNECTIONS"`
	// MaxConnectionsPerAddress is how many of one address; trusted proxies have no such limit. Defaults to 200.
	MaxConnectionsPerAddress int `yaml:"max_connections_per_address" env:"MAX_CONNECTIONS_PER_ADDRESS"`
}

// The kinds of target.
const (
	TypeWebhook = "webhook"
	TypeSCIM    = "scim"
)

// The places where a new target begins.
const (
	StartBeginning = "beginning"
	StartNow       = "now"
)

// Target is one downstream system.
type Target struct {
	// Name is what logs, metrics and commands call it: small letters, digits and
	// hyphens, unique. Its position in the feed is kept under this name. Required.
	Name string `yaml:"name"`
	// Tenant is whose changes it gets. Defaults to default.
	Tenant string `yaml:"tenant"`
	// Type is webhook or scim. Required.
	Type string `yaml:"type"`
	// URL is the webhook's endpoint, or the SCIM base URL of the application.
	// https, or http where InsecureHTTP allows. Required.
	URL string `yaml:"url"`

	// SecretFile and SecretEnv say where the signing secret of a webhook is:
	// whsec_ and 32 random bytes or more in base64. Two of them, separated by a
	// blank or a new line, both sign while the receiver changes over. One of the
	// two fields is required for webhook.
	SecretFile string `yaml:"secret_file"`
	SecretEnv  string `yaml:"secret_env"`
	// TokenFile and TokenEnv say where the bearer token of a SCIM application is.
	// One of the two is required for scim.
	TokenFile string `yaml:"token_file"`
	TokenEnv  string `yaml:"token_env"`

	// Events are the event types that a webhook gets, such as user.deactivated.
	// Defaults to all.
	Events []string `yaml:"events"`
	// Start is where a target that is new begins: at the beginning of the feed, or
	// now, with what happens from now on. Defaults to beginning.
	Start string `yaml:"start"`
	// Concurrency is how many resources are sent at once; each resource's changes
	// stay in order. Defaults to 4.
	Concurrency int `yaml:"concurrency"`
	// Rate is how many requests are sent in a second at most, 0 for no limit.
	// Defaults to 0.
	Rate float64 `yaml:"rate"`
	// InsecureHTTP lets URL be plain http to an address that outbound.allow has.
	// Loopback addresses that it has need no such permission. Defaults to false.
	InsecureHTTP bool `yaml:"insecure_http"`
	// CAFile holds the certificates of the authorities to trust for this target, in
	// PEM, instead of the system's. Defaults to none.
	CAFile string `yaml:"ca_file"`

	// Secrets are the signing secrets that SecretFile or SecretEnv led to, the
	// current one first.
	Secrets []secret.String `yaml:"-"`
	// Token is the bearer token that TokenFile or TokenEnv led to.
	Token secret.String `yaml:"-"`
	// RootCAs is what CAFile holds; nil without one.
	RootCAs *x509.CertPool `yaml:"-"`
}

// Default returns the configuration of somebody who configures nothing.
func Default() *Config {
	return &Config{
		Data:    "./muster-data",
		Listen:  "127.0.0.1:8080",
		Metrics: "127.0.0.1:9090",
		Log:     Log{Level: "info", Format: "auto"},
		TLS:     TLS{ClientCertificates: "off"},
		Limits: Limits{
			MaxBodyBytes:      2 << 20,
			MaxGroupBodyBytes: 10 << 20,
			MaxInFlightBytes:  256 << 20,
			MaxPage:           1_000,
			DefaultPage:       100,
			MaxOperations:     1_000,
			MaxEdges:          50_000,
			MaxAuthFailures:   30,

			MaxConnections:           10_000,
			MaxConnectionsPerAddress: 200,
		},
		origins: map[string]Origin{},
	}
}

// withDefaults fills in what a target of the file left out. What the file gives
// stays, so that validation can refuse a zero.
func (t *Target) withDefaults(given func(key string) bool) {
	if !given("start") {
		t.Start = StartBeginning
	}
	if !given("concurrency") {
		t.Concurrency = 4
	}
}
