package client_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// describing answers discovery with these bodies, and nothing else.
func describing(types, schemas string) *fake {
	s := answering(0, "")
	s.answer = func(r *http.Request) (int, string) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/ResourceTypes"):
			return 200, types
		case strings.Contains(r.URL.Path, "/Schemas"):
			return 200, schemas
		}
		return 404, ""
	}
	return s
}

func TestDefinitionsOfOurOwnServer(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(server.Handler(scimtest.Open(scimtest.NewService("https://id.example", scim.Strict())), server.Options{}))
	t.Cleanup(srv.Close)
	c, err := client.New(srv.URL, client.Options{HTTP: srv.Client()})
	assert.NoError(t, err)
	set, warnings, err := c.Set(t.Context())
	assert.NoError(t, err)
	assert.Equal(t, warnings, nil)
	core := schema.Core(nil)
	for _, typ := range core.Types {
		got := set.Type(typ.Name)
		assert.NotNil(t, got)
		assert.Equal(t, got.Endpoint, typ.Endpoint)
		var want, have []string
		for p := range typ.Paths() {
			want = append(want, p.String()+" "+string(p.Attr.Type)+" "+string(p.Attr.Mutability)+" "+string(p.Attr.Returned))
		}
		for p := range got.Paths() {
			have = append(have, p.String()+" "+string(p.Attr.Type)+" "+string(p.Attr.Mutability)+" "+string(p.Attr.Returned))
		}
		assert.Equal(t, have, want, assert.Sprintf("P-4-02, P-4-04"))
	}
	d, err := c.Describe(t.Context(), scim.UserSchema)
	assert.NoError(t, err)
	assert.Equal(t, d.String("name"), "User")
}

func TestDefinitionsThatAreWrong(t *testing.T) {
	t.Parallel()
	const types = `{"Resources":[
		{"id":"User","endpoint":"/Users","schema":"urn:x:User","schemaExtensions":[{"schema":"urn:x:Ext","required":"True"},{"schema":"urn:x:Missing"},{"schema":"urn:x:User"}]},
		{"name":"Again","endpoint":"/Users","schema":"urn:x:User"},
		{"name":"Orphan","endpoint":"/Orphans","schema":"urn:x:Unknown"}]}`
	const schemas = `{"Resources":[
		{"id":"URN:X:user","attributes":[
			{"name":"userName","type":"STRING","required":"true","multiValued":null},
			{"name":"username","type":"string"},
			{"name":"bad name","type":"string"},
			{"name":"secret","type":"text","mutability":"writeOnly","returned":"default"},
			{"name":"deep","type":"complex","uniqueness":"server","caseExact":true,"subAttributes":[{"name":"a","type":"complex","subAttributes":[{"name":"b"}]},{"name":"c"}]},
			{"name":"id","type":"string"},{"name":"meta","type":"complex"},
			{"name":"flat","type":"string","referenceTypes":["User"],"subAttributes":[{"name":"x"}]}]},
		{"id":"urn:x:Ext","attributes":{"name":"only","type":"boolean"}},
		{"name":"nameless"}, 7]}`
	set, warnings, err := open(t, describing(types, schemas)).Set(t.Context())
	assert.NoError(t, err)
	assert.Equal(t, len(set.Types), 1)
	var paths []string
	for p := range set.Type("User").Paths() {
		paths = append(paths, p.String())
	}
	assert.Equal(t, strings.Join(paths, " "), "schemas id externalId userName secret deep flat meta urn:x:Ext:only")
	assert.Equal(t, set.Type("User").Extensions[0].Required, true)
	assert.Equal(t, set.Schema("urn:x:user").Attribute("secret").Returned, schema.ReturnedNever)
	all := strings.Join(warnings, "\n")
	for _, part := range []string{"username", "bad name", "Again", "Orphan", "has no id", "not published"} {
		assert.Contains(t, all, part)
	}

	for name, c := range map[string][2]string{
		"no types":   {`{"Resources":[]}`, schemas},
		"no schemas": {types, `{}`},
		"HTML":       {`<html>`, schemas},
	} {
		if _, _, err := open(t, describing(c[0], c[1])).Set(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestManyDefinitionsAreNotSlow(t *testing.T) {
	t.Parallel()
	var attrs, types []string
	for i := range 20_000 {
		attrs = append(attrs, fmt.Sprintf(`{"name":"a%d"}`, i))
	}
	for i := range 200 {
		types = append(types, fmt.Sprintf(`{"name":"T%d","endpoint":"/T%d","schema":"urn:x"}`, i, i))
	}
	s := describing(`[`+strings.Join(types, ",")+`]`, `[{"id":"urn:x","attributes":[`+strings.Join(attrs, ",")+`]}]`)
	c, err := client.New("https://app.example", client.Options{HTTP: s})
	assert.NoError(t, err)
	set, warnings, err := c.Set(t.Context())
	assert.NoError(t, err)
	assert.Equal(t, len(set.Types), 50)
	assert.Equal(t, len(warnings), 100)
}

func FuzzDefinitions(f *testing.F) {
	f.Add(`{"Resources":[{"name":"User","endpoint":"/Users","schema":"urn:x"}]}`, `{"Resources":[{"id":"urn:x","attributes":[{"name":"a"}]}]}`)
	f.Add(`[{"name":"User","endpoint":"Users","schema":"urn:x","schemaExtensions":[{"schema":"urn:y"}]}]`, `[{"id":"urn:x"},{"id":"urn:y","attributes":[{"name":"a","type":"complex","subAttributes":[{"name":"$ref","type":"reference"},{"name":"value"}]}]}]`)
	f.Fuzz(func(t *testing.T, types, schemas string) {
		set, _, err := open(t, describing(types, schemas)).Set(t.Context())
		if (set == nil) == (err == nil) {
			t.Fatalf("%v, %v", set, err)
		}
	})
}
