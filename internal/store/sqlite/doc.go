// Package sqlite keeps a store in one SQLite file: the default, for one node.
//
// # Connections
//
// One connection writes and belongs to the writer's goroutine, which Open starts and
// Close drains and stops. A few query_only connections read. The log is written ahead (WAL)
// and synced at every commit, so what Write acknowledged survives a power cut. Another connection, with a goroutine
// of its own, copies the log into the database meanwhile (checkpoint.go).
//
// # The writer
//
//	Write ──► queue per tenant ──► batch ──► load ──► decide, decide, … ──► rows ──► COMMIT ──► answer all
//	              (writer.go)                (load.go)    (view.go)       (write.go)
//
// A batch is what waits at that moment, at most Options.MaxBatch, taken from the tenants in
// turn. Its decisions see each other's results in memory; its rows are written once, however
// often they changed. There are no savepoints: if the database refuses a batch, it is rolled
// back and its Ops run one by one, each in a transaction of its own. After an I/O error nothing is tried
// again: the outcome is unknown, the callers are told so, and the writer opens a new connection.
//
// # Reading
//
// A reader takes a connection for one page, closes the statement and gives the connection back
// before anything is sent: a statement that stays open keeps the log from shrinking.
//
// # Searching
//
// A filter is compiled (compile.go) to a condition over indexed columns that is true wherever the
// filter is, and exactly there if every leaf has an exact form; else what comes is evaluated again
// by filter.Match. Plans are forced, not guessed: each statement names its index, and a
// test asks SQLite whether it obeyed.
//
// The package does not lock the directory of the file; who opens a store does.
package sqlite
