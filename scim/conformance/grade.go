package conformance

import "slices"

// Grade says whether an identity provider would work with the service provider.
type Grade struct {
	Provider string
	Works    bool
	// Known is false where nothing was tried, as in a run that only reads.
	Known bool
	// Against are the results that decide it.
	Against []Result
}

// Grades returns one grade for each identity provider that the checks know.
func (r *Report) Grades() []Grade {
	var list []Grade
	for _, res := range r.Results {
		for _, provider := range res.Check.For {
			i := slices.IndexFunc(list, func(g Grade) bool { return g.Provider == provider })
			if i < 0 {
				i = len(list)
				list = append(list, Grade{Provider: provider, Works: true})
			}
			g := &list[i]
			if res.Verdict == Skipped || res.Verdict == NotOffered && res.typeless {
				continue // who has no groups gets none pushed
			}
			g.Known = true
			if res.Blocked || res.Verdict == Fail || res.Verdict == Broken || res.Verdict == NotOffered {
				g.Works = false
				g.Against = append(g.Against, res)
			}
		}
	}
	return list
}
