package scimtest

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/muster-id/muster/scim"
)

// operation is a fault that alters the operations of a PATCH before they are carried out.
func operation(f func(op map[string]any)) behave {
	return func(x *exchange, pass func()) {
		if x.patches() {
			for _, op := range x.operations() {
				f(op)
			}
		}
		pass()
	}
}

// without is a fault that leaves operations of a PATCH out, and answers with the resource if none is left.
func without(f func(op map[string]any) bool) behave {
	return func(x *exchange, pass func()) {
		if !x.patches() {
			pass()
			return
		}
		left := slices.DeleteFunc(x.operations(), f)
		if len(left) == 0 {
			x.current(pass)
			return
		}
		x.setOperations(left)
		pass()
	}
}

func (x *exchange) setOperations(ops []map[string]any) {
	list := make([]any, len(ops))
	for i, op := range ops {
		list[i] = op
	}
	x.sent["Operations"] = list
}

// refuses is a fault that refuses a PATCH with an operation that f finds.
func refuses(status int, kind scim.ErrorType, detail string, f func(op map[string]any) bool) behave {
	return func(x *exchange, pass func()) {
		if x.patches() && slices.ContainsFunc(x.operations(), f) {
			x.refuse(status, kind, detail)
			return
		}
		pass()
	}
}

// deactivates reports whether an operation sets active to false.
func deactivates(op map[string]any) bool {
	value := op["value"]
	if box, ok := value.(map[string]any); ok && word(op, "path") == "" {
		value = box["active"]
	} else if word(op, "path") != "active" {
		return false
	}
	s, _ := value.(string)
	return value == false || strings.EqualFold(s, "false")
}

// patchFaults are PATCH requests that do something else (RFC 7644 §3.5.2).
var patchFaults = []Fault{
	{
		Name: "patch-501", Does: "advertises PATCH and answers it with 501",
		Seen: "Unity Catalog (unitycatalog/unitycatalog#423)", Rows: []string{"P-3.5-02", "S-5-04"},
		act: func(x *exchange, pass func()) {
			if x.is(http.MethodPatch) {
				x.refuse(http.StatusNotImplemented, "", "PATCH is not supported")
				return
			}
			pass()
		},
	},
	{
		Name: "patch-ignored", Does: "answers PATCH with the resource as it was and changes nothing",
		Seen: "OneUptime, of its status pages (OneUptime/oneuptime#3852)", Rows: []string{"P-3.5.2.3-02", "P-3.5.2-17"},
		act: without(func(map[string]any) bool { return true }),
	},
	{
		Name: "patch-active-ignored", Does: "accepts active=false in a PATCH and leaves the user active",
		Seen: "Cogtrix (NorthlandPositronics/Cogtrix#122)", Rows: []string{"P-3.5.2.3-02", "P-3.5.2-17"},
		act: without(deactivates),
	},
	{
		Name: "patch-active-deletes", Does: "deletes the user whom a PATCH deactivates",
		Seen: "Fleet (fleetdm/fleet#52602), Harness (harness/harness-core#48592)", Rows: []string{"P-3.5.2.3-02"},
		act: func(x *exchange, pass func()) {
			deletes := x.patches() && x.path[0] == "Users" && slices.ContainsFunc(x.operations(), deactivates)
			if pass(); deletes && !x.failed() {
				x.ask(pass, http.MethodDelete, "/Users/"+x.path[1], nil)
			}
		},
	},
	{
		Name: "patch-not-atomic", Does: "keeps what the operations before the one that fails have done",
		Seen: "FusionAuth, of groups (FusionAuth/fusionauth-issues#2869)", Rows: []string{"P-3.5.2-15"},
		act: func(x *exchange, pass func()) {
			if !x.patches() {
				pass()
				return
			}
			for _, op := range x.operations() {
				x.setOperations([]map[string]any{op})
				if pass(); x.failed() {
					return
				}
			}
		},
	},
	{
		Name: "patch-first-only", Does: "carries out the first operation only",
		Seen: "endpoints written for one identity provider, which sends one", Rows: []string{"P-3.5.2-13"},
		act: func(x *exchange, pass func()) {
			if ops := x.operations(); x.patches() && len(ops) > 1 {
				x.setOperations(ops[:1])
			}
			pass()
		},
	},
	{
		Name: "patch-exact-op", Does: "knows op only in lower case",
		Seen: "Ory Polis", Rows: []string{"P-3.5.2-03"},
		act: refuses(http.StatusBadRequest, scim.InvalidSyntax, "unknown op", func(op map[string]any) bool {
			return op["op"] != word(op, "op")
		}),
	},
	{
		Name: "patch-needs-path", Does: "refuses operations without a path",
		Seen: "endpoints written for Entra ID, which sends one", Rows: []string{"P-3.5.2.1-02", "P-3.5.2.3-01", "P-3.5.2-06"},
		act: refuses(http.StatusBadRequest, scim.InvalidPath, "path is required", func(op map[string]any) bool { return word(op, "path") == "" }),
	},
	{
		Name: "patch-no-filters", Does: "refuses paths with a filter",
		Seen: "endpoints that look paths up in a list", Rows: []string{"P-3.5.2-05", "P-3.5.2.3-08"},
		act: refuses(http.StatusBadRequest, scim.InvalidPath, "unsupported path", func(op map[string]any) bool {
			return strings.Contains(word(op, "path"), "[")
		}),
	},
	{
		Name: "patch-unknown-path", Does: "answers 200 to a path that means nothing",
		Seen: "endpoints with a switch over paths and no default", Rows: []string{"P-3.5.2.1-17"},
		act: func(x *exchange, pass func()) {
			if pass(); x.patches() && x.got["scimType"] == string(scim.InvalidPath) {
				x.current(pass)
			}
		},
	},
	{
		Name: "patch-read-only", Does: "answers 200 to a PATCH of id or meta",
		Seen: "WSO2 Identity Server, of meta.version (wso2/product-is#13766)", Rows: []string{"P-3.5.2-08", "P-3.5.2.3-11"},
		act: func(x *exchange, pass func()) {
			if pass(); x.patches() && x.got["scimType"] == string(scim.Mutability) {
				x.current(pass)
			}
		},
	},
	{
		Name: "patch-remove-required", Does: "answers 200 to a remove of userName",
		Seen: "endpoints that check the body of a PATCH and not what it makes of the resource", Rows: []string{"P-3.5.2.2-08"},
		act: without(func(op map[string]any) bool { return word(op, "op") == "remove" && word(op, "path") == "username" }),
	},
	{
		Name: "patch-swaps-complex", Does: "empties the sub-attributes that a replace of a complex attribute does not name",
		Seen: "Apache SCIMple (apache/directory-scimple#725), SimpleIdServer (simpleidserver/SimpleIdServer#59)",
		Rows: []string{"P-3.5.2.3-04"},
		act: func(x *exchange, pass func()) {
			if x.patches() {
				var ops []map[string]any
				for _, op := range x.operations() {
					if word(op, "op") == "replace" && word(op, "path") == "name" {
						ops = append(ops, map[string]any{"op": "remove", "path": "name"})
					}
					ops = append(ops, op)
				}
				x.setOperations(ops)
			}
			pass()
		},
	},
	{
		Name: "patch-add-replaces", Does: "replaces a multi-valued attribute on add",
		Seen: "WSO2 Identity Server (wso2/product-is#11678)", Rows: []string{"P-3.5.2.1-08"},
		act: operation(func(op map[string]any) {
			if path := word(op, "path"); word(op, "op") == "add" && (path == "emails" || path == "members") {
				op["op"] = "replace"
			}
		}),
	},
	{
		Name: "patch-replace-adds", Does: "adds the members that a replace is to leave alone in the group",
		Seen: "Keycloak (keycloak/keycloak#52752)", Rows: []string{"P-3.5.2.3-06"},
		act: operation(func(op map[string]any) {
			if word(op, "op") == "replace" && word(op, "path") == "members" {
				op["op"] = "add"
			}
		}),
	},
	{
		Name: "patch-remove-empties", Does: "removes all members where one is to go",
		Seen: "Microsoft's reference code (AzureAD/SCIMReferenceCode#10), WSO2 Charon (wso2/product-is#21727)", Rows: []string{"P-3.5.2.2-06", "P-3.5.2.2-12"},
		act: operation(func(op map[string]any) {
			if word(op, "op") == "remove" && strings.HasPrefix(word(op, "path"), "members") {
				op["path"] = "members"
				delete(op, "value")
			}
		}),
	},
	{
		Name: "patch-remove-ignored", Does: "answers a remove of members without removing them",
		Seen: "WSO2 Identity Server 5.10 (wso2/product-is#7040), Vault 2.0 beta", Rows: []string{"P-3.5.2.2-06"},
		act: without(func(op map[string]any) bool {
			return word(op, "op") == "remove" && strings.HasPrefix(word(op, "path"), "members")
		}),
	},
	{
		Name: "patch-member-twice-500", Does: "answers 500 to an add of a member who is one",
		Seen: "WSO2 Identity Server (#8589)", Rows: []string{"P-3.5.2.1-09"},
		act: func(x *exchange, pass func()) {
			if x.patches() && x.path[0] == "Groups" {
				_, cur := x.ask(pass, http.MethodGet, "/Groups/"+x.path[1], nil)
				have := memberIDs(cur["members"])
				for _, op := range x.operations() {
					if word(op, "op") == "add" && word(op, "path") == "members" &&
						slices.ContainsFunc(memberIDs(op["value"]), func(id string) bool { return slices.Contains(have, id) }) {
						x.refuse(http.StatusInternalServerError, "", "duplicate key value violates unique constraint")
						return
					}
				}
			}
			pass()
		},
	},
	{
		Name: "patch-attributes-204", Does: "answers 204 to a PATCH that asks for attributes",
		Seen: "endpoints that answer every PATCH so", Rows: []string{"P-3.5.2-18"},
		act: func(x *exchange, pass func()) {
			if pass(); x.patches() && x.status == http.StatusOK && x.param("attributes") != "" {
				x.status, x.got = http.StatusNoContent, nil
			}
		},
	},
	{
		Name: "patch-null-kept", Does: "does not unassign what a PATCH sets to null",
		Seen: "servers that unmarshal into a struct", Rows: []string{"P-3.5.2.3-14", "S-2.5-02"},
		act: without(func(op map[string]any) bool {
			value, given := op["value"]
			return given && value == nil && word(op, "op") == "replace"
		}),
	},
	{
		Name: "patch-operations-limited", Does: "refuses a PATCH of more than 20 operations",
		Seen: "Posit and HCP Terraform, at 100", Rows: []string{"P-3.5.2-23"},
		act: func(x *exchange, pass func()) {
			if x.patches() && len(x.operations()) > 20 {
				x.refuse(http.StatusBadRequest, scim.InvalidSyntax, "more than 20 operations")
				return
			}
			pass()
		},
	},
}

// memberIDs returns the ids in a list of members, or in one.
func memberIDs(v any) (ids []string) {
	list, _ := v.([]any)
	if one, ok := v.(map[string]any); ok {
		list = []any{one}
	}
	for _, m := range list {
		m, _ := m.(map[string]any)
		if id, ok := m["value"].(string); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// versionFaults are versions that say something else (RFC 7644 §3.14).
var versionFaults = []Fault{
	{
		Name: "etag-missing", Does: "advertises ETags and sends none in the header",
		Seen: "servers that fill in meta.version only", Rows: []string{"P-3.14-01", "S-5-04"},
		act: func(x *exchange, pass func()) { pass(); x.header.Del("ETag") },
	},
	{
		Name: "etag-differs", Does: "sends another version in the ETag header than in meta.version",
		Seen: "frameworks that hash the body for the header", Rows: []string{"P-3.14-02", "S-3.1-20"},
		act: func(x *exchange, pass func()) {
			if pass(); x.header.Get("ETag") != "" {
				x.header.Set("ETag", strings.TrimSuffix(x.header.Get("ETag"), `"`)+`-gzip"`)
			}
		},
	},
	{
		Name: "etag-frozen", Does: "never changes the version",
		Seen: "SimpleIdServer (simpleidserver/SimpleIdServer#825): meta.version is always 0", Rows: []string{"P-3.14-06"},
		act: func(x *exchange, pass func()) {
			pass()
			x.each(func(r map[string]any) {
				if m, ok := r["meta"].(map[string]any); ok && m["version"] != nil {
					m["version"] = `W/"0"`
				}
			})
			if x.header.Get("ETag") != "" {
				x.header.Set("ETag", `W/"0"`)
			}
		},
	},
	{
		Name: "etag-unquoted", Does: "sends versions without quotes",
		Seen: "servers that put a number into the header", Rows: []string{"S-3.1-21"},
		act: func(x *exchange, pass func()) {
			pass()
			x.each(func(r map[string]any) {
				if m, ok := r["meta"].(map[string]any); ok {
					if version, ok := m["version"].(string); ok {
						m["version"] = strings.Trim(version, `W/"`)
					}
				}
			})
			if x.header.Get("ETag") != "" {
				x.header.Set("ETag", strings.Trim(x.header.Get("ETag"), `W/"`))
			}
		},
	},
	{
		Name: "noop-touches", Does: "makes a new version of a resource that a write leaves as it was",
		Seen: "servers that set updated_at on every save", Rows: []string{"P-3.5.2.1-09", "P-3.14-06", "S-3.1-18"},
		quirk: func(q *quirks) { q.alwaysTouch = true },
	},
	{
		Name: "if-match-ignored", Does: "advertises ETags and ignores If-Match",
		Seen: "Apache SCIMple once (apache/directory-scimple#534)", Rows: []string{"P-3.14-04", "S-5-04"},
		act: func(x *exchange, pass func()) {
			x.drop("If-Match")
			pass()
		},
	},
	{
		Name: "if-match-strong", Does: "compares If-Match strongly, so that no weak tag ever matches",
		Seen: "HTTP frameworks that follow RFC 9110 to the letter", Rows: []string{"P-3.14-04", "P-3.14-05"},
		act: func(x *exchange, pass func()) {
			if strings.HasPrefix(x.request.Header.Get("If-Match"), "W/") {
				x.refuse(http.StatusPreconditionFailed, "", "the version does not match")
				return
			}
			pass()
		},
	},
	{
		Name: "if-none-match-ignored", Does: "advertises ETags and ignores If-None-Match",
		Seen: "Gluu (GluuFederation/SCIM-Client#52)", Rows: []string{"P-3.14-03", "S-5-04"},
		act: func(x *exchange, pass func()) {
			x.drop("If-None-Match")
			pass()
		},
	},
}

// drop removes a header from the request.
func (x *exchange) drop(name string) {
	x.request = x.request.Clone(x.request.Context())
	x.request.Header = maps.Clone(x.request.Header)
	x.request.Header.Del(name)
}
