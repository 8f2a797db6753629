package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// raw sends bytes over a connection from the given loopback address and reads one answer. The
// address is what failed authentications are counted by.
func raw(t *testing.T, h *hub, from, request string) answer {
	t.Helper()
	base, err := url.Parse(h.base)
	if err != nil {
		t.Fatal(err)
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	conn, err := d.DialContext(t.Context(), "tcp", base.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	a, err := read(http.ReadResponse(bufio.NewReader(conn), nil))
	if err != nil {
		t.Fatalf("%.200q: %v", request, err)
	}
	return a
}

// other returns one of many loopback addresses.
func other(i int) string { return fmt.Sprintf("127.0.%d.%d", 1+i/200, 2+i%200) }

// TestSec_A02_PathSpellings sends spellings of paths as bytes, without and with a token: none
// reaches a resource unseen by the guard, and none is cleaned by a redirect.
func TestSec_A02_PathSpellings(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	c := newConversation(t, h)
	c.say(hire("u", "a02-secret@acme.test"))
	for i, path := range []string{
		"/scim/v2/Users", "/scim/v2/%55sers", "/scim/v2/Users%2f${u}", "/scim/v2/Users%2F${u}", "/scim/v2//Users", "//scim/v2/Users",
		"/scim/v2/./Users", "/scim/v2/../v2/Users", "/scim/v2/%2e/Users", "/scim/v2/%2e%2e/v2/Users", "/scim/v2/Users/..;/Users",
		"/scim/v2/Users;a=b", "/scim/v2/Users%00", "/scim/v2/Users/%00", "/scim/v2/Users%20", "/scim/v2/Users%09", "/scim/v2/Users%0a",
		"/scim/v2/Users%0d%0aX:y", "/scim/v2/Users\\${u}", "/scim/v2/Users%5c${u}", "/scim/v2/Users/", "/scim/v2/Users//", "/scim/v2/users",
		"/SCIM/v2/Users", "/scim/V2/Users", "/scim/v2/USERS", "/scim/v2%2fUsers", "/scim%2fv2%2fUsers", "/scim/v2/Users%252f${u}",
		"/scim/v2/%252e%252e/Users", "/scim/v2/Users/${u}/", "/scim/v2/Users/${u}//", "/scim/v2/Users/./${u}", "/scim/v2/Users/%2e/${u}",
		"/scim/v2/Users/x/../${u}", "/scim/v2/Users/${u}%2f", "/scim/v2/Users/${u}%00", "/scim/v2/Users.json", "/scim/v2/Users/%ff",
		"/scim/v2/Users/%c0%af${u}", "/scim/v2/Users/%ef%bc%8f", "/scim/v2/..%2fv2/Users", "/scim/v2/Schemas/../Users", "/scim/v2/ServiceProviderConfig/../Users",
		"/scim/v2/ServiceProviderConfig%2f..%2fUsers", "/scim/v2/ServiceProviderConfig;/../Users", "/healthz/../scim/v2/Users", "/healthz%2f..%2fscim/v2/Users",
		"/scim/v2/.search", "/scim/v2/Users/.search", "/scim/v2/?/Users", "/scim/v2",
	} {
		path = c.fill(path)
		a := raw(t, h, other(i), "GET "+path+" HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
		if a.status != 400 && a.status != 401 && a.status != 404 || strings.Contains(string(a.body), "a02-secret") {
			t.Errorf("%s without a token: %d %s", path, a.status, a.body)
		}
		a = raw(t, h, other(i), "GET "+path+" HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nAuthorization: Bearer "+h.token+"\r\n\r\n")
		if a.status >= 300 && a.status < 400 || a.status >= 500 || a.header.Get("Location") != "" && a.status != 200 {
			t.Errorf("%s with a token: %d %v", path, a.status, a.header)
		}
		odd := strings.ContainsAny(path, `\;`) || strings.Contains(path, "%2") || strings.Contains(path, "%0") || strings.Contains(path, "%5c") || strings.Contains(path, "/.") || strings.Contains(path, "//")
		if odd && a.status != 400 && a.status != 404 && !strings.HasSuffix(path, ".search") {
			t.Errorf("%s with a token: %d, want a refusal", path, a.status)
		}
	}
}

// TestSec_A03_EmptyCredentials sends credentials that are none, and starts with a secret that is none.
func TestSec_A03_EmptyCredentials(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	for i, line := range []string{
		"", "Authorization:", "Authorization: ", "Authorization: Bearer", "Authorization: Bearer ", "Authorization: bearer  ", "Authorization: Bearer \t",
		"Authorization: Bearer \"\"", "Authorization: Bearer null", "Authorization: Bearer undefined", "Authorization: Basic Og==", "Authorization: x" + h.token,
		"Authorization: Token " + h.token, "Authorization: Bearer " + h.token + "\r\nAuthorization: Bearer x", "Authorization: Bearer " + h.token + ", Bearer x",
		"Authorization: Bearer  x" + h.token, "X-Authorization: Bearer " + h.token, "Cookie: token=" + h.token, "Proxy-Authorization: Bearer " + h.token,
	} {
		if line != "" {
			line += "\r\n"
		}
		a := raw(t, h, other(i), "GET /scim/v2/Users HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n"+line+"\r\n")
		if a.status != http.StatusUnauthorized && a.status != http.StatusBadRequest || !strings.HasPrefix(a.header.Get("WWW-Authenticate")+"Bearer", "Bearer") {
			t.Errorf("%q: %d %s", line, a.status, a.body)
		}
	}
	for _, secret := range []string{"", "   \n", "whsec_", "whsec_c2hvcnQ=", "short"} {
		dir := t.TempDir()
		config := filepath.Join(dir, "muster.yaml")
		write(t, filepath.Join(dir, "secret"), secret)
		write(t, config, "targets:\n  - name: hook\n    type: webhook\n    url: https://hook.test/\n    secret_file: "+filepath.Join(dir, "secret")+"\n")
		out, err := exec.CommandContext(t.Context(), binary, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--metrics", "", "--config", config).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "secret") || secret == "short" && strings.Contains(string(out), `"short"`) {
			t.Errorf("start with the secret %q: %v\n%s", secret, err, out)
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSec_A04_TokenIsExact changes, removes and adds every character of a token.
func TestSec_A04_TokenIsExact(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	var wrong []string
	for i, r := range h.token {
		flipped := 'x'
		if r == 'x' {
			flipped = 'y'
		}
		wrong = append(wrong, h.token[:i]+h.token[i+1:], h.token[:i]+string(flipped)+h.token[i+1:], h.token[:i]+"0"+h.token[i:])
	}
	wrong = append(wrong, h.token+"0", h.token+"=", h.token+"%00", strings.ToUpper(h.token), strings.ToLower(h.token), strings.Repeat(".", 16<<10), h.token+h.token)
	for i, token := range wrong {
		if token == h.token {
			continue
		}
		if a := raw(t, h, other(i), "GET /scim/v2/Users HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nAuthorization: Bearer "+token+"\r\n\r\n"); a.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", token, a.status)
		}
	}
	if status, _ := h.call(http.MethodGet, "/Users", nil); status != http.StatusOK {
		t.Errorf("the token itself: %d", status)
	}
}

// TestSec_A08_TokenInURL shows that credentials are taken from the header only, and never logged.
//
// Rows: AUTH-02.
func TestSec_A08_TokenInURL(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir(), "--log-level", "debug")
	for i, line := range []string{
		"GET /scim/v2/Users?access_token=%s", "GET /scim/v2/Users?token=%s", "GET /scim/v2/Users?bearer=%s&access_token=%[1]s",
		"GET http://%s@hub/scim/v2/Users", "GET /scim/v2/Users/%s", "GET /%s",
	} {
		a := raw(t, h, other(i), fmt.Sprintf(line, h.token)+" HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
		if a.status != http.StatusUnauthorized && a.status != http.StatusNotFound {
			t.Errorf("%s: %d", line, a.status)
		}
	}
	form := "access_token=" + h.token
	if a := raw(t, h, other(9), fmt.Sprintf("POST /scim/v2/Users HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form)); a.status != http.StatusUnauthorized {
		t.Errorf("form: %d", a.status)
	}
	if strings.Contains(h.log.String(), strings.TrimPrefix(h.token, "mst_")) {
		t.Errorf("the token is in the log:\n%s", h.log)
	}
}

// TestSec_A20_MethodOverride shows that a read stays a read, and what else is refused.
func TestSec_A20_MethodOverride(t *testing.T) {
	t.Parallel()
	c := newConversation(t, startHub(t, t.TempDir()))
	c.say(hire("u", "a20@acme.test"))
	for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		c.say(say{req: "GET /Users/${u}", header: name + ": DELETE", status: 200, want: `{"id":"${u}"}`})
		c.say(say{req: "GET /Users/${u}?_method=DELETE", header: name + ": DELETE", status: 200})
		c.say(say{req: "POST /Users/${u}", body: `{}`, header: name + ": PATCH", status: 405})
	}
	for _, method := range []string{"TRACE", "CONNECT", "PROPFIND", "get"} {
		c.say(say{req: method + " /Users/${u}", status: 405})
	}
	c.play(say{req: "GET /Users/${u}", status: 200})
}

// TestSec_D18_HostMeansNothing asks under foreign names; every URL in an answer is ours.
func TestSec_D18_HostMeansNothing(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	c := newConversation(t, h)
	c.say(hire("u", "d18@acme.test"))
	c.say(found("g", "d18", "u"))
	auth := "Authorization: Bearer " + h.token + "\r\nConnection: close\r\n\r\n"
	for _, request := range []string{
		"GET /scim/v2/Groups/${g} HTTP/1.1\r\nHost: evil.test\r\n",
		"GET /scim/v2/Users/${u} HTTP/1.1\r\nHost: hub\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: evil\r\nForwarded: host=evil.test\r\n",
		"GET http://evil.test/scim/v2/Users HTTP/1.1\r\nHost: evil.test\r\n",
		"GET /scim/v2/Schemas HTTP/1.1\r\nHost: evil.test\r\n",
		"GET /scim/v2/ServiceProviderConfig HTTP/1.1\r\nHost: evil.test\r\n",
		"GET /scim/v2/Nothing HTTP/1.1\r\nHost: evil.test\r\n",
	} {
		a := raw(t, h, "127.0.0.1", c.fill(request)+auth)
		if strings.Contains(string(a.body), "evil") || strings.Contains(fmt.Sprint(a.header), "evil") || a.status != 200 && a.status != 404 {
			t.Errorf("%s: %d %v %s", request, a.status, a.header, a.body)
		}
	}
}

// TestSec_F03_F04_F13_Headers looks at the headers of every kind of answer, and for doors that should not be there (F04, F13).
func TestSec_F03_F04_F13_Headers(t *testing.T) {
	t.Parallel()
	h := startHub(t, t.TempDir())
	root := strings.TrimSuffix(h.base, "/scim/v2")
	for _, path := range []string{
		"/scim/v2/Users", "/scim/v2/Users/x", "/scim/v2/Schemas", "/scim/v2/ServiceProviderConfig", "/scim/v2/ResourceTypes", "/scim/v2/Nothing",
		"/scim/v2", "/healthz", "/readyz", "/", "/metrics", "/debug/pprof/", "/debug/vars", "/admin", "/console", "/favicon.ico",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, root+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = headers(h, "Origin: https://evil.test")
		a, err := read(http.DefaultClient.Do(req))
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Access-Control-Allow-Origin": "", "Set-Cookie": "", "Server": "", "X-Powered-By": "",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if served := strings.HasPrefix(path, "/scim/") || strings.HasSuffix(path, "z"); !served && a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}
