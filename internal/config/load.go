package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/muster-id/muster/internal/secret"
)

// DefaultFile is the name of the configuration file.
const DefaultFile = "muster.yaml"

// maxFileBytes bounds the configuration file.
const maxFileBytes = 1 << 20

// Overrides are the flags of the command line; nil is a flag that was not given.
type Overrides struct {
	Data         *string // --data
	Database     *string // --database
	Listen       *string // --listen
	BaseURL      *string // --base-url
	Metrics      *string // --metrics
	InsecureHTTP *bool   // --insecure-http
	LogLevel     *string // --log-level
	LogFormat    *string // --log-format
}

// Load reads the file at path, and lays the environment and the flags over it. An
// empty path is no file. The error is an [*Error], or says that the file cannot be read.
func Load(path string, flags Overrides) (*Config, error) {
	return load(path, flags, environment(os.Environ()))
}

func load(path string, flags Overrides, env map[string]string) (*Config, error) {
	c := Default()
	ps := &problems{c: c}
	if path != "" {
		text, err := read(path)
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
		// What is behind a syntax error is a guess: stop there.
		if !c.readFile(ps, path, text) {
			return nil, ps.err()
		}
	}
	c.readEnvironment(ps, env)
	c.readFlags(flags)
	c.complete()
	c.validate(ps)
	c.readSecrets(ps, env)
	if err := ps.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// read returns the content of a file that is not too large to be meant.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s", path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFileBytes {
		return nil, fmt.Errorf("%s is over %d bytes", path, maxFileBytes)
	}
	return text, nil
}

func environment(pairs []string) map[string]string {
	env := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		// Windows has variables that begin with =; none of them is ours.
		if name, value, ok := strings.Cut(pair, "="); ok && name != "" {
			env[name] = value
		}
	}
	return env
}

func (c *Config) readFlags(f Overrides) {
	text := func(path, flag string, given, value *string) {
		if given != nil {
			*value = *given
			c.origins[path] = Origin{Source: FromFlag, Name: flag}
		}
	}
	text("data", "--data", f.Data, &c.Data)
	text("database.url", "--database", f.Database, &c.Database.URL)
	text("listen", "--listen", f.Listen, &c.Listen)
	text("base_url", "--base-url", f.BaseURL, &c.BaseURL)
	text("metrics", "--metrics", f.Metrics, &c.Metrics)
	text("log.level", "--log-level", f.LogLevel, &c.Log.Level)
	text("log.format", "--log-format", f.LogFormat, &c.Log.Format)
	if f.InsecureHTTP != nil {
		c.InsecureHTTP = *f.InsecureHTTP
		c.origins["insecure_http"] = Origin{Source: FromFlag, Name: "--insecure-http"}
	}
}

// complete gives values their one form: paths from where they were written, URLs
// without a slash at the end, what is derived from something else.
func (c *Config) complete() {
	c.Data = c.resolve("data", c.Data)
	c.Database.PasswordFile = c.resolve("database.password_file", c.Database.PasswordFile)
	c.hidePassword()
	for i := range c.TLS.CertFiles {
		c.TLS.CertFiles[i] = c.resolve("tls.cert_files", c.TLS.CertFiles[i])
	}
	for i := range c.TLS.KeyFiles {
		c.TLS.KeyFiles[i] = c.resolve("tls.key_files", c.TLS.KeyFiles[i])
	}
	c.TLS.ClientCAFile = c.resolve("tls.client_ca_file", c.TLS.ClientCAFile)
	c.Keyring.File = c.resolve("keyring.file", c.Keyring.File)
	for i := range c.Targets {
		t, at := &c.Targets[i], fmt.Sprintf("targets[%d].", i)
		t.SecretFile = c.resolve(at+"secret_file", t.SecretFile)
		t.TokenFile = c.resolve(at+"token_file", t.TokenFile)
		t.CAFile = c.resolve(at+"ca_file", t.CAFile)
		if t.Type == TypeSCIM {
			t.URL = strings.TrimRight(t.URL, "/")
		}
	}
	if c.Metrics == "off" {
		c.Metrics = ""
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.BaseURL == "" {
		if _, port, err := net.SplitHostPort(c.Listen); err == nil && port != "0" {
			c.BaseURL = BaseURL(c.Listen)
			if c.TLS.On() {
				c.BaseURL = "https" + strings.TrimPrefix(c.BaseURL, "http")
			}
		}
	}
}

// hidePassword takes the password out of the database's URL, which is shown and logged.
func (c *Config) hidePassword() {
	u, err := url.Parse(c.Database.URL)
	if err != nil {
		return
	}
	if password, has := u.User.Password(); has && c.Origin("database.url").Source == FromEnvironment {
		c.Database.Password = secret.New(password)
		u.User = url.User(u.User.Username())
		c.Database.URL = u.String()
	}
}

// resolve makes a relative path of the file start from the file's folder.
func (c *Config) resolve(key, path string) string {
	o := c.Origin(key)
	if path == "" || o.Source != FromFile || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(o.Name), path)
}

// BaseURL returns the URL of a listener at address. [Config.BaseURL] is empty if
// nobody gave one and the port is not known before listening: ask with the
// address that the listener got.
func BaseURL(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost" // listening everywhere is no address to send people to
	}
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}).String()
}
