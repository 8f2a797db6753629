package scimtest

import (
	"context"
	"time"

	"github.com/muster-id/muster/scim/schema"
)

// quirks are faults of a memory: what no answer that is altered could feign. The zero value has none.
type quirks struct {
	duplicates  bool // uniqueness is not looked after
	exactNames  bool // values that differ in case are two
	lostUpdates bool // an update works on what was there when it began
	alwaysTouch bool // an update without a change makes a version
	blockNames  bool // what deleted resources had stays taken
	keepMembers bool // deleted resources stay in relations
	reuseIDs    bool // a userName that was deleted gets its old id
}

func (m *Memory) setQuirks(q quirks) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.quirks = q
}

// pairTime is how long an update of a memory with lost updates waits for a second one of the same resource.
const pairTime = 200 * time.Millisecond

// pair makes two updates of one resource that come within pairTime of each other go on together, both having read what
// was there before. The lock is held when it is called and when it returns, and not while it waits.
func (m *Memory) pair(ctx context.Context, id string) error {
	if !m.quirks.lostUpdates {
		return nil
	}
	if second := m.waiting[id]; second != nil {
		delete(m.waiting, id)
		close(second)
		return nil
	}
	came := make(chan struct{})
	m.waiting[id] = came
	m.mu.Unlock()
	timer := time.NewTimer(pairTime)
	defer timer.Stop()
	select {
	case <-came:
	case <-timer.C:
	case <-ctx.Done():
	}
	m.mu.Lock()
	if m.waiting[id] == came {
		delete(m.waiting, id)
	}
	return ctx.Err()
}

// formerID returns the id that a deleted user with the userName of r had, if the memory reuses ids.
func (s *store) formerID(r *row) string {
	if !s.quirks.reuseIDs {
		return ""
	}
	name, _ := r.typ.Resolve("userName", nil)
	for _, old := range s.gone {
		if old.typ == r.typ && name.Attr != nil && s.key(name.Attr, old.doc) == s.key(name.Attr, r.doc) {
			return old.id
		}
	}
	return ""
}

func (s *store) key(a *schema.Attribute, doc schema.Object) any { return s.set.Key(a, doc[a.Name]) }
