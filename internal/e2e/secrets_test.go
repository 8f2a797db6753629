package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// TestSec_D03_D04_MarkedPassword sends a password through every write and every way to be wrong, and
// looks for it in all that leaves the hub or stays in it: answers, feed, logs, webhooks, the
// application downstream, databases and their logs. The hub's own secrets are looked for too (A06).
func TestSec_D03_D04_MarkedPassword(t *testing.T) {
	t.Parallel()
	const marker = "S3cr3t-marker"
	app := startHub(t, t.TempDir(), "--log-level", "debug")
	recv := newReceiver(t)
	h := startHub(t, t.TempDir(), "--log-level", "debug", "--config", targets(t, recv, app))
	c := newConversation(t, h)
	c.say(say{
		req: "POST /Users", status: 201, keep: "u", events: []string{"user.created"},
		body: `{"userName":"d03@acme.test","password":"` + marker + `","emails":[{"value":"d03@acme.test"}]}`,
	})
	var out bytes.Buffer
	for _, s := range []say{
		{req: "POST /Users?attributes=password", body: `{"userName":"d03-2@acme.test","password":"` + marker + `"}`},
		{req: "POST /Users", body: `{"userName":"d03@acme.test","password":"` + marker + `"}`},
		{req: "POST /Users", body: `{"userName":"d03-3","password":{"value":"` + marker + `"}}`},
		{req: "POST /Users", body: `{"userName":"d03-3","password":["` + marker + `"]}`},
		{req: "POST /Users", body: `{"userName":"d03-3","password":"` + marker + `"`},
		{req: "POST /Users", body: `{"userName":"d03-3","password":"` + marker + `","password":"` + marker + `"}`},
		{req: "POST /Users", body: `{"userName":"d03-4@acme.test","PASSWORD":"` + marker + `","urn:ietf:params:scim:schemas:core:2.0:User:password":"` + marker + `"}`},
		{req: "PUT /Users/${u}", body: `{"userName":"d03@acme.test","title":"T","password":"` + marker + `"}`},
		{req: "PUT /Users/nobody", body: `{"userName":"d03@acme.test","password":"` + marker + `"}`},
		{req: "PATCH /Users/${u}", body: `{"Operations":[{"op":"replace","path":"password","value":"` + marker + `"}]}`},
		{req: "PATCH /Users/${u}", body: `{"Operations":[{"op":"replace","value":{"password":"` + marker + `","title":"U"}}]}`},
		{req: "PATCH /Users/${u}", body: `{"Operations":[{"op":"add","path":"password","value":["` + marker + `"]}]}`},
		{req: "PATCH /Users/${u}", body: `{"Operations":[{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:User:password","value":"` + marker + `"},{"op":"remove"}]}`},
		{req: "PATCH /Users/${u}?attributes=password", body: `{"Operations":[{"op":"remove","path":"password","value":"` + marker + `"},{"op":"add","path":"title","value":"V"}]}`},
		{req: `GET /Users?filter=password eq "` + marker + `"`},
		{req: `GET /Users?filter=password sw "` + marker[:6] + `"`},
		{req: `GET /Users?sortBy=password&attributes=password`},
		{req: `POST /Users/.search`, body: `{"filter":"password co \"` + marker + `\"","attributes":["password"]}`},
		{req: "GET /Users/${u}?attributes=password"},
		{req: "GET /Users"},
	} {
		a := c.send(s)
		if a.status >= http.StatusInternalServerError {
			t.Errorf("%s: %d %s", s.req, a.status, a.body)
		}
		out.Write(a.body)
	}
	sameAsHub(t, h, app)
	recv.hasAll(t, h)

	seen := map[string]string{
		"answers": out.String(), "log": h.log.String(), "log of the application": app.log.String(),
		"feed": muster(t, "changes", "--data", h.dir, "--json"), "feed for people": muster(t, "changes", "--data", h.dir),
		"targets": muster(t, "targets", "--json", "--data", h.dir),
	}
	events, _ := recv.distinct()
	for _, e := range events {
		seen["webhooks"] += string(e.Body)
	}
	for where, text := range seen {
		for form, needle := range forms(marker) {
			if strings.Contains(text, needle) {
				t.Errorf("%s: the password is there as %s", where, form)
			}
		}
	}
	for _, hub := range []*hub{h, app} {
		leaks(t, hub.dir, marker, strings.TrimPrefix(h.token, "mst_"), strings.TrimPrefix(app.token, "mst_"), strings.TrimPrefix(recv.secret, "whsec_"))
	}
	for line := range strings.Lines(h.log.String()) {
		if !jsontext.Value(line).IsValid() {
			t.Errorf("a line of the log is no JSON: %s", line)
		}
		if strings.Contains(line, "d03@acme.test") && !strings.Contains(line, `"level":"DEBUG"`) {
			t.Errorf("the log has a name above debug: %s", line)
		}
	}
}

// forms returns the ways in which a secret might be written down.
func forms(secret string) map[string]string {
	return map[string]string{
		"itself": secret, "base64": strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="),
		"base64url": base64.RawURLEncoding.EncodeToString([]byte(secret)), "hex": hex.EncodeToString([]byte(secret)),
	}
}

// leaks looks for secrets in every file below a directory, in each form.
func leaks(t *testing.T, dir string, secrets ...string) {
	t.Helper()
	files := contents(t, dir)
	for _, secret := range secrets {
		for form, needle := range forms(secret) {
			for name, b := range files {
				if bytes.Contains(b, []byte(needle)) {
					t.Errorf("%s: a secret is there as %s", name, form)
				}
			}
		}
	}
}

// contents returns the bytes of every file below a directory, but for sockets.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		all[filepath.Base(path)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 2 {
		t.Fatalf("only %d files in the data directory", len(all))
	}
	return all
}

// TestSec_C05_DeepNesting sends what would exhaust a stack. A stack overflow cannot be recovered
// from, so the process has to be there afterwards.
func TestSec_C05_DeepNesting(t *testing.T) {
	t.Parallel()
	const deep = 100_000
	c := newConversation(t, startHub(t, t.TempDir()))
	c.say(hire("u", "c05@acme.test"))
	search := func(filter string) string { return `{"filter":"` + filter + `"}` }
	patch := func(path string) string { return `{"Operations":[{"op":"replace","path":"` + path + `","value":"x"}]}` }
	for _, s := range []say{
		{note: "arrays", req: "POST /Users", body: strings.Repeat("[", deep)},
		{note: "closed arrays", req: "POST /Users", body: `{"userName":` + strings.Repeat("[", deep) + strings.Repeat("]", deep) + `}`},
		{note: "objects", req: "POST /Users", body: strings.Repeat(`{"a":`, deep)},
		{note: "an unknown attribute", req: "POST /Users", body: `{"userName":"c05-x","zzz":` + strings.Repeat("[", deep) + strings.Repeat("]", deep) + `}`},
		{note: "one level too deep", req: "POST /Users", body: `{"userName":"c05-x","zzz":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`},
		{note: "a value of a PATCH", req: "PATCH /Users/${u}", body: `{"Operations":[{"op":"replace","value":` + strings.Repeat(`{"name":`, deep) + `1` + strings.Repeat("}", deep) + `}]}`},
		{note: "parentheses", req: "POST /Users/.search", body: search(strings.Repeat("(", deep) + "title pr" + strings.Repeat(")", deep))},
		{note: "open parentheses", req: "POST /Users/.search", body: search(strings.Repeat("(", deep))},
		{note: "not", req: "POST /Users/.search", body: search(strings.Repeat("not (", deep/2) + "title pr" + strings.Repeat(")", deep/2))},
		{note: "brackets", req: "POST /Users/.search", body: search(strings.Repeat("emails[", deep/4))},
		{note: "many terms", req: "POST /Users/.search", body: search("title pr" + strings.Repeat(" and title pr", deep))},
		{note: "one term too many", req: "POST /Users/.search", body: search("title pr" + strings.Repeat(" or title pr", 256))},
		{note: "a path", req: "PATCH /Users/${u}", body: patch("emails[" + strings.Repeat("(", deep) + "type pr" + strings.Repeat(")", deep) + "].value")},
		{note: "a path of dots", req: "PATCH /Users/${u}", body: patch("a" + strings.Repeat(".a", deep))},
		{note: "a path of colons", req: "PATCH /Users/${u}", body: patch("urn" + strings.Repeat(":a", deep))},
	} {
		began := time.Now()
		a := c.send(s)
		if a.status != http.StatusBadRequest && a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %.200s", s.note, a.status, a.body)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %v", s.note, took)
		}
	}
	c.say(say{note: "at the limits", req: "POST /Users/.search", status: 200, body: search("title pr" + strings.Repeat(" or title pr", 255))})
	c.say(say{note: "at the limits", req: "POST /Users/.search", status: 200, body: search(strings.Repeat("(", 30) + "title pr" + strings.Repeat(")", 30))})
	c.play(say{req: "GET /Users/${u}", status: 200})
}
