package scimtest

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/muster-id/muster/scim"
)

// nameFilter finds the userName that a filter asks for.
var nameFilter = regexp.MustCompile(`(?i)^userName\s+eq\s+"([^"]*)"$`)

// keep leaves of a page only the resources that f says.
func (x *exchange) keep(f func(resource map[string]any) bool) {
	if !x.lists() || x.got == nil {
		return
	}
	page := slices.DeleteFunc(x.page(), func(r any) bool {
		resource, ok := r.(map[string]any)
		return ok && !f(resource)
	})
	left := len(x.page()) - len(page)
	x.got["Resources"] = page
	x.got["itemsPerPage"] = len(page)
	if total, ok := x.got["totalResults"].(float64); ok {
		x.got["totalResults"] = int(total) - left
	}
}

// paging is a fault that alters the ListResponses about users and groups.
func paging(f func(x *exchange)) behave {
	return func(x *exchange, pass func()) {
		if pass(); x.lists() && x.got != nil && !x.failed() {
			f(x)
		}
	}
}

// listFaults are wrong answers to queries.
var listFaults = []Fault{
	{
		Name: "filter-ignored", Does: "ignores filters and returns everybody",
		Seen: "WSO2 Charon (wso2/charon#117), INDIGO IAM (indigo-iam/iam#931)", Rows: []string{"P-F-01", "P-F-02"},
		act: func(x *exchange, pass func()) {
			if x.lists() {
				x.setParam("filter", "")
			}
			pass()
		},
	},
	{
		Name: "filter-first-term", Does: "evaluates only the first term of a filter with and",
		Seen: "Cogtrix (NorthlandPositronics/Cogtrix#124)", Rows: []string{"P-F-12", "P-F-02"},
		act: func(x *exchange, pass func()) {
			if x.lists() {
				if first, _, compound := strings.Cut(x.param("filter"), " and "); compound {
					x.setParam("filter", first)
				}
			}
			pass()
		},
	},
	{
		Name: "filter-exact-names", Does: "knows attribute names in filters only in the case of the schema",
		Seen: "servers that look names up in a map", Rows: []string{"P-F-03", "S-2.1-01"},
		act: func(x *exchange, pass func()) {
			if name, _, _ := strings.Cut(x.param("filter"), " "); x.lists() && strings.EqualFold(name, "userName") && name != "userName" {
				x.refuse(http.StatusBadRequest, scim.InvalidFilter, "unknown attribute")
				return
			}
			pass()
		},
	},
	{
		Name: "filter-value-path-empty", Does: "finds nothing by attribute[…]",
		Seen: "FusionAuth 1.60 (FusionAuth/fusionauth-issues#3195)", Rows: []string{"P-F-14"},
		act: func(x *exchange, pass func()) {
			if x.lists() && strings.Contains(x.param("filter"), "[") {
				x.setParam("filter", `id eq "-"`)
			}
			pass()
		},
	},
	{
		Name: "filter-single-values", Does: "finds multi-valued attributes by their first value only",
		Seen: "servers with one column for an e-mail address", Rows: []string{"P-F-21"},
		act: func(x *exchange, pass func()) {
			pass()
			_, want, asked := strings.Cut(x.param("filter"), "emails.value eq ")
			x.keep(func(r map[string]any) bool {
				emails, _ := r["emails"].([]any)
				if !asked || len(emails) == 0 {
					return true
				}
				first, _ := emails[0].(map[string]any)
				value, _ := first["value"].(string)
				return strings.EqualFold(strconv.Quote(value), want)
			})
		},
	},
	{
		Name: "filter-name-exact", Does: "finds users only by the exact case of userName",
		Seen: "SimpleIdServer on PostgreSQL (simpleidserver/SimpleIdServer#489), Ory Polis (ory/polis#4067)", Rows: []string{"P-F-27", "P-5-01"},
		act: func(x *exchange, pass func()) {
			pass()
			if m := nameFilter.FindStringSubmatch(x.param("filter")); m != nil {
				x.keep(func(r map[string]any) bool { return r["userName"] == m[1] })
			}
		},
	},
	{
		Name: "filter-external-id-folded", Does: "finds externalId without regard to case",
		Seen: "servers on MySQL and SQL Server, whose collations ignore case", Rows: []string{"P-F-27", "S-3.1-12"},
		act: func(x *exchange, pass func()) {
			want, asked := strings.CutPrefix(x.param("filter"), "externalId eq ")
			if !x.lists() || !asked {
				pass()
				return
			}
			x.setParam("filter", "externalId pr")
			pass()
			x.keep(func(r map[string]any) bool {
				value, _ := r["externalId"].(string)
				return strings.EqualFold(strconv.Quote(value), want)
			})
		},
	},
	{
		Name: "filter-invalid-empty", Does: "answers a filter that it does not understand with an empty list",
		Seen: "servers that take what they cannot parse for a search that finds nobody", Rows: []string{"P-F-26", "P-F-16"},
		act: func(x *exchange, pass func()) {
			if pass(); x.lists() && x.status == http.StatusBadRequest && x.got["scimType"] == string(scim.InvalidFilter) {
				x.status = http.StatusOK
				x.got = map[string]any{
					"schemas": []any{scim.ListResponseMessage}, "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": []any{},
				}
			}
		},
	},
	{
		Name: "filter-invalid-everybody", Does: "answers a filter that it does not understand with everybody",
		Seen: "Cogtrix (NorthlandPositronics/Cogtrix#124)", Rows: []string{"P-F-26", "P-F-16"},
		act: func(x *exchange, pass func()) {
			if pass(); x.lists() && x.status == http.StatusBadRequest && x.got["scimType"] == string(scim.InvalidFilter) {
				x.setParam("filter", "")
				pass()
			}
		},
	},
	{
		Name: "filter-invalid-500", Does: "answers a filter that it does not understand with 500",
		Seen: "WSO2 Identity Server 5.11 (wso2/product-is#11182), Microsoft's reference code (AzureAD/SCIMReferenceCode#44)", Rows: []string{"P-F-26", "P-F-31"},
		act: func(x *exchange, pass func()) {
			if pass(); x.lists() && x.status == http.StatusBadRequest && x.got["scimType"] == string(scim.InvalidFilter) {
				x.refuse(http.StatusInternalServerError, "", "an unexpected error occurred")
			}
		},
	},
	{
		Name: "no-match-404", Does: "answers a query without matches with 404",
		Seen: "SCIM Gateway before 2.0.2 (jelhub/scimgateway#18)", Rows: []string{"P-3.4.2-06"},
		act: paging(func(x *exchange) {
			if x.got["totalResults"] == 0.0 {
				x.refuse(http.StatusNotFound, "", "no resource matches")
			}
		}),
	},
	{
		Name: "total-of-page", Does: "counts the page in totalResults",
		Seen: "WSO2 Identity Server 5.9 (wso2/product-is#7320)", Rows: []string{"P-3.4.2-03", "P-G-08"},
		act: paging(func(x *exchange) { x.got["totalResults"] = len(x.page()) }),
	},
	{
		Name: "total-missing", Does: "leaves totalResults out",
		Seen: "WSO2 Identity Server 5.6, in ResourceTypes (wso2/product-is#3372)", Rows: []string{"P-3.4.2-03"},
		act: paging(func(x *exchange) { delete(x.got, "totalResults") }),
	},
	{
		Name: "total-as-string", Does: "sends the numbers of a list as strings",
		Seen: "endpoints made with template languages", Rows: []string{"P-3.4.2-03", "P-3.4.2-05"},
		act: paging(func(x *exchange) {
			for _, name := range []string{"totalResults", "startIndex", "itemsPerPage"} {
				if n, ok := x.got[name].(float64); ok {
					x.got[name] = strconv.Itoa(int(n))
				}
			}
		}),
	},
	{
		Name: "items-per-page-asked", Does: "sends the count that was asked for as itemsPerPage",
		Seen: "elimity-com/scim (#154), django-scim2 (15five/django-scim2#208)", Rows: []string{"P-G-07"},
		act: paging(func(x *exchange) {
			if n, err := strconv.Atoi(cmp.Or(x.param("count"), "100")); err == nil {
				x.got["itemsPerPage"] = n
			}
		}),
	},
	{
		Name: "start-index-ignored", Does: "answers every page with the first, so that pages never end",
		Seen: "SCIMMY once (scimmyjs/scimmy#21)", Rows: []string{"P-G-11"},
		act: func(x *exchange, pass func()) {
			start := x.param("startIndex")
			if x.lists() {
				x.setParam("startIndex", "")
			}
			if pass(); x.lists() && start != "" && x.got["startIndex"] != nil {
				x.got["startIndex"], _ = strconv.Atoi(start)
			}
		},
	},
	{
		Name: "start-index-from-zero", Does: "counts startIndex from 0, so that whoever begins with 1 misses the first resource",
		Seen: "SimpleIdServer 2.0.0 (simpleidserver/SimpleIdServer#185)", Rows: []string{"P-G-01", "P-G-11"},
		act: func(x *exchange, pass func()) {
			n, err := strconv.Atoi(x.param("startIndex"))
			if x.lists() && err == nil {
				x.setParam("startIndex", strconv.Itoa(max(n, 0)+1))
			}
			if pass(); x.lists() && err == nil && x.got["startIndex"] != nil {
				x.got["startIndex"] = max(n, 0)
			}
		},
	},
	{
		Name: "count-ignored", Does: "returns all matches whatever count says",
		Seen: "Google Cloud Identity, which does not page", Rows: []string{"P-G-04"},
		act: func(x *exchange, pass func()) {
			if n, err := strconv.Atoi(x.param("count")); x.lists() && err == nil && n > 0 {
				x.setParam("count", "")
			}
			pass()
		},
	},
	{
		Name: "count-zero-full", Does: "takes count=0 for no count",
		Seen: "WSO2 Identity Server 5.8 (wso2/product-is#5362)", Rows: []string{"P-G-03"},
		act: func(x *exchange, pass func()) {
			if x.lists() && x.param("count") == "0" {
				x.setParam("count", "")
			}
			pass()
		},
	},
	{
		Name: "count-negative-500", Does: "answers a negative count with 500",
		Seen: "servers that hand it to SQL as LIMIT", Rows: []string{"P-G-02"},
		act: func(x *exchange, pass func()) {
			if x.lists() && strings.HasPrefix(x.param("count"), "-") {
				x.refuse(http.StatusInternalServerError, "", "LIMIT must not be negative")
				return
			}
			pass()
		},
	},
	{
		Name: "past-end-404", Does: "answers a startIndex behind the last match with 404",
		Seen: "endpoints whose framework has pages that do not exist", Rows: []string{"P-G-09"},
		act: paging(func(x *exchange) {
			total, _ := x.got["totalResults"].(float64)
			if n, err := strconv.Atoi(x.param("startIndex")); err == nil && n > int(total) && total > 0 {
				x.refuse(http.StatusNotFound, "", "that page contains no results")
			}
		}),
	},
	{
		Name: "order-unstable", Does: "turns the order of a list round with every request",
		Seen: "databases that are asked without ORDER BY", Rows: []string{"P-G-11", "P-S-10"},
		begin: func() behave {
			every := alternate()
			return func(x *exchange, pass func()) {
				if !x.lists() || x.param("sortBy") != "" || every() {
					pass()
					return
				}
				// The same page of the same list, read from its end.
				_, all := x.ask(pass, http.MethodGet, "/"+x.path[0]+"?count=0&"+query("filter", cmp.Or(x.param("filter"), "id pr")), nil)
				total, _ := all["totalResults"].(float64)
				start, count := x.window()
				first := max(int(total)-start+1-count+1, 1)
				count = max(int(total)-start+1-first+1, 0)
				asked := x.param("startIndex")
				x.setParam("startIndex", strconv.Itoa(first))
				x.setParam("count", strconv.Itoa(count))
				pass()
				slices.Reverse(x.page())
				if asked != "" && x.got["startIndex"] != nil {
					x.got["startIndex"] = start
				}
			}
		},
	},
	{
		Name: "sort-ignored", Does: "advertises sorting and does not sort",
		Seen: "Gluu oxTrust before 3.1.3 (GluuFederation/oxTrust#868)", Rows: []string{"P-S-02", "S-5-04"},
		act: func(x *exchange, pass func()) {
			if x.lists() {
				x.setParam("sortBy", "")
			}
			pass()
		},
	},
	{
		Name: "sort-descending", Does: "sorts descending where nothing is said",
		Seen: "lists that show the newest first", Rows: []string{"P-S-06"},
		act: func(x *exchange, pass func()) {
			if x.lists() && x.param("sortBy") != "" && x.param("sortOrder") == "" {
				x.setParam("sortOrder", "descending")
			}
			pass()
		},
	},
	{
		Name: "list-without-schemas", Does: "sends lists without schemas",
		Seen: "endpoints written by hand", Rows: []string{"P-3.4.2-02", "S-2.1-02"},
		act: paging(func(x *exchange) { delete(x.got, "schemas") }),
	},
	{
		Name: "list-as-array", Does: "sends lists as a bare JSON array",
		Seen: "endpoints written after other REST APIs", Rows: []string{"P-3.4.2-02", "P-3.4.2-03"},
		act: paging(func(x *exchange) { x.body, x.got = encode(x.page()), nil }),
	},
	{
		Name: "list-without-ids", Does: "sends the resources of a list without id",
		Seen: "endpoints whose lists come from another table than single resources", Rows: []string{"S-3.1-04", "P-3.4.2-08"},
		act: paging(func(x *exchange) { x.each(func(r map[string]any) { delete(r, "id") }) }),
	},
	{
		Name: "list-repeats", Does: "returns the first resource of a page twice",
		Seen: "queries that join a user with its groups", Rows: []string{"P-G-11"},
		act: paging(func(x *exchange) {
			if page := x.page(); len(page) > 0 {
				x.got["Resources"], x.got["itemsPerPage"] = slices.Insert(slices.Clone(page), 1, page[0]), len(page)+1
				if total, ok := x.got["totalResults"].(float64); ok {
					x.got["totalResults"] = total + 1
				}
			}
		}),
	},
	{
		Name: "search-404", Does: "does not know .search",
		Seen: "most products", Rows: []string{"P-Q-01", "P-Q-06"},
		act: func(x *exchange, pass func()) {
			if x.searches() {
				x.refuse(http.StatusNotFound, "", "there is no such endpoint")
				return
			}
			pass()
		},
	},
}

// window returns which part of a list is asked for.
func (x *exchange) window() (start, count int) {
	start, _ = strconv.Atoi(x.param("startIndex"))
	count, err := strconv.Atoi(x.param("count"))
	if err != nil {
		count = 100
	}
	return max(start, 1), max(count, 0)
}

// projectionFaults are answers with more or less than was asked for.
var projectionFaults = []Fault{
	{
		Name: "attributes-ignored", Does: "ignores attributes",
		Seen: "most products", Rows: []string{"P-A-01", "P-A-04"},
		act: func(x *exchange, pass func()) {
			x.setParam("attributes", "")
			pass()
		},
	},
	{
		Name: "excluded-ignored", Does: "ignores excludedAttributes",
		Seen: "SimpleIdServer, of members (simpleidserver/SimpleIdServer#490), WSO2 Identity Server, of roles (wso2/product-is#13855)",
		Rows: []string{"P-A-01", "P-A-05"},
		act: func(x *exchange, pass func()) {
			x.setParam("excludedAttributes", "")
			pass()
		},
	},
	{
		Name: "excluded-takes-id", Does: "leaves out id if excludedAttributes names it",
		Seen: "servers that project after they have built the document", Rows: []string{"P-A-03", "S-7-11"},
		act: func(x *exchange, pass func()) {
			pass()
			if slices.Contains(strings.Split(x.param("excludedAttributes"), ","), "id") {
				x.each(func(r map[string]any) { delete(r, "id") })
			}
		},
	},
	{
		Name: "excluded-takes-extensions", Does: "leaves extensions out whenever there is excludedAttributes",
		Seen: "SCIMMY once (scimmyjs/scimmy#37)", Rows: []string{"P-A-05"},
		act: func(x *exchange, pass func()) {
			pass()
			if x.param("excludedAttributes") != "" {
				x.each(func(r map[string]any) { delete(r, scim.EnterpriseUserSchema) })
			}
		},
	},
}
