package scimtest

import (
	"net/http"
	"strings"
	"time"

	"github.com/muster-id/muster/scim"
)

// answerFaults are wrong answers to requests that went well.
var answerFaults = []Fault{
	{
		Name: "create-200", Does: "answers a create with 200 instead of 201",
		Seen: "FusionAuth 1.36 (FusionAuth/fusionauth-issues#1775)", Rows: []string{"P-3.3-04"},
		act: func(x *exchange, pass func()) {
			if pass(); x.creates() && x.status == http.StatusCreated {
				x.status = http.StatusOK
			}
		},
	},
	{
		Name: "create-without-location", Does: "sends no Location with a new resource",
		Seen: "endpoints written by hand: neither Okta nor Entra ID reads it", Rows: []string{"P-3.3-06"},
		act: func(x *exchange, pass func()) {
			if pass(); x.creates() {
				x.header.Del("Location")
			}
		},
	},
	{
		Name: "create-without-body", Does: "sends no body with a new resource",
		Seen: "endpoints that answer with the Location only, as REST APIs do", Rows: []string{"P-3.3-05"},
		act: func(x *exchange, pass func()) {
			if pass(); x.creates() && !x.failed() {
				x.got, x.body = nil, nil
			}
		},
	},
	{
		Name: "create-location-differs", Does: "names another URL in Location than in meta.location",
		Seen: "WSO2 Identity Server 5.9 with tenants (wso2/product-is#7317)", Rows: []string{"P-3.3-06"},
		act: func(x *exchange, pass func()) {
			if pass(); x.creates() && x.header.Get("Location") != "" {
				x.header.Set("Location", strings.Replace(x.header.Get("Location"), prefix, "/t"+prefix, 1))
			}
		},
	},
	{
		Name: "put-204", Does: "answers PUT with 204 and no resource",
		Seen: "endpoints written after other REST APIs; Okta takes it for a failure", Rows: []string{"P-3.5.1-10"},
		act: func(x *exchange, pass func()) {
			if pass(); x.is(http.MethodPut) && x.status == http.StatusOK {
				x.status, x.got, x.body = http.StatusNoContent, nil, nil
			}
		},
	},
	{
		Name: "delete-200", Does: "answers DELETE with 200 and a body",
		Seen: "endpoints written after other REST APIs", Rows: []string{"P-3.6-01"},
		act: func(x *exchange, pass func()) {
			if pass(); x.is(http.MethodDelete) && x.status == http.StatusNoContent {
				x.status, x.body = http.StatusOK, []byte(`{"deleted":true}`)
			}
		},
	},
	{
		Name: "missing-200", Does: "answers 200 and {} where there is no resource",
		Seen: "Ory Polis, for a directory that it does not know", Rows: []string{"P-3.4.1-02"},
		act: func(x *exchange, pass func()) {
			if pass(); x.is(http.MethodGet) && x.one() && x.status == http.StatusNotFound {
				x.status, x.got = http.StatusOK, map[string]any{}
			}
		},
	},
	{
		Name: "single-as-list", Does: "answers GET of one resource with a ListResponse",
		Seen: "servers that look an id up with the query behind the list", Rows: []string{"P-3.4.1-01"},
		act: func(x *exchange, pass func()) {
			if pass(); x.is(http.MethodGet) && x.one() && x.status == http.StatusOK {
				x.got = map[string]any{
					"schemas": []any{scim.ListResponseMessage}, "totalResults": 1, "startIndex": 1, "itemsPerPage": 1,
					"Resources": []any{x.got},
				}
			}
		},
	},
	{
		Name: "echo", Does: "answers a create with what was sent, attributes included that it does not keep",
		Seen: "endpoints that marshal the request they have just read", Rows: []string{"P-3.1-04"},
		act: func(x *exchange, pass func()) {
			if pass(); x.creates() && x.status == http.StatusCreated {
				for name, value := range x.sent {
					if x.got[name] == nil {
						x.got[name] = value
					}
				}
			}
		},
	},
	{
		Name: "wrong-content-type", Does: "calls its answers application/json+scim",
		Seen: "FusionAuth 1.36 (FusionAuth/fusionauth-issues#1769)", Rows: []string{"P-3.1-01"},
		act: func(x *exchange, pass func()) {
			if pass(); x.header.Get("Content-Type") != "" {
				x.header.Set("Content-Type", "application/json+scim;charset=UTF-8")
			}
		},
	},
	{
		Name: "wrong-method-accepted", Does: "answers 200 to methods that an endpoint does not offer",
		Seen: "frameworks with a catch-all route", Rows: []string{"P-3.2-07"},
		act: func(x *exchange, pass func()) {
			if pass(); x.status == http.StatusMethodNotAllowed {
				x.status, x.got = http.StatusOK, map[string]any{}
				x.header.Del("Allow")
			}
		},
	},
}

// errorFaults are refusals that a client cannot read, or takes for something else.
var errorFaults = []Fault{
	{
		Name: "errors-in-html", Does: "sends errors as HTML pages",
		Seen: "what stands in front of servers: load balancers, Rails and Django error pages", Rows: []string{"P-3.12-01", "P-3.2-05", "P-3.1-01"},
		act: func(x *exchange, pass func()) {
			if pass(); x.failed() {
				x.header.Set("Content-Type", "text/html; charset=utf-8")
				x.got, x.body = nil, []byte("<!DOCTYPE html><title>"+http.StatusText(x.status)+"</title><h1>Something went wrong</h1>")
			}
		},
	},
	{
		Name: "errors-without-body", Does: "sends errors without a body",
		Seen: "scimmy-routers before 1.2.2 (scimmyjs/scimmy-routers#21)", Rows: []string{"P-3.12-01", "P-3.2-05"},
		act: func(x *exchange, pass func()) {
			if pass(); x.failed() {
				x.got, x.body = nil, nil
				x.header.Del("Content-Type")
			}
		},
	},
	{
		Name: "errors-without-schemas", Does: "sends errors as {\"error\":…,\"status\":…}",
		Seen: "Rails, which Scimitar lets through (pond/scimitar#124)", Rows: []string{"P-3.12-01", "S-2.1-02"},
		act: func(x *exchange, pass func()) {
			if pass(); x.failed() && x.got != nil {
				x.got = map[string]any{"error": http.StatusText(x.status), "status": x.got["status"]}
			}
		},
	},
	{
		Name: "errors-with-number", Does: "sends the status of an error as a number",
		Seen: "UnboundID SCIM 2 SDK, once (pingidentity/scim2#87)", Rows: []string{"P-3.12-02"},
		act: func(x *exchange, pass func()) {
			if pass(); x.failed() && x.got != nil {
				x.got["status"] = x.status
			}
		},
	},
	{
		Name: "errors-nested", Does: "wraps the error in a member response",
		Seen: "SimpleIdServer 2.0.4 (simpleidserver/SimpleIdServer#227)", Rows: []string{"P-3.12-01"},
		act: func(x *exchange, pass func()) {
			if pass(); x.failed() && x.got != nil {
				x.got = map[string]any{"status": x.got["status"], "response": x.got}
			}
		},
	},
	{
		Name: "errors-200", Does: "answers every failure with status 200 and the error in the body",
		Seen: "gateways that turn an application's errors into data", Rows: []string{"P-3.2-05", "P-3.12-02"},
		act: func(x *exchange, pass func()) {
			if pass(); x.failed() && x.status < http.StatusInternalServerError {
				x.status = http.StatusOK
			}
		},
	},
	{
		Name: "errors-with-stack-trace", Does: "answers broken JSON with 500 and a stack trace",
		Seen: "Jackson behind SCIMple (PennState/SCIMple-Identity#72)", Rows: []string{"P-3.3-10", "P-3.12-07"},
		act: func(x *exchange, pass func()) {
			if pass(); x.status == http.StatusBadRequest && len(x.raw) > 0 && x.sent == nil {
				x.refuse(http.StatusInternalServerError, "", "JsonParseException: at [Source: io.undertow.ServletInputStreamImpl@46b53b3; line: 1]"+
					" at com.example.scim.UserResource.create(UserResource.java:132)")
			}
		},
	},
	{
		Name: "conflict-400", Does: "answers a taken userName with 400 invalidValue",
		Seen: "FusionAuth 1.36 (FusionAuth/fusionauth-issues#1776), imulab/go-scim (#65)", Rows: []string{"P-3.3-07"},
		act: func(x *exchange, pass func()) {
			if pass(); x.creates() && x.status == http.StatusConflict {
				x.refuse(http.StatusBadRequest, scim.InvalidValue, "value of 'userName' is not unique")
			}
		},
	},
	{
		Name: "conflict-without-type", Does: "leaves scimType out of a 409",
		Seen: "Sentry (getsentry/sentry#117860), Ory Polis (ory/polis#4067)", Rows: []string{"P-3.3-07"},
		act: func(x *exchange, pass func()) {
			if pass(); x.status == http.StatusConflict {
				delete(x.got, "scimType")
			}
		},
	},
	{
		Name: "conflict-200", Does: "answers a create of a taken userName with 200 and the user that has it",
		Seen: "servers that make POST idempotent by userName", Rows: []string{"P-3.3-07"},
		act: func(x *exchange, pass func()) {
			if pass(); !x.creates() || x.status != http.StatusConflict || x.path[0] != "Users" {
				return
			}
			name, _ := x.sent["userName"].(string)
			if _, got := x.ask(pass, http.MethodGet, "/Users?"+query("filter", `userName eq "`+name+`"`), nil); got != nil {
				if page, _ := got["Resources"].([]any); len(page) > 0 {
					x.status = http.StatusOK
					x.got, _ = page[0].(map[string]any)
				}
			}
		},
	},
	{
		Name: "conflict-500", Does: "answers a taken userName with 500",
		Seen: "Gluu oxTrust (GluuFederation/oxTrust#401), Lightdash (lightdash/lightdash#12612)", Rows: []string{"P-3.3-07"},
		act: func(x *exchange, pass func()) {
			if pass(); x.status == http.StatusConflict {
				x.refuse(http.StatusInternalServerError, "", "an unexpected error occurred")
			}
		},
	},
	{
		Name: "login-redirect", Does: "redirects requests without a valid token to a login page",
		Seen: "applications whose session middleware stands before SCIM", Rows: []string{"P-2-01", "P-3.12-01"},
		act: func(x *exchange, pass func()) {
			if pass(); x.status == http.StatusUnauthorized {
				x.status, x.got, x.body = http.StatusFound, nil, []byte("<a href=\"/login\">Found</a>")
				x.header = http.Header{"Location": {"/login"}, "Content-Type": {"text/html; charset=utf-8"}}
			}
		},
	},
	{
		Name: "no-challenge", Does: "sends 401 without WWW-Authenticate",
		Seen: "most endpoints written by hand", Rows: []string{"P-2-01"},
		act: func(x *exchange, pass func()) { pass(); x.header.Del("WWW-Authenticate") },
	},
}

// networkFaults are what stands between client and server, and servers that have too much to do. Those that come and go
// fail every other request, beginning with the first.
var networkFaults = []Fault{
	{
		Name: "truncated", Does: "ends the bodies of successful reads in the middle, with the Content-Length of the part",
		Seen: "proxies that lose their upstream", Rows: []string{"C-08"},
		act: func(x *exchange, pass func()) {
			if pass(); x.is(http.MethodGet) && !x.failed() && x.got != nil {
				b := encode(x.got)
				x.got, x.body = nil, b[:len(b)/2]
			}
		},
	},
	{
		Name: "answer-lost", Does: "carries out each first create and closes the connection instead of answering",
		Seen: "load balancers whose time-out is shorter than a create takes", Rows: []string{"C-15"},
		begin: func() behave {
			every := alternate()
			return func(x *exchange, pass func()) {
				if pass(); x.creates() && !x.failed() && every() {
					panic(http.ErrAbortHandler)
				}
			}
		},
	},
	{
		Name: "slow", Does: "answers two seconds late",
		Seen: "WSO2 Identity Server with large groups: 22 s and more", Rows: []string{"C-10"},
		act: func(x *exchange, pass func()) {
			timer := time.NewTimer(2 * time.Second)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-x.request.Context().Done():
			}
			pass()
		},
	},
	throttle("too-many-requests", "429 and Retry-After: 1", "Slack, Zoom, Miro", http.StatusTooManyRequests, "1"),
	throttle("too-many-requests-bare", "429 without Retry-After", "Snowflake", http.StatusTooManyRequests, ""),
	throttle("too-many-requests-date", "429 and Retry-After with a date", "gateways built with RFC 9110 in hand", http.StatusTooManyRequests, "date"),
	throttle("unavailable", "503 and Retry-After: 1", "servers during a deployment", http.StatusServiceUnavailable, "1"),
	throttle("unavailable-bare", "503 without Retry-After, in HTML", "load balancers without a healthy server", http.StatusServiceUnavailable, ""),
}

// throttle is a fault that answers every other request with a status, without looking at it.
func throttle(name, does, seen string, status int, retryAfter string) Fault {
	return Fault{
		Name: name, Does: "answers every other request with " + does, Seen: seen, Rows: []string{"C-10"},
		begin: func() behave {
			every := alternate()
			return func(x *exchange, pass func()) {
				if !every() {
					pass()
					return
				}
				x.refuse(status, "", "try again later")
				switch {
				case retryAfter == "date":
					x.header.Set("Retry-After", time.Now().Add(2*time.Second).UTC().Format(http.TimeFormat))
				case retryAfter != "":
					x.header.Set("Retry-After", retryAfter)
				case status == http.StatusServiceUnavailable:
					x.got, x.body = nil, []byte("<html><h1>503 Service Temporarily Unavailable</h1></html>")
					x.header.Set("Content-Type", "text/html")
				}
			}
		},
	}
}
