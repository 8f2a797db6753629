// Package directory is the domain: what a tenant's resources are and what happens to
// them. For one caller (tenant and source) it is the server.Store of every resource
// type, made on the keys and rows of a store.Store.
//
// It decides and does no I/O of its own. Every write is keys to load, a pure decision
// over what was loaded, rows to write (see package store); the decision may run more
// than once, so ids and times come in with it.
//
//	Create   claims ── rehire? ── members ── references that waited ── record, change
//	Update   If-Match ── Apply ── claims, record ── net effect on edges ── change
//	Delete   If-Match ── tombstone, claims released, record ended ── change
//
// # A decision that misses a key
//
// Some keys are known only once a document was decided: the new userName of a PATCH,
// the person behind a former record. A decision that meets one notes it and is thrown
// away; the write is asked again with that key loaded (write.go). Most writes need one
// round. A write that turns out to be large starts over as a heavy one in the same way.
//
// # What is derived when read
//
// Members of a group, groups of a user (direct and through other groups) and the name of
// a manager are never in a stored document. They are added on the way out, members and
// groups as streams, and move neither version nor time of the resource that shows them.
//
// # Invariants
//
//   - A write that alters nothing writes nothing: same version, same time, no change (F25).
//   - A change of one member reads that member and that edge, whatever the group's size.
//   - userName is unique by its folded key, decided by the claim in the transaction (D16).
//   - References are resolved inside the tenant. An unknown one is never an externalId of
//     somebody else: only of the same source, and only once that arrives (F20, B03, B05).
//   - An id is never used twice. Only an externalId or employee number of the same source
//     brings a person back, with a new id and no membership (F21, B04).
//
// The Sweeper beside it does what a delete leaves for later: it has the store remove the
// edges of tombstones in slices.
//
// What it does not do: reading requests, schema checks, authentication, delivery.
package directory
