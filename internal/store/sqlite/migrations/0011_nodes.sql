-- +goose Up

-- Processes that have the database open; the embedded one has no more than one. Times are the database's.
CREATE TABLE node (
	id      TEXT    NOT NULL PRIMARY KEY,
	name    TEXT    NOT NULL,
	address TEXT    NOT NULL,
	version TEXT    NOT NULL,
	started INTEGER NOT NULL,
	seen    INTEGER NOT NULL
) WITHOUT ROWID;

-- Work that one node does at a time.
CREATE TABLE lease (
	tenant INTEGER NOT NULL,
	name   TEXT    NOT NULL,
	holder TEXT    NOT NULL, -- a node; it counts as long as that is alive
	fence  INTEGER NOT NULL, -- grows with every change of hands
	PRIMARY KEY (tenant, name)
) WITHOUT ROWID;

CREATE INDEX lease_holder ON lease (holder);
