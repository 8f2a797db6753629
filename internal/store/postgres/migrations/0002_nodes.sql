-- +goose Up

-- Processes that have the database open. Times are the database's.
CREATE TABLE node (
	id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	name    TEXT COLLATE "C" NOT NULL,
	address TEXT COLLATE "C" NOT NULL,
	version TEXT COLLATE "C" NOT NULL,
	started BIGINT NOT NULL,
	seen    BIGINT NOT NULL
);

-- Work that one node does at a time.
CREATE TABLE lease (
	tenant BIGINT NOT NULL,
	name   TEXT COLLATE "C" NOT NULL,
	holder TEXT COLLATE "C" NOT NULL, -- a node; it counts as long as that is alive
	fence  BIGINT NOT NULL, -- grows with every change of hands
	PRIMARY KEY (tenant, name)
);

CREATE INDEX lease_holder ON lease (holder);
