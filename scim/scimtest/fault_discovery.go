package scimtest

import (
	"net/http"
	"strings"

	"github.com/muster-id/muster/scim"
)

// claims is a fault that alters the ServiceProviderConfig.
func claims(f func(config map[string]any)) behave {
	return func(x *exchange, pass func()) {
		if pass(); x.on("ServiceProviderConfig") && x.status == http.StatusOK && x.got != nil {
			f(x.got)
		}
	}
}

// claim sets whether a feature of the ServiceProviderConfig is supported.
func claim(feature string, supported bool) behave {
	return claims(func(config map[string]any) {
		if f, ok := config[feature].(map[string]any); ok {
			f["supported"] = supported
		}
	})
}

// discoveryFaults are servers that say wrong things about themselves, or nothing (RFC 7644 §4).
var discoveryFaults = []Fault{
	{
		Name: "config-404", Does: "has no ServiceProviderConfig",
		Seen: "GitLab, Infisical (Infisical/infisical#6861)", Rows: []string{"P-4-01"},
		act: func(x *exchange, pass func()) {
			if x.on("ServiceProviderConfig") {
				x.refuse(http.StatusNotFound, "", "there is no such endpoint")
				return
			}
			pass()
		},
	},
	{
		Name: "config-as-list", Does: "sends the ServiceProviderConfig in a ListResponse",
		Seen: "endpoints that share one handler for discovery", Rows: []string{"P-4-01"},
		act: func(x *exchange, pass func()) {
			if pass(); x.on("ServiceProviderConfig") && x.status == http.StatusOK {
				x.got = map[string]any{"schemas": []any{scim.ListResponseMessage}, "totalResults": 1, "Resources": []any{x.got}}
			}
		},
	},
	{
		Name: "config-denies-filter", Does: "denies filters, which work",
		Seen: "Slack", Rows: []string{"S-5-04"}, act: claim("filter", false),
	},
	{
		Name: "config-denies-patch", Does: "denies PATCH, which works",
		Seen: "Thunder (thunder-id/thunderid#5110)", Rows: []string{"S-5-04", "P-3.5-02"}, act: claim("patch", false),
	},
	{
		Name: "config-promises-password", Does: "promises changePassword, which does nothing",
		Seen: "configurations copied from the RFC", Rows: []string{"S-5-04"}, act: claim("changePassword", true),
	},
	{
		Name: "config-small-page", Does: "advertises pages of at most 10 and sends larger ones",
		Seen: "configurations copied from an example", Rows: []string{"S-5-05", "S-5-04"},
		act: claims(func(config map[string]any) {
			if f, ok := config["filter"].(map[string]any); ok {
				f["maxResults"] = 10
			}
			delete(config, "pagination")
		}),
	},
	{
		Name: "config-incomplete", Does: "leaves authenticationSchemes and etag out of the ServiceProviderConfig",
		Seen: "endpoints written by hand", Rows: []string{"S-5-01"},
		act: claims(func(config map[string]any) {
			delete(config, "authenticationSchemes")
			delete(config, "etag")
		}),
	},
	{
		Name: "schemas-as-array", Does: "sends /Schemas as a bare array",
		Seen: "servers written after the example of RFC 7643 §8.7.1 (pingidentity/scim2#67)", Rows: []string{"P-4-02"},
		act: func(x *exchange, pass func()) {
			if pass(); x.on("Schemas") && x.status == http.StatusOK {
				x.body, x.got = encode(x.page()), nil
			}
		},
	},
	{
		Name: "schemas-404", Does: "has no /Schemas",
		Seen: "servers written for Okta, which does not ask for it", Rows: []string{"P-4-02"},
		act: func(x *exchange, pass func()) {
			if len(x.path) > 0 && x.path[0] == "Schemas" {
				x.refuse(http.StatusNotFound, "", "there is no such endpoint")
				return
			}
			pass()
		},
	},
	{
		Name: "schemas-wrong-type", Does: "publishes active as a string",
		Seen: "laravel-scim-server (limosa-io/laravel-scim-server#114), WSO2 Identity Server (wso2/product-is#13978)", Rows: []string{"S-8.7-01"},
		act: func(x *exchange, pass func()) {
			if pass(); len(x.path) > 0 && x.path[0] == "Schemas" {
				walk(x.got, func(o map[string]any) {
					if o["name"] == "active" && o["type"] == "boolean" {
						o["type"] = "string"
					}
				})
			}
		},
	},
	{
		Name: "resource-types-malformed", Does: "calls the list of /ResourceTypes resourceType, without totals",
		Seen: "WSO2 Identity Server 5.6 (wso2/product-is#3372)", Rows: []string{"P-4-04", "P-3.4.2-03"},
		act: func(x *exchange, pass func()) {
			if pass(); x.on("ResourceTypes") && x.status == http.StatusOK {
				x.got = map[string]any{"schemas": []any{scim.ResourceTypeSchema}, "resourceType": x.page()}
			}
		},
	},
	{
		Name: "discovery-filtered", Does: "answers a filter on /Schemas and /ResourceTypes with everything",
		Seen: "most products", Rows: []string{"P-4-06"},
		act: func(x *exchange, pass func()) {
			if x.discovery() {
				x.setParam("filter", "")
			}
			pass()
		},
	},
	{
		Name: "discovery-paged", Does: "pages /Schemas and /ResourceTypes",
		Seen: "endpoints that share the code of lists", Rows: []string{"P-4-05"},
		act: func(x *exchange, pass func()) {
			if pass(); x.discovery() && len(x.path) == 1 && x.param("count") == "1" && len(x.page()) > 1 {
				x.got["Resources"], x.got["itemsPerPage"] = x.page()[:1], 1
			}
		},
	},
}

// walk calls f for every object in v.
func walk(v any, f func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		f(v)
		for _, e := range v {
			walk(e, f)
		}
	case []any:
		for _, e := range v {
			walk(e, f)
		}
	}
}

// mediaFaults are servers that do not understand what bodies are called (RFC 7644 §3.8).
var mediaFaults = []Fault{
	{
		Name: "scim-json-unacceptable", Does: "answers Accept: application/scim+json with 406",
		Seen: "WSO2 Identity Server 5.6 (wso2/product-is#3374)", Rows: []string{"P-3.8-02"},
		act: func(x *exchange, pass func()) {
			if strings.Contains(x.request.Header.Get("Accept"), "scim+json") {
				x.refuse(http.StatusNotAcceptable, "", "not acceptable")
				return
			}
			pass()
		},
	},
	{
		Name: "json-unacceptable", Does: "answers Accept: application/json with 406",
		Seen: "SCIM for Keycloak (Captain-P-Goldfish/scim-for-keycloak#23)", Rows: []string{"P-3.8-03"},
		act: func(x *exchange, pass func()) {
			if x.request.Header.Get("Accept") == "application/json" {
				x.refuse(http.StatusNotAcceptable, "", "not acceptable")
				return
			}
			pass()
		},
	},
	{
		Name: "scim-json-refused", Does: "takes bodies as application/json only",
		Seen: "Medplum once (medplum/medplum#4143), frameworks that parse no other type", Rows: []string{"P-3.8-06", "P-3.1-01"},
		act: func(x *exchange, pass func()) {
			if strings.Contains(x.request.Header.Get("Content-Type"), "scim+json") && len(x.raw) > 0 {
				x.refuse(http.StatusUnsupportedMediaType, "", "use application/json")
				return
			}
			pass()
		},
	},
	{
		Name: "charset-refused", Does: "refuses a Content-Type with a charset",
		Seen: "servers that compare the header with a string; Okta sends one", Rows: []string{"P-3.8-06"},
		act: func(x *exchange, pass func()) {
			if strings.Contains(x.request.Header.Get("Content-Type"), "charset") && len(x.raw) > 0 {
				x.refuse(http.StatusUnsupportedMediaType, "", "use application/scim+json")
				return
			}
			pass()
		},
	},
}

// tenantFaults let one tenant see another, or anybody in.
var tenantFaults = []Fault{
	{
		Name: "open-door", Does: "asks nobody for a token",
		Seen: "endpoints whose middleware was mounted elsewhere", Rows: []string{"P-2-01", "P-2-02"},
		across: func(x *exchange, pass func(), t tenants) {
			x.bear(t.own.Token)
			pass()
		},
	},
	{
		Name: "tenant-tokens", Does: "takes the token of one tenant for another",
		Seen: "vouch, as reported (vouch-sh/vouch#310)", Rows: []string{"P-2-03", "P-6-02"},
		across: func(x *exchange, pass func(), t tenants) {
			if x.request.Header.Get("Authorization") == "Bearer "+t.other.Token {
				x.bear(t.own.Token)
			}
			pass()
		},
	},
	{
		Name: "tenant-ids", Does: "finds resources of any tenant by id",
		Seen: "Atlas Workforce System, as reported (Senthil455/Atlas-Workforce-System#175)", Rows: []string{"P-2-03"},
		across: func(x *exchange, pass func(), t tenants) {
			if pass(); x.one() && x.status == http.StatusNotFound {
				x.visit(t)
			}
		},
	},
	{
		Name: "tenant-lists", Does: "lists the users of all tenants",
		Seen: "Atlas Workforce System, as reported (Senthil455/Atlas-Workforce-System#175)", Rows: []string{"P-2-03", "P-6-01"},
		across: func(x *exchange, pass func(), t tenants) {
			if pass(); !x.lists() || x.failed() || x.got == nil {
				return
			}
			own := x.got
			page, _ := own["Resources"].([]any)
			x.visit(t)
			page = append(page, x.page()...)
			own["Resources"], own["totalResults"], own["itemsPerPage"] = page, len(page), len(page)
			x.got = own
		},
	},
	{
		Name: "tenant-names", Does: "refuses a userName that another tenant has",
		Seen: "Cogtrix, as reported (NorthlandPositronics/Cogtrix#303)", Rows: []string{"P-2-03", "P-6-03"},
		across: func(x *exchange, pass func(), t tenants) {
			if name, ok := x.sent["userName"].(string); ok && x.creates() {
				_, got := x.ask(func() { x.visit(t) }, http.MethodGet, "/Users?"+query("filter", `userName eq "`+name+`"`), nil)
				if page, _ := got["Resources"].([]any); len(page) > 0 {
					x.refuse(http.StatusConflict, scim.Uniqueness, "userName is taken")
					return
				}
			}
			pass()
		},
	},
}

// bear gives the request a token.
func (x *exchange) bear(token string) {
	x.drop("Authorization")
	x.request.Header.Set("Authorization", "Bearer "+token)
}

// visit asks the other tenant what was asked of this one.
func (x *exchange) visit(t tenants) {
	kept := x.request
	base := strings.TrimSuffix(t.other.Service.Base[strings.Index(t.other.Service.Base, "//")+2:], prefix)
	_, base, found := strings.Cut(base, "/")
	if found {
		base = "/" + base
	}
	u := *x.request.URL
	_, path, _ := strings.Cut(u.Path, prefix)
	u.Path, u.RawPath = base+prefix+path, ""
	x.bear(t.other.Token)
	x.request.URL = &u
	x.pass(t.other.handler)
	x.request = kept
}
