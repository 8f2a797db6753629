package scimtest

import (
	"net/http"
	"strings"
	"sync"

	"github.com/muster-id/muster/scim"
)

// cursorFaults are pages by cursor that go wrong (RFC 9865).
var cursorFaults = []Fault{
	{
		Name: "cursor-endless", Does: "sends the cursor of the first page with every page, so that pages never end",
		Seen: "none known yet: RFC 9865 is young", Rows: []string{"CUR-05"},
		begin: func() behave {
			var mu sync.Mutex
			var first any
			return func(x *exchange, pass func()) {
				if pass(); !x.lists() || x.got == nil || x.failed() || !x.byCursor() {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if next := x.got["nextCursor"]; x.param("cursor") == "" && next != nil {
					first = next
				}
				if first != nil {
					x.got["nextCursor"] = first
				}
			}
		},
	},
	{
		Name: "cursor-lost", Does: "sends no nextCursor although there is more",
		Seen: "none known yet: RFC 9865 is young", Rows: []string{"CUR-05"},
		act: paging(func(x *exchange) { delete(x.got, "nextCursor") }),
	},
	{
		Name: "cursor-forged", Does: "answers a cursor that it does not know with the first page",
		Seen: "none known yet: RFC 9865 is young", Rows: []string{"CUR-12", "CUR-25"},
		act: func(x *exchange, pass func()) {
			if pass(); x.lists() && x.status == http.StatusBadRequest && x.byCursor() && x.param("cursor") != "" {
				x.setCursor()
				pass()
			}
		},
	},
	{
		Name: "cursor-ignored", Does: "advertises cursors and answers them with pages by index",
		Seen: "none known yet: RFC 9865 is young", Rows: []string{"CUR-01", "S-5-04"},
		act: func(x *exchange, pass func()) {
			if x.lists() && x.byCursor() {
				x.setParam("cursor", "")
			}
			pass()
		},
	},
}

// byCursor reports whether a query asks for a page by cursor; the first one has an empty one.
func (x *exchange) byCursor() bool {
	if x.searches() {
		_, given := x.sent["cursor"]
		return given
	}
	return x.request.URL.Query().Has("cursor")
}

// setCursor makes a query one for the first page.
func (x *exchange) setCursor() {
	if x.searches() {
		x.sent["cursor"] = ""
		return
	}
	x.setParam("cursor", "")
	u := *x.request.URL
	u.RawQuery = strings.TrimPrefix(u.RawQuery+"&cursor=", "&")
	x.request.URL = &u
}

// bulk is a fault that alters the answers to bulk requests.
func bulk(f func(x *exchange, results []map[string]any)) behave {
	return func(x *exchange, pass func()) {
		if pass(); x.on("Bulk") && x.status == http.StatusOK {
			var results []map[string]any
			list, _ := x.got["Operations"].([]any)
			for _, r := range list {
				if r, ok := r.(map[string]any); ok {
					results = append(results, r)
				}
			}
			f(x, results)
		}
	}
}

// bulkFaults are bulk requests that go wrong (RFC 7644 §3.7).
var bulkFaults = []Fault{
	{
		Name: "bulk-501", Does: "advertises bulk and answers it with 501",
		Seen: "configurations copied from an example", Rows: []string{"P-B-01", "S-5-04"},
		act: func(x *exchange, pass func()) {
			if x.on("Bulk") {
				x.refuse(http.StatusNotImplemented, "", "bulk is not supported")
				return
			}
			pass()
		},
	},
	{
		Name: "bulk-status-object", Does: "sends the status of an operation as {\"code\":…}",
		Seen: "WSO2 Identity Server (wso2/product-is#16110), and SCIM 1.1", Rows: []string{"P-B-22"},
		act: bulk(func(_ *exchange, results []map[string]any) {
			for _, r := range results {
				r["status"] = map[string]any{"code": r["status"]}
			}
		}),
	},
	{
		Name: "bulk-response-string", Does: "sends the error of an operation as a string of JSON",
		Seen: "WSO2 Identity Server (wso2/product-is#16110)", Rows: []string{"P-B-23"},
		act: bulk(func(_ *exchange, results []map[string]any) {
			for _, r := range results {
				if r["response"] != nil {
					r["response"] = string(encode(r["response"]))
				}
			}
		}),
	},
	{
		Name: "bulk-without-id", Does: "leaves bulkId out of the results",
		Seen: "servers that expect results to be matched by order", Rows: []string{"P-B-13"},
		act: bulk(func(_ *exchange, results []map[string]any) {
			for _, r := range results {
				delete(r, "bulkId")
			}
		}),
	},
	{
		Name: "bulk-without-location", Does: "leaves location out of the results",
		Seen: "WSO2 Identity Server (wso2/product-is#16110)", Rows: []string{"P-B-21"},
		act: bulk(func(_ *exchange, results []map[string]any) {
			for _, r := range results {
				delete(r, "location")
			}
		}),
	},
	{
		Name: "bulk-status-of-failure", Does: "answers a bulk request with 400 if an operation fails",
		Seen: "servers that treat a job as a transaction", Rows: []string{"P-B-10"},
		act: bulk(func(x *exchange, results []map[string]any) {
			for _, r := range results {
				if s, _ := r["status"].(string); s >= "400" {
					x.status = http.StatusBadRequest
				}
			}
		}),
	},
	{
		Name: "bulk-stops", Does: "stops at the first failure although failOnErrors does not say so",
		Seen: "SCIM for Keycloak, as reported (Captain-P-Goldfish/scim-for-keycloak#71)", Rows: []string{"P-B-11"},
		act: func(x *exchange, pass func()) {
			if x.on("Bulk") && x.sent != nil {
				x.sent["failOnErrors"] = 1
			}
			pass()
		},
	},
	{
		Name: "bulk-fail-on-errors-ignored", Does: "goes on whatever failOnErrors says",
		Seen: "servers that read the operations only", Rows: []string{"P-B-12"},
		act: func(x *exchange, pass func()) {
			if x.on("Bulk") {
				delete(x.sent, "failOnErrors")
			}
			pass()
		},
	},
	{
		Name: "bulk-ids-unresolved", Does: "does not resolve bulkId references",
		Seen: "servers that hand each operation to the code of single requests", Rows: []string{"P-B-16"},
		act: func(x *exchange, pass func()) {
			if x.on("Bulk") {
				for _, op := range x.operations() {
					walk(op["data"], func(o map[string]any) {
						if s, ok := o["value"].(string); ok && strings.HasPrefix(s, "bulkId:") {
							o["value"] = strings.TrimPrefix(s, "bulkId:")
						}
					})
				}
			}
			pass()
		},
	},
	{
		Name: "bulk-limit-hidden", Does: "refuses more operations than two with 400 and without naming the limit, and advertises more",
		Seen: "gateways with limits of their own", Rows: []string{"P-B-27", "S-5-04"},
		act: func(x *exchange, pass func()) {
			if x.on("Bulk") && len(x.operations()) > 2 {
				x.refuse(http.StatusBadRequest, scim.InvalidValue, "bad request")
				return
			}
			pass()
		},
	},
	{
		Name: "bulk-duplicate-ids", Does: "accepts a bulkId twice in one request",
		Seen: "WSO2 Identity Server 5.8 (wso2/product-is#3947)", Rows: []string{"P-B-06"},
		act: func(x *exchange, pass func()) {
			var doubled []int
			if x.on("Bulk") {
				seen := map[any]bool{}
				for i, op := range x.operations() {
					if id := op["bulkId"]; id != nil && seen[id] {
						op["bulkId"] = "again-" + string(rune('a'+i%26))
						doubled = append(doubled, i)
					} else {
						seen[id] = true
					}
				}
			}
			pass()
			list, _ := x.got["Operations"].([]any)
			for _, i := range doubled {
				if i < len(list) {
					if r, ok := list[i].(map[string]any); ok && x.operations()[0]["bulkId"] != nil {
						r["bulkId"] = x.operations()[0]["bulkId"]
					}
				}
			}
		},
	},
}
