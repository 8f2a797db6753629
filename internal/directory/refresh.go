package directory

import (
	"context"
	"fmt"
	"slices"

	"github.com/muster-id/muster/internal/store"
)

// DuplicateError says that two resources have a value that was to become unique.
type DuplicateError struct {
	Attr string    // path in standard notation
	IDs  [2]string // of the resources
}

// Error tells who shares a value; the value itself stays where it is.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("%s: resources %s and %s have the same value", e.Attr, e.IDs[0], e.IDs[1])
}

// Refresh gives resources of a type, written under older schemas, the entries and claims that those of today demand.
// It alters nothing that anybody sees: neither documents nor versions, and there is no change. It ends with a
// *DuplicateError if a value that is being claimed is somebody else's.
func (d *Directory) Refresh(ctx context.Context, t store.Tenant, typ string, nums []store.Num) error {
	k := d.kind(typ)
	if k == nil {
		return fmt.Errorf("resource type %q is not defined", typ)
	}
	s := &resources{Caller: Caller{Tenant: t, Source: store.DefaultSource}, d: d, kind: k}
	return s.write(ctx, store.Keys{Nums: nums}, false, func(v *view) (*store.Rows, error) {
		rows := &store.Rows{}
		for _, n := range nums {
			if err := k.refresh(v, rows, n); err != nil {
				return nil, err
			}
		}
		return rows, nil
	})
}

func (k *kind) refresh(v *view, rows *store.Rows, n store.Num) error {
	old := v.whole(n)
	if old == nil || old.Deleted || old.Type != k.Name {
		return nil
	}
	doc, err := k.document(old)
	if err != nil {
		return err
	}
	for _, c := range k.claims(doc) {
		if !c.claiming {
			continue
		}
		holder, held := v.holder(c.ClaimKey)
		if i := slices.IndexFunc(rows.Claim, func(o store.Claim) bool { return o.ClaimKey == c.ClaimKey }); i >= 0 {
			holder, held = rows.Claim[i].Num, true
		}
		switch {
		case !held:
			rows.Claim = append(rows.Claim, store.Claim{ClaimKey: c.ClaimKey, Num: n})
		case holder != n:
			other := v.whole(holder)
			if other == nil {
				return nil // asked for; the next round says who it is
			}
			return &DuplicateError{Attr: c.path.String(), IDs: [2]string{other.ID, old.ID}}
		}
	}
	if next := k.index(doc); !slices.Equal(next.Entries, old.Index.Entries) {
		row := *old
		row.Index = next
		rows.Resources = append(rows.Resources, &row)
	}
	return nil
}
