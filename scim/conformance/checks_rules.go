package conformance

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"time"
)

// rulesChecks are about what RFC 7643 says of attributes and schemas.
var rulesChecks = []*Check{
	{
		Name: "schema/names", Rows: []string{"S-2.1-03"}, Reads: true,
		Title: "Attribute names are letters, digits, _, - and $.",
		Fix:   "Rename the attribute.",
		Run: func(t *T) {
			eachAttribute(t, func(urn, path string, a Object) {
				name, _ := a["name"].(string)
				if !attributeName.MatchString(name) {
					t.Errorf("%s: %s", urn, path)
				}
			})
		},
	},
	{
		Name: "schema/simple-has-no-parts", Rows: []string{"S-1.2-01", "S-7-04"}, Reads: true,
		Title: "Only complex attributes have sub-attributes, and each of them lists some.",
		Fix:   "Give type complex to what has subAttributes.",
		Run: func(t *T) {
			eachAttribute(t, func(urn, path string, a Object) {
				parts := len(elements(a["subAttributes"]))
				if a["type"] != "complex" && parts > 0 {
					t.Errorf("%s: %s is %s and has sub-attributes", urn, path, show(a["type"]))
				}
				if a["type"] == "complex" && parts == 0 {
					t.Warnf("%s: %s is complex and lists no sub-attributes", urn, path)
				}
			})
		},
	},
	{
		Name: "schema/no-complex-in-complex", Rows: []string{"S-2.3.8-02", "S-2.3.8-03"}, Reads: true,
		Title: "A complex attribute holds no complex one, and has no uniqueness or caseExact of its own.",
		Fix:   "Flatten it.",
		Run: func(t *T) {
			eachAttribute(t, func(urn, path string, a Object) {
				if a["type"] != "complex" || strings.HasPrefix(urn, "urn:ietf:params:scim:schemas:core:2.0:Schema") {
					return
				}
				if strings.Contains(path, ".") {
					t.Errorf("%s: %s is complex inside a complex attribute", urn, path)
				}
				if u, ok := a["uniqueness"].(string); ok && u != "none" {
					t.Warnf("%s: %s is complex with uniqueness %s", urn, path, u)
				}
			})
		},
	},
	{
		Name: "schema/reference-types", Rows: []string{"S-7-19"}, Reads: true,
		Title: "referenceTypes stands with type reference only.",
		Fix:   "Leave it out elsewhere.",
		Run: func(t *T) {
			eachAttribute(t, func(urn, path string, a Object) {
				if len(texts(a["referenceTypes"])) > 0 && a["type"] != "reference" {
					t.Errorf("%s: %s is %s", urn, path, show(a["type"]))
				}
			})
		},
	},
	{
		Name: "schema/resources", Rows: []string{"S-7-02", "P-4-02"}, Reads: true,
		Title: "/Schemas lists Schema resources with id, name and meta.",
		Fix:   "Send schemas, id and meta with each.",
		Run: func(t *T) {
			list := t.Get("/Schemas").List().Elements("Resources")
			if len(list) == 0 {
				t.Failf("there are none")
			}
			for _, s := range list {
				if s["id"] == nil || len(elements(s["attributes"])) == 0 {
					t.Errorf("one has no id or no attributes")
				}
				if !slices.Contains(texts(s["schemas"]), "urn:ietf:params:scim:schemas:core:2.0:Schema") {
					t.Warnf("%s does not say that it is a Schema", show(s["id"]))
				}
			}
		},
	},
	{
		Name: "schema/one", Rows: []string{"P-4-03"}, Reads: true,
		Title: "A schema is read by its URN, in any case; an unknown one is 404.",
		Fix:   "Serve /Schemas/{urn}.",
		Run: func(t *T) {
			t.Get("/Schemas/"+userURN).Is(200).Has("id", userURN)
			t.Get("/Schemas/"+strings.ReplaceAll(userURN, ":", "%3A")).Is(200).Has("id", userURN)
			if a := t.Get("/Schemas/" + strings.ToUpper(userURN)); a.Status != 200 {
				t.Warnf("the URN in capitals is answered with status %d", a.Status)
			}
			t.Get("/Schemas/urn:example:nothing").Refused("", 404)
		},
	},
	{
		Name: "schema/type-one", Rows: []string{"P-4-04", "S-6-01", "S-6-02"}, Reads: true,
		Title: "A resource type is read by its name, and has name, endpoint and a schema that exists.",
		Fix:   "Serve /ResourceTypes/{name}.",
		Run: func(t *T) {
			for _, typ := range t.Get("/ResourceTypes").List().Elements("Resources") {
				name, _ := typ["name"].(string)
				urn, _ := typ["schema"].(string)
				if name == "" || urn == "" || typ["endpoint"] == nil {
					t.Errorf("a type lacks name, endpoint or schema")
					continue
				}
				t.Get("/ResourceTypes/"+name).Is(200).Has("name", name)
				t.Get("/Schemas/" + urn).Is(200)
			}
		},
	},
	{
		Name: "discovery/paging-ignored", Rows: []string{"P-4-05"}, Reads: true,
		Title: "Paging parameters mean nothing to discovery: the whole list comes.",
		Fix:   "Ignore startIndex and count there.",
		Run: func(t *T) {
			whole := t.Get("/Schemas").List()
			if got := t.Get("/Schemas?startIndex=2&count=1").List(); len(got.Elements("Resources")) != len(whole.Elements("Resources")) {
				t.Warnf("a part of the list was answered")
			}
		},
	},
	{
		Name: "discovery/filter-refused", Rows: []string{"P-4-06", "AMB-34"}, Reads: true,
		Title: "A filter on discovery is refused with 403, because its answer would not be filtered.",
		Fix:   "Answer 403 to a filter on /Schemas and /ResourceTypes.",
		Run: func(t *T) {
			for _, path := range []string{"/Schemas", "/ResourceTypes"} {
				switch a := t.Get(path + Query("filter", "id pr")); a.Status {
				case 403:
					a.Refused("", 403)
				case 200:
					t.Warnf("GET %s ignores a filter", path)
				default:
					t.Errorf("GET %s with a filter is answered with status %d", path, a.Status)
				}
			}
		},
	},
	{
		Name: "discovery/required-members", Rows: []string{"S-5-01"}, Reads: true,
		Title: "ServiceProviderConfig has every member that RFC 7643 requires, with the right type.",
		Fix:   "Send patch, bulk, filter, changePassword, sort, etag and authenticationSchemes.",
		Run: func(t *T) {
			a := t.Get("/ServiceProviderConfig").Is(200)
			for _, path := range []string{"bulk/maxOperations", "bulk/maxPayloadSize", "filter/maxResults"} {
				if _, ok := a.At(path).(float64); !ok {
					t.Errorf("%s is %s, want an integer", path, show(a.At(path)))
				}
			}
			for _, s := range a.Elements("authenticationSchemes") {
				if s["type"] == nil || s["name"] == nil || s["description"] == nil {
					t.Errorf("an authentication scheme lacks type, name or description")
				}
			}
			if len(a.Elements("authenticationSchemes")) == 0 {
				t.Warnf("no authentication scheme is named")
			}
		},
	},
	{
		Name: "discovery/page-ceiling", Rows: []string{"S-5-05"},
		Title: "filter.maxResults is the largest page.",
		Fix:   "Cap count there.",
		Run: func(t *T) {
			most, ok := t.Config("filter/maxResults").(float64)
			t.Offered(ok && most > 0 && most <= 1000, "a filter.maxResults of at most 1,000")
			if most <= 20 {
				for range int(most) + 1 {
					t.User(nil)
				}
			}
			if got := len(t.Get(t.Users() + "?count=100000").List().IDs()); got > int(most) {
				t.Failf("a page has %d resources, filter.maxResults is %d", got, int(most))
			}
		},
	},
	{
		Name: "discovery/without-credentials", Rows: []string{"S-5-03"}, Reads: true,
		Title: "ServiceProviderConfig may be read without credentials; if not, it is 401.",
		Fix:   "Answer it to everybody, or with 401.",
		Run: func(t *T) {
			t.Offered(t.s.Token != "", "authentication: the check was started without a token, which")
			if a := t.Get("/ServiceProviderConfig", "Authorization:"); a.Status != 200 && a.Status != 401 {
				t.Failf("it is answered with status %d", a.Status)
			}
		},
	},
	{
		Name: "discovery/true", Rows: []string{"S-5-04"},
		Title: "What is advertised is so: sorting, filtering, versions and bulk work where they are offered.",
		Fix:   "Advertise what you do.",
		Run: func(t *T) {
			u := t.User(nil)
			if t.Supports("filter") {
				t.Find(t.Users(), `userName eq "`+u.Text("userName")+`"`).Finds(u.ID())
			} else if a := t.Get(t.Users() + Query("filter", `userName eq "`+u.Text("userName")+`"`)); a.Status == 200 && slices.Equal(a.IDs(), []string{u.ID()}) {
				t.Warnf("filters are not advertised, and work: clients will not use them")
			}
			if !t.Supports("patch") && t.Patch(u.Path(), Op("replace", "title", "T")).Status < 300 {
				t.Warnf("PATCH is not advertised, and works: clients will not use it")
			}
			if t.Supports("etag") && t.Get(u.Path()).Is(200).Header.Get("ETag") == "" {
				t.Errorf("etag is supported, and a resource has none")
			}
			if t.Supports("patch") {
				t.Patch(u.Path(), Op("replace", "title", "T")).Is(200, 204)
			}
			if t.Supports("bulk") {
				if a := t.Post("/Bulk", Object{"schemas": []any{bulkURN}, "Operations": []any{bulkOp("DELETE", u.Path(), "", nil)}}); a.Status != 200 {
					t.Errorf("bulk is supported, and is answered with status %d", a.Status)
				}
			} else if a := t.Post("/Bulk", Object{"schemas": []any{bulkURN}, "Operations": []any{}}); a.Status < 400 {
				t.Warnf("bulk is not advertised, and is answered with status %d", a.Status)
			}
		},
	},

	{
		Name: "create/name-in-capitals", Rows: []string{"S-2.1-01"},
		Title: "Attribute names are taken in any case, and answered as the schema has them.",
		Fix:   "Compare attribute names without case.",
		Run: func(t *T) {
			name := t.Name("capitals")
			t.Post(t.Users(), Object{"schemas": []any{userURN}, "USERNAME": name, "DisplayName": "D"}).Is(201).Has("userName", name).Has("displayName", "D")
		},
	},
	{
		Name: "create/twice-by-case", Rows: []string{"S-2.1-04"},
		Title: "Two members that differ in case are one attribute twice, and are refused.",
		Fix:   "Refuse duplicate names, compared without case.",
		Run: func(t *T) {
			name := t.Name("twice")
			a := t.Do("POST", t.Users(), `{"schemas":["`+userURN+`"],"userName":"`+name+`","username":"`+name+`x"}`)
			if a.Status < 300 {
				t.Warnf("it is accepted")
			} else if a.Status >= 500 {
				t.Failf("it is answered with status %d", a.Status)
			}
		},
	},
	{
		Name: "create/without-schemas", Rows: []string{"S-2.1-02", "AMB-01"},
		Title: "A body without schemas is refused with 400, or taken for the type of its endpoint.",
		Fix:   "Accept it: OneLogin leaves schemas out.",
		Run: func(t *T) {
			body := t.UserBody(nil)
			delete(body, "schemas")
			a := t.Post(t.Users(), body)
			if a.Status == 201 {
				if len(a.Strings("schemas")) == 0 {
					t.Errorf("the answer has no schemas either")
				}
				return
			}
			a.Refused("", 400)
		},
	},
	{
		Name: "create/empty-schemas", Rows: []string{"S-3-01"},
		Title: "Empty or repeated schemas are refused or mended; the answer names each once.",
		Fix:   "Send each URN once.",
		Run: func(t *T) {
			for _, schemas := range [][]any{{}, {userURN, userURN}} {
				a := t.Post(t.Users(), t.UserBody(Object{"schemas": schemas}))
				if a.Status != 201 {
					a.Refused("", 400)
					continue
				}
				if s := a.Strings("schemas"); len(s) == 0 || len(slices.Compact(sorted(s))) != len(s) {
					t.Errorf("schemas is %v", s)
				}
			}
		},
	},
	{
		Name: "create/foreign-schemas", Rows: []string{"S-3-02", "S-3.3-01"},
		Title: "A schema that the type does not have is refused or left out; the base schema is always there.",
		Fix:   "List only schemas of the resource type.",
		Run: func(t *T) {
			for _, schemas := range [][]any{{userURN, groupURN}, {userURN, "urn:example:unknown"}, {enterprise}} {
				a := t.Post(t.Users(), t.UserBody(Object{"schemas": schemas}))
				if a.Status != 201 {
					a.Refused("", 400)
					continue
				}
				for _, s := range a.Strings("schemas") {
					if s != userURN && s != enterprise {
						t.Errorf("the answer names %s", s)
					}
				}
				if !slices.Contains(a.Strings("schemas"), userURN) {
					t.Errorf("the answer does not name %s", userURN)
				}
			}
		},
	},
	{
		Name: "create/schemas-order", Rows: []string{"S-3-03", "S-3-06"},
		Title: "The order and the case of schemas mean nothing.",
		Fix:   "Compare URNs without case, as a set.",
		Run: func(t *T) {
			t.NeedEnterprise()
			t.User(Object{"schemas": []any{enterprise, userURN}, enterprise: Object{"department": "D"}}).Has(enterprise+"/department", "D")
			if a := t.Post(t.Users(), t.UserBody(Object{"schemas": []any{strings.ToUpper(userURN)}})); a.Status != 201 {
				t.Warnf("the URN in capitals is refused")
			}
		},
	},
	{
		Name: "create/unicode", Rows: []string{"S-2.3.1-01", "P-3.8-01"},
		Title: "Text comes back as it was sent, whatever its script.",
		Fix:   "Store and send UTF-8.",
		Run: func(t *T) {
			name := "名前 😀 \u00e9 \u0416"
			t.User(Object{"displayName": name}).Has("displayName", name)
		},
	},
	{
		Name: "create/wrong-types", Rows: []string{"P-3.3-09"},
		Title: "A value of the wrong JSON type is refused with 400.",
		Fix:   "Check types by the schema.",
		Run: func(t *T) {
			for name, v := range map[string]any{"name": "x", "emails": 5, "active": Object{}, "userName": 7, "title": []any{Object{}}} {
				a := t.Post(t.Users(), t.UserBody(Object{name: v}))
				if a.Status < 300 {
					t.Errorf("%s = %s is accepted", name, encode(v))
				} else {
					a.Refused("", 400)
				}
			}
		},
	},
	{
		Name: "create/defaults", Rows: []string{"P-3.3-02", "P-3.3-03", "AMB-22"},
		Title: "An attribute that was left out may be given a default; null is accepted.",
		Fix:   "Accept null for what is not required.",
		Run: func(t *T) {
			if a := t.User(nil).At("active"); a == false {
				t.Errorf("a new account is inactive")
			}
			t.Post(t.Users(), t.UserBody(Object{"title": nil})).Is(201).Lacks("title")
		},
	},
	{
		Name: "create/read-only-ignored", Rows: []string{"P-3.3-01", "S-4.3-02"},
		Title: "readOnly attributes in a request are ignored, not refused.",
		Fix:   "Ignore id, meta, groups and manager.displayName.",
		Run: func(t *T) {
			t.Post(t.Users(), t.UserBody(Object{"id": "x", "meta": Object{"version": "y"}, "groups": []any{Object{"value": "z"}}})).Is(201).Lacks("groups")
			t.NeedEnterprise()
			boss := t.User(Object{"displayName": "Boss"})
			u := t.User(Object{enterprise: Object{"manager": Object{"value": boss.ID(), "displayName": "Somebody Else"}}})
			if got := u.At(enterprise + "/manager/displayName"); got == "Somebody Else" {
				t.Errorf("manager.displayName is what the client sent")
			}
		},
	},
	{
		Name: "create/type-of-endpoint", Rows: []string{"P-3.3.1-01", "S-3.1-02"},
		Title: "meta is filled in, and its resourceType is that of the endpoint.",
		Fix:   "Set meta.resourceType, created, lastModified and location.",
		Run: func(t *T) {
			u := t.User(nil).Has("meta/resourceType", "User")
			for _, name := range []string{"created", "lastModified", "location"} {
				u.Text("meta/" + name)
			}
			t.Group().Has("meta/resourceType", "Group")
		},
	},
	{
		Name: "create/no-external-id", Rows: []string{"S-3.1-10"},
		Title: "externalId is the client's: the provider makes none up.",
		Fix:   "Leave externalId unassigned.",
		Run:   func(t *T) { t.User(nil).Lacks("externalId") },
	},
	{
		Name: "create/same-external-id", Rows: []string{"S-3.1-12"},
		Title: "externalId need not be unique.",
		Fix:   "Accept it twice.",
		Run: func(t *T) {
			id := t.Name("external")
			t.User(Object{"externalId": id})
			if a := t.Post(t.Users(), t.UserBody(Object{"externalId": id})); a.Status != 201 {
				t.Warnf("the second use of an externalId is answered with status %d", a.Status)
			}
		},
	},
	{
		Name: "create/binary", Rows: []string{"S-2.3.6-01", "S-4.1.2-09"},
		Title: "A certificate is base64 of DER; other text is refused.",
		Fix:   "Decode it before storing.",
		Run: func(t *T) {
			der := base64.StdEncoding.EncodeToString([]byte{0x30, 0x03, 0x02, 0x01, 0x05})
			if a := t.Post(t.Users(), t.UserBody(Object{"x509Certificates": []any{Object{"value": der}}})); a.Status != 201 {
				t.Warnf("a short DER value is refused: %s", show(a.At("detail")))
			}
			if a := t.Post(t.Users(), t.UserBody(Object{"x509Certificates": []any{Object{"value": "%%%"}}})); a.Status < 300 {
				t.Warnf("text that is no base64 is accepted as a certificate")
			} else {
				a.Refused("", 400)
			}
		},
	},
	{
		Name: "create/reference", Rows: []string{"S-2.3.7-01"},
		Title: "profileUrl holds a URI.",
		Fix:   "Refuse what is no URI.",
		Run: func(t *T) {
			if a := t.Post(t.Users(), t.UserBody(Object{"profileUrl": "not a uri at all"})); a.Status < 300 {
				t.Warnf("text with blanks is accepted as a URI")
			} else {
				a.Refused("", 400)
			}
		},
	},
	{
		Name: "create/duplicate-values", Rows: []string{"S-2.4-06"},
		Title: "The same value of the same type is not shown twice.",
		Fix:   "Drop exact duplicates in a list.",
		Run: func(t *T) {
			mail := email("same@example.com", "work")
			a := t.Post(t.Users(), t.UserBody(Object{"emails": []any{mail, mail}}))
			if a.Status != 201 {
				a.Refused("", 400)
				return
			}
			if n := len(a.Elements("emails")); n != 1 {
				t.Warnf("the same address is there %d times", n)
			}
		},
	},
	{
		Name: "create/languages", Rows: []string{"S-4.1.1-07", "S-4.1.1-08"},
		Title: "preferredLanguage takes what Accept-Language does; locale takes a language tag.",
		Fix:   "Accept RFC 9110 language ranges and BCP 47 tags.",
		Run: func(t *T) {
			t.User(Object{"preferredLanguage": "fr-CA, en;q=0.5", "locale": "en-US"}).Has("locale", "en-US")
			if a := t.Post(t.Users(), t.UserBody(Object{"locale": "e n"})); a.Status == 201 {
				t.Warnf("a locale with a blank is accepted")
			}
		},
	},
	{
		Name: "create/group-needs-name", Rows: []string{"S-4.2-01"},
		Title: "A group without displayName is refused.",
		Fix:   "Require displayName of groups (erratum 5368).",
		Run: func(t *T) {
			a := t.Post(t.Groups(), Object{"schemas": []any{groupURN}, "externalId": t.Name("nameless")})
			if a.Status < 300 {
				t.Warnf("a group without a name was made")
				return
			}
			a.Refused("", 400)
		},
	},
	{
		Name: "create/extension-at-the-top", Rows: []string{"S-3.3-02", "S-4.3-01"},
		Title: "employeeNumber outside its extension is not the enterprise attribute.",
		Fix:   "Take extension attributes from their container only.",
		Run: func(t *T) {
			t.NeedEnterprise()
			a := t.Post(t.Users(), t.UserBody(Object{"employeeNumber": "7"}))
			if a.Status == 201 && a.At(enterprise+"/employeeNumber") != nil {
				t.Errorf("it was taken for the enterprise attribute")
			}
			body := t.UserBody(Object{enterprise: Object{"department": "D"}})
			body["schemas"] = []any{userURN}
			if b := t.Post(t.Users(), body); b.Status == 201 {
				b.Has(enterprise+"/department", "D")
			} else {
				b.Refused("", 400)
			}
		},
	},
	{
		Name: "create/time-format", Rows: []string{"S-2.3.5-01"},
		Title: "meta.created and meta.lastModified are times with date, time and zone.",
		Fix:   "Send xsd:dateTime, such as 2026-01-02T03:04:05Z.",
		Run: func(t *T) {
			u := t.User(nil)
			for _, name := range []string{"meta/created", "meta/lastModified"} {
				if _, err := time.Parse(time.RFC3339, u.Text(name)); err != nil {
					t.Errorf("%s is %s", name, show(u.At(name)))
				}
			}
		},
	},
}

var attributeName = regexp.MustCompile(`^[A-Za-z$][A-Za-z0-9_$-]*$`)

// eachAttribute calls f for every attribute of every schema.
func eachAttribute(t *T, f func(urn, path string, a Object)) {
	for _, s := range t.Get("/Schemas").List().Elements("Resources") {
		urn, _ := s["id"].(string)
		walk(s["attributes"], "", func(path string, a Object) { f(urn, path, a) })
	}
}
