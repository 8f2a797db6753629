//go:build interop

package interop

import (
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim"
)

// fault is one thing that a server of other people does against a row of the
// standards. The last of its steps is answered as said here; when it is no
// longer, the server has been mended, and the list has to be.
type fault struct {
	Server  string   `json:"server"`
	Row     string   `json:"row"`
	Gap     string   `json:"gap"` // of the server, if a working life goes around it
	What    string   `json:"what"`
	Steps   []step   `json:"steps"`
	Status  int      `json:"status"`
	Has     []string `json:"has"`     // in the body
	Lacks   []string `json:"lacks"`   // of the body
	With    []string `json:"with"`    // headers
	Without []string `json:"without"` // headers
}

type step struct {
	Request string            `json:"request"` // method and path
	Header  map[string]string `json:"header"`
	Body    jsontext.Value    `json:"body"`
	Raw     string            `json:"raw"` // instead of Body: what may be no JSON
}

// TestFaults: what our client lived with in TestLifecycle, and what the servers
// that it will meet are capable of. The list is read by people, too.
func TestFaults(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/faults.json")
	assert.NoError(t, err)
	var faults []fault
	assert.NoError(t, json.Unmarshal(text, &faults, json.RejectUnknownMembers(true)))
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.start(t)
			names := p.people(t)
			n := 0
			missing := slices.Clone(s.gaps)
			for _, f := range faults {
				if f.Server != s.name {
					continue
				}
				n++
				missing = slices.DeleteFunc(missing, func(gap string) bool { return gap == f.Gap })
				t.Run(f.Row, func(t *testing.T) {
					var a answer
					for _, step := range f.Steps {
						a = p.send(t, step, names)
					}
					t.Logf("%s: %d %s", f.What, a.status, a.body)
					assert.Equal(t, a.status, f.Status)
					for _, part := range f.Has {
						assert.Contains(t, a.body, names.Replace(part))
					}
					for _, part := range f.Lacks {
						assert.NotContains(t, a.body, names.Replace(part))
					}
					for _, name := range f.With {
						assert.NotEqual(t, a.header.Get(name), "")
					}
					for _, name := range f.Without {
						assert.Equal(t, a.header.Values(name), nil)
					}
				})
			}
			assert.True(t, n > 0)
			assert.Equal(t, len(missing), 0, assert.Sprintf("a working life goes around %q, which the list lacks", missing))
		})
	}
}

// people makes Ada, her boss and a team of one, and returns what the placeholders
// of faults.json stand for.
func (p peer) people(t *testing.T) *strings.Replacer {
	t.Helper()
	names := []string{
		"${user}", scim.UserSchema, "${group}", scim.GroupSchema, "${enterprise}", scim.EnterpriseUserSchema,
		"${patch}", scim.PatchOpMessage, "${bulk}", scim.BulkRequestMessage,
	}
	for _, made := range []struct{ name, request, body string }{
		{"${ada}", "POST /Users", `{"schemas":["${user}","${enterprise}"],"userName":"ada","active":true,
			"emails":[{"value":"ada@example.com","type":"work"}],"${enterprise}":{"department":"Engines"}}`},
		{"${boss}", "POST /Users", `{"schemas":["${user}"],"userName":"boss"}`},
		{"${team}", "POST /Groups", `{"schemas":["${group}"],"displayName":"Engineers","members":[{"value":"${ada}"}]}`},
	} {
		a := p.send(t, step{Request: made.request, Raw: made.body}, strings.NewReplacer(names...))
		assert.Equal(t, a.status, http.StatusCreated)
		var doc struct {
			ID string `json:"id"`
		}
		assert.NoError(t, json.Unmarshal([]byte(a.body), &doc))
		names = append(names, made.name, doc.ID)
	}
	return strings.NewReplacer(names...)
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (p peer) send(t *testing.T, s step, names *strings.Replacer) answer {
	t.Helper()
	method, path, ok := strings.Cut(names.Replace(s.Request), " ")
	assert.True(t, ok)
	body := s.Raw + string(s.Body)
	req, err := http.NewRequestWithContext(t.Context(), method, p.base+path, strings.NewReader(names.Replace(body)))
	assert.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+p.token)
	if body != "" {
		req.Header.Set("Content-Type", scim.MediaType)
	}
	for name, value := range s.Header {
		req.Header.Set(name, value)
	}
	resp, err := loopback.Do(req)
	assert.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	assert.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(b)}
}
