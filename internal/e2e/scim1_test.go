package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSCIM1 (V1-T1, V1-T2, V1-T8): what a client of SCIM 1.1 does is there in 2.0, in the feed and at a webhook.
func TestSCIM1(t *testing.T) {
	t.Parallel()
	recv := newReceiver(t)
	app := startHub(t, t.TempDir())
	dir := t.TempDir()
	h := startHub(t, dir, "--config", targets(t, recv, app))
	old := &hub{
		t: t, base: strings.TrimSuffix(h.base, "/v2") + "/v1",
		token: strings.TrimSpace(muster(t, "token", "create", "--data", dir, "--name", "old", "--profile", "scim1")),
	}
	const core, enterprise1 = "urn:scim:schemas:core:1.0", "urn:scim:schemas:extension:enterprise:1.0"

	status, v := old.call(http.MethodPost, "/Users", map[string]any{
		"schemas": []string{core, enterprise1}, "userName": "ada@example.com", "locale": "en_GB",
		"name": map[string]any{"givenName": "Ada", "familyName": "Osei"}, "emails": []string{"ada@example.com"},
		enterprise1: map[string]any{"manager": map[string]any{"managerId": "boss"}},
	})
	created, _ := v.(map[string]any)
	id, _ := created["id"].(string)
	meta, _ := created["meta"].(map[string]any)
	if status != http.StatusCreated || meta["location"] != old.base+"/Users/"+id {
		t.Fatalf("create: %d %v", status, v)
	}

	status, v = h.call(http.MethodGet, "/Users/"+id, nil)
	seen, _ := v.(map[string]any)
	ext, _ := seen[enterprise].(map[string]any)
	manager, _ := ext["manager"].(map[string]any)
	if status != http.StatusOK || seen["userName"] != "ada@example.com" || seen["locale"] != "en-GB" || manager["value"] != "boss" {
		t.Fatalf("2.0 shows: %d %v", status, v)
	}
	unversioned := &hub{t: t, base: strings.TrimSuffix(h.base, "/v2"), token: h.token}
	if _, same := unversioned.call(http.MethodGet, "/Users/"+id, nil); same.(map[string]any)["locale"] != "en-GB" {
		t.Errorf("P-3.13-03: without a version: %v", same)
	}

	status, v = old.call(http.MethodPatch, "/Users/"+id, map[string]any{"schemas": []string{core}, "active": false})
	if changed, _ := v.(map[string]any); status != http.StatusOK || changed["active"] != false {
		t.Fatalf("deactivate: %d %v", status, v)
	}
	eventually(t, "the webhook says user.deactivated", 20*time.Second, func() bool {
		events, problems := recv.distinct()
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for _, e := range events {
			if e.Type == "user.deactivated" && e.Data.ID == id {
				return true
			}
		}
		return false
	})

	if status, v = old.call(http.MethodDelete, "/Users/"+id, nil); status != http.StatusOK || v != nil {
		t.Errorf("delete: %d %v", status, v)
	}
	status, v = old.call(http.MethodGet, "/Users/"+id, nil)
	if problems, _ := v.(map[string]any)["Errors"].([]any); status != http.StatusNotFound || len(problems) != 1 {
		t.Errorf("after the delete: %d %v", status, v)
	}
	recv.hasAll(t, h)
}
