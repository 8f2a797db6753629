// Package relational is a store in the tables of an SQL database: everything about it but the database itself, which an
// Engine is. The engines are packages sqlite, one file for one node, and postgres, a server for many.
//
// # The writer
//
//	Write ──► queue per tenant ──► batch ──► load ──► decide, decide, … ──► rows ──► COMMIT ──► answer all
//	              (writer.go)                (load.go)    (view.go)       (write.go)
//
// A batch is what waits at that moment, at most Options.MaxBatch. Its decisions see each other's results in memory; its
// rows are written once, however often they changed. There are no savepoints: if the database refuses a batch, it is
// rolled back and its Ops run one by one, each in a transaction of its own. After an I/O error nothing is tried again: the
// outcome is unknown, the callers are told so, and the writer opens a new session.
//
// An engine of one node has one session, which takes from the tenants in turn. An engine that nodes share has several; a
// batch is then of one tenant, and begins by locking the tenant's head, so that the batches of a tenant follow one another
// on whatever node they run: that is what makes the sequence of its feed dense and in order.
//
// # Searching
//
// A filter is compiled (compile.go) to a condition over indexed columns that is true wherever the filter is, and exactly
// there if every leaf has an exact form; else what comes is evaluated again by filter.Match.
//
// # SQL
//
// Statements are written once, for both engines, in the dialect that Dialect describes. Each is a constant or is made of
// constants: what a client wrote is an argument (D06).
package relational
