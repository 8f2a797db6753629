// Package sqlite keeps a store in one SQLite file: the default, for one node. It is the engine; what is kept and how it is
// found is package relational.
//
// # Connections
//
// One connection writes and belongs to the writer's goroutine (session.go). A few query_only connections read. The log is
// written ahead (WAL) and synced at every commit, so what Write acknowledged survives a power cut. Another connection, with
// a goroutine of its own, copies the log into the database meanwhile (checkpoint.go).
//
// # Reading
//
// A reader takes a connection for one page, closes the statement and gives the connection back
// before anything is sent: a statement that stays open keeps the log from shrinking.
//
// # Plans
//
// Plans are forced, not guessed: each statement names its index, and a test asks SQLite whether it obeyed.
//
// The package does not lock the directory of the file; who opens a store does.
package sqlite
