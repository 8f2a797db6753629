package outbound_test

import (
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/outbound"
)

func TestSec_G05_URLSpellings(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"https://app.example", "https://app.example/", "https://app.example/scim/v2", "https://app.example:8443/hook?key=a%20b&x=1",
		"https://xn--bcher-kva.example/", "https://192.0.2.1/", "https://[2606:4700::1]/", "https://[2606:4700::1]:8443/x", "http://localhost:9000/",
		"https://a-b.c-d.example/%E2%82%AC", "https://app.example/a;b/c=d", "https://1password.example/", "https://app.example/a%2Fb",
	} {
		if err := outbound.CheckURL(text); err != nil {
			t.Errorf("CheckURL(%q) = %v, want it accepted", text, err)
		}
	}
	for _, text := range []string{
		// not absolute, not HTTP
		"", "app.example", "/hook", "//app.example/hook", "https:", "https://", "https:///hook", "https:app.example", "https:/app.example",
		"ftp://app.example", "file:///etc/passwd", "gopher://app.example", "javascript:alert(1)", "unix:///run/x.sock", "http+unix://x",
		// spelling
		"HTTPS://app.example", "Https://app.example", "https://APP.example", "https://app.example.", "https://app.example./x",
		" https://app.example", "https://app.example ", "https://app.exa mple", "https://app.example/a b", "https://app.example/\x00",
		"https://app.example/\r\nHost: evil", "https://app.example\\@evil.example/", "https:\\\\app.example", "https://app.example\\x",
		"https://app.example/\u00e9", "https://b\u00fccher.example", "https://\uff41pp.example", "https://app\u3002example",
		// user-info, fragment
		"https://user@app.example", "https://user:pass@app.example", "https://@app.example", "https://app.example@evil.example",
		"https://app.example#frag", "https://app.example/#", "https://app.example#@evil.example",
		// ports
		"https://app.example:", "https://app.example:/x", "https://app.example:0", "https://app.example:0443", "https://app.example:65536",
		"https://app.example:99999999999", "https://app.example:+443", "https://app.example:443:443", "https://app.example:https",
		// numbers that some resolvers take for addresses
		"https://2130706433", "https://0x7f000001", "https://0x7f.1", "https://127.1", "https://0177.0.0.1", "https://127.0.0.01",
		"https://127.0.0.1.", "https://127.0.0.256", "https://1.2.3.4.5", "https://example.0x1", "https://app.example.123",
		// IPv6
		"https://[::1", "https://::1/", "https://[fe80::1%25eth0]/", "https://[::ffff:127.0.0.1]/", "https://[0:0:0:0:0:0:0:1]/", "https://[FD00::1]/",
		"https://[127.0.0.1]/", "https://[app.example]/",
		// names
		"https://-app.example", "https://app-.example", "https://app..example", "https://.example", "https://a_b.example", "https://app%2eexample",
		"https://app.exam!ple", "https://" + strings.Repeat("a", 64) + ".example", "https://" + strings.Repeat("a.", 127) + "example",
		// paths
		"https://app.example/../x", "https://app.example/a/./b", "https://app.example/%2e%2e/x", "https://app.example/a/..",
		"https://app.example/" + strings.Repeat("a", 2048),
	} {
		if err := outbound.CheckURL(text); err == nil {
			t.Errorf("CheckURL(%q) = nil, want it refused", text)
		}
	}
}

func TestURLErrorsShowNoSecret(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"https://user:hunter2@app.example/", "https://app.example/hunter2#x", "https://app.example:x/?key=hunter2",
		"https://APP.example/?key=hunter2", "https://app.example/%zz?key=hunter2", "ftp://app.example/hunter2", "https://app.example/../hunter2",
	} {
		if err := outbound.CheckURL(text); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("CheckURL(%q) = %v, want an error without the secret", text, err)
		}
	}
}

func TestSec_G01_LiteralURLsAreJudgedWhenConfigured(t *testing.T) {
	t.Parallel()
	g := guard(t, "127.0.0.0/8", "10.0.0.0/8:8080")
	for _, c := range []struct {
		url      string
		insecure bool
		want     string // in the error; empty: accepted
	}{
		{"https://app.example/", false, ""},
		{"https://app.example:9999/", false, ""}, // judged when it is resolved
		{"http://127.0.0.1:9000/", false, ""},
		{"http://localhost:9000/", false, ""},
		{"https://10.0.0.1:8080/", false, ""},
		{"http://10.0.0.1:8080/", true, ""},
		{"http://app.internal/", true, ""},
		{"http://10.0.0.1:8080/", false, "insecure_http"},
		{"http://app.internal/", false, "plain http to a named host"},
		{"https://10.0.0.1/", false, "outbound.allow"},
		{"https://169.254.169.254/", false, "metadata"},
		{"https://[::1]/", false, "outbound.allow"},
		{"https://8.8.8.8:22/", false, "port 22"},
		{"nonsense", false, "absolute"},
	} {
		err := g.CheckURL(c.url, c.insecure)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("CheckURL(%s, %t) = %v, want it accepted", c.url, c.insecure, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("CheckURL(%s, %t) = %v, want an error with %q", c.url, c.insecure, err, c.want)
		}
	}
}
