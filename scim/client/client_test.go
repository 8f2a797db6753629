package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

// fake answers requests in memory and remembers them.
type fake struct {
	answer func(r *http.Request) (status int, body string)
	header http.Header
	sent   []string
	last   *http.Request
	body   string
}

func (s *fake) Do(r *http.Request) (*http.Response, error) {
	s.last, s.body = r, ""
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		s.body = string(b)
	}
	s.sent = append(s.sent, r.Method+" "+r.URL.String())
	status, body := s.answer(r)
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: status, Header: s.header.Clone(), Body: io.NopCloser(strings.NewReader(body))}, nil
}

// response is an answer with headers, given as names and values.
func response(status int, body string, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func answering(status int, body string) *fake {
	return &fake{header: http.Header{}, answer: func(*http.Request) (int, string) { return status, body }}
}

func open(t *testing.T, s *fake) *client.Client {
	t.Helper()
	c, err := client.New("https://app.example/scim/v2/", client.Options{
		HTTP: s, MaxBody: 4096, UserAgent: "Test/1", Token: func(context.Context) (string, error) { return "s3cret", nil },
	})
	assert.NoError(t, err)
	return c
}

func TestBaseURLs(t *testing.T) {
	t.Parallel()
	for base, ok := range map[string]bool{
		"https://app.example": true, "http://127.0.0.1:8080/scim": true,
		"": false, "app.example": false, "ftp://app.example": false, "https://app.example/?a=b": false,
		"https://app.example/#a": false, "https://user:hunter2@app.example/": false, "https://app.example/%zz": false,
	} {
		_, err := client.New(base, client.Options{HTTP: answering(200, "")})
		if (err == nil) != ok || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("New(%s) = %v", base, err)
		}
	}
	if _, err := client.New("https://app.example", client.Options{}); err == nil {
		t.Error("a client without anything to send with")
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	s := answering(200, `{"id":"a/b"}`)
	c := open(t, s)
	_, err := c.Get(t.Context(), "/Groups", "a/b", client.Want{Excluded: []string{"members"}})
	assert.NoError(t, err)
	assert.Equal(t, s.sent[0], "GET https://app.example/scim/v2/Groups/a%2Fb?excludedAttributes=members", assert.Sprintf("C-17"))
	assert.Equal(t, s.last.Header.Get("Accept"), "application/scim+json, application/json;q=0.9")
	assert.Equal(t, s.last.Header.Get("Authorization"), "Bearer s3cret")
	assert.Equal(t, s.last.Header.Get("User-Agent"), "Test/1")
	assert.Equal(t, s.last.Header.Get("Content-Type"), "")

	var p client.Patch
	p.Replace("name.givenName", "Ada")
	p.Add("members", []any{schema.Object{"value": "1"}})
	p.RemoveValue("members", `a"b\`)
	assert.Equal(t, p.Len(), 3)
	_, err = c.Patch(t.Context(), "/Groups", "a/b", &p)
	assert.NoError(t, err)
	assert.Equal(t, s.last.Header.Get("Content-Type"), "application/scim+json", assert.Sprintf("P-8.1-01"))
	assert.Equal(t, s.body, `{"Operations":[{"op":"replace","path":"name.givenName","value":"Ada"},{"op":"add","path":"members","value":[{"value":"1"}]},`+
		`{"op":"remove","path":"members[value eq \"a\\\"b\\\\\"]"}],"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`, assert.Sprintf("C-06"))
}

func TestSec_G14_IDs(t *testing.T) {
	t.Parallel()
	s := answering(200, `{}`)
	c := open(t, s)
	for _, id := range []string{"", ".", "..", "a\nb", "\xff", strings.Repeat("a", 513)} {
		if client.CheckID(id) == nil {
			t.Errorf("CheckID(%.10q) takes it", id)
		}
		_, err := c.Get(t.Context(), "/Users", id, client.Want{})
		assert.NotNil(t, err)
		_, err = c.Delete(t.Context(), "/Users", id)
		assert.NotNil(t, err)
	}
	assert.Equal(t, len(s.sent), 0)
	_, err := c.Get(t.Context(), "/Users", "1", client.Want{})
	assert.ErrorIs(t, err, client.ErrAnswer)
}

func TestFilterValuesAreQuoted(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"ada":                     `userName eq "ada"`,
		`a"b`:                     `userName eq "a\"b"`,
		`a\" or userName pr or "`: `userName eq "a\\\" or userName pr or \""`,
		"a\nb":                    `userName eq "a\nb"`,
		"é<&":                     `userName eq "é<&"`,
	} {
		assert.Equal(t, client.Eq("userName", value), want)
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	c := open(t, answering(200, "\ufeff"+`{"ID":7,"Active":"False","emails":[],"name":{},"title":null,"urn:X":{"dept":"a"},"n":{"v":true}}`))
	d, err := c.Get(t.Context(), "/Users", "7", client.Want{})
	assert.NoError(t, err)
	for _, name := range []string{"emails", "name", "title", "absent"} {
		if d.Value(name) != nil {
			t.Errorf("C-18: %s is assigned", name)
		}
	}
	active, ok := d.Bool("active")
	assert.Equal(t, ok && !active, true)
	assert.Equal(t, d.String("URN:x", "Dept"), "a")
	assert.Equal(t, d.Value("title", "below"), nil)
	v, ok := d.Bool("n", "v")
	assert.Equal(t, v && ok, true)
	_, ok = d.Bool("emails")
	assert.Equal(t, ok, false)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   client.Error
	}{
		{"C-08: status as string", 409, `{"status":"409","scimType":"uniqueness","detail":"taken"}`, client.Error{Status: 409, Type: scim.Uniqueness, Detail: "taken"}},
		{"C-08: status as number", 400, `{"status":400,"Detail":"no"}`, client.Error{Status: 400, Detail: "no"}},
		{"C-08: another status in the body", 404, `{"status":"200"}`, client.Error{Status: 404}},
		{"C-08: no JSON, escaped", 500, "<b>\r\n\x1b[31m", client.Error{Status: 500, Detail: `<b>\r\n\x1b[31m`}},
		{"C-08: nothing", 503, "", client.Error{Status: 503}},
		{"a list of errors", 400, `{"Errors":[{"description":"old","code":"400"}]}`, client.Error{Status: 400, Detail: "old"}},
		{"of another kind", 401, `{"error":"invalid_token"}`, client.Error{Status: 401, Detail: "invalid_token"}},
		{"a scimType that nobody knows", 400, `{"scimType":"evil"}`, client.Error{Status: 400}},
		{"G08: cut", 400, strings.Repeat("a", 2000), client.Error{Status: 400, Detail: strings.Repeat("a", 1024) + "..."}},
		{"G08: the token is not repeated", 400, `{"detail":"bad s3cret"}`, client.Error{Status: 400, Detail: "bad [redacted]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := open(t, answering(c.status, c.body)).Create(t.Context(), "/Users", schema.Object{"userName": "ada"})
			got, ok := errors.AsType[*client.Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			assert.Equal(t, client.Error{Status: got.Status, Type: got.Type, Detail: got.Detail, Err: got.Err}, c.want)
			assert.Equal(t, got.Method+" "+got.Endpoint, "POST /Users")
		})
	}
	t.Run("C-10: Retry-After", func(t *testing.T) {
		t.Parallel()
		s := answering(429, "")
		s.header.Set("Retry-After", "30")
		_, err := open(t, s).Get(t.Context(), "/Users", "1", client.Want{})
		e, _ := errors.AsType[*client.Error](err)
		assert.Equal(t, e.RetryAfter, "30")
	})
	t.Run("no answer: no id, no query in the text", func(t *testing.T) {
		t.Parallel()
		_, err := open(t, answering(0, "")).Get(t.Context(), "/Users", "ada@example.com", client.Want{Attributes: []string{"x"}})
		assert.Equal(t, err.Error(), "GET /Users: connection refused")
	})
}

func TestSuccessThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing": "", "text": "done", "a list": "[]", "a name twice": `{"id":"1","Id":"2"}`, "too large": `{"id":"` + strings.Repeat("a", 5000) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t, answering(200, body))
			doc, err := c.Replace(t.Context(), "/Users", "1", schema.Object{})
			assert.NoError(t, err, assert.Sprintf("C-07: a write is done"))
			assert.Equal(t, doc == nil, true)
			_, err = c.Get(t.Context(), "/Users", "1", client.Want{})
			assert.ErrorIs(t, err, client.ErrAnswer)
			assert.Equal(t, errors.Is(err, client.ErrTooLarge), name == "too large")
		})
	}
	t.Run("G08: compressed", func(t *testing.T) {
		t.Parallel()
		s := answering(200, `{"id":"1"}`)
		s.header.Set("Content-Encoding", "gzip")
		_, err := open(t, s).Get(t.Context(), "/Users", "1", client.Want{})
		assert.ErrorIs(t, err, client.ErrAnswer)
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{204: "true <nil>", 200: "true <nil>", 404: "false <nil>", 500: "false DELETE /Users: answered 500"} {
		found, err := open(t, answering(status, "")).Delete(t.Context(), "/Users", "1")
		assert.Equal(t, fmt.Sprint(found, " ", err), want, assert.Sprintf("C-20: %d", status))
	}
}
