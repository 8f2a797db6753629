package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// newService is SCIM for users and groups in memory; a product has stores over its own tables.
func newService(base string) *server.Service {
	set := schema.Core(nil)
	return &server.Service{Base: base, Schemas: set, Profile: scim.Compat(), Stores: scimtest.NewMemory(set).Stores()}
}

// send prints the status of a request and one member of its answer.
func send(h http.Handler, token, method, path, body, member string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", scim.MediaType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	v, _ := schema.Parse(w.Body.Bytes())
	o, _ := v.(schema.Object)
	fmt.Println(method, path, w.Code, o[member])
}

// The handler goes into any router that matches by prefix; the rest of the product goes on beside it.
func ExampleHandler() {
	svc := newService("https://app.example.com/scim/v2")
	mux := http.NewServeMux()
	mux.Handle("/scim/v2/", server.Handler(server.Bearer(server.Static(svc), "secret"), server.Options{Prefix: "/scim/v2"}))
	mux.HandleFunc("GET /about", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"name":"the product"}`) })

	send(mux, "secret", "GET", "/about", "", "name")
	send(mux, "secret", "POST", "/scim/v2/Users", `{"userName":"ada@example.com"}`, "userName")
	send(mux, "wrong", "GET", "/scim/v2/Users", "", "detail")
	// Output:
	// GET /about 200 the product
	// POST /scim/v2/Users 201 ada@example.com
	// GET /scim/v2/Users 401 the bearer token is not valid
}

// A router that takes off what it matched, as http.StripPrefix and chi's Mount do, needs no Options.Prefix. Here the
// path says which tenant is meant; Open finds it and its token, and everything else follows from the service.
func ExampleHandler_tenants() {
	tenants := map[string]*server.Service{}
	for _, name := range []string{"acme", "initech"} {
		tenants[name] = newService("https://app.example.com/t/" + name + "/scim/v2")
	}
	h := server.Handler(func(r *http.Request) (*server.Service, error) {
		tenant := r.PathValue("tenant")
		svc := tenants[tenant]
		if svc == nil { // as for a wrong token, so that nobody learns which tenants there are
			return nil, scim.Errorf(http.StatusUnauthorized, "the bearer token is not valid")
		}
		return server.Bearer(server.Static(svc), "token-of-"+tenant)(r)
	}, server.Options{})
	mux := http.NewServeMux()
	mux.HandleFunc("/t/{tenant}/scim/v2/", func(w http.ResponseWriter, r *http.Request) {
		http.StripPrefix("/t/"+r.PathValue("tenant")+"/scim/v2", h).ServeHTTP(w, r)
	})

	send(mux, "token-of-acme", "POST", "/t/acme/scim/v2/Users", `{"userName":"ada"}`, "userName")
	send(mux, "token-of-initech", "GET", "/t/initech/scim/v2/Users", "", "totalResults")
	send(mux, "token-of-initech", "GET", "/t/acme/scim/v2/Users", "", "detail")
	send(mux, "token-of-initech", "GET", "/t/nobody/scim/v2/Users", "", "detail")
	// Output:
	// POST /t/acme/scim/v2/Users 201 ada
	// GET /t/initech/scim/v2/Users 200 0
	// GET /t/acme/scim/v2/Users 401 the bearer token is not valid
	// GET /t/nobody/scim/v2/Users 401 the bearer token is not valid
}

// caller is the key under which the product's own middleware leaves who is calling.
type caller struct{}

// A product that authenticates by itself does so in its middleware, and hands over through the context of the request
// who it was. Open only chooses what that caller sees.
func ExampleOpen() {
	svc := newService("https://app.example.com/scim/v2")
	authenticate := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if who := map[string]string{"Bearer k1": "okta"}[r.Header.Get("Authorization")]; who != "" {
				r = r.WithContext(context.WithValue(r.Context(), caller{}, who))
			}
			next.ServeHTTP(w, r)
		})
	}
	open := func(r *http.Request) (*server.Service, error) {
		who, ok := r.Context().Value(caller{}).(string)
		if !ok { // the answer to an unknown caller is a SCIM error too, so it is given here
			return nil, scim.Errorf(http.StatusUnauthorized, "sign in first")
		}
		own := *svc
		own.Subject = who // whose cursors these are
		own.Used = func(needed scim.Switches) {
			for s := range needed.All() {
				fmt.Println(who, "needs", s)
			}
		}
		return &own, nil
	}
	h := authenticate(server.Handler(open, server.Options{Prefix: "/scim/v2"}))

	send(h, "k1", "POST", "/scim/v2/Users", `{"userName":"ada","active":"True"}`, "active")
	send(h, "k2", "GET", "/scim/v2/Users", "", "status")
	// Output:
	// okta needs string-booleans
	// okta needs missing-schemas
	// POST /scim/v2/Users 201 true
	// GET /scim/v2/Users 401 401
}

// A resource type is data: its attributes are checked, filtered, patched and published like those of RFC 7643.
func ExampleService_customType() {
	badge := &schema.ResourceType{
		Name: "Badge", Endpoint: "/Badges", Description: "A card that opens doors",
		Schema: &schema.Schema{
			ID: "urn:example:params:scim:schemas:Badge", Name: "Badge",
			Attributes: []*schema.Attribute{
				{Name: "serial", Required: true, CaseExact: true, Uniqueness: schema.UniqueServer, Mutability: schema.Immutable},
				{Name: "doors", MultiValued: true},
				{Name: "pin", Mutability: schema.WriteOnly, Returned: schema.ReturnedNever},
			},
		},
	}
	set, err := schema.NewSet(nil, schema.User(), badge)
	if err != nil {
		fmt.Println(err)
		return
	}
	svc := &server.Service{
		Base: "https://app.example.com", Schemas: set, Profile: scim.Strict(), Stores: scimtest.NewMemory(set).Stores(),
	}
	h := server.Handler(server.Static(svc), server.Options{})

	send(h, "", "POST", "/Badges", `{"schemas":["urn:example:params:scim:schemas:Badge"],"serial":"A1","doors":["north"],"pin":"1234"}`, "pin")
	send(h, "", "GET", "/Badges?filter=doors+eq+%22NORTH%22", "", "totalResults")
	send(h, "", "PATCH", "/Badges/badge-1", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations":[{"op":"replace","path":"serial","value":"B2"}]}`, "scimType")
	send(h, "", "GET", "/ResourceTypes/Badge", "", "description")
	// Output:
	// POST /Badges 201 <nil>
	// GET /Badges?filter=doors+eq+%22NORTH%22 200 1
	// PATCH /Badges/badge-1 400 mutability
	// GET /ResourceTypes/Badge 200 A card that opens doors
}

// Hooks see every write of a store, whichever request it comes from.
func ExampleWithHooks() {
	svc := newService("https://app.example.com")
	svc.Stores["User"] = server.WithHooks(svc.Stores["User"], server.Hooks{
		Before: func(_ context.Context, w *server.Write) error {
			if w.Op == server.WriteDelete {
				return scim.Errorf(http.StatusForbidden, "deactivate people instead of deleting them")
			}
			w.After.Attrs["timezone"] = "Europe/Berlin" // it may complete the document too
			return nil
		},
		After: func(_ context.Context, w *server.Write, r *server.Resource) {
			if w.Before != nil && w.Before.Attrs["active"] == true && r.Attrs["active"] == false {
				fmt.Println("end the sessions of", r.ID)
			}
		},
	})
	h := server.Handler(server.Static(svc), server.Options{})

	send(h, "", "POST", "/Users", `{"userName":"ada"}`, "timezone")
	send(h, "", "PATCH", "/Users/user-1", `{"Operations":[{"op":"replace","path":"active","value":false}]}`, "active")
	send(h, "", "DELETE", "/Users/user-1", "", "detail")
	// Output:
	// POST /Users 201 Europe/Berlin
	// end the sessions of user-1
	// PATCH /Users/user-1 200 false
	// DELETE /Users/user-1 403 deactivate people instead of deleting them
}
