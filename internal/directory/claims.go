package directory

import (
	"net/http"
	"slices"
	"time"

	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// claim is one unique value of a document.
type claim struct {
	unique
	store.ClaimKey
}

// claims returns the unique values of a document, as keys.
func (k *kind) claims(doc schema.Object) []claim {
	var out []claim
	for _, u := range k.unique {
		for v := range u.path.Values(doc) {
			if key := store.KeyText(k.set, u.path.Leaf(), v); key != "" {
				out = append(out, claim{u, store.ClaimKey{Scope: u.scope, Key: key}})
			}
		}
	}
	return out
}

// keys returns what a decision over the claims needs loaded.
func claimKeys(cs []claim) []store.ClaimKey {
	out := make([]store.ClaimKey, len(cs))
	for i, c := range cs {
		out[i] = c.ClaimKey
	}
	return out
}

// take claims for resource n what after has, and releases what only before had. A value that
// somebody else holds is refused (RFC 7644 §3.3), unless its uniqueness is optional and the
// dialect does not ask for it: then the resource goes without the claim, and whoever asks
// later still finds the value taken by its first holder.
func take(v *view, rows *store.Rows, n store.Num, before, after []claim, d *scim.Dialect) error {
	for _, c := range after {
		if slices.ContainsFunc(before, c.same) {
			continue
		}
		if c.claiming {
			return beingClaimed(c.path.String())
		}
		holder, held := v.holder(c.ClaimKey)
		switch {
		case !held:
			rows.Claim = append(rows.Claim, store.Claim{ClaimKey: c.ClaimKey, Num: n})
		case holder != n && (!c.optional || d.Allows(scim.UniqueGroups)):
			return scim.Taken(c.path.String())
		}
	}
	for _, c := range before {
		if slices.ContainsFunc(after, c.same) {
			continue
		}
		if holder, held := v.holder(c.ClaimKey); held && holder == n {
			rows.Release = append(rows.Release, c.ClaimKey)
		}
	}
	return nil
}

// beingClaimed refuses a new value of an attribute that is just becoming unique: whether it is taken is not known yet.
func beingClaimed(attr string) error {
	return &scim.Error{
		Status: http.StatusServiceUnavailable, RetryAfter: time.Second,
		Detail: "the values of " + attr + " are just being made unique; try again",
	}
}

func (c claim) same(other claim) bool { return c.ClaimKey == other.ClaimKey }
