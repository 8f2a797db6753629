package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/admin"
	"github.com/muster-id/muster/internal/app"
	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/audit"
)

// audit returns the records of a tenant; an empty name: of the installation.
func (h *house) audit(tenant string) (all []audit.Record) {
	h.t.Helper()
	h.Tenant = tenant
	defer func() { h.Tenant = "" }()
	for r, err := range h.Audit(h.t.Context(), admin.AuditQuery{Installation: tenant == ""}) {
		assert.NoError(h.t, err)
		var rec audit.Record
		assert.NoError(h.t, json.Unmarshal(r.Record, &rec))
		rec.Verbatim = r.Record
		all = append(all, rec)
	}
	return all
}

// refused waits for a record of a refusal.
func (h *house) refused(tenant string, match func(audit.Record) bool) audit.Record {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		for _, r := range h.audit(tenant) {
			if r.Result == audit.Refused && match(r) {
				return r
			}
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("no such refusal in the audit of %q", tenant)
		}
	}
}

// TestSec_K05_WhoAndWhereCannotBeForged: nothing that a client says of itself gets into its records.
func TestSec_K05_WhoAndWhereCannotBeForged(t *testing.T) {
	t.Parallel()
	h := newHouse(t, app.Options{})
	token := h.tenant("acme")
	h.Tenant = "acme"
	tokens, err := h.Tokens(t.Context())
	h.Tenant = ""
	assert.NoError(t, err)
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, h.at("acme")+"/Users",
		strings.NewReader(`{"userName":"ada","id":"forged-id","meta":{"created":"1999-01-01T00:00:00Z"}}`))
	assert.NoError(t, err)
	for name, value := range map[string]string{
		"Authorization": "Bearer " + token, "Content-Type": "application/scim+json", "X-Request-Id": "forged-request", "X-Forwarded-For": "203.0.113.66",
		"Forwarded": "for=203.0.113.66", "X-Real-Ip": "203.0.113.66", "X-Actor": "forged-actor", "Muster-Tenant": "default", "Date": "Fri, 01 Jan 1999 00:00:00 GMT",
	} {
		req.Header.Set(name, value)
	}
	resp, err := h.http.Do(req)
	assert.NoError(t, err)
	_, _ = io.Copy(io.Discard, resp.Body)
	assert.NoError(t, resp.Body.Close())
	assert.Equal(t, resp.StatusCode, http.StatusCreated)
	for _, r := range h.audit("acme") {
		for _, forged := range []string{"forged", "203.0.113", "1999"} {
			if bytes.Contains(r.Verbatim, []byte(forged)) {
				t.Errorf("%s in %s", forged, r.Verbatim)
			}
		}
		if r.Action != "create" {
			continue
		}
		assert.Equal(t, r.Actor, tokens[0].ID)
		assert.Equal(t, r.Address, "127.0.0.1")
		assert.Equal(t, r.Request, resp.Header.Get("X-Request-Id"))
		assert.Equal(t, resp.Header.Get("Location"), h.at("acme")+"/Users/"+r.ID)
		if age := time.Since(r.At); age < 0 || age > time.Minute {
			t.Errorf("at %v", r.At)
		}
	}
}

// TestSec_K01_B07_RefusalsAndOperationsHaveRecords: each operation of a bulk request by itself, and what was refused, to whom and why.
func TestSec_K01_B07_RefusalsAndOperationsHaveRecords(t *testing.T) {
	t.Parallel()
	h := newHouse(t, app.Options{})
	token := h.tenant("acme")
	h.Tenant = "acme"
	_, err := h.CreateSource(t.Context(), admin.SourceRequest{Name: "hr"})
	h.Tenant = ""
	assert.NoError(t, err)
	hr := h.token("acme", "hr")
	status, _, body := h.do(call{method: "POST", url: h.at("acme") + "/Bulk", token: token, body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
		{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"ada"}},
		{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"eve"}},
		{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"all","members":[{"value":"bulkId:a"},{"value":"bulkId:b"}]}}]}`})
	assert.Equal(t, status, 200, assert.Sprintf("%s", body))
	var created []audit.Record
	for _, r := range h.audit("acme") {
		if r.Action == "create" {
			created = append(created, r)
		}
	}
	assert.Equal(t, len(created), 3)
	assert.Equal(t, []string{created[0].Type, created[1].Type, created[2].Type}, []string{"User", "User", "Group"})
	assert.Equal(t, created[2].Added, 2)

	url := h.at("acme") + "/Users/" + created[0].ID
	status, _, _ = h.do(call{method: "DELETE", url: url, token: hr})
	assert.Equal(t, status, http.StatusForbidden)
	foreign := h.refused("acme", func(r audit.Record) bool { return r.Reason == "forbidden" })
	assert.Equal(t, foreign.Details["method"], "DELETE")
	assert.Equal(t, foreign.Source, created[0].Source+1)
	assert.True(t, foreign.Actor != "" && foreign.Actor != created[0].Actor)

	status, _, _ = h.do(call{method: "GET", url: url, token: hr + "x"})
	assert.Equal(t, status, http.StatusUnauthorized)
	unknown := h.refused("acme", func(r audit.Record) bool { return r.Details["status"] == "401" })
	assert.Equal(t, []string{unknown.Actor, unknown.Address, unknown.Details["method"]}, []string{"", "127.0.0.1", "GET"})
	status, _, _ = h.do(call{method: "GET", url: h.at("nobody") + "/Users", token: token})
	assert.Equal(t, status, http.StatusUnauthorized)
	h.refused("", func(r audit.Record) bool { return r.Details["status"] == "401" })
}

// TestSec_K09_ReadingIsWatchedAndBound: whoever reads or exports leaves a record, sees one tenant's audit, and comes in by no other
// door than the command socket.
func TestSec_K09_ReadingIsWatchedAndBound(t *testing.T) {
	t.Parallel()
	h := newHouse(t, app.Options{})
	acme, other := h.tenant("acme"), h.tenant("other")
	for tenant, token := range map[string]string{"acme": acme, "other": other} {
		status, _, _ := h.do(call{method: "POST", url: h.at(tenant) + "/Users", token: token, body: `{"userName":"ada"}`})
		assert.Equal(t, status, 201)
	}
	// Each tenant has its token and its person, and the reading before.
	assert.Equal(t, len(h.audit("acme")), 2)
	again := h.audit("acme")
	assert.Equal(t, len(again), 3)
	assert.Equal(t, again[2].Action, "audit.read")
	h.Tenant = "acme"
	var out bytes.Buffer
	assert.NoError(t, h.ExportAudit(t.Context(), &out, admin.AuditQuery{Format: "jsonl", Since: time.Now().Add(-time.Hour)}))
	h.Tenant = ""
	last := h.audit("acme")
	export := last[len(last)-1]
	assert.Equal(t, []string{export.Action, export.Details["format"], export.Actor}, []string{"audit.export", "jsonl", "operator"})
	assert.True(t, export.Details["since"] != "")
	for _, r := range h.audit("other") {
		if strings.Contains(out.String(), r.ID) && r.ID != "" {
			t.Errorf("acme's export has %s of another tenant", r.ID)
		}
	}
	for _, path := range []string{"/v1/audit", "/scim/v2/audit", "/scim/v2/Audit", "/t/acme/scim/v2/audit", "/t/acme/v1/audit/export?format=jsonl", "/audit"} {
		status, _, body := h.do(call{method: "GET", url: h.root + path, token: acme})
		if status < 400 || strings.Contains(body, "token.create") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// TestSec_A18_FloodWritesLittle: what a flood of wrong tokens writes does not grow with it (A18).
func TestSec_A18_FloodWritesLittle(t *testing.T) {
	t.Parallel()
	h := newHouse(t, app.Options{})
	const n = 2000
	for i := range n {
		h.do(call{method: "GET", url: h.root + app.Prefix + "/Users", token: fmt.Sprint("wrong", i)})
	}
	seen := int64(0)
	for deadline := time.Now().Add(20 * time.Second); seen < n && time.Now().Before(deadline); {
		seen = 0
		records := 0
		for _, r := range h.audit("default") {
			if r.Result == audit.Refused {
				records++
				seen += max(r.Count, 1)
			}
		}
		if records > 100 {
			t.Fatalf("%d records of %d attempts", records, n)
		}
	}
	assert.Equal(t, seen, int64(n))
}
