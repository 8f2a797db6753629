package clientcheck

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// rules are what holds for every request.
func rules() []definition {
	return slices.Concat(httpRules(), queryRules(), resourceRules(), patchRules(), bulkRules())
}

// must and should make a rule.
func must(name, rows, title, fix string, f func(*Checker, *exchange) (bool, string)) definition {
	return definition{
		Check: conformance.Check{Name: name, Rows: strings.Fields(rows), Title: title, Fix: fix}, level: conformance.Fail, begin: rule(f),
	}
}

func should(name, rows, title, fix string, f func(*Checker, *exchange) (bool, string)) definition {
	d := must(name, rows, title, fix, f)
	d.level = conformance.Warn
	return d
}

func httpRules() []definition {
	return []definition{
		must("http/authorization", "P-7.1-01 P-2-01", "Requests carry the bearer token in the Authorization header.",
			"Send Authorization: Bearer and the token with every request.", authorization),
		must("http/no-token-in-url", "P-7.1-01", "Neither tokens nor passwords stand in a URL.",
			"Send the token in the Authorization header, and what is secret in the body.", noSecrets),
		should("http/user-agent", "IOP-09", "Requests name the program in User-Agent.", "Send a User-Agent.",
			func(_ *Checker, x *exchange) (bool, string) {
				return true, when(x.request.UserAgent() == "", "there is no User-Agent")
			}),
		must("http/content-type", "P-3.8-05 P-3.8-06", "Bodies are declared as JSON in UTF-8.",
			"Send Content-Type: application/scim+json with every body.", contentType),
		should("http/scim-type", "IOP-08", "Bodies are declared as application/scim+json, not only as some JSON.",
			"Send Content-Type: application/scim+json with every body.", func(_ *Checker, x *exchange) (bool, string) {
				media, _, _ := mime.ParseMediaType(x.request.Header.Get("Content-Type"))
				return len(x.raw) > 0 && media == scim.MediaType, when(len(x.raw) > 0 && media == "application/json", "Content-Type is application/json")
			}),
		should("http/accept", "P-3.8-02", "Accept asks for application/scim+json.", "Send Accept: application/scim+json.",
			func(_ *Checker, x *exchange) (bool, string) {
				accept := strings.ToLower(x.request.Header.Get("Accept"))
				return true, when(accept != "" && !strings.Contains(accept, "json") && !strings.Contains(accept, "*/*"),
					"Accept is "+scim.Quote(accept)+", which no SCIM answer is")
			}),
		must("http/json", "P-3.8-01 P-3.8-10", "Bodies are JSON objects in UTF-8 in which no name stands twice.", "Send valid JSON.",
			func(_ *Checker, x *exchange) (bool, string) {
				if len(x.raw) == 0 {
					return false, ""
				}
				if x.invalid != nil {
					return true, "the body is no JSON: " + x.invalid.Error()
				}
				return true, when(x.sent == nil, "the body is no JSON object")
			}),
		should("http/no-body", "RFC-9110-9.3", "GET and DELETE have no body.", "Leave the body out.",
			func(_ *Checker, x *exchange) (bool, string) {
				return x.method == http.MethodGet || x.method == http.MethodDelete,
					when((x.method == http.MethodGet || x.method == http.MethodDelete) && len(x.raw) > 0, "it has a body")
			}),
		must("http/conditions", "P-3.14-04 C-11", "If-Match names a version that the provider has shown.",
			"Send the ETag as it was received, with its quotes.", conditions),
		must("http/loop", "P-3.1-05 C-16", "A write that succeeded is not sent over and over.",
			"Compare with what the provider shows, not with what was sent.", func(c *Checker, x *exchange) (bool, string) {
				n := c.seen.writes[x.key]
				return x.writes() && x.status < 300, when(n >= 4 && x.status < 300, fmt.Sprintf("the same request succeeded %d times before", n))
			}),
		must("url/encoding", "P-1.2-01", "What URLs do not allow is percent-encoded, once.",
			"Encode the parameters of a query once, as UTF-8.", encoding),
		must("url/endpoint", "P-3.2-02 C-04", "Requests go to endpoints that the provider has.",
			"Take the endpoints from /ResourceTypes, and add nothing to them.", endpoint),
		must("url/id", "IOP-07", "Resources are addressed by the id that the provider gave them.",
			"Keep the id of the answer to the create, or look it up by a filter.", func(c *Checker, x *exchange) (bool, string) {
				if !x.one() {
					return false, ""
				}
				id := x.path[1]
				if !c.seen.ids[id] && c.seen.names[strings.ToLower(id)] {
					return true, "the URL has a userName, displayName or externalId in the place of the id"
				}
				return c.seen.ids[id], ""
			}),
		should("url/discovery", "C-04 P-3.2-02", "The client asks what the provider is before it begins.",
			"Read /ServiceProviderConfig and /ResourceTypes.", func(c *Checker, x *exchange) (bool, string) {
				return x.discovery(), when(x.typ != nil && !c.seen.discover && c.n == 1, "the first request is on a resource: nothing was discovered")
			}),
	}
}

// when returns the problem where there is one.
func when(wrong bool, problem string) string {
	if wrong {
		return problem
	}
	return ""
}

func authorization(c *Checker, x *exchange) (bool, string) {
	h := x.request.Header.Values("Authorization")
	switch {
	case len(h) == 0 && x.discovery():
		return false, "" // RFC 7644 §4: may be read by everybody
	case len(h) == 0:
		return true, "there is no Authorization header"
	case len(h) > 1:
		return true, "there are two Authorization headers"
	}
	scheme, token, _ := strings.Cut(h[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return true, "Authorization is not a bearer token"
	}
	return true, when(strings.TrimSpace(token) != c.token, "the token is not the one that this provider told")
}

func noSecrets(c *Checker, x *exchange) (bool, string) {
	for name := range x.query {
		switch strings.ToLower(name) {
		case "access_token", "token", "api_key", "apikey", "password", "client_secret":
			return true, "the URL has the parameter " + scim.Quote(name)
		}
	}
	for _, values := range x.query {
		if slices.Contains(values, c.token) {
			return true, "the URL has the token in it"
		}
	}
	return true, when(slices.Contains(x.path, c.token), "the URL has the token in it")
}

func contentType(_ *Checker, x *exchange) (bool, string) {
	if len(x.raw) == 0 {
		return false, ""
	}
	media, params, err := mime.ParseMediaType(x.request.Header.Get("Content-Type"))
	if err != nil {
		return true, "the body has no Content-Type that can be read"
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return true, "the body is declared as " + scim.Quote(charset)
	}
	return true, when(media != scim.MediaType && media != "application/json", "Content-Type is "+scim.Quote(media))
}

func conditions(c *Checker, x *exchange) (bool, string) {
	match, none := x.request.Header.Get("If-Match"), x.request.Header.Get("If-None-Match")
	if match == "" && none == "" {
		return false, ""
	}
	if x.creates() && match != "" {
		return true, "a create has If-Match"
	}
	for _, list := range []string{match, none} {
		for tag := range strings.SplitSeq(list, ",") {
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			switch {
			case tag == "" || tag == "*":
			case len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"':
				return true, scim.Quote(tag) + " is no entity tag: its quotes belong to it"
			case !c.seen.versions[tag]:
				return true, "no answer had the version " + scim.Quote(tag)
			}
		}
	}
	return true, ""
}

func encoding(_ *Checker, x *exchange) (bool, string) {
	if x.request.URL.RawQuery == "" {
		return false, ""
	}
	if !x.queryOK {
		return true, "the query cannot be decoded"
	}
	if i := strings.IndexFunc(x.request.URL.RawQuery, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>[]{}|\\^`", r) }); i >= 0 {
		return true, scim.Quote(x.request.URL.RawQuery[i:i+1]) + " in the query is not percent-encoded"
	}
	for _, values := range x.query {
		for _, v := range values {
			if strings.Contains(v, "%20") || strings.Contains(v, "%22") {
				return true, "the query is percent-encoded twice"
			}
		}
	}
	return true, ""
}

func endpoint(c *Checker, x *exchange) (bool, string) {
	switch {
	case !x.inside:
		return true, "this is not below the base URL " + c.base
	case len(x.path) == 0:
		return true, "the base URL itself is no endpoint"
	case slices.Contains(x.path, ""):
		return true, "the path has an empty segment"
	case x.typ == nil && len(x.path) == 2 && x.searches():
	case x.typ == nil && !x.discovery() && !x.bulk() && x.path[0] != "Me" && !(len(x.path) == 1 && x.searches()):
		return true, "there is no such endpoint"
	case x.status == http.StatusMethodNotAllowed:
		return true, "the endpoint has no such method"
	}
	return true, ""
}

func queryRules() []definition {
	return []definition{
		must("query/filter", "P-F-05 P-F-15 P-Q-04", "Filters follow the grammar, and compare what there is with what fits.",
			"Write attribute operator \"value\", with strings in double quotes and escaped as JSON.", filters),
		should("query/qualified", "C-05 P-3.10-03", "Attributes of extensions are fully qualified in filters and projections.",
			"Write the URN of the extension in front of the attribute, and a colon.", qualifiedQuery),
		must("query/projection", "P-A-06", "Only one of attributes and excludedAttributes is there.", "Send one of the two.",
			func(_ *Checker, x *exchange) (bool, string) {
				return x.typ != nil && (x.has("attributes") || x.has("excludedAttributes")),
					when(x.has("attributes") && x.has("excludedAttributes"), "attributes and excludedAttributes exclude each other")
			}),
		should("query/projection-names", "P-A-02", "attributes and excludedAttributes name attributes that there are.",
			"Send names of /Schemas, separated by commas.", projection),
		must("query/numbers", "P-G-10", "startIndex and count are integers.", "Send integers.", numbers(func(n int, err error, _ string) bool { return err != nil })),
		should("query/first", "P-G-01 P-G-02", "startIndex begins with 1, and count is not negative.", "Count from 1.",
			numbers(func(n int, err error, name string) bool {
				return err == nil && (n < 0 || n == 0 && name == "startIndex")
			})),
		must("query/next-page", "P-G-12 C-02", "The next page begins behind the last resource that was received.",
			"Add to startIndex the number of resources received, not the number asked for.", nextPage),
		must("query/end", "P-G-06 C-02", "A listing ends at an empty page.",
			"Stop at an empty page, whatever totalResults says.", func(c *Checker, x *exchange) (bool, string) {
				last, ok := c.seen.lists[x.listing()]
				if !x.lists() || !ok || x.start() <= 1 {
					return false, ""
				}
				return true, when(last.beyond >= 2 && x.start() > last.total, "two pages behind the end were empty, and it asks for more")
			}),
		must("query/cursor", "CUR-08 CUR-01 C-19", "A cursor is one that the provider gave, and all else stays the same from page to page.",
			"Send nextCursor as it was received, and every other parameter as before.", cursors),
		must("query/search-message", "P-Q-02", "A query by POST is a SearchRequest.", "Send schemas with the URN of the SearchRequest.",
			func(_ *Checker, x *exchange) (bool, string) {
				return x.searches(), when(x.searches() && !slices.Equal(texts(x.sent["schemas"]), []string{scim.SearchRequestMessage}), "schemas is not that of a SearchRequest")
			}),
		should("query/private", "C-14 P-7.5.2-01", "Personal data is searched for by POST on /.search.",
			"Send filters on addresses, phone numbers and names in the body of a POST on /.search.", private),
		should("query/members", "C-17", "Lists of groups leave the members out.", "Send excludedAttributes=members with lists of groups.",
			func(_ *Checker, x *exchange) (bool, string) {
				if !x.lists() || x.typ.Name != "Group" || x.has("filter") {
					return false, ""
				}
				return true, when(!strings.Contains(strings.ToLower(x.param("excludedAttributes")), "members") && !x.has("attributes"), "every member of every group is asked for")
			}),
	}
}

func filters(_ *Checker, x *exchange) (bool, string) {
	if f := x.query.Get("filter"); f != "" && x.method != http.MethodGet {
		return true, "a filter stands in the URL of a " + x.method
	}
	if !x.lists() || !x.has("filter") {
		return false, ""
	}
	e, err := filter.Parse(x.param("filter"), nil)
	if err == nil {
		_, err = filter.Bind(e, x.typ, filter.OneType, nil)
	}
	if err != nil && extension(x.typ, err, x.param("filter")) {
		return true, "" // query/qualified is about it
	}
	return true, problem(err)
}

// problem is what a refusal says.
func problem(err error) string {
	if err == nil {
		return ""
	}
	if e := scim.AsError(err); e != nil {
		return e.Detail
	}
	return err.Error()
}

// extension reports whether what a text was refused for is the name of an attribute of an extension without its URN.
func extension(t *schema.ResourceType, err error, s string) bool {
	p := scim.Compat()
	e, perr := filter.Parse(s, nil)
	if err == nil || perr != nil {
		return false
	}
	_, forgiven := filter.Bind(e, t, filter.OneType, scim.NewDialect(p))
	return forgiven == nil && bare(t, e) != ""
}

// bare returns the first name of an extension's attribute in a filter that is not qualified.
func bare(t *schema.ResourceType, e filter.Expr) (name string) {
	filter.Walk(e, func(e filter.Expr) bool {
		var n string
		switch e := e.(type) {
		case *filter.Compare:
			n = e.Name
		case *filter.Element:
			n = e.Name
		}
		if bareName(t, n) {
			name = n
		}
		return name == ""
	})
	return name
}

// bareName reports whether a name is that of an extension's attribute without its URN.
func bareName(t *schema.ResourceType, name string) bool {
	first, _, _ := strings.Cut(name, ".")
	if name == "" || strings.Contains(name, ":") || t.Schema.Attribute(first) != nil {
		return false
	}
	return slices.ContainsFunc(t.Extensions, func(e schema.Extension) bool { return e.Schema.Attribute(first) != nil })
}

func qualifiedQuery(_ *Checker, x *exchange) (bool, string) {
	if !x.lists() {
		return false, ""
	}
	seen := strings.Contains(x.param("filter")+x.param("attributes")+x.param("excludedAttributes"), ":extension:")
	if e, err := filter.Parse(x.param("filter"), nil); err == nil {
		if name := bare(x.typ, e); name != "" {
			return true, scim.Quote(name) + " is not qualified"
		}
	}
	for _, list := range []string{"attributes", "excludedAttributes"} {
		for name := range strings.SplitSeq(x.param(list), ",") {
			if bareName(x.typ, strings.TrimSpace(name)) {
				return true, scim.Quote(name) + " is not qualified"
			}
		}
	}
	return seen, ""
}

// numbers makes a rule of what is wrong with a number of a query.
func numbers(wrong func(n int, err error, name string) bool) func(*Checker, *exchange) (bool, string) {
	return func(_ *Checker, x *exchange) (seen bool, problem string) {
		for _, name := range []string{"startIndex", "count"} {
			if !x.lists() || !x.has(name) {
				continue
			}
			seen = true
			if n, err := strconv.Atoi(x.param(name)); wrong(n, err, name) {
				return true, name + " is " + scim.Quote(x.param(name))
			}
		}
		return seen, ""
	}
}

func projection(_ *Checker, x *exchange) (bool, string) {
	if x.typ == nil || !x.has("attributes") && !x.has("excludedAttributes") {
		return false, ""
	}
	for _, list := range []string{"attributes", "excludedAttributes"} {
		for name := range strings.SplitSeq(x.param(list), ",") {
			name = strings.TrimSpace(name)
			if _, err := x.typ.Resolve(name, nil); name != "" && err != nil && !bareName(x.typ, name) {
				return true, scim.Quote(name) + " is no attribute"
			}
		}
	}
	return true, ""
}

func nextPage(c *Checker, x *exchange) (bool, string) {
	last, ok := c.seen.lists[x.listing()]
	if !x.lists() || !ok || x.start() <= last.start || last.received == 0 || x.has("cursor") {
		return false, ""
	}
	want := last.start + last.received
	if x.start() > want {
		return true, fmt.Sprintf("startIndex is %d, but the page before was of %d resources from %d: %d are skipped", x.start(), last.received, last.start, x.start()-want)
	}
	return true, ""
}

func cursors(c *Checker, x *exchange) (bool, string) {
	if !x.lists() || !x.has("cursor") {
		return false, ""
	}
	if x.has("startIndex") {
		return true, "cursor and startIndex exclude each other"
	}
	cursor := x.param("cursor")
	if cursor == "" {
		return true, ""
	}
	query, ok := c.seen.cursors[cursor]
	switch {
	case !ok:
		return true, "no answer had this cursor"
	case query != pageQuery(x):
		return true, "the query is not that of the page before"
	}
	return true, ""
}

func private(_ *Checker, x *exchange) (bool, string) {
	if !x.lists() || !x.has("filter") {
		return false, ""
	}
	e, err := filter.Parse(x.param("filter"), nil)
	if err != nil {
		return false, ""
	}
	sensitive := ""
	filter.Walk(e, func(e filter.Expr) bool {
		name := ""
		switch e := e.(type) {
		case *filter.Compare:
			name = e.Name
		case *filter.Element:
			name = e.Name
		}
		first, _, _ := strings.Cut(strings.ToLower(name), ".")
		if slices.Contains([]string{"emails", "phonenumbers", "addresses", "ims", "photos", "name", "password"}, first) {
			sensitive = name
		}
		return sensitive == ""
	})
	return sensitive != "", when(sensitive != "" && !x.searches(), "the URL has personal data in it: "+scim.Quote(sensitive))
}
