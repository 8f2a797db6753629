package directory

import (
	"github.com/muster-id/muster/internal/store"
)

// A person who was deleted and is created again by the same source is the same person (F21):
// found by externalId or employee number, never by a name or an address, which pass from one
// person to the next (B04, B06). The resource comes back to life under its number, so that
// feed, links and audit tell one story; everything a client can see is new: id, created,
// and no membership.

// former returns the key of the ended record that a new document would continue, and whether
// there is anything to look for.
func (k *kind) former(x store.Index) (store.FormerKey, bool) {
	if !k.person || x.ExternalID == "" && x.EmployeeNumber == "" {
		return store.FormerKey{}, false
	}
	return store.FormerKey{Type: k.Name, ExternalID: x.ExternalID, EmployeeNumber: x.EmployeeNumber}, true
}

// rehired returns the tombstone of the person, or nil. A record whose person has come back
// already says nothing: externalId is not unique.
func (k *kind) rehired(v *view, key store.FormerKey) *store.Resource {
	if !k.person {
		return nil
	}
	record := v.Former(key)
	if record == nil {
		return nil
	}
	if old := v.whole(record.Num); old != nil && old.Deleted {
		return old
	}
	return nil
}

// revive makes row the continuation of a tombstone. Its version goes on, so that no version
// of the person occurs twice; edges that are not swept yet go first.
func revive(rows *store.Rows, row, old *store.Resource) {
	row.Num, row.Person, row.Version = old.Num, old.Person, old.Version+1
	row.Modified = later(row.Modified, old.Modified)
	row.Created = row.Modified
	rows.Cut = append(rows.Cut, old.Num)
}
