package conformance

import "slices"

// having is how the provider is asked for the users of one check among all that it has.
type having struct {
	filter func(family string) string // nil: no filter that was tried does
	and    bool                       // whether more can be asked of them
	said   bool                       // whether a check has failed for it
}

// byUserName and byFamilyName find the users that UserBody makes of a family name from Name. The first needs no more than
// what every user has.
func byUserName(family string) string   { return `userName sw "` + family + `-"` }
func byFamilyName(family string) string { return `name.familyName eq "` + family + `"` }

// Having is a filter that finds the users that this check made with a family name from Name. A provider that cannot be asked
// so fails the first check that does; for the others it is not offered, so that one thing missing is said once.
func (t *T) Having(family string) string {
	t.NeedFilter()
	if t.s.having == nil {
		t.s.having = t.tryHaving()
	}
	if h := t.s.having; h.filter == nil {
		h.once(t, "neither "+byUserName("x")+" nor "+byFamilyName("x")+" finds the users that have it")
	}
	return t.s.having.filter(family)
}

// HavingAnd is Having with " and " behind it.
func (t *T) HavingAnd(family string) string {
	filter := t.Having(family)
	if h := t.s.having; !h.and {
		h.once(t, filter+" and the same again does not find who has it")
	}
	return filter + " and "
}

// once ends the check: as a failure the first time, and then as not offered.
func (h *having) once(t *T, what string) {
	if h.said {
		t.Offered(false, "a filter that this check needs (an earlier one failed for it: "+what+")")
	}
	h.said = true
	t.Failf("%s; checks that need it are left out from here on", what)
}

// tryHaving makes two users and finds out which filter finds them.
func (t *T) tryHaving() *having {
	family := t.Name("family")
	one, two := t.User(Object{"name": Object{"familyName": family}}), t.User(Object{"name": Object{"familyName": family}})
	want := sorted([]string{one.ID(), two.ID()})
	finds := func(filter string) bool {
		return t.Settles(func() bool {
			a := t.Get(t.Users() + Query("filter", filter))
			return a.Status == 200 && slices.Equal(sorted(a.IDs()), want)
		})
	}
	h := &having{}
	for _, f := range []func(string) string{byUserName, byFamilyName} {
		if !finds(f(family)) {
			continue
		}
		if h.filter == nil {
			h.filter = f
		}
		if finds(f(family) + " and " + f(family)) {
			h.filter, h.and = f, true
			break
		}
	}
	return h
}
