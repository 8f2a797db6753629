package scimtest

import (
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/muster-id/muster/scim"
)

// resource is a fault that alters every user and group that is sent.
func resource(f func(r map[string]any)) behave {
	return func(x *exchange, pass func()) {
		pass()
		x.each(f)
	}
}

// meta is a fault that alters the meta of every user and group that is sent.
func meta(f func(meta map[string]any)) behave {
	return resource(func(r map[string]any) {
		if m, ok := r["meta"].(map[string]any); ok {
			f(m)
		}
	})
}

// booleans alters every boolean in v.
func booleans(v any, f func(bool) any) any {
	switch v := v.(type) {
	case bool:
		return f(v)
	case map[string]any:
		for name, e := range v {
			v[name] = booleans(e, f)
		}
	case []any:
		for i, e := range v {
			v[i] = booleans(e, f)
		}
	}
	return v
}

// resourceFaults are resources that are not as they should be.
var resourceFaults = []Fault{
	{
		Name: "booleans-as-strings", Does: "sends booleans as \"True\" and \"False\"",
		Seen: "Infisical (Infisical/infisical#5681), Ory Polis: what Entra ID sent is what they send", Rows: []string{"S-2.3.2-01"},
		act: resource(func(r map[string]any) {
			booleans(r, func(b bool) any {
				if b {
					return "True"
				}
				return "False"
			})
		}),
	},
	{
		Name: "booleans-as-numbers", Does: "sends booleans as 1 and 0",
		Seen: "Snipe-IT once (grokability/snipe-it#13948)", Rows: []string{"S-2.3.2-01"},
		act: resource(func(r map[string]any) {
			booleans(r, func(b bool) any {
				if b {
					return 1
				}
				return 0
			})
		}),
	},
	{
		Name: "values-alone", Does: "sends multi-valued complex attributes as arrays of strings",
		Seen: "WSO2 Identity Server 5.9 (wso2/product-is#7320)", Rows: []string{"S-2.4-01"},
		act: resource(func(r map[string]any) {
			emails, _ := r["emails"].([]any)
			for i, e := range emails {
				if e, ok := e.(map[string]any); ok {
					emails[i] = e["value"]
				}
			}
		}),
	},
	{
		Name: "two-primaries", Does: "marks every e-mail address as primary",
		Seen: "products with one kind of address", Rows: []string{"S-2.4-03", "P-3.5.2-14"},
		act: resource(func(r map[string]any) {
			emails, _ := r["emails"].([]any)
			for _, e := range emails {
				if e, ok := e.(map[string]any); ok {
					e["primary"] = true
				}
			}
		}),
	},
	{
		Name: "schemas-missing", Does: "sends resources without schemas",
		Seen: "Apache SCIMple, of schemas (apache/directory-scimple#1012)", Rows: []string{"S-2.1-02", "S-3-01"},
		act: resource(func(r map[string]any) { delete(r, "schemas") }),
	},
	{
		Name: "schemas-wrong", Does: "lists an extension in schemas that the resource has nothing of",
		Seen: "Snipe-IT (grokability/snipe-it#13855)", Rows: []string{"S-3.3-04"},
		act: resource(func(r map[string]any) {
			if schemas, ok := r["schemas"].([]any); ok && r["userName"] != nil && r[scim.EnterpriseUserSchema] == nil {
				r["schemas"] = append(schemas, scim.EnterpriseUserSchema)
			}
		}),
	},
	{
		Name: "extension-flat", Does: "sends the attributes of extensions beside the others",
		Seen: "products that have one table for all of them", Rows: []string{"S-3-05", "S-3.3-02"},
		act: resource(func(r map[string]any) {
			extension, _ := r[scim.EnterpriseUserSchema].(map[string]any)
			maps.Copy(r, extension)
			delete(r, scim.EnterpriseUserSchema)
		}),
	},
	{
		Name: "ids-as-numbers", Does: "sends ids as numbers",
		Seen: "products whose key is an integer", Rows: []string{"S-3.1-09"},
		act: resource(func(r map[string]any) {
			if id, ok := r["id"].(string); ok {
				h := fnv.New32()
				fmt.Fprint(h, id)
				r["id"] = h.Sum32()
			}
		}),
	},
	{
		Name: "ids-change", Does: "gives a resource another id with each version; old ones go on working",
		Seen: "products that identify users by a name that can change", Rows: []string{"S-3.1-06", "S-3.1-04"},
		act: func(x *exchange, pass func()) {
			if x.one() {
				real, _, _ := strings.Cut(x.path[1], "~")
				u := *x.request.URL
				u.Path, u.RawPath = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), x.path[1])+real, ""
				x.request = x.request.Clone(x.request.Context())
				x.request.URL, x.path[1] = &u, real
			}
			pass()
			x.each(func(r map[string]any) {
				meta, _ := r["meta"].(map[string]any)
				id, _ := r["id"].(string)
				if version, ok := meta["version"].(string); ok && id != "" {
					r["id"] = id + "~" + strings.Trim(version, `W/"`)
				}
			})
		},
	},
	{
		Name: "meta-missing", Does: "sends resources without meta",
		Seen: "WSO2 Identity Server 5.6, of location (wso2/product-is#5328)", Rows: []string{"S-3.1-02", "P-3.4.2-08"},
		act: resource(func(r map[string]any) { delete(r, "meta") }),
	},
	{
		Name: "location-elsewhere", Does: "names a host in meta.location that clients cannot reach",
		Seen: "servers that take the host from the request behind a proxy", Rows: []string{"P-3.3-06", "S-2.3.7-04"},
		act: meta(func(m map[string]any) {
			if location, ok := m["location"].(string); ok {
				if i := strings.Index(location, prefix); i >= 0 {
					m["location"] = "http://scim.internal.invalid:8080" + location[i:]
				}
			}
		}),
	},
	{
		Name: "resource-type-wrong", Does: "calls every resource a User in meta.resourceType",
		Seen: "endpoints for groups that were copied from those for users", Rows: []string{"P-3.3.1-01", "S-3.1-15"},
		act: meta(func(m map[string]any) { m["resourceType"] = "User" }),
	},
	{
		Name: "times-as-numbers", Does: "sends meta.created and lastModified as Unix time",
		Seen: "endpoints that marshal the database's columns", Rows: []string{"S-3.1-16", "S-2.3.5-01"},
		act: meta(func(m map[string]any) {
			for _, name := range []string{"created", "lastModified"} {
				s, _ := m[name].(string)
				if t, err := time.Parse(time.RFC3339, s); err == nil {
					m[name] = t.Unix()
				}
			}
		}),
	},
	{
		Name: "last-modified-frozen", Does: "never moves lastModified",
		Seen: "servers that have only the time of creation", Rows: []string{"S-3.1-18"},
		act: meta(func(m map[string]any) { m["lastModified"] = m["created"] }),
	},
	{
		Name: "active-missing", Does: "does not send active for users that are not",
		Seen: "Snipe-IT once (grokability/snipe-it#13855)", Rows: []string{"S-7-13"},
		act: resource(func(r map[string]any) {
			if r["active"] == false {
				delete(r, "active")
			}
		}),
	},
	{
		Name: "password-returned", Does: "returns the password that a user was created with",
		Seen: "endpoints that marshal the request they have just read", Rows: []string{"S-7-10", "S-7-12", "P-A-12"},
		begin: func() behave {
			var mu sync.Mutex
			passwords := map[any]any{}
			return func(x *exchange, pass func()) {
				pass()
				mu.Lock()
				defer mu.Unlock()
				if x.creates() && !x.failed() && x.got != nil && x.sent["password"] != nil {
					passwords[x.got["id"]] = x.sent["password"]
				}
				x.each(func(r map[string]any) {
					if password := passwords[r["id"]]; password != nil {
						r["password"] = password
					}
				})
			}
		},
	},
	{
		Name: "external-id-invented", Does: "makes up an externalId where there is none",
		Seen: "products whose own id stands in both", Rows: []string{"S-3.1-10"},
		act: resource(func(r map[string]any) {
			if r["externalId"] == nil && r["id"] != nil {
				r["externalId"] = r["id"]
			}
		}),
	},
	{
		Name: "external-id-dropped", Does: "does not keep externalId",
		Seen: "products without a column for it", Rows: []string{"S-3.1-12"},
		act: func(x *exchange, pass func()) {
			delete(x.sent, "externalId")
			pass()
		},
	},
	{
		Name: "extension-dropped", Does: "does not keep the Enterprise extension",
		Seen: "most products", Rows: []string{"S-3-05", "S-8.7-01"},
		act: func(x *exchange, pass func()) {
			delete(x.sent, scim.EnterpriseUserSchema)
			pass()
		},
	},
	{
		Name: "text-as-latin1", Does: "sends text in ISO 8859-1",
		Seen: "Java servers that leave the charset to the platform", Rows: []string{"P-3.8-01", "S-2.3.1-01"},
		act: func(x *exchange, pass func()) {
			if pass(); x.got == nil || !x.resources() {
				return
			}
			var latin []byte
			for _, r := range string(encode(x.got)) {
				if r > 0xff {
					r = '?'
				}
				latin = append(latin, byte(r))
			}
			x.got, x.body = nil, latin
		},
	},
}

// memberFaults are groups whose members are not as they should be.
var memberFaults = []Fault{
	{
		Name: "members-truncated", Does: "returns only the first 100 members of a group",
		Seen: "FusionAuth (FusionAuth/fusionauth-issues#2784)", Rows: []string{"P-3.4-01"},
		act: resource(func(r map[string]any) {
			if members, ok := r["members"].([]any); ok && len(members) > 100 {
				r["members"] = members[:100]
			}
		}),
	},
	{
		Name: "members-hidden", Does: "never returns the members of groups",
		Seen: "AWS IAM Identity Center", Rows: []string{"P-3.4-01", "S-7-13"},
		act: resource(func(r map[string]any) { delete(r, "members") }),
	},
	{
		Name: "members-dropped", Does: "ignores the members that a group is created with",
		Seen: "products that take members by PATCH only", Rows: []string{"P-3.1-04", "P-3.3-05"},
		act: func(x *exchange, pass func()) {
			if x.creates() && x.path[0] == "Groups" {
				delete(x.sent, "members")
			}
			pass()
		},
	},
	{
		Name: "members-limited", Does: "refuses a group with more than 100 members at once",
		Seen: "AWS IAM Identity Center", Rows: []string{"P-3.5.2-23"},
		act: func(x *exchange, pass func()) {
			n := 0
			if members, ok := x.sent["members"].([]any); ok {
				n = len(members)
			}
			for _, op := range x.operations() {
				if members, ok := op["value"].([]any); ok && x.patches() {
					n += len(members)
				}
			}
			if n > 100 && len(x.path) > 0 && x.path[0] == "Groups" && x.request.Method != http.MethodGet {
				x.refuse(http.StatusBadRequest, scim.InvalidValue, "more than 100 members")
				return
			}
			pass()
		},
	},
	{
		Name: "groups-missing", Does: "never returns the groups of users",
		Seen: "most products", Rows: []string{"S-7-13"},
		act: resource(func(r map[string]any) { delete(r, "groups") }),
	},
}
