// Package schemas keeps what tenants define beside the built-in schemas: extensions of
// User and Group, and resource types of their own. Definitions come and go while the hub
// runs.
//
//	Add, Remove ── merge ── build ── compare with what is in force ── look at the resources ──┬─ refused
//	                                                                                          └─ one write: the next generation
//	requests ────── Directory(tenant): the generation in force when they came                     │
//	worker ──────── entries and claims of resources that were there before ────────────────────────┘
//
// # Generations
//
// Each change of a tenant's definitions is a generation, written in one transaction and then in force for new
// requests. Requests under way go on with the generation that they began with; the store refuses their writes, which
// may know nothing of an attribute that somebody has written since (503, try again). All generations are kept.
//
// That nobody has values which stand against a change is looked up while everybody writes, then looked up again for what
// was written meanwhile, and is true of the very moment of the commit: see change.go.
//
// # What may change
//
//	new attribute, extension or type; description, canonicalValues,     always
//	referenceTypes, mutability, required off, indexed on and off,
//	uniqueness off
//	required on                                                         if no resource lacks it, or with force
//	type, multiValued, returned never; removal of attributes and        if no resource has values, or with force: what
//	extensions                                                          was written before is then ignored when read
//	uniqueness on                                                       if no two resources share a value
//	removal of a resource type, another endpoint                        if there is no resource of it
//
// # Work on what was there before
//
// An attribute that is to be indexed although resources may have values of it is indexed in the background, in slices;
// searches read the documents until all entries are there. One that becomes unique has its values claimed in the
// same way, before the change is acknowledged; meanwhile nobody takes a new value of it.
//
// What it does not do: read definitions (scim/schema), decide about resources (internal/directory).
package schemas
