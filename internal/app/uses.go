package app

import (
	"maps"
	"sync"

	"github.com/muster-id/muster/scim"
)

// uses counts which switches each token needed since the hub started, for operators without a metrics server. It holds
// as many tokens as exist and as many switches as the table has.
type uses struct {
	mu sync.Mutex // guards by
	by map[string]map[string]int64
}

// count adds one request that needed these switches.
func (u *uses) count(token string, used scim.Switches) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.by == nil {
		u.by = make(map[string]map[string]int64)
	}
	of := u.by[token]
	if of == nil {
		of = make(map[string]int64)
		u.by[token] = of
	}
	for s := range used.All() {
		of[s.String()]++
	}
}

// of returns the counts of a token.
func (u *uses) of(token string) map[string]int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.by[token])
}
