package schema

// Core returns a set of User, with the Enterprise extension, and Group as RFC 7643
// §8.7 defines them, with its verified errata and those reported ones that follow
// from the prose (6000, 6001, 6011: binary and references are caseExact, members
// have display).
func Core(fold FoldFunc, options ...Option) *Set {
	user, group := User(), Group()
	for _, o := range options {
		o(user, group)
	}
	set, err := NewSet(fold, user, group)
	if err != nil {
		panic("schema: built-in definitions: " + err.Error()) // a bug of this package, met by its first test
	}
	return set
}

// Option alters what Core returns.
type Option func(user, group *ResourceType)

// UniqueGroups publishes Group.displayName with uniqueness server, for callers whose
// dialect keeps it unique (scim.UniqueGroups, AMB-25).
func UniqueGroups() Option {
	return func(_, group *ResourceType) {
		for _, a := range group.Schema.Attributes {
			if a.Name == "displayName" {
				a.Uniqueness = UniqueServer
			}
		}
	}
}
