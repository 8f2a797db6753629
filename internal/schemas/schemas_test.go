package schemas_test

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/schemas"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/schema/packs"
	"github.com/muster-id/muster/scim/server"
)

func TestAnExtensionIsInForceAtOnceAndStays(t *testing.T) {
	h := newHub(t)
	before := h.of("User")
	r := h.add(badge(`{'name':'number'}`))
	assert.Equal(t, r, &schemas.Result{Generation: 2, Changes: []string{"User gets the extension urn:example:badge"}})
	id := h.user("ada", "A1")
	assert.Contains(t, h.raw("User", id), `"urn:example:badge":{"number":"A1"}`)
	assert.Equal(t, h.find(badges+`:number eq "a1"`), []string{id})

	// Whoever began before goes on with what there was, and cannot overwrite what he does not know.
	_, err := before.Get(t.Context(), id, nil)
	assert.NoError(t, err)
	_, err = before.Update(t.Context(), id, rename("ada2", before.typ))
	assert.Equal(t, status(err), http.StatusServiceUnavailable, assert.Sprintf("%v", err))

	h.reopen()
	assert.Equal(t, h.dir().Generation(), 2)
	assert.Contains(t, h.raw("User", id), `"urn:example:badge":{"number":"A1"}`)
	assert.Equal(t, *listed(h, badges), schemas.Listed{ID: badges, Added: true, Extends: []string{"User"}})

	assert.Equal(t, h.add(badge(`{'name':'number'}`)), &schemas.Result{Generation: 2}, assert.Sprintf("the same again"))
}

func TestAResourceTypeComesAndGoes(t *testing.T) {
	h := newHub(t)
	h.add(desk(`{'name':'room','required':true,'indexed':true}`, `{'name':'seats','type':'integer'}`))
	id, err := h.create("Desk", `{'schemas':['urn:example:desk'],'room':'4.12','seats':2}`)
	assert.NoError(t, err)
	assert.Equal(t, h.raw("Desk", id), `{"schemas":["urn:example:desk"],"room":"4.12","seats":2}`)

	_, err = h.Remove(t.Context(), store.Default, []string{"urn:example:desk"}, schemas.Mode{Force: true})
	assert.Equal(t, refused(t, err), "resource type Desk goes, but there is 1 resource of it; delete them first")
	_, err = h.Add(t.Context(), store.Default, definitions(t, strings.ReplaceAll(desk(`{'name':'room'}`, `{'name':'seats','type':'integer'}`), "/Desks", "/Tables")), schemas.Mode{Force: true})
	assert.Contains(t, refused(t, err), "at /Desks; delete them first")

	assert.NoError(t, h.of("Desk").Delete(t.Context(), id, anyVersion))
	_, err = h.Remove(t.Context(), store.Default, []string{"URN:example:DESK"}, schemas.Mode{})
	assert.NoError(t, err)
	assert.True(t, h.dir().Set().Type("Desk") == nil)
	h.reopen()
	assert.True(t, h.dir().Set().Type("Desk") == nil)
}

func TestADryRunChangesNothing(t *testing.T) {
	h := newHub(t)
	r, err := h.Add(t.Context(), store.Default, definitions(t, badge(`{'name':'number'}`)), schemas.Mode{DryRun: true})
	assert.NoError(t, err)
	assert.Equal(t, r, &schemas.Result{Generation: 1, Changes: []string{"User gets the extension urn:example:badge"}})
	assert.Equal(t, h.dir().Generation(), 1)
	assert.True(t, listed(h, badges) == nil)
}

// TestChanges goes from a definition of which two people have values to another one.
func TestChanges(t *testing.T) {
	const number, plain = `{'name':'number','description':'as it was'}`, `{'name':'number'}`
	for _, test := range []struct {
		name, from, to string
		refused        string // what it is refused for without force; "": it is not
		forced         string // what user ada then looks like
	}{
		{"a new attribute", plain, plain + `,{'name':'colour'}`, "", ``},
		{"a new required attribute", plain, plain + `,{'name':'colour','required':true}`, "colour becomes required, but there are 2 resources without", `"number":"A"`},
		{"a description", plain, number, "", ``},
		{"canonical values", plain, `{'name':'number','canonicalValues':['A','B']}`, "", ``},
		{"required", `{'name':'number'},{'name':'colour'}`, `{'name':'number','required':true},{'name':'colour'}`, "", ``},
		{"required that somebody lacks", `{'name':'number'},{'name':'colour'}`, `{'name':'number'},{'name':'colour','required':true}`, "colour becomes required, but there are 2 resources without", `"number":"A"`},
		{"no longer required", `{'name':'number','required':true}`, plain, "", ``},
		{"another type", plain, `{'name':'number','type':'integer'}`, "number becomes integer instead of string, but there are 2 resources with a value", `!number`},
		{"several", plain, `{'name':'number','multiValued':true}`, "number becomes several of string instead of string, but there are 2 resources", `!number`},
		{"another type without values", `{'name':'number'},{'name':'size'}`, `{'name':'number'},{'name':'size','type':'integer'}`, "", ``},
		{"removal", plain + `,{'name':'colour'}`, `{'name':'colour'}`, "User loses urn:example:badge:number, but there are 2 resources with a value", `!number`},
		{"removal without values", plain + `,{'name':'colour'}`, plain, "", ``},
		{"never returned", plain, `{'name':'number','mutability':'writeOnly','returned':'never'}`, "never returned", `!number`},
		{"only on request", plain, `{'name':'number','returned':'request'}`, "", ``},
		{"unique", plain, `{'name':'number','uniqueness':'server'}`, "", ``},
		{"indexed", plain, `{'name':'number','indexed':true}`, "", ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			h.add(badge(test.from))
			ada := h.user("ada", "A")
			h.user("bob", "B")
			next := definitions(t, badge(test.to))
			_, err := h.Add(t.Context(), store.Default, next, schemas.Mode{})
			if test.refused == "" {
				assert.NoError(t, err)
				assert.Contains(t, h.raw("User", ada), `"number":"A"`)
				return
			}
			assert.Contains(t, refused(t, err), test.refused)
			assert.Equal(t, h.dir().Generation(), 2)
			_, err = h.Add(t.Context(), store.Default, next, schemas.Mode{Force: true})
			assert.NoError(t, err)
			for range 2 { // the second time after a restart
				got := h.raw("User", ada)
				if name, gone := strings.CutPrefix(test.forced, "!"); gone {
					assert.True(t, !strings.Contains(got, name) && !strings.Contains(got, badges), assert.Sprintf("%s", got))
				} else {
					assert.Contains(t, got, test.forced)
				}
				h.reopen()
			}
		})
	}
}

func TestWhatWasIgnoredStaysSo(t *testing.T) {
	h := newHub(t)
	h.add(badge(`{'name':'number','indexed':true}`, `{'name':'colour'}`))
	old := h.user("ada", "A1")
	_, err := h.Add(t.Context(), store.Default, definitions(t, badge(`{'name':'colour'}`)), schemas.Mode{Force: true})
	assert.NoError(t, err)
	// It comes back as another attribute of the same name.
	r := h.add(badge(`{'name':'number','indexed':true}`, `{'name':'colour'}`))
	assert.Equal(t, r.Indexing, []string{badges + ":number"})
	young := h.user("bob", "A1")
	assert.Equal(t, h.find(badges+`:number eq "A1"`), []string{young})
	h.Start()
	defer h.Stop()
	h.await("the index", func() bool { return h.indexed(badges + ":number") })
	assert.Equal(t, h.find(badges+`:number eq "A1"`), []string{young}, assert.Sprintf("entries of what is ignored"))
	assert.True(t, !strings.Contains(h.raw("User", old), "A1"))
	// A write of something else keeps it so.
	f := h.of("User")
	_, err = f.Update(t.Context(), old, rename("ada2", f.typ))
	assert.NoError(t, err)
	assert.True(t, !strings.Contains(h.raw("User", old), "A1"))
}

func TestUniqueValues(t *testing.T) {
	h := newHub(t)
	h.add(badge(`{'name':'number'}`))
	h.user("ada", "A1")
	bob := h.user("bob", "a1")
	h.user("cy", "C1")
	unique := badge(`{'name':'number','uniqueness':'server'}`)
	for _, force := range []bool{false, true} {
		_, err := h.Add(t.Context(), store.Default, definitions(t, unique), schemas.Mode{Force: force})
		assert.Equal(t, refused(t, err), "urn:example:badge:number becomes unique, but there is 1 resource with a value that another one has too, such as "+bob)
	}
	assert.NoError(t, h.of("User").Delete(t.Context(), bob, anyVersion))
	h.add(unique)
	people := 0
	taken := func(number string) int {
		people++
		_, err := h.create("User", `{'schemas':['urn:ietf:params:scim:schemas:core:2.0:User','`+badges+`'],'userName':'`+fmt.Sprint("u", people)+`','`+badges+`':{'number':'`+number+`'}}`)
		return status(err)
	}
	assert.Equal(t, taken("a1"), http.StatusConflict, assert.Sprintf("a value from before"))
	assert.Equal(t, taken("D1"), http.StatusOK)
	assert.Equal(t, taken("d1"), http.StatusConflict)

	h.add(badge(`{'name':'number','uniqueness':'server','caseExact':true}`))
	assert.Equal(t, taken("c1"), http.StatusOK, assert.Sprintf("of another case"))
	h.add(badge(`{'name':'number'}`))
	assert.Equal(t, taken("C1"), http.StatusOK, assert.Sprintf("not unique any more"))
}

// TestClaimsThatCannotBeTakenAreTakenBack: the hub was killed while values were claimed, and two people share one.
func TestClaimsThatCannotBeTakenAreTakenBack(t *testing.T) {
	h := newHub(t)
	h.add(badge(`{'name':'number'}`))
	h.user("ada", "A1")
	h.user("bob", "A1")
	work := store.Work{Type: "User", Attr: badges + ":number", Unique: true}
	h.define(badge(`{'name':'number','uniqueness':'server'}`), work)
	h.reopen()

	_, err := h.create("User", `{'schemas':['urn:ietf:params:scim:schemas:core:2.0:User','`+badges+`'],'userName':'cy','`+badges+`':{'number':'C1'}}`)
	assert.Equal(t, status(err), http.StatusServiceUnavailable, assert.Sprintf("nobody knows yet whether it is taken"))
	h.Start()
	defer h.Stop()
	h.await("uniqueness to be taken back", func() bool { return h.dir().Generation() == 4 })
	h.user("cy", "A1")
	h.await("the log", func() bool { return strings.Contains(h.log.String(), "attribute is not unique") })
}

// define puts definitions into force as a hub does that is killed right after.
func (h *hub) define(text string, work ...store.Work) {
	h.Helper()
	body := fmt.Appendf(nil, `{"definitions":%s}`, definitions(h, text).JSON())
	assert.NoError(h, h.db.Write(h.Context(), store.Default, &store.Op{Heavy: true, Decide: func(store.View) (*store.Rows, error) {
		return &store.Rows{Schema: &store.NewSchema{Schema: store.Schema{Gen: h.dir().Generation() + 1, Body: body, Work: work}}}, nil
	}}))
}

// TestAnIndexIsMadeInTheBackground: a filter is exact before, while and after.
func TestAnIndexIsMadeInTheBackground(t *testing.T) {
	h := newHub(t)
	h.add(badge(`{'name':'number'}`, `{'name':'level','type':'integer'}`))
	var want []string
	for i := range 250 { // more than two slices
		id := h.user(fmt.Sprintf("u%d", i), fmt.Sprintf("N%d", i%50))
		if i%50 == 7 {
			want = append(want, id)
		}
	}
	r := h.add(badge(`{'name':'number','indexed':true}`, `{'name':'level','type':'integer','indexed':true}`))
	assert.Equal(t, r.Indexing, []string{badges + ":number", badges + ":level"})
	assert.True(t, !h.indexed(badges+":number"))
	assert.Equal(t, listed(h, badges).Indexing, []string{badges + ":number", badges + ":level"})
	filter := badges + `:number eq "n7"`
	assert.Equal(t, h.find(filter), want)
	want = append(want, h.user("new", "N7"))

	h.reopen() // the work is kept
	h.Start()
	defer h.Stop()
	h.await("the index", func() bool {
		assert.Equal(t, h.find(filter), want)
		return h.indexed(badges + ":number")
	})
	assert.Equal(t, h.find(filter), want)
	assert.True(t, h.indexed(badges+":level"))

	h.add(badge(`{'name':'number'}`, `{'name':'level','type':'integer'}`))
	assert.True(t, !h.indexed(badges+":number"))
	assert.Equal(t, h.find(filter), want)
}

func TestBadDefinitions(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a built-in schema", strings.ReplaceAll(badge(`{'name':'number'}`), badges, "urn:ietf:params:scim:schemas:core:2.0:Group"), "built in"},
		{"an id that no path can have", strings.ReplaceAll(badge(`{'name':'number'}`), badges, "http://example.com/badge"), "is not a URN"},
		{"an id that is none, of a schema that nobody uses", `[{'schemas':['urn:ietf:params:scim:schemas:core:2.0:Schema'],'id':'not a urn','attributes':[{'name':'number'}]}]`, "is not a URN"},
		{"the name of an attribute", strings.ReplaceAll(badge(`{'name':'number'}`), badges, "urn:ietf:params:scim:schemas:core:2.0:user:Name"), "full name of an attribute"},
		{"an unknown type", strings.ReplaceAll(badge(`{'name':'number'}`), "'User'", "'Person'"), `"Person"`},
		{"a reserved endpoint", strings.ReplaceAll(desk(`{'name':'room'}`), "/Desks", "/Bulk"), "the endpoint /Bulk is one of the protocol"},
		{"a name in two cases", strings.Replace(desk(`{'name':'room'}`), "[{", "[{'schemas':['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],'name':'desk','endpoint':'/D','schema':'urn:example:desk'},{", 1), "differ in case only"},
		{"an index of a complex attribute", badge(`{'name':'number','type':'complex','indexed':true,'subAttributes':[{'name':'value'}]}`), "urn:example:badge: attribute number: what is complex"},
		{"an index of what is never returned", badge(`{'name':'number','returned':'never','indexed':true}`), "cannot be indexed"},
		{"unique but never stored", badge(`{'name':'number','returned':'never','uniqueness':'server'}`), "cannot be kept unique"},
		{"a relation", badge(`{'name':'friends','type':'complex','multiValued':true,'relation':true,'subAttributes':[{'name':'value'}]}`), "the only relation"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			_, err := h.Add(t.Context(), store.Default, definitions(t, test.text), schemas.Mode{Force: true})
			assert.ErrorContains(t, err, test.want)
			assert.Equal(t, h.dir().Generation(), 1)
		})
	}
	t.Run("another spelling of a URN", func(t *testing.T) {
		h := newHub(t)
		h.add(badge(`{'name':'number'}`))
		_, err := h.Add(t.Context(), store.Default, definitions(t, strings.ReplaceAll(badge(`{'name':'number'}`), badges, "URN:example:badge")), schemas.Mode{})
		assert.ErrorContains(t, err, "write it alike")
	})
	t.Run("removal of what is not there", func(t *testing.T) {
		h := newHub(t)
		_, err := h.Remove(t.Context(), store.Default, []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, schemas.Mode{})
		assert.ErrorContains(t, err, "is not one that was added")
	})
}

// TestStoredDefinitionsThatCannotBeRead: the hub does not start, and says why.
func TestStoredDefinitionsThatCannotBeRead(t *testing.T) {
	for _, test := range []struct{ name, body, want string }{
		{"no JSON", `{"definitions":`, "stored definitions of generation 2"},
		{"no definitions", `{"definitions":{"schemas":["x"]}}`, "stored definitions of generation 2"},
		{"what does not fit together", `{"definitions":[{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":"Nobody","schemaExtensions":[{"schema":"urn:none"}]}]}`, `"Nobody"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t)
			assert.NoError(t, h.db.Write(t.Context(), store.Default, &store.Op{Heavy: true, Decide: func(store.View) (*store.Rows, error) {
				return &store.Rows{Schema: &store.NewSchema{Schema: store.Schema{Gen: 2, Body: []byte(test.body)}}}, nil
			}}))
			_, err := schemas.Open(t.Context(), h.db, directory.New(h.db, directory.NewSet(), directory.Options{}), schemas.Options{}, store.Default)
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestUnknownTenant(t *testing.T) {
	h := newHub(t)
	_, err := h.Add(t.Context(), 2, &schema.Definitions{}, schemas.Mode{})
	assert.True(t, errors.Is(err, store.ErrNotFound), assert.Sprintf("%v", err))
	_, err = h.Show(t.Context(), 2, badges)
	assert.True(t, errors.Is(err, store.ErrNotFound))
	_, err = h.List(t.Context(), 2)
	assert.True(t, errors.Is(err, store.ErrNotFound))
}

func TestDevicesCanBeMembersOfGroups(t *testing.T) {
	h := newHub(t)
	defs, err := packs.Load("devices")
	assert.NoError(t, err)
	_, err = h.Add(t.Context(), store.Default, defs, schemas.Mode{})
	assert.NoError(t, err)
	lamp, err := h.create("Device", `{'schemas':['urn:ietf:params:scim:schemas:core:2.0:Device'],'active':true}`)
	assert.NoError(t, err)
	group, err := h.of("Group").Create(t.Context(), &server.Resource{
		Attrs: schema.Object{"displayName": "lamps"},
		Relations: map[string]iter.Seq2[server.Ref, error]{"members": func(yield func(server.Ref, error) bool) {
			yield(server.Ref{Value: lamp}, nil)
		}},
	}, dialect)
	assert.NoError(t, err)
	r, err := h.of("Device").Get(t.Context(), lamp, nil)
	assert.NoError(t, err)
	var in []string
	for ref, err := range r.Relations["groups"] {
		assert.NoError(t, err)
		in = append(in, ref.Value+" "+ref.Kind)
	}
	assert.Equal(t, in, []string{group.ID + " direct"})
}

func TestShowIsWhatCanBeAddedAgain(t *testing.T) {
	h := newHub(t)
	h.add(badge(`{'name':'number','indexed':true}`))
	b, err := h.Show(t.Context(), store.Default, "URN:EXAMPLE:BADGE")
	assert.NoError(t, err)
	assert.Equal(t, string(b), string(definitions(t, badge(`{'name':'number','indexed':true}`)).JSON()))
	assert.Equal(t, h.add(string(b)), &schemas.Result{Generation: 2})
	b, err = h.Show(t.Context(), store.Default, "urn:ietf:params:scim:schemas:core:2.0:User")
	assert.NoError(t, err)
	assert.Contains(t, string(b), `"userName"`)
}
