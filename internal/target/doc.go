// Package target is the contract between delivery and the kinds of target: what a
// downstream system is handed, and what it answers. It sends nothing, keeps
// nothing and imports no store; each kind is a package below it.
//
// # Two disciplines
//
//	          is called for            wants            settled by
//	Stream    every change, in order   its events       Deliver without an error
//	State     a resource that is       to make it so    Sync without an error, which settles
//	          dirty, whatever changed  right now        all changes read of it until then
//
// Calls for one resource never overlap and come in order; calls for different resources
// run side by side. Whoever is called may be killed at any moment and is then
// called again with the same: repeats must do no harm.
//
// # Errors
//
// An error that is (or wraps) an [outbound.Error] says whether to try again, when at
// the earliest and whose fault it was; package delivery has the table of what follows
// from it. Any other error counts as a fault of ours that may pass. Texts reach
// people and logs: no secret, no document, no URL with a query. A target does not retry, wait or
// log failed attempts; it makes one attempt, each request of it bounded in time.
package target
