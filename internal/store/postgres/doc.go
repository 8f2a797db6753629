// Package postgres keeps a store in a PostgreSQL database, for many nodes. It is the engine; what is kept and how it is
// found is package relational.
//
// # Connections
//
// A few sessions write, each a connection of its own and one batch at a time. A pool reads. Statements are prepared once a
// connection; those of a batch go out together, with its COMMIT, in one round trip.
//
// # Isolation
//
// A batch locks its tenant's head first (FOR UPDATE), so that the batches of a tenant follow one another whatever node
// they run on, and what they read after that is what the one before has left: READ COMMITTED is enough. The feed's sequence
// is dense and in order of commits because nobody counts on before the head is free.
//
// # Failures
//
// A connection that breaks before COMMIT was sent has written nothing, and the batch runs again on another. After that the
// outcome is unknown until the audit chain has been asked (R22). A server that is not there is asked again twice a second at
// most: those who come meanwhile are told at once.
//
// # Plans
//
// The planner is told to do what the statements were written for: joins in their order, by index, planned once
// (settings). Where a server does not know one of these settings, it does without.
package postgres
