package conformance

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var discoveryChecks = []*Check{
	{
		Name: "discovery/config", Rows: []string{"P-4-01", "P-3.2-04"}, Reads: true,
		Title: "GET /ServiceProviderConfig answers one object with its schema, not a list.",
		Fix:   "Answer the configuration itself, with schemas set to urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig.",
		Run: func(t *T) {
			a := t.Get("/ServiceProviderConfig").Is(200)
			if !slices.Contains(a.Strings("schemas"), "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig") {
				t.Failf("schemas is %v", a.Strings("schemas"))
			}
			for _, f := range []string{"patch", "bulk", "filter", "changePassword", "sort", "etag"} {
				if _, ok := a.At(f + "/supported").(bool); !ok {
					t.Errorf("%s.supported is %s, want true or false", f, show(a.At(f+"/supported")))
				}
			}
		},
	},
	{
		Name: "discovery/config-same", Rows: []string{"P-4-07"}, Reads: true,
		Title: "The configuration does not change from one request to the next.",
		Fix:   "Generate it from what the server does, not from what a node happens to know.",
		Run: func(t *T) {
			one, two := t.Get("/ServiceProviderConfig").Is(200), t.Get("/ServiceProviderConfig").Is(200)
			if encode(one.Body) != encode(two.Body) {
				t.Failf("two requests were answered differently")
			}
		},
	},
	{
		Name: "discovery/read-only", Rows: []string{"S-5-02", "S-6-05", "S-7-03", "AMB-38"}, Reads: true,
		Title: "Discovery cannot be written: other methods are refused, with 405 and Allow at best.",
		Fix:   "Answer 405 with an Allow header on the discovery endpoints.",
		Run: func(t *T) {
			for _, path := range []string{"/ServiceProviderConfig", "/ResourceTypes", "/Schemas"} {
				for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
					a := t.Do(method, path, Object{"schemas": []any{"urn:example:nothing"}})
					switch {
					case a.Status < 400:
						t.Failf("%s was answered with status %d", a.what, a.Status)
					case a.Status != 405:
						t.Warnf("%s was answered with status %d, 405 says it best", a.what, a.Status)
					case a.Header.Get("Allow") == "":
						t.Warnf("%s was answered with 405 and without Allow", a.what)
					}
				}
			}
		},
	},
	{
		Name: "discovery/one-endpoint-each", Rows: []string{"P-3.2-06"}, Reads: true,
		Title: "Every resource type has an endpoint of its own.",
		Fix:   "Give each resource type another endpoint.",
		Run: func(t *T) {
			seen := map[string]string{}
			for _, typ := range t.Get("/ResourceTypes").List().Elements("Resources") {
				endpoint, _ := typ["endpoint"].(string)
				name, _ := typ["name"].(string)
				if other := seen[endpoint]; other != "" {
					t.Errorf("%s and %s share %s", name, other, endpoint)
				}
				seen[endpoint] = name
			}
		},
	},
	{
		Name: "discovery/schemas-of-types", Rows: []string{"S-7-01"}, Reads: true,
		Title: "Every schema that a resource type names can be read.",
		Fix:   "Serve /Schemas/{urn} for the schema and every extension of each resource type.",
		Run: func(t *T) {
			for _, typ := range t.Get("/ResourceTypes").List().Elements("Resources") {
				urns := []string{}
				if s, ok := typ["schema"].(string); ok {
					urns = append(urns, s)
				}
				for _, e := range elements(typ["schemaExtensions"]) {
					if s, ok := e["schema"].(string); ok {
						urns = append(urns, s)
					}
				}
				for _, urn := range urns {
					t.Get("/Schemas/"+urn).Is(200).Has("id", urn)
				}
			}
		},
	},
	{
		Name: "discovery/no-message-schemas", Rows: []string{"P-3.1-03"}, Reads: true,
		Title: "/Schemas lists no message schemas.",
		Fix:   "Leave out everything below urn:ietf:params:scim:api.",
		Run: func(t *T) {
			for _, s := range t.Get("/Schemas").List().Elements("Resources") {
				if id, _ := s["id"].(string); strings.HasPrefix(id, "urn:ietf:params:scim:api:") {
					t.Errorf("%s is listed", id)
				}
			}
		},
	},
	{
		Name: "discovery/data-types", Rows: []string{"S-2.3-01", "S-2.2-01"}, Reads: true,
		Title: "Attributes have the data types and characteristics that RFC 7643 defines, and no others.",
		Fix:   "Use string, boolean, decimal, integer, dateTime, binary, reference or complex, and the characteristics of RFC 7643 §7.",
		Run: func(t *T) {
			for _, s := range t.Get("/Schemas").List().Elements("Resources") {
				id, _ := s["id"].(string)
				walk(s["attributes"], "", func(path string, a Object) {
					for name, allowed := range characteristics {
						v, stated := a[name]
						if text, ok := v.(string); stated && (!ok || !slices.Contains(allowed, text)) {
							t.Errorf("%s: %s of %s is %s", id, name, path, show(v))
						}
					}
					for _, name := range []string{"multiValued", "required", "caseExact"} {
						if _, ok := a[name].(bool); a[name] != nil && !ok {
							t.Errorf("%s: %s of %s is %s, want true or false", id, name, path, show(a[name]))
						}
					}
				})
			}
		},
	},
	{
		Name: "discovery/version-segment", Rows: []string{"P-3.13-01", "P-3.13-02", "P-3.13-03"}, Reads: true,
		Title: "A version that does not exist is refused, not served by another one.",
		Fix:   "Answer 404, or 400 with invalidVers, for a version segment that you do not serve.",
		Run: func(t *T) {
			at := regexp.MustCompile(`/v[0-9]+$`).FindStringIndex(t.s.URL)
			t.Offered(at != nil, "a version in the base URL")
			a := t.Do("GET", t.s.URL[:at[0]]+"/v9"+t.Users(), nil, "Authorization: Bearer "+t.s.Token)
			if a.Status < 400 {
				t.Failf("/v9 was answered with status %d", a.Status)
			}
		},
	},
	{
		Name: "discovery/limits", Rows: []string{"P-B-26"}, Reads: true,
		Title: "Bulk, if it is offered, says how many operations and bytes it takes.",
		Fix:   "Publish bulk.maxOperations and bulk.maxPayloadSize as positive integers.",
		Run: func(t *T) {
			t.NeedBulk()
			a := t.Get("/ServiceProviderConfig").Is(200)
			if a.Int("bulk/maxOperations") <= 0 || a.Int("bulk/maxPayloadSize") <= 0 {
				t.Failf("the limits are not positive")
			}
		},
	},
	{
		Name: "discovery/media-type", Rows: []string{"P-3.1-01", "P-8.1-01"}, Reads: true,
		Title: "Answers say that they are application/scim+json.",
		Fix:   "Send Content-Type: application/scim+json.",
		Run: func(t *T) {
			for _, path := range []string{"/ServiceProviderConfig", t.Users() + "?count=1", t.Users() + "/muster-check-nobody"} {
				got, _, _ := strings.Cut(t.Get(path).Header.Get("Content-Type"), ";")
				switch strings.TrimSpace(strings.ToLower(got)) {
				case mediaType:
				case "application/json":
					t.Warnf("GET %s is answered as application/json", path)
				default:
					t.Errorf("GET %s is answered as %q", path, got)
				}
			}
		},
	},
	{
		Name: "discovery/message-urns", Rows: []string{"P-3.1-02"}, Reads: true,
		Title: "Messages carry URNs below urn:ietf:params:scim:api.",
		Fix:   "Use the message URNs of RFC 7644 for lists and errors.",
		Run: func(t *T) {
			t.Get(t.Users() + "?count=1").List()
			t.Get(t.Users()+"/muster-check-nobody").Refused("", 404)
		},
	},
	{
		Name: "discovery/needs-credentials", Rows: []string{"P-2-01"}, Reads: true,
		Title: "A request without credentials is answered 401 with WWW-Authenticate.",
		Fix:   "Answer 401 with a WWW-Authenticate header that names the scheme.",
		Run: func(t *T) {
			t.Offered(t.s.Token != "", "authentication: the check was started without a token, which")
			a := t.Get(t.Users(), "Authorization:")
			if a.Status != http.StatusUnauthorized {
				t.Failf("without a token %s is answered with status %d", t.Users(), a.Status)
			}
			if a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("the 401 has no WWW-Authenticate")
			}
		},
	},
}

var characteristics = map[string][]string{
	"type":       {"string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"},
	"mutability": {"readOnly", "readWrite", "immutable", "writeOnly"},
	"returned":   {"always", "never", "default", "request"},
	"uniqueness": {"none", "server", "global"},
}

// walk calls f for every attribute and sub-attribute of a schema.
func walk(attributes any, prefix string, f func(path string, a Object)) {
	for _, a := range elements(attributes) {
		name, _ := a["name"].(string)
		f(prefix+name, a)
		walk(a["subAttributes"], prefix+name+".", f)
	}
}

func elements(v any) []Object {
	list, _ := v.([]any)
	var out []Object
	for _, e := range list {
		if o, ok := e.(Object); ok {
			out = append(out, o)
		}
	}
	return out
}
