package schemas_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/schemas"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

// TestTheExamplesOfTheManual: what docs/schemas.md shows can be added, one after the other, and comes without warnings.
func TestTheExamplesOfTheManual(t *testing.T) {
	page, err := os.ReadFile("../../docs/schemas.md")
	assert.NoError(t, err)
	h := newHub(t)
	blocks := regexp.MustCompile("(?ms)^ *```json\n(.*?)^ *```$").FindAllStringSubmatch(string(page), -1)
	assert.Equal(t, len(blocks), 2)
	for _, b := range blocks {
		defs, warnings, err := schema.Load([]byte(b[1]))
		assert.NoError(t, err, assert.Sprintf("%s", b[1]))
		assert.Equal(t, len(warnings), 0)
		_, err = h.Add(t.Context(), store.Default, defs, schemas.Mode{})
		assert.NoError(t, err)
	}
	set := h.dir().Set()
	assert.True(t, set.Type("Desk") != nil && len(set.Type("User").Extensions) == 2)
	for _, name := range []string{"indexed", "maxLength", "pattern", "identifier", "noBlanks"} {
		assert.True(t, strings.Contains(string(page), "| `"+name+"`"), assert.Sprintf("%s", name))
	}
}

// BenchmarkIndexing is how long an index takes for resources that are there; ns/op is for one resource.
func BenchmarkIndexing(b *testing.B) {
	h := newHub(b)
	h.add(badge(`{'name':'number'}`))
	const people = 2000
	for i := range people {
		h.user("u"+string(rune('a'+i%26))+strings.Repeat("x", i/26), "N")
	}
	h.Start()
	defer h.Stop()
	for range b.N/people + 1 {
		h.add(badge(`{'name':'number','indexed':true}`))
		h.await("the index", func() bool { return h.indexed(badges + ":number") })
		h.add(badge(`{'name':'number'}`))
	}
}
