package relational

import (
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
)

func TestPackedEntries(t *testing.T) {
	for _, entries := range [][]store.Entry{
		nil,
		{{Attr: "emails.value", Key: "a@x"}},
		{{Attr: "a", Key: ""}, {Attr: "", Key: "\x00\xff"}, {Attr: "b", Key: string(make([]byte, 300))}},
	} {
		got, err := unpackEntries(packEntries(entries))
		assert.NoError(t, err)
		assert.Equal(t, got, entries)
	}
	packed := packEntries([]store.Entry{{Attr: "emails.value", Key: "a@x"}})
	for n := 1; n < len(packed); n++ {
		_, err := unpackEntries(packed[:n])
		assert.True(t, err != nil, assert.Sprintf("cut off after %d bytes", n))
	}
}
