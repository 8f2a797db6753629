package scimtest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

func ExampleStart() {
	srv, err := scimtest.Start(scimtest.Options{Faults: []string{"patch-active-ignored"}}) // in a test: scimtest.New(t, …)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	id, err := srv.Add("User", `{"userName":"ada@example.com","active":true}`)
	if err != nil {
		fmt.Println(err)
		return
	}

	// What is under test goes here: a client with srv.URL and srv.Token that deactivates Ada.
	patch := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}`
	req, err := http.NewRequest("PATCH", srv.URL+"/Users/"+id, strings.NewReader(patch))
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+srv.Token)
	req.Header.Set("Content-Type", scim.MediaType)
	resp, err := srv.Client().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()

	ada, _ := srv.Memory.Get("User", id)
	fmt.Println(resp.StatusCode, "and active is", ada["active"])
	for _, r := range srv.Requests() {
		fmt.Println(r.Method, r.Path, r.Status)
	}
	// Output:
	// 200 and active is true
	// PATCH /Users/user-1 200
}

// TestConforms: the good server is good, in the letter of the RFCs and as identity providers want it.
func TestConforms(t *testing.T) {
	t.Parallel()
	for _, profile := range []scim.Profile{scim.Compat(), scim.Strict()} {
		t.Run(profile.Name, func(t *testing.T) {
			t.Parallel()
			s := scimtest.New(t, scimtest.Options{Profile: profile})
			conformance.Test(t, conformance.Options{URL: s.URL, Token: s.Token, Client: s.Client()})
		})
	}
}

func TestServerIsSeenFromInside(t *testing.T) {
	t.Parallel()
	s := scimtest.New(t, scimtest.Options{})
	p := newPeer(t, s)
	ada, err := s.Add("User", `{"userName":"ada","`+scim.EnterpriseUserSchema+`":{"department":"R"}}`)
	if err != nil {
		t.Fatal(err)
	}
	group, err := s.Add("Group", `{"displayName":"g","members":[{"value":"`+ada+`"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for typeName, doc := range map[string]string{"Pet": `{}`, "User": `{}`, "Group": `[]`} {
		if _, err := s.Add(typeName, doc); err == nil {
			t.Errorf("%s %s was added", typeName, doc)
		}
	}
	g, ok := s.Memory.Get("Group", group)
	if got := fmt.Sprint(g["members"]); !ok || got != "[map[display:ada type:User value:"+ada+"]]" {
		t.Errorf("members: %s", got)
	}
	if _, ok := s.Memory.Get("User", group); ok {
		t.Error("a group was found as user")
	}
	if len(s.Requests()) != 0 {
		t.Errorf("Add is in the list of requests: %+v", s.Requests())
	}
	p.patch("/Users/"+ada, `{"op":"replace","path":"title","value":"Dr"}`)
	p.get("/Users/no%20body?attributes=id")
	all := s.Memory.All("User")
	if len(all) != 1 || all[0]["title"] != "Dr" || all[0]["meta"].(schema.Object)["version"] != `W/"2"` {
		t.Errorf("got %v", all)
	}
	requests := s.Requests()
	if len(requests) != 2 || requests[0].Status != 200 || !strings.Contains(requests[0].Body, "Dr") ||
		requests[1].Path != "/Users/no%20body" || requests[1].Query != "attributes=id" || requests[1].Status != 404 {
		t.Errorf("got %+v", requests)
	}
	s.Forget()
	if len(s.Requests()) != 0 {
		t.Error("what was forgotten is still there")
	}
}

func TestScript(t *testing.T) {
	t.Parallel()
	s := scimtest.New(t, scimtest.Options{})
	p := newPeer(t, s)
	answer := func(status int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	s.Script(2, "GET", "/Users", answer(502))
	s.Script(1, "", "/Users", answer(418))
	var got []int
	for range 4 {
		got = append(got, p.get("/Users").status)
	}
	if want := []int{502, 502, 418, 200}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if r := p.get("/Groups"); r.status != 200 {
		t.Errorf("another path: %d", r.status)
	}
}

func TestMisbehave(t *testing.T) {
	t.Parallel()
	s := scimtest.New(t, scimtest.Options{})
	p := newPeer(t, s)
	if err := s.Misbehave("create-200", "create-without-location", "duplicates-accepted"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if r := p.post("ada", ""); r.status != 200 || r.header.Get("Location") != "" {
			t.Errorf("with faults: %d %v", r.status, r.header)
		}
	}
	if err := s.Misbehave("no-such-fault"); err == nil || !strings.Contains(err.Error(), "no-such-fault") {
		t.Errorf("got %v", err)
	}
	if err := s.Misbehave(); err != nil {
		t.Fatal(err)
	}
	if r := p.post("bo", ""); r.status != 201 || r.header.Get("Location") == "" {
		t.Errorf("well again: %d %v", r.status, r.header)
	}
	if _, err := scimtest.Start(scimtest.Options{Faults: []string{"no-such-fault"}}); err == nil {
		t.Error("a server started with a fault that there is not")
	}
}

// TestMisbehaveInFrontOfAnother: faults work before a handler that is not of this package.
func TestMisbehaveInFrontOfAnother(t *testing.T) {
	t.Parallel()
	inner := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	h, err := scimtest.Misbehave(inner, "create-200")
	if err != nil {
		t.Fatal(err)
	}
	s := scimtest.New(t, scimtest.Options{})
	s.Script(1, "POST", "/Users", h)
	if r := newPeer(t, s).post("ada", ""); r.status != 200 {
		t.Errorf("got %d", r.status)
	}
	for _, name := range []string{"lost-updates", "tenant-ids", "no-such-fault"} {
		if _, err := scimtest.Misbehave(inner, name); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestManyAtOnce: the server is safe for concurrent use and loses nothing (run it with -race).
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := scimtest.New(t, scimtest.Options{})
	p := newPeer(t, s)
	group := p.group("g")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			id := p.user(fmt.Sprint("user", i), "")
			p.patch("/Groups/"+group, fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":%q}]}`, id))
			p.list("/Users", "sortBy", "userName", "count", "3")
			s.Memory.All("Group")
			s.Requests()
		})
	}
	wg.Wait()
	if got := len(members(p.get("/Groups/" + group).body)); got != 16 {
		t.Errorf("%d of 16 members", got)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	set, err := schema.NewSet(nil, &schema.ResourceType{
		Name: "Device", Endpoint: "/Devices", Schema: &schema.Schema{
			ID: "urn:example:Device", Name: "Device",
			Attributes: []*schema.Attribute{{Name: "serial", Required: true, Uniqueness: schema.UniqueServer}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := scimtest.New(t, scimtest.Options{
		Schemas: set, Profile: scim.Strict(), Features: &server.Features{}, Limits: server.Limits{Results: 7},
		Alter: func(svc *server.Service) { svc.Subject = "altered" },
	})
	if s.Service.Subject != "altered" || s.Other.Service.Subject != "altered" {
		t.Error("the service was not altered")
	}
	p := newPeer(t, s)
	r := p.do("POST", "/Devices", `{"schemas":["urn:example:Device"],"serial":"1"}`)
	if r.status != 201 || r.header.Get("ETag") != "" {
		t.Errorf("got %d %v %s", r.status, r.header, r.raw)
	}
	if r := p.do("POST", "/Devices", `{"schemas":["urn:example:Device"],"serial":"1"}`); r.status != 409 {
		t.Errorf("the same serial: %d", r.status)
	}
	config := p.get("/ServiceProviderConfig").body
	if value(config, "sort", "supported") != false || value(config, "filter", "maxResults") != 7.0 {
		t.Errorf("got %v", config)
	}
}
