package scim

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/target"
	protocol "github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

// application answers /ResourceTypes and nothing else.
type application struct {
	status int
	types  string
	asked  int
}

func (a *application) Do(r *http.Request) (*http.Response, error) {
	a.asked++
	body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"Resources":[` + a.types + `]}`
	header := http.Header{"Content-Type": {"application/scim+json"}}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// TestWhatTheApplicationHas: types and extensions that a tenant has defined go where they are known.
func TestWhatTheApplicationHas(t *testing.T) {
	t.Parallel()
	user := schema.User()
	user.Extensions = append(user.Extensions, schema.Extension{Schema: &schema.Schema{ID: "urn:badge", Attributes: []*schema.Attribute{{Name: "number"}}}})
	desk := &schema.ResourceType{
		Name: "Desk", Endpoint: "/Desks", Schema: &schema.Schema{ID: "urn:desk", Attributes: []*schema.Attribute{{Name: "room"}}},
	}
	set, err := schema.NewSet(nil, user, schema.Group(), desk)
	assert.NoError(t, err)
	const (
		badged = `{"id":"User","name":"User","endpoint":"/Users","schema":"urn:ietf:params:scim:schemas:core:2.0:User","schemaExtensions":[{"schema":"URN:badge"}]}`
		plain  = `{"id":"User","name":"User","endpoint":"/Users","schema":"urn:ietf:params:scim:schemas:core:2.0:User"}`
		desks  = `{"id":"Desk","name":"Desk","endpoint":"/Desks","schema":"urn:desk"}`
		tables = `{"id":"Desk","name":"Desk","endpoint":"/Tables","schema":"urn:desk"}`
	)
	badge := schema.Object{"userName": "ada", "urn:badge": schema.Object{"number": "1"}, protocol.EnterpriseUserSchema: schema.Object{"department": "x"}}
	for _, test := range []struct {
		name  string
		typ   string
		doc   schema.Object
		app   application
		want  []string // attributes that go there; nil: nothing does
		asked bool
		fails bool
	}{
		{"a user like any other", "User", schema.Object{"userName": "ada"}, application{status: 200}, []string{"userName"}, false, false},
		{"a group", "Group", schema.Object{"displayName": "g"}, application{status: 200}, []string{"displayName"}, false, false},
		{"an extension that it has", "User", badge, application{status: 200, types: badged}, []string{"urn:badge", protocol.EnterpriseUserSchema, "userName"}, true, false},
		{"an extension that it has not", "User", badge, application{status: 200, types: plain}, []string{protocol.EnterpriseUserSchema, "userName"}, true, false},
		{"no discovery", "User", badge, application{status: 404}, []string{protocol.EnterpriseUserSchema, "userName"}, true, false},
		{"a type that it has", "Desk", schema.Object{"room": "1"}, application{status: 200, types: desks}, []string{"room"}, true, false},
		{"a type that it has elsewhere", "Desk", schema.Object{"room": "1"}, application{status: 200, types: tables}, nil, true, false},
		{"a type that it has not", "Desk", schema.Object{"room": "1"}, application{status: 200, types: plain}, nil, true, false},
		{"a type that is deleted", "Desk", nil, application{status: 200, types: plain}, nil, true, false},
		{"discovery forbidden", "Desk", schema.Object{"room": "1"}, application{status: 403}, nil, true, false},
		{"a token that is refused", "Desk", schema.Object{"room": "1"}, application{status: 401}, nil, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			app := test.app
			calls, err := client.New("https://app.example", client.Options{HTTP: &app})
			assert.NoError(t, err)
			to := &Target{peer: newPeer(calls, UpdateAuto, 100)}
			r := &target.Resource{Type: test.typ, Live: test.doc != nil, Document: test.doc}
			whole := maps.Clone(test.doc)
			for range 2 { // the second time from memory
				got, err := to.offered(t.Context(), set.Type(test.typ), r)
				assert.Equal(t, err != nil, test.fails, assert.Sprintf("%v", err))
				if got == nil {
					assert.True(t, test.want == nil, assert.Sprintf("nothing goes there"))
					continue
				}
				names := slices.Sorted(maps.Keys(got.Document))
				slices.Sort(test.want)
				assert.Equal(t, names, test.want)
			}
			assert.Equal(t, r.Document, whole, assert.Sprintf("the document is shared"))
			if !test.fails {
				assert.Equal(t, app.asked == 1, test.asked, assert.Sprintf("asked %d times", app.asked))
			}
		})
	}
}
