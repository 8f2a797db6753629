package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// provider returns a client of a service provider in memory. Whoever calls closes it.
func provider() (*client.Client, func()) {
	srv := httptest.NewServer(server.Handler(scimtest.Open(scimtest.NewService("https://id.example", scim.Compat())), server.Options{}))
	c, err := client.New(srv.URL, client.Options{
		HTTP:  srv.Client(), // of a program: &http.Client{Timeout: 30 * time.Second}
		Token: func(context.Context) (string, error) { return "secret", nil },
		Retry: client.Retry{Attempts: 4},
	})
	if err != nil {
		panic(err) // the URL is httptest's
	}
	return c, srv.Close
}

// Somebody joins, moves and leaves.
func Example() {
	c, stop := provider()
	defer stop()
	ctx := context.Background()
	users := client.Of[client.User](c, "User")

	ada, err := users.Create(ctx, client.User{
		UserName: "ada@example.com", Name: client.Name{GivenName: "Ada", FamilyName: "Byron"}, Active: new(true),
		Emails: []client.Labelled{{Value: "ada@example.com", Type: "work", Primary: true}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	var p client.Patch
	p.Replace("name.familyName", "King")
	p.Replace(client.Elements("emails", client.Eq("type", "work"), "value"), "ada@king.example")
	p.Replace(client.Qualified(scim.EnterpriseUserSchema, "department"), "Engines")
	ada, err = users.Patch(ctx, ada.ID, &p)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ada.Value.Name.FamilyName, ada.Value.Emails[0].Value, ada.Value.Enterprise.Department)

	found, err := users.Delete(ctx, ada.ID)
	fmt.Println(found, err)
	_, err = users.Get(ctx, ada.ID)
	fmt.Println(errors.Is(err, client.ErrNotFound))
	// Output:
	// King ada@king.example Engines
	// true <nil>
	// true
}

// Without a type, resources are documents as the server sent them.
func ExampleClient_Create() {
	c, stop := provider()
	defer stop()
	ctx := context.Background()

	ada := schema.Object{"schemas": []any{scim.UserSchema}, "userName": "ada", "name": schema.Object{"givenName": "Ada"}}
	doc, err := c.Create(ctx, "/Users", ada, client.ReadBack())
	fmt.Println(doc.String("name", "givenName"), doc.Type(), err)

	_, err = c.Create(ctx, "/Users", ada)
	fmt.Println(err)
	fmt.Println(errors.Is(err, client.ErrUniqueness))
	// Output:
	// Ada User <nil>
	// POST /Users: answered 409: uniqueness: userName is taken by another resource
	// true
}

// All goes from page to page, whichever way the server pages.
func ExampleClient_All() {
	c, stop := provider()
	defer stop()
	ctx := context.Background()
	for _, name := range []string{"ada", "bob", "eve"} {
		if _, err := c.Create(ctx, "/Users", schema.Object{"schemas": []any{scim.UserSchema}, "userName": name}); err != nil {
			fmt.Println(err)
		}
	}
	q := client.Query{
		Filter: client.Or(client.Eq("userName", "ada"), client.Compare("userName", "sw", "e")),
		Want:   client.Want{Attributes: []string{"userName"}}, Count: 1,
	}
	for user, err := range c.All(ctx, "/Users", q) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(user.String("userName"))
	}
	// Output:
	// ada
	// eve
}

// Update edits what is there, again if somebody else was faster, and keeps what the program does not know.
func ExampleResources_Update() {
	c, stop := provider()
	defer stop()
	ctx := context.Background()
	users := client.Of[client.User](c, "User")
	ada, err := users.Create(ctx, client.User{UserName: "ada", Title: "Analyst", NickName: "A"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ada, err = users.Update(ctx, ada.ID, func(u *client.User) error {
		u.Title = "Countess"
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ada.Value.Title, ada.Value.NickName)
	// Output: Countess A
}

// A group and its members are made together; the references become ids.
func ExampleClient_Bulk() {
	c, stop := provider()
	defer stop()
	ctx := context.Background()

	var b client.Bulk
	ada := b.Create("/Users", schema.Object{"schemas": []any{scim.UserSchema}, "userName": "ada"})
	b.Create("/Groups", schema.Object{
		"schemas": []any{scim.GroupSchema}, "displayName": "Engines", "members": []any{schema.Object{"value": ada}},
	})
	results, err := c.Bulk(ctx, &b)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range results {
		fmt.Println(r.Method, r.Endpoint, r.Status, r.Err)
	}
	group, err := client.Of[client.Group](c, "Group").Get(ctx, results[1].ID)
	fmt.Println(group.Value.Members[0].Value == results[0].ID, err)
	// Output:
	// POST /Users 201 <nil>
	// POST /Groups 201 <nil>
	// true <nil>
}

// A server that does not know PATCH gets a PUT.
func ExampleClient_Modify() {
	c, stop := provider()
	defer stop()
	ctx := context.Background()
	doc, err := c.Create(ctx, "/Users", schema.Object{"schemas": []any{scim.UserSchema}, "userName": "ada", "active": true})
	if err != nil {
		fmt.Println(err)
		return
	}
	var p client.Patch
	p.Replace("active", false)
	_, err = c.Modify(ctx, "/Users", doc.ID(), &p, func(now client.Document) (schema.Object, error) {
		now["active"] = false
		return schema.Object(now), nil
	})
	fmt.Println(err, c.Can(client.FeaturePatch))
	// Output: <nil> true
}

// A type of the server's own is a struct with tags.
func ExampleOf() {
	type Laptop struct {
		Serial string   `scim:"serial"`
		Tags   []string `scim:"tags"`
	}
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"id": "7", "serial": "X1", "tags": "loan", "weight": 1.2}`)
	}))
	defer fake.Close()
	c, err := client.New(fake.URL, client.Options{HTTP: fake.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := client.Of[Laptop](c, "Laptop").Get(context.Background(), "7")
	fmt.Println(l.Value.Serial, l.Value.Tags, l.Document.Value("weight"), err)
	// Output: X1 [loan] 1.2 <nil>
}
