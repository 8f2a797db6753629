package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// TestNeededSwitches: what each token was forgiven is shown to whoever lists the tokens.
func TestNeededSwitches(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := startHub(t, dir)
	const profile = "compat,no-keep-on-put"
	other := &hub{t: t, base: h.base, token: strings.TrimSpace(muster(t, "token", "create", "--data", dir, "--name", "other", "--profile", profile))}
	for i, active := range []any{true, "True", "fAlse"} {
		for j, caller := range []*hub{h, other} {
			body := map[string]any{"schemas": []string{userSchema}, "userName": fmt.Sprintf("u%d%d", i, j), "active": active}
			if j == 1 {
				body["active"] = true
				delete(body, "schemas")
			}
			if status, v := caller.call(http.MethodPost, "/Users", body); status != http.StatusCreated {
				t.Fatalf("%d %v", status, v)
			}
		}
	}
	type token struct {
		Name    string         `json:"name"`
		Profile string         `json:"profile"`
		Uses    map[string]int `json:"uses"`
	}
	var got []token
	if err := json.Unmarshal([]byte(muster(t, "token", "list", "--data", dir, "--json")), &got); err != nil {
		t.Fatal(err)
	}
	want := []token{
		{"first", "compat", map[string]int{"string-booleans": 2}},
		{"other", profile, map[string]int{"missing-schemas": 3}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
	if table := muster(t, "token", "list", "--data", dir); !strings.Contains(table, "string-booleans") || !strings.Contains(table, "NEEDED") {
		t.Errorf("got\n%s", table)
	}
}
