// Package delivery brings the changes of a tenant's feed to its targets. It holds
// the schedule: what goes next, what waits, what is tried again and when; what is sent
// and how belongs to the kinds of target.
//
// # One walker a target
//
// A [Walker] reads the feed from its durable cursor and puts every change into the lane of its
// resource. Calls for one resource never overlap and come in order; different resources go side by
// side, up to [Options.Concurrency]. The cursor follows the oldest change that is not settled, and at
// most [Options.Window] such changes are held. Each walker has goroutines of its own and shares nothing
// with another: a target that hangs delays nobody else.
//
// A resource that cannot go with the window takes a detour, which is a row in the store:
//
//	row      says                                         written when
//	behind   unsettled from From on; try again at Next    an attempt failed, or takes longer than a second
//	ahead    settled up to Upto                           an urgent change has overtaken the backlog
//	none     settled up to the cursor
//
// The walker leaves to a row behind whatever it reads of that resource, and skips what a row ahead has
// settled. Rows and the cursor that counts on them are written in one transaction, so a kill -9 at any
// moment leaves a state that was true once: what came after it is done again, nothing is left out.
//
// # A resource
//
//	state     event                                      next state
//	idle      change read                                queued in its lane
//	queued    a slot is free, the target is open         running
//	running   settled, nothing newer read                idle (row removed, or ahead if beyond the walker)
//	running   settled, newer changes read                queued
//	running   failed, the resource is to blame           behind, attempt counted
//	running   failed, the target is to blame (below)     queued, attempt not counted
//	behind    Next has come; urgent change; state        queued, row kept until settled
//	          target: any change, or dirty
//
// Attempts follow the ladder 5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, each
// with 20 % of jitter, and then every 24 h. What the target refuses for good (400, 413, 422) gets three
// tries before it waits 24 h. There is no dead-letter queue yet: a row behind is kept and reported
// until it succeeds. Retry-After is honoured up to 24 h.
//
// # The target
//
//	state      entered by                                 left by
//	open       start, any success                         -
//	slowed     429, or 503 with Retry-After               the time named, else as tripped
//	tripped    5 failures in a row, of any resources      one probe after 30 s, doubling up to 10 min
//	paused     401, 403, 407                              one probe every 5 min; the operator mends the credential
//	disabled   410 of a stream target                     restart
//
// In every state but open nothing is sent but the probe, and no attempt is counted. A probe is whatever
// is next in turn. A resource that puts the target out of open twice, with successes of others in
// between, is to blame itself.
//
// # Two disciplines
//
// A stream target gets every change. A state target is asked to make a resource right now, which
// settles all changes read of it until then; what its work needs to know it reads through
// [target.Work], which this package implements on the store. A resource that another one waits for is
// brought into being first, in its own lane. The first link of a resource makes dirty, in the same
// transaction, those that refer to it.
//
// # Bounds
//
// Per walker: Concurrency+2 goroutines, Window unsettled changes, as many lanes and due detours, 4,096
// notes of events delivered within a change. Detours are paged by time, so a million of them cost no
// memory.
package delivery
