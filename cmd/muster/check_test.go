package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// checked runs muster check as a user would, and returns what it prints and its exit code.
func checked(t *testing.T, args ...string) (out, errOut string, code int) {
	t.Helper()
	root := newRoot()
	var o, e bytes.Buffer
	root.SetOut(&o)
	root.SetErr(&e)
	root.SetArgs(append([]string{"check"}, args...))
	err := root.ExecuteContext(t.Context())
	if err != nil {
		code = exitCode(err)
		e.WriteString(err.Error())
	}
	return o.String(), e.String(), code
}

// application is a SCIM server; with broken it accepts a PATCH and ignores it.
func application(t *testing.T, broken bool) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	base := "http://" + srv.Listener.Addr().String() + "/scim/v2"
	h := server.Handler(scimtest.Open(scimtest.NewService(base, scim.Compat())), server.Options{Prefix: "/scim/v2"})
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken && r.Method == http.MethodPatch {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.ServeHTTP(w, r)
	})
	srv.Start()
	t.Cleanup(srv.Close)
	return base
}

func TestCheckPasses(t *testing.T) {
	out, _, code := checked(t, application(t, false), "--only", "discovery,lifecycle")
	if code != 0 || !strings.Contains(out, "Would Okta work?  yes") || !strings.Contains(out, "Would Entra ID work?  yes") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestCheckFails(t *testing.T) {
	base := application(t, true)
	dir := t.TempDir()
	files := map[string]string{}
	for _, name := range []string{"json", "junit", "html", "baseline"} {
		files[name] = filepath.Join(dir, name)
	}
	out, errOut, code := checked(t, base, "--only", "lifecycle", "--json", files["json"], "--junit", files["junit"], "--html", files["html"], "--write-baseline", files["baseline"])
	if code != exitFailed || !strings.Contains(out, "FAIL  lifecycle/okta-leaver") || !strings.Contains(out, "Would Okta work?  no") || !strings.Contains(errOut, "checks failed") {
		t.Errorf("exit code %d\n%s%s", code, out, errOut)
	}
	for name, path := range files {
		b, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(b, []byte("lifecycle/okta-leaver")) {
			t.Errorf("%s: %v, or without the check that failed", name, err)
		}
	}
	out, _, code = checked(t, base, "--only", "lifecycle", "--baseline", files["baseline"])
	if code != 0 || !strings.Contains(out, "fail as known") {
		t.Errorf("with a baseline: exit code %d\n%s", code, out)
	}
	out, _, code = checked(t, application(t, false), "--only", "lifecycle", "--baseline", files["baseline"])
	if code != 0 || !strings.Contains(out, "FIXED  lifecycle/okta-leaver") {
		t.Errorf("what is fixed: exit code %d\n%s", code, out)
	}
}

func TestCheckIsToldWrongly(t *testing.T) {
	base := application(t, false)
	page := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(page.Close)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitUsage, "takes the base URL"},
		{[]string{base, "--only", "nonsense"}, exitUsage, `no check and no group "nonsense"`},
		{[]string{base, "--token", "a", "--token-file", "b"}, exitUsage, "exclude each other"},
		{[]string{base, "--token-file", "missing"}, exitUsage, "missing"},
		{[]string{base, "--rate", "-1"}, exitUsage, "not negative"},
		{[]string{page.URL}, exitBroken, "no SCIM service provider"},
		{[]string{"http://127.0.0.1:1"}, exitBroken, "cannot be reached"},
	} {
		_, errOut, code := checked(t, c.args...)
		if c.args == nil {
			code = exitUsage // run makes it so of every error before a command begins
		}
		if code != c.code || !strings.Contains(errOut, c.says) {
			t.Errorf("%q: exit code %d, %s", c.args, code, errOut)
		}
	}
}
