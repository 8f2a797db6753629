package scimtest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/muster-id/muster/scim"
)

// writeFaults are creates and replaces that do something else.
var writeFaults = []Fault{
	{
		Name: "duplicates-accepted", Does: "takes a userName as often as it comes",
		Seen: "authentik, as a source (goauthentik/authentik#12547)", Rows: []string{"P-3.3-07", "P-3.3-12", "S-7-16"},
		quirk: func(q *quirks) { q.duplicates = true },
	},
	{
		Name: "names-exact", Does: "takes userNames that differ in case for two",
		Seen: "Langfuse (langfuse/langfuse#13528), Ory Polis (ory/polis#4067)", Rows: []string{"P-5-01", "P-F-27", "P-3.3-07"},
		quirk: func(q *quirks) { q.exactNames = true },
	},
	{
		Name: "external-ids-unique", Does: "refuses an externalId that another resource has",
		Seen: "products that match by it", Rows: []string{"S-3.1-12"},
		act: func(x *exchange, pass func()) {
			id, _ := x.sent["externalId"].(string)
			if x.creates() && id != "" {
				_, got := x.ask(pass, http.MethodGet, "/"+x.path[0]+"?"+query("filter", `externalId eq "`+id+`"`), nil)
				if page, _ := got["Resources"].([]any); len(page) > 0 {
					x.refuse(http.StatusConflict, scim.Uniqueness, "externalId is taken by another resource")
					return
				}
			}
			pass()
		},
	},
	{
		Name: "required-ignored", Does: "makes up a userName where there is none",
		Seen: "products that know people by e-mail address", Rows: []string{"P-3.3-08"},
		begin: func() behave {
			var mu sync.Mutex
			n := 0
			return func(x *exchange, pass func()) {
				if x.creates() && x.path[0] == "Users" && x.sent != nil && x.sent["userName"] == nil {
					mu.Lock()
					n++
					x.sent["userName"] = "user" + strings.Repeat("x", n)
					mu.Unlock()
				}
				pass()
			}
		},
	},
	{
		Name: "read-only-refused", Does: "refuses a body with id or meta",
		Seen: "servers that check bodies against a closed schema", Rows: []string{"P-3.3-01", "S-2-01"},
		act: func(x *exchange, pass func()) {
			if (x.creates() || x.is(http.MethodPut)) && (x.sent["id"] != nil || x.sent["meta"] != nil) {
				x.refuse(http.StatusBadRequest, scim.InvalidValue, "id and meta must not be sent")
				return
			}
			pass()
		},
	},
	{
		Name: "names-case-sensitive", Does: "ignores attributes whose name is not in the case of the schema",
		Seen: "servers that unmarshal into a struct", Rows: []string{"S-2.1-01"},
		act: func(x *exchange, pass func()) {
			if x.creates() || x.is(http.MethodPut) {
				for _, name := range []string{"userName", "displayName", "nickName", "externalId", "active", "title"} {
					for sent := range maps.Keys(maps.Clone(x.sent)) {
						if sent != name && strings.EqualFold(sent, name) {
							delete(x.sent, sent)
						}
					}
				}
			}
			pass()
		},
	},
	{
		Name: "created-inactive", Does: "creates every user inactive",
		Seen: "products that wait for an invitation to be accepted", Rows: []string{"P-3.1-04"},
		act: func(x *exchange, pass func()) {
			if x.creates() && x.path[0] == "Users" && x.sent != nil {
				x.sent["active"] = false
			}
			pass()
		},
	},
	{
		Name: "put-creates", Does: "creates a resource on PUT of an id that it does not know",
		Seen: "servers that store with upsert", Rows: []string{"P-3.2-03", "P-3.5.1-01"},
		act: func(x *exchange, pass func()) {
			if pass(); x.is(http.MethodPut) && x.one() && x.status == http.StatusNotFound && x.sent != nil {
				if status, got := x.ask(pass, http.MethodPost, "/"+x.path[0], x.sent); status == http.StatusCreated {
					x.status, x.got = status, got
				}
			}
		},
	},
	{
		Name: "put-merges", Does: "keeps on PUT what the body says is null or []",
		Seen: "endpoints that share the code of PATCH", Rows: []string{"P-3.5.1-04"},
		act: func(x *exchange, pass func()) {
			if x.is(http.MethodPut) && x.one() && x.sent != nil {
				_, cur := x.ask(pass, http.MethodGet, "/"+strings.Join(x.path, "/"), nil)
				for name, value := range cur {
					given, is := x.sent[name]
					if list, ok := given.([]any); !is || given == nil || ok && len(list) == 0 {
						x.sent[name] = value
					}
				}
			}
			pass()
		},
	},
	{
		Name: "put-ignored", Does: "answers PUT with the resource as it was and changes nothing",
		Seen: "read-only adapters", Rows: []string{"P-3.5.1-02"},
		act: func(x *exchange, pass func()) {
			if x.is(http.MethodPut) && x.one() {
				x.current(pass)
				return
			}
			pass()
		},
	},
	{
		Name: "put-ignores-members", Does: "ignores the members in a PUT of a group",
		Seen: "Ory Polis (ory/polis#3136)", Rows: []string{"P-3.5.1-11"},
		act: func(x *exchange, pass func()) {
			if x.is(http.MethodPut) && x.one() && x.path[0] == "Groups" && x.sent != nil {
				_, cur := x.ask(pass, http.MethodGet, "/"+strings.Join(x.path, "/"), nil)
				x.sent["members"] = cur["members"]
			}
			pass()
		},
	},
	{
		Name: "put-takes-id", Does: "changes the resource that the body's id names, not the URL's",
		Seen: "object mappers", Rows: []string{"P-3.5.1-15"},
		act: func(x *exchange, pass func()) {
			if id, ok := x.sent["id"].(string); ok && x.is(http.MethodPut) && x.one() && id != x.path[1] {
				x.status, x.got = x.ask(pass, http.MethodPut, "/"+x.path[0]+"/"+id, x.sent)
				x.header = http.Header{"Content-Type": {scim.MediaType}}
				return
			}
			pass()
		},
	},
	{
		Name: "lost-updates", Does: "reads, changes and writes without a lock: of two changes of one resource at a time one is lost",
		Seen: "SCIMMY (scimmyjs/scimmy#79), FusionAuth (FusionAuth/fusionauth-issues#2869), Fleet (fleetdm/fleet#50724)",
		Rows: []string{"P-3.5.2-22", "P-3.14-07"}, quirk: func(q *quirks) { q.lostUpdates = true },
	},
}

// deleteFaults are deletions that are none.
var deleteFaults = []Fault{
	{
		Name: "delete-disables", Does: "only deactivates on DELETE",
		Seen: "Slack, Salesforce, Probo (getprobo/probo#1277)", Rows: []string{"P-3.6-02", "P-3.6-03"},
		act: func(x *exchange, pass func()) {
			if x.is(http.MethodDelete) && x.one() && x.path[0] == "Users" {
				status, got := x.ask(pass, http.MethodPatch, "/Users/"+x.path[1], map[string]any{
					"schemas":    []any{scim.PatchOpMessage},
					"Operations": []any{map[string]any{"op": "replace", "path": "active", "value": false}},
				})
				x.status, x.got, x.header = status, got, http.Header{"Content-Type": {scim.MediaType}}
				if !x.failed() {
					x.empty()
				}
				return
			}
			pass()
		},
	},
	{
		Name: "delete-ignored", Does: "answers DELETE with 204 and keeps the resource as it is",
		Seen: "OneUptime, if deprovisioning is off (OneUptime/oneuptime#3852)", Rows: []string{"P-3.6-02", "P-3.6-03"},
		act: func(x *exchange, pass func()) {
			if x.is(http.MethodDelete) && x.one() {
				if x.current(pass); x.status == http.StatusOK {
					x.empty()
				}
				return
			}
			pass()
		},
	},
	{
		Name: "delete-unknown-204", Does: "answers DELETE of what is not there with 204",
		Seen: "wire-server, as first proposed (wireapp/wire-server#660)", Rows: []string{"P-3.6-02"},
		act: func(x *exchange, pass func()) {
			if pass(); x.is(http.MethodDelete) && x.one() && x.status == http.StatusNotFound {
				x.status, x.got = http.StatusNoContent, nil
				x.header.Del("Content-Type")
			}
		},
	},
	{
		Name: "delete-stays-in-lists", Does: "goes on listing what was deleted",
		Seen: "wire-server once (wireapp/wire-server#548)", Rows: []string{"P-3.6-03"},
		begin: func() behave {
			var mu sync.Mutex
			gone := map[string][]any{} // by type
			return func(x *exchange, pass func()) {
				mu.Lock()
				defer mu.Unlock()
				var last map[string]any
				if x.is(http.MethodDelete) && x.one() {
					_, last = x.ask(pass, http.MethodGet, "/"+strings.Join(x.path, "/"), nil)
				}
				pass()
				switch {
				case x.is(http.MethodDelete) && x.status == http.StatusNoContent && last != nil:
					gone[x.path[0]] = append(gone[x.path[0]], last)
				case x.lists() && !x.failed() && x.param("filter") == "" && x.got != nil:
					x.got["Resources"] = slices.Concat(x.page(), gone[x.path[0]])
					if total, ok := x.got["totalResults"].(float64); ok {
						x.got["totalResults"], x.got["itemsPerPage"] = int(total)+len(gone[x.path[0]]), len(x.page())
					}
				}
			}
		},
	},
	{
		Name: "delete-blocks-name", Does: "keeps the userName of a deleted user taken",
		Seen: "products that keep the row, and its unique index, for the audit", Rows: []string{"P-3.6-04"},
		quirk: func(q *quirks) { q.blockNames = true },
	},
	{
		Name: "delete-keeps-members", Does: "leaves deleted users in their groups",
		Seen: "products that keep ids in the group's document", Rows: []string{"P-3.6-03"},
		quirk: func(q *quirks) { q.keepMembers = true },
	},
	{
		Name: "ids-reused", Does: "gives the id of a deleted user to the next one with its userName",
		Seen: "products that undelete", Rows: []string{"S-3.1-06"},
		quirk: func(q *quirks) { q.reuseIDs = true },
	},
}
