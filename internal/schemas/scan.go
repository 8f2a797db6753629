package schemas

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/schema"
)

const (
	// scanSlice is how many resources are read at once: a reading connection is held for a few milliseconds.
	scanSlice = 500
	// showDuplicates is how many resources that share a value are named.
	showDuplicates = 3
)

// scan looks at the resources of a tenant for what stands against differences.
type scan struct {
	store   Store
	tenant  store.Tenant
	dir     *directory.Directory // by which documents are read: of the generation in force
	next    *schema.Set
	types   map[string][]*difference
	seed    maphash.Seed
	holders map[*difference]map[uint64]store.Num // of unique values, by their hashes
}

func newScan(st Store, t store.Tenant, dir *directory.Directory, next *schema.Set, list []*difference) *scan {
	s := &scan{
		store: st, tenant: t, dir: dir, next: next, seed: maphash.MakeSeed(),
		types: map[string][]*difference{}, holders: map[*difference]map[uint64]store.Num{},
	}
	for _, d := range list {
		if d.against == nil && !d.unique {
			continue
		}
		s.types[d.typ] = append(s.types[d.typ], d)
		if d.unique {
			s.holders[d] = map[uint64]store.Num{}
		}
	}
	return s
}

// all looks at all resources of the types that differ.
func (s *scan) all(ctx context.Context) error {
	for typ := range s.types {
		for after := store.Num(0); ; {
			rows, err := s.store.Slice(ctx, s.tenant, typ, after, scanSlice)
			if err != nil {
				return fmt.Errorf("look at resources of type %s: %w", typ, err)
			}
			if err := s.rows(rows); err != nil {
				return err
			}
			if len(rows) < scanSlice {
				break
			}
			after = rows[len(rows)-1].Num
		}
	}
	return nil
}

// since looks at the resources that were changed after a place in the feed, and returns the place that it has come to.
func (s *scan) since(ctx context.Context, after store.Seq) (store.Seq, error) {
	for {
		changes, err := s.store.Changes(ctx, s.tenant, after, scanSlice)
		if err != nil {
			return after, fmt.Errorf("look at what has changed: %w", err)
		}
		var nums []store.Num
		for _, c := range changes {
			after = c.Seq
			if len(s.types[c.Type]) > 0 && !slices.Contains(nums, c.Num) {
				nums = append(nums, c.Num)
			}
		}
		rows, err := s.store.ByNum(ctx, s.tenant, nums)
		if err != nil {
			return after, fmt.Errorf("look at what has changed: %w", err)
		}
		rows = slices.DeleteFunc(rows, func(r *store.Resource) bool { return r.Deleted })
		if err := s.rows(rows); err != nil {
			return after, err
		}
		if len(changes) < scanSlice {
			return after, nil
		}
	}
}

func (s *scan) rows(rows []*store.Resource) error {
	for _, r := range rows {
		doc, err := s.dir.Document(r)
		if err != nil {
			return err
		}
		for _, d := range s.types[r.Type] {
			if d.against != nil && d.against(doc) {
				d.count++
			}
			if d.unique {
				s.unique(d, r, doc)
			}
		}
	}
	return nil
}

// unique notes the values of an attribute that becomes unique.
func (s *scan) unique(d *difference, r *store.Resource, doc schema.Object) {
	for v := range d.path.Values(doc) {
		key := store.KeyText(s.next, d.path.Leaf(), v)
		if key == "" {
			continue
		}
		h := maphash.String(s.seed, key)
		if other, taken := s.holders[d][h]; taken && other != r.Num {
			d.count++
			if len(d.duplicates) < showDuplicates {
				d.duplicates = append(d.duplicates, r.ID)
			}
			continue
		}
		s.holders[d][h] = r.Num
	}
}

// RefusedError says why definitions are not put into force although they are right by themselves.
type RefusedError struct{ Problems []string }

// Error names every problem.
func (e *RefusedError) Error() string {
	errs := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		errs[i] = errors.New(p)
	}
	return errors.Join(errs...).Error()
}

// resources counts them: "is 1 resource", "are 2 resources".
func resources(n int) string {
	if n == 1 {
		return "is 1 resource"
	}
	return fmt.Sprintf("are %d resources", n)
}

// refusal returns what stands against differences, or nil.
func refusal(list []*difference, force bool) error {
	e := &RefusedError{}
	for _, d := range list {
		if d.count == 0 || force && d.force != "" {
			continue
		}
		why := d.why
		if d.unique {
			why = "with a value that another one has too, such as " + strings.Join(d.duplicates, ", ")
		}
		text := fmt.Sprintf("%s, but there %s %s", d.text, resources(d.count), why)
		if d.force != "" {
			text += "; with --force " + d.force
		}
		e.Problems = append(e.Problems, text)
	}
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}
