package webhook_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/feed"
	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/internal/secret"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/target"
	"github.com/muster-id/muster/internal/target/webhook"
	"github.com/muster-id/muster/scim/schema"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// oneRow is a feed of documents that a test names: what Reader.Load needs of a store.
type oneRow struct {
	store.Feed
	before, after []byte
}

func (f oneRow) Documents(context.Context, store.Tenant, *store.Change) (before, after []byte, err error) {
	return f.before, f.after, nil
}

// core is the schemas of a tenant that has defined nothing.
var core = func() func() *schema.Set {
	set := schema.Core(nil)
	return func() *schema.Set { return set }
}()

func load(t *testing.T, row *store.Change, before, after string) *feed.Change {
	t.Helper()
	f := oneRow{}
	if before != "" {
		f.before = []byte(before)
	}
	if after != "" {
		f.after = []byte(after)
	}
	c, err := feed.NewReader(f, store.Default, feed.Options{Schemas: core}).Load(t.Context(), 1, row)
	assert.NoError(t, err)
	return c
}

// message is a POST as the receiver got it.
type message struct {
	header http.Header
	body   []byte
}

// receiver answers with the statuses of its script, then 204.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	script   []func(http.ResponseWriter)
	messages []message
}

func newReceiver(t *testing.T, script ...func(http.ResponseWriter)) *receiver {
	t.Helper()
	r := &receiver{script: script}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		r.messages = append(r.messages, message{req.Header, body})
		answer := func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }
		if len(r.script) > 0 {
			answer, r.script = r.script[0], r.script[1:]
		}
		r.mu.Unlock()
		answer(w)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]message(nil), r.messages...)
}

func status(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(code) }
}

var key = "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("0123456789abcdef"), 2))

func open(t *testing.T, r *receiver, change func(*webhook.Settings)) target.Stream {
	t.Helper()
	s := webhook.Defaults()
	s.URL, s.Secrets = r.URL+"/hook", []secret.String{secret.New(key)}
	if change != nil {
		change(s)
	}
	opened, err := s.Open(target.Env{
		Name: "receiver", Tenant: "default", Base: "https://hub.example/scim/v2", Schemas: core,
		Outbound: outbound.Options{Allow: []string{"127.0.0.0/8"}},
	})
	assert.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	return opened.(target.Stream)
}

var (
	at  = time.Date(2026, 8, 1, 8, 0, 0, 250e6, time.UTC)
	row = store.Change{
		Seq: 42, Num: 7, Type: "User", ID: "2819c223-7f76-453a-919d-413861904646", Person: "2819c223-7f76-453a-919d-413861904646",
		Kind: store.Updated, Events: store.EventUpdated, Version: 3, At: at, Source: store.DefaultSource, Actor: "tok", RequestID: "req-1",
	}
)

const (
	ada    = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada","externalId":"701984","name":{"familyName":"Byron"},"active":true}`
	adaNow = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada","externalId":"701984","name":{"familyName":"Lovelace"},"active":true,"password":"t1meMa$heen"}`
)

// Rows: WH-01, WH-02.
func TestMessages(t *testing.T) {
	t.Parallel()
	deleted, rehired, created := row, row, row
	deleted.Kind, deleted.Events = store.Deleted, store.EventDeleted
	created.Kind, created.Events = store.Created, store.EventCreated
	rehired.Person, rehired.Events = "b1a7c3d0-0000-4000-8000-000000000001", store.EventRehired
	members := row
	members.Type, members.Events, members.SameDoc = "Group", 0, true
	members.Edges = []store.EdgeChange{
		{Rel: store.Members, Child: 9, ChildID: "26118915-6090-4610-87e4-49d8ca9f808d", ChildType: "User"},
		{Rel: store.Members, Child: 10, ChildID: "902c246b-6245-4190-8e05-00816be7344a", ChildType: "Group", Removed: true},
	}
	custom := row
	custom.Type = "Cost-Centre"
	for name, c := range map[string]struct {
		row           store.Change
		before, after string
	}{
		"updated": {row, ada, adaNow},
		"created": {created, "", ada},
		"deleted": {deleted, ada, ""},
		"rehired": {rehired, ada, adaNow},
		"members": {members, "", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Engine"}`},
		"custom":  {custom, `{"code":1}`, `{}`},
		"large":   {row, ada, `{"userName":"ada","externalId":"701984","title":"` + strings.Repeat("x", 20_000) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			change := load(t, &c.row, c.before, c.after)
			d := &target.Delivery{Change: change, Attempt: 1}
			assert.NoError(t, open(t, r, nil).Deliver(t.Context(), d))
			assert.Equal(t, d.Done, change.Len())
			var got bytes.Buffer
			for i, m := range r.got() {
				assert.Equal(t, m.header.Get("Webhook-Id"), change.Event(i).ID)
				assert.Equal(t, m.header.Get("Content-Type"), "application/json")
				assert.True(t, len(m.body) < 20_000)
				assert.NotContains(t, string(m.body), "t1meMa$heen") // TestSec_G13: never-returned
				v := jsontext.Value(m.body)
				assert.NoError(t, v.Indent())
				got.WriteString(m.header.Get("Webhook-Id") + "\n")
				got.Write(v)
				got.WriteByte('\n')
			}
			golden(t, name+".txt", got.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		assert.NoError(t, os.WriteFile(path, got, 0o600))
	}
	want, err := os.ReadFile(path)
	assert.NoError(t, err)
	assert.Equal(t, string(got), string(want))
}

// TestSec_G11: what we send verifies with the reference library and with our own function, and a change
// of any byte does not.
//
// Rows: WH-06, WH-07.
func TestSec_G11_SignaturesVerify(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	assert.NoError(t, open(t, r, nil).Deliver(t.Context(), &target.Delivery{Change: load(t, &row, ada, adaNow)}))
	m := r.got()[0]
	reference, err := standardwebhooks.NewWebhook(key)
	assert.NoError(t, err)
	assert.NoError(t, reference.Verify(m.body, m.header))
	assert.NoError(t, webhook.Verify(secret.New(key), m.header, m.body, time.Now()))
	for i := range m.body {
		forged := bytes.Clone(m.body)
		forged[i] ^= 1
		assert.ErrorIs(t, webhook.Verify(secret.New(key), m.header, forged, time.Now()), webhook.ErrSignature)
	}
	for _, name := range []string{webhook.HeaderID, webhook.HeaderTimestamp} {
		h := m.header.Clone()
		h.Set(name, h.Get(name)+"0")
		assert.True(t, webhook.Verify(secret.New(key), h, m.body, time.Now()) != nil)
		h.Del(name)
		assert.ErrorIs(t, webhook.Verify(secret.New(key), h, m.body, time.Now()), webhook.ErrHeaders)
	}
	other := "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("fedcba9876543210"), 2))
	assert.ErrorIs(t, webhook.Verify(secret.New(other), m.header, m.body, time.Now()), webhook.ErrSignature)
}

// WH-10: during a rotation either key verifies. WH-09, WH-12: versions stand side by side.
func TestRotationAndBothVersions(t *testing.T) {
	t.Parallel()
	seed := bytes.Repeat([]byte{7}, ed25519.SeedSize)
	private := ed25519.NewKeyFromSeed(seed)
	old := "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("fedcba9876543210"), 2))
	whsk := "whsk_" + base64.StdEncoding.EncodeToString(private)
	whpk := "whpk_" + base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey))
	r := newReceiver(t)
	hook := open(t, r, func(s *webhook.Settings) {
		s.Secrets = []secret.String{secret.New(key), secret.New(old), secret.New(whsk)}
	})
	assert.NoError(t, hook.Deliver(t.Context(), &target.Delivery{Change: load(t, &row, ada, adaNow)}))
	m := r.got()[0]
	assert.Equal(t, len(strings.Fields(m.header.Get(webhook.HeaderSignature))), 3)
	for _, k := range []string{key, old, whpk, whsk, "whsk_" + base64.StdEncoding.EncodeToString(seed)} {
		assert.NoError(t, webhook.Verify(secret.New(k), m.header, m.body, time.Now()))
	}
	m.body[0] = '['
	assert.ErrorIs(t, webhook.Verify(secret.New(whpk), m.header, m.body, time.Now()), webhook.ErrSignature)
}

// The vector of the specification's own libraries (WH-08), and its tolerance (WH-13).
func TestVerifyKnownVector(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	h.Set(webhook.HeaderID, "msg_p5jXN8AQM9LWM0D4loKWxJek")
	h.Set(webhook.HeaderTimestamp, "1614265330")
	h.Set(webhook.HeaderSignature, "v2,x v1,bm90IGl0 v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	k, body, sent := secret.New("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), []byte(`{"test": 2432232314}`), time.Unix(1614265330, 0)
	for name, c := range map[string]struct {
		now  time.Time
		want error
	}{
		"at once":             {sent, nil},
		"five minutes later":  {sent.Add(5 * time.Minute), nil},
		"six minutes later":   {sent.Add(6 * time.Minute), webhook.ErrTimestamp},
		"six minutes earlier": {sent.Add(-6 * time.Minute), webhook.ErrTimestamp},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.ErrorIs(t, webhook.Verify(k, h, body, c.now), c.want)
		})
	}
}

// WH-04, WH-05, R38: a retry has the same id and body and a new timestamp.
func TestRel_R38_RetryRepeatsIDAndBody(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, status(http.StatusBadGateway))
	hook, change := open(t, r, nil), load(t, &row, ada, adaNow)
	d := &target.Delivery{Change: change, Attempt: 1}
	began := time.Now().Unix()
	assert.ErrorAs[*outbound.Error](t, hook.Deliver(t.Context(), d))
	d.Attempt++
	assert.NoError(t, hook.Deliver(t.Context(), d))
	m := r.got()
	assert.Equal(t, string(m[0].body), string(m[1].body))
	assert.Equal(t, m[0].header.Get(webhook.HeaderID), m[1].header.Get(webhook.HeaderID))
	assert.NotContains(t, m[0].header.Get(webhook.HeaderID), ".")
	sent, err := strconv.ParseInt(m[1].header.Get(webhook.HeaderTimestamp), 10, 64)
	assert.NoError(t, err)
	assert.True(t, sent >= began)
}

func TestEventsOfAChangeThatWereDeliveredAreNotRepeated(t *testing.T) {
	t.Parallel()
	members := row
	members.Type, members.Events, members.SameDoc = "Group", 0, true
	for i := range 10 {
		members.Edges = append(members.Edges, store.EdgeChange{Rel: store.Members, Child: store.Num(i + 1), ChildID: strconv.Itoa(i), ChildType: "User"})
	}
	r := newReceiver(t, status(200), status(200), status(200), status(503))
	hook, d := open(t, r, nil), &target.Delivery{Change: load(t, &members, "", `{"displayName":"x"}`)}
	assert.ErrorAs[*outbound.Error](t, hook.Deliver(t.Context(), d))
	assert.Equal(t, d.Done, 3)
	assert.NoError(t, hook.Deliver(t.Context(), d))
	got := r.got()
	assert.Equal(t, len(got), 11)
	assert.Equal(t, got[3].header.Get(webhook.HeaderID), got[4].header.Get(webhook.HeaderID))
}

func TestOnlyTheEventsThatAreAskedForAreSent(t *testing.T) {
	t.Parallel()
	both := row
	both.Events |= store.EventDeactivated
	r := newReceiver(t)
	hook := open(t, r, func(s *webhook.Settings) { s.Events = []string{"user.deactivated"} })
	d := &target.Delivery{Change: load(t, &both, ada, adaNow)}
	assert.NoError(t, hook.Deliver(t.Context(), d))
	assert.Equal(t, d.Done, 2)
	assert.Equal(t, len(r.got()), 1)
	var p struct {
		Type string `json:"type"`
	}
	assert.NoError(t, json.Unmarshal(r.got()[0].body, &p))
	assert.Equal(t, p.Type, "user.deactivated")
}

// WH-15, WH-16, G04, G08: what the answers mean.
func TestAnswers(t *testing.T) {
	t.Parallel()
	header := func(code int, name, value string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set(name, value)
			w.WriteHeader(code)
		}
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter)
		want   outbound.Reason // "": success
		retry  bool
		after  time.Duration
	}{
		"200":      {status(200), "", false, 0},
		"202":      {status(202), "", false, 0},
		"204":      {status(204), "", false, 0},
		"redirect": {header(307, "Location", "http://169.254.169.254/"), outbound.ReasonRedirect, true, 0},
		"400":      {status(400), outbound.ReasonInvalid, false, 0},
		"401":      {status(401), outbound.ReasonAuth, false, 0},
		"410":      {status(410), outbound.ReasonGone, false, 0},
		"429":      {header(429, "Retry-After", "120"), outbound.ReasonRateLimited, true, 2 * time.Minute},
		"500":      {status(500), outbound.ReasonServer, true, 0},
		"200 with an endless body": {func(w http.ResponseWriter) {
			for range 100 {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		}, outbound.ReasonTooLarge, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, c.answer)
			err := open(t, r, nil).Deliver(t.Context(), &target.Delivery{Change: load(t, &row, ada, adaNow)})
			if c.want == "" {
				assert.NoError(t, err)
				return
			}
			e := assert.ErrorAs[*outbound.Error](t, err)
			assert.Equal(t, e.Reason, c.want)
			assert.Equal(t, e.Retry, c.retry)
			assert.Equal(t, e.After, c.after)
			assert.Equal(t, len(r.got()), 1)
		})
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	short := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 31))
	public := "whpk_" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, c := range map[string]struct {
		s    webhook.Settings
		want string
	}{
		"no url":          {webhook.Settings{Secrets: []secret.String{secret.New(key)}}, "url: "},
		"ftp":             {webhook.Settings{URL: "ftp://x.example/", Secrets: []secret.String{secret.New(key)}}, "url: "},
		"no secret":       {webhook.Settings{URL: "https://x.example/"}, "secret: is missing"},
		"short secret":    {webhook.Settings{URL: "https://x.example/", Secrets: []secret.String{secret.New(short)}}, "31 bytes"},
		"no prefix":       {webhook.Settings{URL: "https://x.example/", Secrets: []secret.String{secret.New("hunter2")}}, "does not begin with"},
		"another prefix":  {webhook.Settings{URL: "https://x.example/", Secrets: []secret.String{secret.New("mst_aaaa")}}, "does not begin with"},
		"no base64":       {webhook.Settings{URL: "https://x.example/", Secrets: []secret.String{secret.New("whsec_!")}}, "not base64"},
		"public key":      {webhook.Settings{URL: "https://x.example/", Secrets: []secret.String{secret.New(public)}}, "public"},
		"half a key pair": {webhook.Settings{URL: "https://x.example/", Secrets: []secret.String{secret.New("whsk_" + base64.StdEncoding.EncodeToString(make([]byte, 64)))}}, "belong together"},
		"negative rate":   {webhook.Settings{URL: "https://x.example/", Rate: -1, Secrets: []secret.String{secret.New(key)}}, "rate: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.s.Validate()
			assert.ErrorContains(t, err, c.want)
			for _, k := range c.s.Secrets {
				assert.NotContains(t, err.Error(), k.Reveal())
			}
			_, err = c.s.Open(target.Env{})
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg", "1614265330", "v1,xx v1a,yy", []byte("{}"))
	f.Add("whpk_", "", "-1", ",", []byte(nil))
	f.Fuzz(func(t *testing.T, k, id, timestamp, signature string, body []byte) {
		h := http.Header{}
		h.Set(webhook.HeaderID, id)
		h.Set(webhook.HeaderTimestamp, timestamp)
		h.Set(webhook.HeaderSignature, signature)
		if webhook.Verify(secret.New(k), h, body, time.Unix(1614265330, 0)) == nil {
			t.Errorf("a guessed signature was accepted")
		}
	})
}
