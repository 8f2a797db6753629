package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// say is one request of a conversation and what has to come of it. Text may have placeholders:
// ${name} is what an earlier step kept under that name.
type say struct {
	note   string
	req    string // "PATCH /Users/${ada}"; what stands behind a "?" is encoded as a client would
	header string // "Name: value" a line; an empty value leaves the header out
	body   string
	status int
	want   string   // JSON that the answer covers, see unlike; empty: not looked at
	gets   string   // "Name: regular expression" a line: headers of the answer
	bytes  string   // regular expression that the body has as a whole
	keep   string   // the name under which the id of the answer is kept
	events []string // what the request leaves in the feed, in any order; nil: nothing
}

// conversation is what one client says to a hub that others may talk to at the same time: its
// changes are known by the ids that the answers to its requests have.
type conversation struct {
	t     *testing.T
	hub   *hub
	names names
	said  map[string]said // by request id
}

type said struct {
	step   string
	events []string
}

func newConversation(t *testing.T, h *hub) *conversation {
	t.Helper()
	return &conversation{t: t, hub: h, names: names{"base": h.base, "token": h.token}, said: map[string]said{}}
}

// play says all steps in order and then compares the feed.
func (c *conversation) play(steps ...say) {
	c.t.Helper()
	for _, s := range steps {
		c.say(s)
	}
	c.checkEvents()
}

// say says one step and checks the answer, which it returns decoded.
func (c *conversation) say(s say) any {
	c.t.Helper()
	a := c.send(s)
	c.said[a.header.Get("X-Request-Id")] = said{s.name(), s.events}
	v, wrong := c.judge(s, a)
	for _, w := range wrong {
		c.t.Errorf("%s: %s\nrequest %s\nanswer  %d %s", s.name(), w, c.fill(s.body), a.status, a.body)
	}
	return v
}

func (s say) name() string {
	if s.note == "" {
		return s.req
	}
	return s.req + " (" + s.note + ")"
}

func (c *conversation) fill(text string) string {
	c.t.Helper()
	filled, err := c.names.fill(text, false)
	if err != nil {
		c.t.Fatalf("%v in %s", err, text)
	}
	return filled
}

func (c *conversation) send(s say) answer {
	c.t.Helper()
	method, path, _ := strings.Cut(c.fill(s.req), " ")
	a, err := c.hub.exchange(c.t.Context(), method, encodeQuery(path), headers(c.hub, c.fill(s.header)), c.fill(s.body))
	if err != nil {
		c.t.Fatalf("%s: %v", s.name(), err)
	}
	return a
}

func (c *conversation) judge(s say, a answer) (v any, wrong []string) {
	if a.status != s.status {
		return nil, []string{fmt.Sprintf("status %d, want %d", a.status, s.status)}
	}
	for line := range strings.Lines(c.fill(s.gets)) {
		name, pattern, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if got := a.header.Get(name); !whole(pattern).MatchString(got) {
			wrong = append(wrong, fmt.Sprintf("header %s is %q, want %s", name, got, pattern))
		}
	}
	if s.bytes != "" && !whole(c.fill(s.bytes)).Match(a.body) {
		wrong = append(wrong, fmt.Sprintf("body is not %s", c.fill(s.bytes)))
	}
	if len(a.body) > 0 {
		if err := json.Unmarshal(a.body, &v); err != nil {
			return nil, []string{err.Error()}
		}
	}
	if s.want != "" {
		var want any
		if err := json.Unmarshal([]byte(c.fill(s.want)), &want); err != nil {
			return nil, []string{fmt.Sprintf("the test's own want: %v", err)}
		}
		wrong = append(wrong, unlike("$", v, want)...)
	}
	if s.keep != "" {
		o, _ := v.(map[string]any)
		id, _ := o["id"].(string)
		if id == "" {
			wrong = append(wrong, "no id to keep")
		}
		c.names[s.keep] = id
	}
	return v, wrong
}

func whole(pattern string) *regexp.Regexp { return regexp.MustCompile("^(?s:" + pattern + ")$") }

// checkEvents compares what the requests left in the feed with what they should.
func (c *conversation) checkEvents() {
	c.t.Helper()
	got := map[string][]string{}
	for _, ch := range changes(c.t, c.hub) {
		if _, ours := c.said[ch.RequestID]; ours {
			for _, e := range ch.Events {
				got[ch.RequestID] = append(got[ch.RequestID], e.Type)
			}
		}
	}
	for id, s := range c.said {
		want := slices.Sorted(slices.Values(s.events))
		if events := slices.Sorted(slices.Values(got[id])); !slices.Equal(events, want) {
			c.t.Errorf("%s: events %v, want %v", s.step, events, want)
		}
	}
}

// unlike says where got is not what want describes. An object has at least what the wanted one
// has, null being absence; an array has the same elements in any order; "*" is any value but absence.
func unlike(path string, got, want any) []string {
	switch want := want.(type) {
	case map[string]any:
		o, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: got %v, want an object", path, got)}
		}
		var wrong []string
		for name, w := range want {
			wrong = append(wrong, unlike(path+"."+name, o[name], w)...)
		}
		return wrong
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return []string{fmt.Sprintf("%s: got %v, want %d elements", path, got, len(want))}
		}
		for _, w := range want {
			if !slices.ContainsFunc(list, func(e any) bool { return len(unlike("", e, w)) == 0 }) {
				return []string{fmt.Sprintf("%s: got %v, want %v", path, got, want)}
			}
		}
		return nil
	case string:
		if want == "*" && got != nil {
			return nil
		}
	}
	if !cmp.Equal(got, want) {
		return []string{fmt.Sprintf("%s: got %v, want %v", path, got, want)}
	}
	return nil
}

// answer is an answer as it came.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// exchange sends a request with exactly these headers, but for what net/http needs.
func (h *hub) exchange(ctx context.Context, method, path string, header http.Header, body string) (answer, error) {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, h.base+path, r)
	if err != nil {
		return answer{}, err
	}
	req.Header = header
	return read(http.DefaultClient.Do(req))
}

// read reads an answer to its end.
func read(resp *http.Response, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}, err
}

// headers returns what every identity provider sends, changed by lines of "Name: value".
func headers(h *hub, lines string) http.Header {
	header := http.Header{
		"Authorization": {"Bearer " + h.token}, "Content-Type": {"application/scim+json; charset=utf-8"},
		"Accept": {"application/scim+json"}, "User-Agent": {""}, // Entra ID has none
	}
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if value = strings.TrimSpace(value); value == "" && name != "User-Agent" {
			header.Del(name)
		} else {
			header.Set(name, value)
		}
	}
	return header
}

// encodeQuery percent-encodes the values of a query written in the clear.
func encodeQuery(path string) string {
	path, query, found := strings.Cut(path, "?")
	if !found {
		return path
	}
	var parts []string
	for part := range strings.SplitSeq(query, "&") {
		name, value, has := strings.Cut(part, "=")
		if part = escape(name); has {
			part += "=" + escape(value)
		}
		parts = append(parts, part)
	}
	return path + "?" + strings.Join(parts, "&")
}
