package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	badgeSchema  = "urn:example:params:scim:schemas:extension:badge:1.0:User"
	deviceSchema = "urn:ietf:params:scim:schemas:core:2.0:Device"
	bleSchema    = "urn:ietf:params:scim:schemas:extension:ble:2.0:Device"
	passKey      = "urn:ietf:params:scim:schemas:extension:pairingPassKey:2.0:Device"
)

// badgeFile writes the definition of an extension of User, and returns its path.
func badgeFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "badge.json")
	definition := `[{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": "` + badgeSchema + `", "name": "Badge",
	"attributes": [
		{"name": "number", "type": "string", "uniqueness": "server", "indexed": true},
		{"name": "doors", "type": "string", "multiValued": true},
		{"name": "level", "type": "integer", "mutability": "immutable"},
		{"name": "pin", "type": "string", "mutability": "writeOnly", "returned": "never"}
	]},
	{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "name": "User", "schemaExtensions": [{"schema": "` + badgeSchema + `"}]}]`
	if err := os.WriteFile(file, []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// expect sends a request and fails unless it has that status; it returns the body.
func (h *hub) expect(status int, method, path string, body any) map[string]any {
	h.t.Helper()
	got, v := h.call(method, path, body)
	if got != status {
		h.t.Fatalf("%s %s: %d %v, want %d", method, path, got, v, status)
	}
	m, _ := v.(map[string]any)
	return m
}

func (h *hub) total(path, filter string) float64 {
	h.t.Helper()
	n, _ := h.expect(http.StatusOK, http.MethodGet, path+"?filter="+escape(filter), nil)["totalResults"].(float64)
	return n
}

// TestAnExtensionAddedAtRunTime adds one to a hub that runs, with both kinds of target behind it.
func TestAnExtensionAddedAtRunTime(t *testing.T) {
	app := startHub(t, t.TempDir())
	recv := newReceiver(t)
	dir, config := t.TempDir(), targets(t, recv, app)
	h := startHub(t, dir, "--config", config)
	token, file := h.token, badgeFile(t)
	user := map[string]any{
		"schemas": []string{userSchema, badgeSchema}, "userName": "ada", "active": true,
		badgeSchema: map[string]any{"number": "B-17", "doors": []string{"north"}, "level": 3, "pin": "4711-marked"},
	}
	early := h.expect(http.StatusCreated, http.MethodPost, "/Users", user) // nobody knows the extension yet
	if early[badgeSchema] != nil {
		t.Errorf("an extension that is not there was stored: %v", early)
	}

	muster(t, "schema", "add", "--data", dir, file)
	schemas := h.expect(http.StatusOK, http.MethodGet, "/Schemas/"+badgeSchema, nil)
	if schemas["name"] != "Badge" {
		t.Errorf("/Schemas/%s: %v", badgeSchema, schemas)
	}
	id := fmt.Sprint(early["id"])
	h.expect(http.StatusOK, http.MethodPut, "/Users/"+id, user)
	user["userName"] = "bob"
	if detail := h.expect(http.StatusConflict, http.MethodPost, "/Users", user)["scimType"]; detail != "uniqueness" {
		t.Errorf("a badge number that is taken: %v", detail)
	}
	for filter, want := range map[string]float64{
		badgeSchema + `:number eq "b-17"`:                          1,
		badgeSchema + `:doors eq "north"`:                          1,
		badgeSchema + `:level eq 3 and ` + badgeSchema + `:pin pr`: 0,
		badgeSchema + `:number eq "B-18"`:                          0,
	} {
		if status, v := h.call(http.MethodGet, "/Users?filter="+escape(filter), nil); status == http.StatusOK {
			if got := v.(map[string]any)["totalResults"]; got != want {
				t.Errorf("%s: %v resources, want %v", filter, got, want)
			}
		} else if !strings.Contains(filter, ":pin") {
			t.Errorf("%s: %d %v", filter, status, v)
		}
	}
	patch := func(path string, value any) map[string]any {
		return map[string]any{
			"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
			"Operations": []any{map[string]any{"op": "replace", "path": path, "value": value}},
		}
	}
	h.expect(http.StatusOK, http.MethodPatch, "/Users/"+id, patch(badgeSchema+":number", "B-18"))
	h.expect(http.StatusBadRequest, http.MethodPatch, "/Users/"+id, patch(badgeSchema+":level", 4)) // immutable
	if got := h.total("/Users", badgeSchema+`:number eq "B-18"`); got != 1 {
		t.Errorf("the new number finds %v resources", got)
	}

	recv.hasAll(t, h)
	events, _ := recv.distinct()
	last := string(events[len(events)-1].Body)
	if !strings.Contains(last, `"number":"B-18"`) || strings.Contains(last, "4711-marked") {
		t.Errorf("the webhook got %s", last)
	}
	if !strings.Contains(last, `"changed":["`+badgeSchema+`:number"]`) {
		t.Errorf("what changed: %s", last)
	}
	// The application does not have the extension: it gets the rest, and nothing is stuck.
	awaitSettled(t, h)
	if got := theUser(t, app); got["userName"] != "ada" || got[badgeSchema] != nil {
		t.Errorf("the application has %v", got)
	}

	// Now it does, and the hub looks again at its next start.
	muster(t, "schema", "add", "--data", app.dir, file)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	h = startHub(t, dir, "--config", config)
	h.token = token
	badge, _ := h.expect(http.StatusOK, http.MethodGet, "/Users/"+id, nil)[badgeSchema].(map[string]any)
	if badge["number"] != "B-18" || badge["pin"] != nil {
		t.Errorf("after a restart: %v", badge)
	}
	h.expect(http.StatusOK, http.MethodPatch, "/Users/"+id, patch("title", "Engineer"))
	eventually(t, "the badge at the application", 20*time.Second, func() bool {
		badge, _ := theUser(t, app)[badgeSchema].(map[string]any)
		return badge["number"] == "B-18"
	})
	for _, file := range []string{"muster.db", "muster.db-wal"} {
		if b, err := os.ReadFile(filepath.Join(dir, file)); err == nil && strings.Contains(string(b), "4711-marked") {
			t.Errorf("%s holds what is never returned", file)
		}
	}
}

// theUser returns the one user of a hub.
func theUser(t *testing.T, h *hub) map[string]any {
	t.Helper()
	list, _ := h.expect(http.StatusOK, http.MethodGet, "/Users", nil)["Resources"].([]any)
	if len(list) != 1 {
		t.Fatalf("%d users, want one", len(list))
	}
	user, _ := list[0].(map[string]any)
	return user
}

// awaitSettled waits until all targets of a hub have what they are to have, with nothing parked.
func awaitSettled(t *testing.T, h *hub) {
	t.Helper()
	eventually(t, "the targets to settle", 20*time.Second, func() bool {
		var all []struct {
			Lag    int64 `json:"lag"`
			Parked int64 `json:"parked"`
		}
		if err := json.Unmarshal([]byte(muster(t, "targets", "--json", "--data", h.dir)), &all); err != nil {
			t.Fatal(err)
		}
		for _, target := range all {
			if target.Lag+target.Parked > 0 {
				return false
			}
		}
		return len(all) > 0
	})
}

// TestDevices runs the life of a device (RFC 9944), of a type that a pack defines while the hub runs.
func TestDevices(t *testing.T) {
	whole := t // hubs outlive the part that starts them
	app := startHub(t, t.TempDir())
	recv := newReceiver(t)
	dir, config := t.TempDir(), targets(t, recv, app)
	h := startHub(t, dir, "--config", config)
	token, first := h.token, h
	h.expect(http.StatusNotFound, http.MethodGet, "/Devices", nil)
	muster(t, "schema", "add", "--data", dir, "--pack", "devices")

	lamp := func(mac string) map[string]any {
		return map[string]any{
			"schemas": []string{deviceSchema, bleSchema}, "displayName": "Lamp", "active": true, "externalId": "lamp-1",
			bleSchema: map[string]any{
				"versionSupport": []string{"5.3"}, "deviceMacAddress": mac, "isRandom": false, "mobility": true,
				"pairingMethods": []string{passKey}, passKey: map[string]any{"key": 482913},
			},
		}
	}
	var id string
	t.Run("DEV-01 discovery", func(t *testing.T) {
		typ := h.expect(http.StatusOK, http.MethodGet, "/ResourceTypes/Device", nil)
		if typ["endpoint"] != "/Devices" || typ["schema"] != deviceSchema {
			t.Errorf("%v", typ)
		}
		h.expect(http.StatusOK, http.MethodGet, "/Schemas/"+bleSchema, nil)
		h.expect(http.StatusOK, http.MethodGet, "/ResourceTypes/EndpointApp", nil)
	})
	t.Run("DEV-04 a pairing method has its container inside the extension", func(t *testing.T) {
		created := h.expect(http.StatusCreated, http.MethodPost, "/Devices", lamp("2C:54:91:88:C9:E2"))
		id = fmt.Sprint(created["id"])
		ble, _ := created[bleSchema].(map[string]any)
		if key, _ := ble[passKey].(map[string]any); key["key"] != 482913.0 {
			t.Errorf("%v", created)
		}
	})
	t.Run("DEV-05 a MAC address has six pairs with colons", func(t *testing.T) {
		for _, mac := range []string{"2C-54-91-88-C9-E2", "2C:54:91:88:C9", "2C:54:91:88:C9:GG", "2C5491", ""} {
			if e := h.expect(http.StatusBadRequest, http.MethodPost, "/Devices", lamp(mac)); e["scimType"] != "invalidValue" {
				t.Errorf("%q: %v", mac, e)
			}
		}
	})
	t.Run("DEV-01 read, filter, change", func(t *testing.T) {
		for filter, want := range map[string]float64{
			`displayName eq "lamp"`: 1, `displayName eq "other"`: 0, `active eq true`: 1, `externalId eq "lamp-1"`: 1,
			bleSchema + `:deviceMacAddress eq "2c:54:91:88:c9:e2"`: 1,
			bleSchema + `:deviceMacAddress eq "2c:54:91:88:c9:e3"`: 0,
			bleSchema + `:mobility eq true and meta.created pr`:    1,
		} {
			if got := h.total("/Devices", filter); got != want {
				t.Errorf("%s: %v, want %v", filter, got, want)
			}
		}
		changed := h.expect(http.StatusOK, http.MethodPatch, "/Devices/"+id, map[string]any{
			"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
			"Operations": []any{
				map[string]any{"op": "replace", "path": "active", "value": false},
				map[string]any{"op": "replace", "path": bleSchema + ":deviceMacAddress", "value": "2C:54:91:88:C9:E3"},
			},
		})
		if changed["active"] != false {
			t.Errorf("%v", changed)
		}
		replaced := lamp("2C:54:91:88:C9:E4")
		replaced["displayName"] = "Floor lamp"
		h.expect(http.StatusOK, http.MethodPut, "/Devices/"+id, replaced)
		if got := h.total("/Devices", bleSchema+`:deviceMacAddress eq "2C:54:91:88:C9:E4"`); got != 1 {
			t.Errorf("the new address finds %v", got)
		}
	})
	t.Run("a device by bulk", func(t *testing.T) {
		answer := h.expect(http.StatusOK, http.MethodPost, "/Bulk", map[string]any{
			"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
			"Operations": []any{
				map[string]any{"method": "POST", "path": "/Devices", "bulkId": "d", "data": map[string]any{
					"schemas": []string{deviceSchema}, "displayName": "Sensor", "active": true,
				}},
				map[string]any{"method": "POST", "path": "/Groups", "bulkId": "g", "data": map[string]any{
					"schemas": []string{groupSchema}, "displayName": "sensors", "members": []any{map[string]any{"value": "bulkId:d"}},
				}},
			},
		})
		operations, _ := answer["Operations"].([]any)
		for _, op := range operations {
			if status := op.(map[string]any)["status"]; status != "201" {
				t.Errorf("%v", op)
			}
		}
		sensors, _ := h.expect(http.StatusOK, http.MethodGet, "/Devices?filter="+escape(`displayName eq "sensor"`), nil)["Resources"].([]any)
		if groups, _ := sensors[0].(map[string]any)["groups"].([]any); len(groups) != 1 {
			t.Errorf("%v", sensors)
		}
	})
	t.Run("a device in a group", func(t *testing.T) {
		h.expect(http.StatusCreated, http.MethodPost, "/Groups", map[string]any{
			"schemas": []string{groupSchema}, "displayName": "lamps", "members": []any{map[string]any{"value": id, "type": "Device"}},
		})
		groups, _ := h.expect(http.StatusOK, http.MethodGet, "/Devices/"+id, nil)["groups"].([]any)
		if len(groups) != 1 {
			t.Errorf("groups of the device: %v", groups)
		}
	})
	t.Run("an application without devices", func(t *testing.T) {
		awaitSettled(t, h)
		status, _ := app.call(http.MethodGet, "/Devices", nil)
		if status != http.StatusNotFound {
			t.Errorf("/Devices of the application: %d", status)
		}
		if n := app.total("/Groups", `displayName eq "lamps"`); n != 1 {
			t.Errorf("the application has %v such groups", n)
		}
	})
	t.Run("an application with devices", func(t *testing.T) {
		muster(t, "schema", "add", "--data", app.dir, "--pack", "devices")
		if err := h.stop(); err != nil {
			t.Fatal(err)
		}
		h = startHub(whole, dir, "--config", config)
		h.token = token
		h.expect(http.StatusCreated, http.MethodPost, "/Devices", lamp("2C:54:91:88:C9:E5"))
		eventually(t, "the device at the application", 20*time.Second, func() bool {
			return app.total("/Devices", bleSchema+`:deviceMacAddress eq "2C:54:91:88:C9:E5"`) == 1
		})
	})
	t.Run("DEV-01 delete", func(t *testing.T) {
		h.expect(http.StatusNoContent, http.MethodDelete, "/Devices/"+id, nil)
		h.expect(http.StatusNotFound, http.MethodGet, "/Devices/"+id, nil)
	})
	t.Run("DEV-02 secrets stay out of logs", func(t *testing.T) {
		for _, hub := range []*hub{first, h, app} {
			if strings.Contains(hub.log.String(), "482913") {
				t.Errorf("a pass key is in a log:\n%s", hub.log)
			}
		}
	})
	recv.hasAll(t, h)
	awaitSettled(t, h)
	types := map[string]bool{}
	events, _ := recv.distinct()
	for _, e := range events {
		types[e.Type] = true
	}
	for _, want := range []string{"device.created", "device.updated", "device.deactivated", "device.deleted", "group.member_added"} {
		if !types[want] {
			t.Errorf("the webhook never got %s", want)
		}
	}
}

// TestRel_R01_DefinitionsSurviveKillMinusNine: what "muster schema add" has acknowledged is there after a kill, and so is
// what was written by it.
func TestRel_R01_DefinitionsSurviveKillMinusNine(t *testing.T) {
	dir := t.TempDir()
	h := startHub(t, dir)
	token := h.token
	muster(t, "schema", "add", "--data", dir, badgeFile(t))
	h.kill()
	h = startHub(t, dir)
	h.token = token
	user := h.expect(http.StatusCreated, http.MethodPost, "/Users", map[string]any{
		"schemas": []string{userSchema, badgeSchema}, "userName": "ada", badgeSchema: map[string]any{"number": "B-17"},
	})
	muster(t, "schema", "add", "--data", dir, "--pack", "devices")
	h.kill()
	h = startHub(t, dir)
	h.token = token
	if got := h.total("/Users", badgeSchema+`:number eq "b-17"`); got != 1 {
		t.Errorf("the badge of %v finds %v", user["id"], got)
	}
	h.expect(http.StatusOK, http.MethodGet, "/Devices", nil)
}
