package store

import (
	"context"
	"errors"
	"time"
)

// Node is a process that has the store open beside others. Its times are the database's.
type Node struct {
	ID      string // of the process
	Name    string // of the machine
	Address string // where it serves
	Version string
	Started time.Time
	Seen    time.Time // when it last said that it is there
	Alive   bool      // that was not long ago
	Leases  int       // it holds
}

// Lease is a piece of work that one node does at a time: a target's stream.
type Lease struct {
	Tenant Tenant
	Name   string
	Holder string // a Node's ID
	Fence  int64  // grows with every change of hands
}

// Fence is a Lease as a condition of a write.
type Fence struct {
	Name   string
	Number int64
}

// ErrFenced says that a write was made under a lease that somebody else has by now. Nothing was written.
var ErrFenced = errors.New("another node has the lease by now")

// NodeTTL is how long a node counts as alive after it was last seen. Then others take its leases.
const NodeTTL = 15 * time.Second

// Nodes is who has the store open, and who does what. Time is the database's, so the clocks of nodes do not matter.
type Nodes interface {
	// Shared reports whether other nodes can have the store open. If not, nobody needs the rest.
	Shared() bool
	// Beat says that a node is there.
	Beat(ctx context.Context, n Node) error
	// Leave says that a node is gone; its leases are free at once.
	Leave(ctx context.Context, id string) error
	// Nodes returns the nodes, the longest running one first. Those that have not been seen for a day are left out.
	Nodes(ctx context.Context) ([]Node, error)
	// Take takes a lease for a node, unless another one that is alive has it. It returns who has it then. Taking it again
	// changes nothing.
	Take(ctx context.Context, t Tenant, name, node string) (Lease, error)
	// Lease returns a lease, or ErrNotFound.
	Lease(ctx context.Context, t Tenant, name string) (Lease, error)
}
