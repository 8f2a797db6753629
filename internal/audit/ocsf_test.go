package audit_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// ocsfClass is what the published schema (github.com/ocsf/ocsf-schema, events/iam) says of a class: captions of its activities, what
// it requires beside the base event, and of which attributes it has at least one.
type ocsfClass struct {
	activities map[float64]string
	required   []string
	oneOf      []string
}

var ocsfClasses = map[string]map[float64]ocsfClass{
	"1.9.0": {
		3002: {map[float64]string{1: "Logon", 2: "Logoff", 3: "Authentication Ticket", 4: "Service Ticket Request", 5: "Service Ticket Renew", 6: "Preauth", 7: "Account Switch"}, []string{"user"}, []string{"service", "dst_endpoint"}},
		3004: {map[float64]string{1: "Create", 2: "Read", 3: "Update", 4: "Delete", 5: "Move", 6: "Enroll", 7: "Unenroll", 8: "Enable", 9: "Disable", 10: "Activate", 11: "Deactivate", 12: "Suspend", 13: "Resume"}, []string{"entity"}, nil},
		3006: {map[float64]string{1: "Assign Privileges", 2: "Revoke Privileges", 3: "Add User", 4: "Remove User", 5: "Delete", 6: "Create", 7: "Add Subgroup", 8: "Remove Subgroup"}, []string{"group"}, nil},
		3007: {map[float64]string{1: "Create", 2: "Update", 3: "Delete", 4: "Enable", 5: "Disable", 6: "Lock", 7: "Unlock", 8: "Password Change", 9: "Password Reset"}, []string{"user"}, nil},
	},
	"1.3.0": {
		3001: {map[float64]string{1: "Create", 2: "Enable", 3: "Password Change", 4: "Password Reset", 5: "Disable", 6: "Delete", 7: "Attach Policy", 8: "Detach Policy", 9: "Lock"}, []string{"user"}, nil},
		3002: {map[float64]string{1: "Logon", 2: "Logoff", 3: "Authentication Ticket", 4: "Service Ticket Request", 5: "Service Ticket Renew"}, []string{"user"}, []string{"service", "dst_endpoint"}},
		3004: {map[float64]string{1: "Create", 2: "Read", 3: "Update", 4: "Delete"}, []string{"entity"}, nil},
		3006: {map[float64]string{1: "Assign Privileges", 2: "Revoke Privileges", 3: "Add User", 4: "Remove User", 5: "Delete", 6: "Create"}, []string{"group"}, []string{"privileges", "user"}},
	},
}

// checkOCSF says what is wrong with an event.
func checkOCSF(version string, e map[string]any) error {
	class, ok := ocsfClasses[version][e["class_uid"].(float64)]
	if !ok {
		return fmt.Errorf("version %s has no class %v", version, e["class_uid"])
	}
	for _, name := range append([]string{"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}, class.required...) {
		if e[name] == nil {
			return fmt.Errorf("class %v without %s", e["class_uid"], name)
		}
	}
	one := len(class.oneOf) == 0
	for _, name := range class.oneOf {
		one = one || e[name] != nil
	}
	if !one {
		return fmt.Errorf("class %v with none of %v", e["class_uid"], class.oneOf)
	}
	activity := e["activity_id"].(float64)
	caption, known := class.activities[activity]
	if !known && activity != 99 || known && e["activity_name"] != caption {
		return fmt.Errorf("class %v: activity %v called %v", e["class_uid"], activity, e["activity_name"])
	}
	if e["type_uid"] != e["class_uid"].(float64)*100+activity {
		return fmt.Errorf("type %v of class %v and activity %v", e["type_uid"], e["class_uid"], activity)
	}
	meta := e["metadata"].(map[string]any)
	if meta["version"] != version || meta["product"].(map[string]any)["vendor_name"] == nil {
		return fmt.Errorf("metadata %v", meta)
	}
	for _, object := range []string{"user", "group", "entity"} { // each has at least a uid or a name
		if o, ok := e[object].(map[string]any); ok && (o["uid"] == nil || o["uid"] == "") {
			return fmt.Errorf("%s %v", object, o)
		}
	}
	return nil
}

// TestSec_K08_EventsAreThoseOfTheSchema: whatever happens becomes an event that the published schema allows.
func TestSec_K08_EventsAreThoseOfTheSchema(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ada := d.create(schema.Object{"userName": "ada", "active": true})
	d.update(ada.ID, func(o schema.Object) { o["active"] = false })
	d.update(ada.ID, func(o schema.Object) { o["active"] = true })
	d.update(ada.ID, func(o schema.Object) { o["title"] = "x" })
	groups := d.dir.Stores(directoryCaller)["Group"]
	dialect := scim.NewDialect(scim.Compat())
	g, err := groups.Create(t.Context(), &server.Resource{Attrs: schema.Object{"displayName": "all"}}, dialect)
	assert.NoError(t, err)
	for _, op := range []patch.LinkOp{patch.LinkAdd, patch.LinkRemove} {
		_, err = groups.Update(t.Context(), g.ID, &server.Edit{Dialect: dialect, Links: []server.LinkEdit{{Relation: "members", Op: op, Refs: []patch.Ref{{Value: ada.ID}}}}})
		assert.NoError(t, err)
	}
	_, err = groups.Update(t.Context(), g.ID, &server.Edit{Dialect: dialect, Apply: func(r *server.Resource) (*server.Resource, error) {
		next := *r
		next.Attrs = schema.Object{"displayName": "everybody"}
		return &next, nil
	}})
	assert.NoError(t, err)
	assert.NoError(t, groups.Delete(t.Context(), g.ID, server.Cond{}))
	d.remove(ada.ID)
	d.acts(1)
	for _, action := range []string{"token.create", "token.revoke", "tenant.set", "audit.read", "person.erase"} {
		assert.NoError(t, d.Write(t.Context(), store.Default, &store.Act{Action: action, Result: audit.Done, Actor: store.Operator, Type: "Token", ID: "t1"}))
	}
	for _, status := range []int{401, 403, 409, 429} {
		d.Refused(audit.Refusal{Tenant: store.Default, Status: status, Reason: "r", Method: "POST", Address: "192.0.2.1", Type: "User"}, "q")
	}
	assert.NoError(t, d.Flush(t.Context()))

	for version, want := range map[string]string{
		"1.9.0": "300701 300705 300704 300702 300606 300603 300604 300699 300605 300703",
		"1.3.0": "300101 300105 300102 300199 300401 300603 300604 300403 300404 300106",
	} {
		var b bytes.Buffer
		assert.NoError(t, d.Export(t.Context(), &b, store.Default, "acme", audit.OCSF, audit.Query{OCSF: version}))
		var types []string
		for line := range strings.Lines(b.String()) {
			var e map[string]any
			assert.NoError(t, json.Unmarshal([]byte(line), &e))
			if err := checkOCSF(version, e); err != nil {
				t.Errorf("%s: %v in %s", version, err, line)
			}
			types = append(types, fmt.Sprint(int(e["type_uid"].(float64))))
		}
		assert.Equal(t, strings.Join(types[:10], " "), want)
		if len(types) != 20 {
			t.Errorf("%d events", len(types))
		}
	}
	for _, version := range []string{"2.0.0", "1.0.0", "1.9", "1.9.0 ", "01.9.0", "x"} {
		if audit.CheckOCSF(version) == nil {
			t.Errorf("version %q is taken", version)
		}
	}
}
