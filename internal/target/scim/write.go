package scim

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"slices"

	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

// patch writes the fields that differ.
func (j *job) patch(ctx context.Context, a account) error {
	sets, removes, err := j.difference(ctx, a)
	if err != nil {
		return err
	}
	if len(sets)+len(removes) > 0 {
		unknown := j.digest.Fields == nil
		j.digest.doubt(a.fields, sets, removes)
		if err := j.save(ctx); err != nil {
			return err
		}
		doc, err := j.client.Patch(ctx, j.typ.Endpoint, j.link.RemoteID, operations(sets, removes))
		if status(err) == http.StatusBadRequest && unknown && len(sets) > 0 && len(removes) > 0 {
			// Nobody knows who wrote what is to be removed: the peer may, and keep it.
			doc, err = j.client.Patch(ctx, j.typ.Endpoint, j.link.RemoteID, operations(sets, nil))
		}
		if err != nil {
			return err
		}
		if err := j.confirm(ctx, a, doc); err != nil {
			return err
		}
	}
	j.digest.wrote(a.fields)
	return j.save(ctx)
}

// difference returns the fields to set and the paths to remove: by the link, or by what the peer
// shows if the link does not know.
func (j *job) difference(ctx context.Context, a account) (sets []field, removes []string, err error) {
	if j.digest.Fields != nil {
		left := maps.Clone(j.digest.Fields)
		for _, f := range a.fields {
			if left[f.key()] != f.hash() {
				sets = append(sets, f)
			}
			delete(left, f.key())
		}
		return sets, slices.Sorted(maps.Keys(left)), nil
	}
	doc, err := j.client.Get(ctx, j.typ.Endpoint, j.link.RemoteID, withoutMembers(j.typ))
	if err != nil {
		return nil, nil, err
	}
	ours, name := map[string]bool{}, nameOf(j.typ)
	for _, f := range a.fields {
		ours[f.key()] = true
		there := shown(j.typ, f.path, doc)
		// The name by which an account was found is written as the hub has it, however the peer spelled it before.
		if !same(f.path.Leaf(), j.set, f.value, there) || f.path.Attr == name && f.value != there {
			sets = append(sets, f)
		}
	}
	if j.digest.Foreign {
		return sets, nil, nil
	}
	for p := range fieldsOf(j.typ) {
		// Whether an account without active is active is the peer's to say.
		if f := (field{path: p}); !ours[f.key()] && f.key() != attrActive && shown(j.typ, p, doc) != nil {
			removes = append(removes, f.key())
		}
	}
	return sets, removes, nil
}

// fieldsOf yields the paths of all fields that an account of a type can have.
func fieldsOf(t *schema.ResourceType) iter.Seq[schema.Path] {
	return func(yield func(schema.Path) bool) {
		for p := range t.Paths() {
			if !written(p) {
				continue
			}
			if p.Attr.Type != schema.Complex || p.Attr.MultiValued || refersToResource(p.Attr) {
				if !yield(p) {
					return
				}
				continue
			}
			for _, s := range p.Attr.SubAttributes {
				if s.Mutability != schema.ReadOnly && !yield(schema.Path{Extension: p.Extension, Attr: p.Attr, Sub: s}) {
					return
				}
			}
		}
	}
}

func operations(sets []field, removes []string) *client.Patch {
	var p client.Patch
	for _, f := range sets {
		// A replace of what is not there adds it (RFC 7644 §3.5.2.3); an add would append to what is.
		p.Replace(f.key(), f.value)
	}
	for _, path := range removes {
		p.Remove(path)
	}
	return &p
}

// put writes the whole resource if anything differs, with its members if it is a group.
func (j *job) put(ctx context.Context, a account) error {
	dirty := j.digest.Fields == nil
	if !dirty {
		sets, removes, err := j.difference(ctx, a)
		if err != nil {
			return err
		}
		dirty = len(sets)+len(removes) > 0
	}
	body := a.body()
	if hasMembers(j.typ) {
		touched, err := j.membersTouched(ctx)
		if err != nil {
			return err
		}
		if dirty = dirty || touched; dirty {
			if body[attrMembers], err = j.allMembers(ctx); err != nil {
				return err
			}
		}
	}
	if !dirty {
		return nil
	}
	done := j.digest
	j.digest = digest{ID: done.ID, Fill: hasMembers(j.typ), Prune: hasMembers(j.typ)} // until it is known to be done
	if err := j.save(ctx); err != nil {
		return err
	}
	doc, err := j.client.Replace(ctx, j.typ.Endpoint, j.link.RemoteID, body)
	if err != nil {
		return err
	}
	if err := j.confirm(ctx, a, doc); err != nil {
		return err
	}
	j.digest = done
	j.digest.wrote(a.fields)
	return j.save(ctx)
}

// confirm decides whether an answer to a write counts. One without a body is taken at its word, unless
// somebody's access was to end; one with a body counts only if it is the account's, else it is read back.
func (j *job) confirm(ctx context.Context, a account, doc client.Document) error {
	active, ok := a.at(attrActive).(bool)
	disabled := ok && !active
	if doc == nil && !disabled {
		return nil
	}
	switch doc.ID() {
	case j.link.RemoteID:
	case "":
		var err error
		if doc, err = j.client.Get(ctx, j.typ.Endpoint, j.link.RemoteID, withoutMembers(j.typ)); err != nil {
			return err
		}
	default:
		return lies("the application answered with another account than the one that was written")
	}
	if still, ok := doc.Bool(attrActive); disabled && ok && still {
		return lies("the application says that the account is still active after it was disabled")
	}
	return nil
}
