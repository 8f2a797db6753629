package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// loopback is a configuration that lets a hub reach this machine.
func loopback(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "muster.yaml")
	if err := os.WriteFile(file, []byte("outbound:\n  allow: [127.0.0.0/8]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// fails runs a command that has to fail, and returns what it says.
func fails(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(binary, args...).CombinedOutput()
	if err == nil {
		t.Fatalf("muster %s went well:\n%s", strings.Join(args, " "), out)
	}
	return string(out)
}

// TestTargetsComeAndGoWhileTheHubRuns adds, pauses, changes, rotates and removes targets under load: each event arrives, in order.
func TestTargetsComeAndGoWhileTheHubRuns(t *testing.T) {
	t.Parallel()
	recv, app := newReceiver(t), startHub(t, t.TempDir())
	h := startHub(t, t.TempDir(), "--config", loopback(t))
	c := newConversation(t, h)
	n := 0
	person := func() {
		n++
		c.say(say{req: "POST /Users", status: 201, body: fmt.Sprintf(`{"userName":"p%d@acme.test","externalId":"p%d"}`, n, n)})
	}
	in := func(args ...string) string {
		return muster(t, append([]string{"target"}, append(args, "--data", h.dir)...)...)
	}

	person()
	in("add", "hook", "--type", "webhook", "--url", recv.url, "--secret-file", secretFile(t, recv.secret))
	in("add", "app", "--type", "scim", "--url", app.base, "--secret-file", secretFile(t, app.token))
	recv.hasAll(t, h)
	for _, want := range []string{"hook", recv.url, "app", "sends"} {
		if out := in("list"); !strings.Contains(out, want) {
			t.Errorf("target list does not say %q:\n%s", want, out)
		}
	}
	if out := muster(t, "targets", "--data", h.dir); !strings.Contains(out, "hook") || !strings.Contains(out, "app") {
		t.Errorf("muster targets:\n%s", out)
	}

	in("pause", "hook")
	was, _ := recv.distinct()
	person()
	<-time.After(500 * time.Millisecond)
	if now, _ := recv.distinct(); len(now) != len(was) {
		t.Errorf("%d events came to a paused target", len(now)-len(was))
	}
	in("resume", "hook")
	recv.hasAll(t, h)

	// A webhook signs with both secrets, so its receiver can still verify.
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	in("rotate-secret", "hook", "--secret-file", secretFile(t, "whsec_"+base64.StdEncoding.EncodeToString(key)))
	person()
	recv.hasAll(t, h)

	// One that is removed and added again goes on where it was; so does one after a restart.
	in("remove", "hook")
	person()
	if _, err := os.Stat(filepath.Join(h.dir, "muster.sock")); err != nil {
		t.Fatal(err)
	}
	in("add", "hook", "--type", "webhook", "--url", recv.url, "--secret-file", secretFile(t, recv.secret))
	recv.hasAll(t, h)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	in("set", "hook", "--concurrency", "2") // also while the hub does not run
	again := startHub(t, h.dir, "--config", loopback(t))
	again.token = h.token
	c = newConversation(t, again)
	person()
	recv.hasAll(t, again)
	events, problems := recv.distinct()
	for _, p := range problems {
		t.Error(p)
	}
	if len(events) != n {
		t.Errorf("%d events of %d people", len(events), n)
	}
	there := newConversation(t, app)
	eventually(t, "the application has all", 10*time.Second, func() bool {
		a := there.send(say{req: "GET /Users?count=0"})
		return strings.Contains(string(a.body), fmt.Sprintf(`"totalResults":%d`, n))
	})

	for _, bad := range []struct{ want, args string }{
		{"already", "add hook --type webhook --url " + recv.url},
		{"cannot be the name", "add No_Name --type webhook --url " + recv.url},
		{"no type", "add x --type carrier-pigeon --url " + recv.url},
		{"events are for webhooks", "add x --type scim --event user.created --url " + app.base},
		{"concurrency", "add x --type webhook --concurrency 1000 --url " + recv.url},
		{"concurrency", "set hook --concurrency 0"},
		{"no such target", "set nobody --rate 1"},
		{"no such target", "remove nobody"},
		{"no certificates", "set hook --ca-file " + secretFile(t, "nonsense")},
	} {
		args := append([]string{"target"}, strings.Fields(bad.args)...)
		args = append(args, "--data", h.dir)
		if strings.HasPrefix(bad.args, "add") {
			args = append(args, "--secret-file", secretFile(t, recv.secret))
		}
		if out := fails(t, args...); !strings.Contains(out, bad.want) {
			t.Errorf("%s: %s", bad.args, out)
		}
	}
}

// TestSec_G10_CredentialsStayWithTheirPlace: at another origin the old credential is never sent.
func TestSec_G10_CredentialsStayWithTheirPlace(t *testing.T) {
	t.Parallel()
	app := startHub(t, t.TempDir())
	var asked, stolen atomic.Int64
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") == "Bearer "+app.token {
			stolen.Add(1)
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer thief.Close()
	h := startHub(t, t.TempDir(), "--config", loopback(t))
	muster(t, "target", "add", "app", "--type", "scim", "--url", app.base, "--secret-file", secretFile(t, app.token), "--data", h.dir)
	for _, url := range []string{thief.URL + "/scim/v2", strings.Replace(app.base, "127.0.0.1", "localhost", 1), strings.Replace(app.base, "http://", "https://", 1)} {
		if out := fails(t, "target", "set", "app", "--url", url, "--data", h.dir); !strings.Contains(out, "give the credential") {
			t.Errorf("%s: %s", url, out)
		}
	}
	muster(t, "target", "set", "app", "--url", app.base+"/", "--data", h.dir) // another path of the same place
	muster(t, "target", "set", "app", "--url", thief.URL+"/scim/v2", "--secret-file", secretFile(t, "another-credential-of-some-length"), "--data", h.dir)
	newConversation(t, h).say(say{req: "POST /Users", status: 201, body: `{"userName":"a@acme.test"}`})
	eventually(t, "the other place refuses", 10*time.Second, func() bool { return asked.Load() > 0 })
	if stolen.Load() > 0 {
		t.Error("the credential of one place was sent to another")
	}
}

// TestSec_G12_NothingIsSentForASuspendedTenant, though its target runs and has something to send; when the tenant goes on, it is sent.
func TestSec_G12_NothingIsSentForASuspendedTenant(t *testing.T) {
	t.Parallel()
	recv := newReceiver(t)
	h := startHub(t, t.TempDir(), "--config", loopback(t))
	in := func(args ...string) string { return muster(t, append(args, "--data", h.dir)...) }
	in("tenant", "create", "acme")
	tok := token.FindString(in("token", "create", "--name", "t", "--tenant", "acme"))
	in("target", "add", "hook", "--type", "webhook", "--url", recv.url, "--secret-file", secretFile(t, recv.secret), "--tenant", "acme")
	in("target", "pause", "hook", "--tenant", "acme")
	acme := *h
	acme.base, acme.token = strings.Replace(h.base, "/scim/v2", "/t/acme/scim/v2", 1), tok
	newConversation(t, &acme).say(say{req: "POST /Users", status: 201, body: `{"userName":"a@acme.test"}`})
	in("tenant", "suspend", "acme")
	in("target", "resume", "hook", "--tenant", "acme")
	<-time.After(time.Second)
	if events, _ := recv.distinct(); len(events) > 0 {
		t.Errorf("%d events of a suspended tenant", len(events))
	}
	in("tenant", "resume", "acme")
	eventually(t, "it is sent after the tenant was resumed", 20*time.Second, func() bool {
		events, _ := recv.distinct()
		return len(events) == 1
	})
}

// TestSec_A06_NoSecretIsInTheFiles makes every kind of secret, and looks for each in all files of the data directory.
func TestSec_A06_NoSecretIsInTheFiles(t *testing.T) {
	t.Parallel()
	recv := newReceiver(t)
	h := startHub(t, t.TempDir(), "--config", loopback(t), "--log-level", "debug")
	in := func(args ...string) string { return muster(t, append(args, "--data", h.dir)...) }
	const bearer, introspection = "a-token-of-an-application-0123456789", "the-secret-of-introspection-0123456789"
	client := secretOf(t, in("oauth", "client", "create", "--name", "okta"))
	in("target", "add", "hook", "--type", "webhook", "--url", recv.url, "--secret-file", secretFile(t, recv.secret))
	in("target", "add", "app", "--type", "scim", "--url", "http://127.0.0.1:9/scim", "--secret-file", secretFile(t, bearer))
	in("oauth", "issuer", "add", "idp", "--url", "https://idp.example", "--audience", "x", "--introspection", "https://idp.example/i",
		"--client-id", "muster", "--secret-file", secretFile(t, introspection))
	in("key", "rotate")
	for line := range strings.Lines(in("key", "list")) {
		if strings.Contains(line, "opens only") {
			in("key", "retire", strings.Fields(line)[0])
		}
	}
	recv.refuse(true)
	newConversation(t, h).say(say{req: "POST /Users", status: 201, body: `{"userName":"a@acme.test"}`})
	if out := in("target", "list"); strings.Contains(out, "NONE") {
		t.Errorf("a secret is gone:\n%s", out)
	}
	secrets := []string{strings.TrimPrefix(h.token, "mst_"), client, strings.TrimPrefix(recv.secret, "whsec_"), bearer, introspection}
	leaks(t, h.dir, secrets...)
	for _, s := range secrets {
		if strings.Contains(h.log.String(), s) {
			t.Errorf("a secret in the log")
		}
	}
}

func secretOf(t *testing.T, out string) string {
	t.Helper()
	for f := range strings.FieldsSeq(out) {
		if len(f) > 40 && !strings.Contains(f, "/") {
			return f
		}
	}
	t.Fatalf("no secret in:\n%s", out)
	return ""
}
