package schemas_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/schemas"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// crowd lets several writers create users with the numbers that next gives until stop is called.
func (h *hub) crowd(next func() string) (stop func()) {
	var wg sync.WaitGroup
	var done atomic.Bool
	var people atomic.Int64
	for range 4 {
		wg.Go(func() {
			for !done.Load() {
				doc := schema.Object{
					"userName": fmt.Sprint("u", people.Add(1)), badges: schema.Object{"number": next()},
				}
				_, err := h.of("User").Create(h.Context(), &server.Resource{Attrs: doc}, dialect)
				if s := status(err); s != http.StatusOK && s != http.StatusConflict && s != http.StatusServiceUnavailable {
					h.Errorf("create: %v", err)
					return
				}
			}
		})
	}
	h.await("some people", func() bool { return people.Load() > 100 })
	return func() {
		done.Store(true)
		wg.Wait()
	}
}

// TestUniquenessWhileEverybodyWrites: once it is acknowledged, no two people share a value.
func TestUniquenessWhileEverybodyWrites(t *testing.T) {
	h := newHub(t)
	h.add(badge(`{'name':'number'}`))
	var n atomic.Int64
	stop := h.crowd(func() string { return fmt.Sprint("N", n.Add(1)) }) // each its own, until it matters
	// A second crowd uses the same numbers again: what of it comes after the change has to be refused.
	var again atomic.Int64
	accepted := make(chan error, 1)
	go func() {
		_, err := h.Add(t.Context(), store.Default, definitions(t, badge(`{'name':'number','uniqueness':'server'}`)), schemas.Mode{})
		accepted <- err
	}()
	err := <-accepted
	assert.NoError(t, err)
	stop2 := h.crowd(func() string { return fmt.Sprint("n", again.Add(1)) })
	stop()
	stop2()
	seen := map[string]string{}
	for after := store.Num(0); ; {
		rows, err := h.db.Slice(t.Context(), store.Default, store.TypeUser, after, 500)
		assert.NoError(t, err)
		for _, r := range rows {
			after = r.Num
			doc, err := h.dir().Document(r)
			assert.NoError(t, err)
			x, _ := doc[badges].(schema.Object)
			key := schema.SimpleFold(x["number"].(string))
			if other := seen[key]; other != "" {
				t.Fatalf("%s and %s have the number %s", other, r.ID, key)
			}
			seen[key] = r.ID
		}
		if len(rows) < 500 {
			break
		}
	}
}

// TestAnAttributeGoesWhileEverybodyWrites: that nobody has a value of it is true when it goes.
func TestAnAttributeGoesWhileEverybodyWrites(t *testing.T) {
	h := newHub(t)
	h.add(badge(`{'name':'number'}`, `{'name':'colour'}`))
	stop := h.crowd(func() string { return "same" })
	defer stop()
	h.add(badge(`{'name':'number'}`))
	_, err := h.Add(t.Context(), store.Default, definitions(t, badge(`{'name':'number','type':'integer'}`)), schemas.Mode{})
	assert.Contains(t, refused(t, err), "number becomes integer instead of string")
}

func TestPartsOfAResourceTypeAreIgnored(t *testing.T) {
	h := newHub(t)
	const place = `{'name':'place','type':'complex','multiValued':true,'subAttributes':[{'name':'room'},{'name':'floor'}]}`
	h.add(desk(place, `{'name':'seats','type':'integer'}`, `{'name':'label'}`))
	id, err := h.create("Desk", `{'schemas':['urn:example:desk'],'place':[{'room':'1','floor':'2'},{'room':'3'}],'seats':2,'label':'x'}`)
	assert.NoError(t, err)
	old := h.of("Desk")
	force := func(text string) {
		t.Helper()
		_, err := h.Add(t.Context(), store.Default, definitions(t, text), schemas.Mode{Force: true})
		assert.NoError(t, err)
	}
	const shorter = `{'name':'place','type':'complex','multiValued':true,'subAttributes':[{'name':'room'},{'name':'floor','type':'integer'}]}`
	force(desk(shorter, `{'name':'seats','type':'integer'}`, `{'name':'label'}`))
	assert.Equal(t, h.raw("Desk", id), `{"schemas":["urn:example:desk"],"place":[{"room":"1"},{"room":"3"}],"seats":2,"label":"x"}`)
	force(desk(shorter, `{'name':'label'}`))
	assert.Equal(t, h.raw("Desk", id), `{"schemas":["urn:example:desk"],"place":[{"room":"1"},{"room":"3"}],"label":"x"}`)

	r, err := old.Get(t.Context(), id, nil) // whoever began before
	assert.NoError(t, err)
	assert.Contains(t, string(r.Raw), `"seats":2`)

	// An edit that changes nothing that is visible is none; one that does leaves behind what was ignored.
	f := h.of("Desk")
	edit := func(label string) *server.Resource {
		t.Helper()
		r, err := f.Update(t.Context(), id, &server.Edit{Dialect: scim.NewDialect(scim.Strict()), Apply: func(cur *server.Resource) (*server.Resource, error) {
			next := *cur
			next.Attrs = schema.Object{"place": cur.Attrs["place"], "label": label}
			return &next, nil
		}})
		assert.NoError(t, err)
		return r
	}
	assert.Equal(t, edit("x").Version, "1")
	assert.Equal(t, edit("y").Version, "2")
	force(desk(place, `{'name':'seats','type':'integer'}`, `{'name':'label'}`))
	assert.Equal(t, h.raw("Desk", id), `{"schemas":["urn:example:desk"],"place":[{"room":"1"},{"room":"3"}],"label":"y"}`)
}
