package schema

// WithoutRelations returns the type for a store that keeps no edges: what clients may write of its relations
// (Group.members) becomes a plain attribute of the document, and what is derived from others (User.groups) goes. The
// definition is altered, so this comes before NewSet:
//
//	set, err := schema.NewSet(nil, schema.User(), schema.WithoutRelations(schema.Group()))
//
// It suits groups of hundreds, not of a million: every change of a member reads and writes the whole list. Nothing
// looks after the references: members who are unknown are kept, and those who are deleted stay. PATCH of members works
// as identity providers send it, but for an add that names them by a filter only (scim.AddByFilter).
func WithoutRelations(t *ResourceType) *ResourceType {
	var attributes []*Attribute
	for _, a := range t.Schema.Attributes {
		if a.Relation && a.Mutability == ReadOnly {
			continue
		}
		a.Relation = false
		attributes = append(attributes, a)
	}
	t.Schema.Attributes = attributes
	return t
}
