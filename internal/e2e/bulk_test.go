package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// bulkOf is a bulk request that creates users and, behind each, a group with that user.
func bulkOf(first, n int) map[string]any {
	var ops []any
	for i := first; i < first+n; i++ {
		ops = append(ops,
			map[string]any{"method": "POST", "path": "/Users", "bulkId": fmt.Sprint("u", i), "data": map[string]any{
				"schemas": []string{userSchema}, "userName": fmt.Sprintf("bulk-%05d", i), "title": "whole",
			}},
			map[string]any{"method": "POST", "path": "/Groups", "bulkId": fmt.Sprint("g", i), "data": map[string]any{
				"schemas": []string{groupSchema}, "displayName": fmt.Sprintf("bulk-%05d", i),
				"members": []any{map[string]any{"value": fmt.Sprint("bulkId:u", i)}},
			}})
	}
	return map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": ops}
}

// TestRel_R01_KillMinusNineInABulk kills the hub while it carries out a bulk request. What is there afterwards is
// whole, and a beginning of the request: nothing is missing in the middle, nothing is half there.
func TestRel_R01_KillMinusNineInABulk(t *testing.T) {
	seed := uint64(number(t, "MUSTER_CRASH_SEED", int(time.Now().UnixNano()&0xffffff)))
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	h := startHub(t, dir)
	token := h.token
	first := 0
	for round := range 3 {
		done := make(chan error)
		go func() {
			_, _, _, err := h.send(context.Background(), http.MethodPost, "/Bulk", bulkOf(first, 500))
			done <- err
		}()
		want := 1 + rnd.IntN(600)
		eventually(t, "a part of the bulk", 20*time.Second, func() bool {
			return len(changes(t, h))-2*first >= want
		})
		h.kill()
		if err := <-done; err == nil {
			t.Logf("round %d: the hub was too fast", round)
		}
		h = startHub(t, dir)
		h.token = token
		feed := changes(t, h)
		for _, wrong := range hasRecords(t, h, feed) {
			t.Errorf("round %d: %s", round, wrong)
		}
		for i, c := range feed {
			if c.Seq != int64(i+1) {
				t.Fatalf("round %d: change %d has number %d", round, i+1, c.Seq)
			}
		}
		users, groups := list(h, "/Users"), list(h, "/Groups")
		if len(users)+len(groups) != len(feed) || len(users) < len(groups) || len(users) > len(groups)+1 {
			t.Fatalf("round %d: %d users and %d groups after %d changes", round, len(users), len(groups), len(feed))
		}
		for i, u := range users {
			if want := fmt.Sprintf("bulk-%05d", i); u["userName"] != want || u["title"] != "whole" {
				t.Fatalf("round %d: user %d is %v", round, i, u)
			}
		}
		for i, g := range groups {
			if m := members(h, g["id"].(string)); len(m) != 1 || m[0] != users[i]["id"] {
				t.Fatalf("round %d: group %d has the members %v", round, i, m)
			}
		}
		// The next round begins behind what is there, with the group that was cut off.
		if first = len(users); len(groups) < first {
			h.call(http.MethodPost, "/Groups", map[string]any{
				"schemas": []string{groupSchema}, "displayName": fmt.Sprintf("bulk-%05d", first-1),
				"members": []any{map[string]any{"value": users[first-1]["id"]}},
			})
		}
	}
}

// list returns all resources of a type in the order of their creation.
func list(h *hub, endpoint string) (all []map[string]any) {
	h.t.Helper()
	for {
		_, v := h.call(http.MethodGet, fmt.Sprintf("%s?count=1000&startIndex=%d", endpoint, len(all)+1), nil)
		page, _ := v.(map[string]any)["Resources"].([]any)
		if len(page) == 0 {
			return all
		}
		for _, r := range page {
			all = append(all, r.(map[string]any))
		}
	}
}

// TestAsyncBulkOverTheDrain sends an asynchronous bulk request and stops the hub: the job comes to its end first.
func TestAsyncBulkOverTheDrain(t *testing.T) {
	dir := t.TempDir()
	h := startHub(t, dir)
	token := h.token
	body, err := json.Marshal(bulkOf(0, 500))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.base+"/Bulk", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	req.Header.Set("Content-Type", "application/scim+json")
	req.Header.Set("Prefer", "respond-async")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted || resp.Header.Get("Set-Txn") == "" {
		t.Fatalf("got %s %v", resp.Status, resp.Header)
	}
	if err := h.stop(); err != nil {
		t.Fatalf("%v\n%s", err, h.log)
	}
	h = startHub(t, dir)
	h.token = token
	if n := len(list(h, "/Groups")); n != 500 {
		t.Errorf("got %d groups, want all 500", n)
	}
	status, _ := h.call(http.MethodGet, "/Bulk/"+resp.Header.Get("Set-Txn"), nil)
	if status != http.StatusNotFound {
		t.Errorf("the outcome after a restart: got %d, want 404", status)
	}
}
