// Package feed reads a tenant's changes: one total order, without gaps, from any
// position, and says what each change means as events.
//
// It writes nothing, decides nothing and keeps nothing; delivery to targets, with
// cursors and retries, is package delivery.
//
// # Invariants
//
//   - Changes come in the order in which they were committed. Who was shown n and n+2 was shown n+1.
//   - A position is good for ever, or refused with [ErrHistory]: after a restore the epoch is another
//     one, and what an old position promised may no longer be there. It is never silently taken for
//     something near it.
//   - An event's id depends on nothing but its change: it is the same on every read and every
//     redelivery.
//   - Never-returned attributes leave by no document: they are not stored, and dropped here once more.
//
// # Events
//
// The names are "<resource type in lower case>.<what happened>". One change may carry several, in this order:
//
//	created rehired updated activated reactivated deactivated   of the document
//	member_added member_removed                                 one an edge, in an order that never changes
//	deleted
//
// A change without events (a record was altered, the resource was not) keeps its place in the sequence.
package feed
