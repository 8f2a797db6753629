package config

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/muster-id/muster/internal/secret"
)

const (
	maxSecretBytes = 16 << 10 // as long as the bearer header of section 0
	maxCABytes     = 1 << 20
	secretPrefix   = "whsec_"
	minKeyBytes    = 32 // A03, G11
	maxKeyBytes    = 64 // WH-08
	maxSecrets     = 2  // the old and the new one, during a change-over
	minDistinct    = 10 // of 32 random bytes about 30 differ
)

// readSecrets fetches what the targets' secrets and certificates are. Values with
// a problem of their own are left alone: one message is enough.
func (c *Config) readSecrets(ps *problems, env map[string]string) {
	if key, text, err := fetch("password", c.Database.PasswordFile, c.Database.PasswordEnv, env); err != nil {
		ps.add("database."+key, "%v", err)
	} else if key != "" {
		c.Database.Password = secret.New(text)
	}
	for i := range c.Targets {
		t, at := &c.Targets[i], fmt.Sprintf("targets[%d].", i)
		if key, text, err := fetch("secret", t.SecretFile, t.SecretEnv, env); err != nil {
			ps.add(at+key, "%v", err)
		} else if key != "" {
			if t.Secrets, err = signingSecrets(text); err != nil {
				ps.add(at+key, "%v", err)
			}
		}
		if key, text, err := fetch("token", t.TokenFile, t.TokenEnv, env); err != nil {
			ps.add(at+key, "%v", err)
		} else if key != "" {
			if t.Token, err = bearerToken(text); err != nil {
				ps.add(at+key, "%v", err)
			}
		}
		if t.CAFile != "" {
			var err error
			if t.RootCAs, err = authorities(t.CAFile); err != nil {
				ps.add(at+"ca_file", "%v", err)
			}
		}
	}
}

// fetch returns a secret and the key that led to it; no key if none or both were
// given, or one that names nothing.
func fetch(name, file, variable string, env map[string]string) (key, text string, err error) {
	switch {
	case (file == "") == (variable == "") || variable != "" && !envName.MatchString(variable):
		return "", "", nil
	case file != "":
		content, err := readSmall(file, maxSecretBytes)
		return name + "_file", strings.TrimSpace(string(content)), err
	}
	key = name + "_env"
	text, set := env[variable]
	if !set {
		return key, "", fmt.Errorf("names the environment variable %s, which is not set", variable)
	}
	return key, strings.TrimSpace(text), nil
}

// readSmall reads a regular file of at most limit bytes. The errors name the file
// and nothing of its content.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("names the file %s, which does not exist", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("names the file %s, which Muster may not read; change its owner or mode", path)
	case err != nil:
		return nil, fmt.Errorf("names a file that cannot be opened: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("names %s, which is not a regular file", path)
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("names a file that cannot be read: %w", err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("names the file %s, which is over %d bytes", path, limit)
	}
	return content, nil
}

// howToMakeSecret is what to do about a signing secret that is none.
const howToMakeSecret = `make one with: echo "whsec_$(openssl rand -base64 32)"`

// signingSecrets reads one or two secrets in the form of Standard Webhooks
// (WH-08): whsec_ and the key in base64. A short or made-up one fails the start
// (A03), for receivers would trust whoever guesses it.
func signingSecrets(text string) ([]secret.String, error) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return nil, fmt.Errorf("leads to an empty secret; %s", howToMakeSecret)
	}
	if len(fields) > maxSecrets {
		return nil, fmt.Errorf("leads to more than %d secrets", maxSecrets)
	}
	var out []secret.String
	for _, field := range fields {
		encoded, ok := strings.CutPrefix(field, secretPrefix)
		if !ok {
			return nil, fmt.Errorf("leads to a secret that does not begin with %s; %s", secretPrefix, howToMakeSecret)
		}
		key, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil {
			return nil, fmt.Errorf("leads to a secret that is not base64 behind %s; %s", secretPrefix, howToMakeSecret)
		}
		if len(key) < minKeyBytes || len(key) > maxKeyBytes {
			return nil, fmt.Errorf("leads to a secret of %d bytes, not %d to %d; %s", len(key), minKeyBytes, maxKeyBytes, howToMakeSecret)
		}
		distinct := map[byte]bool{}
		for _, b := range key {
			distinct[b] = true
		}
		if len(distinct) < minDistinct {
			return nil, fmt.Errorf("leads to a secret that is not random; %s", howToMakeSecret)
		}
		out = append(out, secret.New(field))
	}
	return out, nil
}

// bearerToken checks a token that somebody else has made: its strength is theirs,
// but it must fit into a header.
func bearerToken(text string) (secret.String, error) {
	if text == "" {
		return secret.String{}, errors.New("leads to an empty token")
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f {
			return secret.String{}, errors.New("leads to a token with a blank or a character outside ASCII in it; it is one word, without Bearer before it")
		}
	}
	return secret.New(text), nil
}

func authorities(path string) (*x509.CertPool, error) {
	pem, err := readSmall(path, maxCABytes)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("names the file %s, which has no certificate in PEM", path)
	}
	return pool, nil
}
