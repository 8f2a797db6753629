// Package tenants knows which tenants there are, what state each is in and how it is set.
//
// A tenant is made, suspended, resumed, deleted and, after a grace period, purged: removed in slices until nothing of it is
// left. Its settings are a struct with a section for each feature ([Settings]); none of them weakens what the operator
// has set for the server (security row B12).
//
// The registry answers from memory for at most 5 s, also that there is no tenant of a name. It holds nothing of a tenant that
// nobody asks for, so a hub with ten thousand tenants starts like one with one.
package tenants
