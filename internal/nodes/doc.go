// Package nodes says which processes serve one database, and who of them does what only one may do at a time: the stream of a
// target has one owner, wherever requests are answered.
//
// A node says every few seconds that it is there (Keeper). It takes a lease for a piece of work, which is its own as long as
// it is alive; one that is not seen for store.NodeTTL has lost its leases to whoever asks first. Each change of hands has a
// number, the fence: what is written under a lease names it, in the same transaction, so that a node that was paused and
// comes back writes nothing more (R06). It also stops by itself, by its own monotonic clock, before the others may take over.
//
// With the embedded database there is one node, which owns everything and writes nothing of all this.
package nodes
