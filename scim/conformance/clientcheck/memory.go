package clientcheck

import "strings"

// memory is what the client was shown, to tell whether it goes by it.
type memory struct {
	ids      map[string]bool   // of resources
	names    map[string]bool   // userNames and externalIds, folded
	versions map[string]bool   // without W/
	cursors  map[string]string // the query that each belongs to
	lists    map[string]page   // the last page of each listing
	writes   map[string]int    // how often each write succeeded
	discover bool              // discovery was read
}

// page is one page of a listing.
type page struct{ start, asked, received, total, beyond int }

func newMemory() memory {
	return memory{
		ids: make(map[string]bool), names: make(map[string]bool), versions: make(map[string]bool),
		cursors: make(map[string]string), lists: make(map[string]page), writes: make(map[string]int),
	}
}

// note remembers an exchange, after it was judged.
func (m *memory) note(x *exchange) {
	m.discover = m.discover || x.discovery()
	m.version(x.header.Get("ETag"))
	m.resource(x.got)
	list, _ := x.got["Resources"].([]any)
	for _, r := range list {
		if r, ok := r.(map[string]any); ok {
			m.resource(r)
		}
	}
	if x.bulk() {
		ops, _ := x.got["Operations"].([]any)
		for _, op := range ops {
			if op, ok := op.(map[string]any); ok {
				location := text(op, "location")
				m.ids[location[strings.LastIndexByte(location, '/')+1:]] = true
				m.version(text(op, "version"))
			}
		}
	}
	if cursor := text(x.got, "nextCursor"); cursor != "" {
		m.cursors[cursor] = pageQuery(x)
	}
	if cursor := text(x.got, "previousCursor"); cursor != "" {
		m.cursors[cursor] = pageQuery(x)
	}
	if x.lists() && x.status == 200 && !x.has("cursor") {
		n, total := x.received()
		p := page{start: x.start(), asked: x.count(), received: n, total: total}
		if n == 0 && p.start > total {
			p.beyond = m.lists[x.listing()].beyond + 1
		}
		m.lists[x.listing()] = p
	}
	if x.writes() && x.status < 300 {
		m.writes[x.key]++
	}
}

func (m *memory) resource(r map[string]any) {
	id := text(r, "id")
	if id == "" {
		return
	}
	m.ids[id] = true
	for _, name := range []string{"userName", "externalId", "displayName"} {
		if s := text(r, name); s != "" {
			m.names[strings.ToLower(s)] = true
		}
	}
	if meta, ok := r["meta"].(map[string]any); ok {
		m.version(text(meta, "version"))
	}
}

func (m *memory) version(v string) {
	if v != "" {
		m.versions[strings.TrimPrefix(v, "W/")] = true
	}
}

// pageQuery is what has to stay the same from page to page (RFC 9865 §2).
func pageQuery(x *exchange) string { return x.listing() + "&count=" + x.param("count") }
