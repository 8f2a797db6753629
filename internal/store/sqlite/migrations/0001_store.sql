-- +goose Up

-- Every key begins with the tenant, so that a table can be sharded by it. Times are milliseconds since 1970, 0 for
-- none; no column that is searched is ever NULL ('' and 0 mean unassigned).
--
-- WITHOUT ROWID where a row is little more than its key. Rows with a document keep a rowid: a body of 1.5 KB in a key
-- b-tree overflows its page, which doubled the file and halved the speed of updates and of reading by id.

CREATE TABLE tenant (
	tenant  INTEGER NOT NULL PRIMARY KEY,
	name    TEXT    NOT NULL UNIQUE,
	created INTEGER NOT NULL
);

-- The one row that every batch of a tenant alters, and locks last.
CREATE TABLE head (
	tenant   INTEGER NOT NULL PRIMARY KEY,
	epoch    INTEGER NOT NULL, -- grows at a restore
	seq      INTEGER NOT NULL, -- of the last change
	next_num INTEGER NOT NULL, -- of the next resource
	at       INTEGER NOT NULL, -- of the last change
	users    INTEGER NOT NULL, -- live resources of type User
	groups   INTEGER NOT NULL, -- live resources of type Group
	audit    BLOB              -- hash of the last audit record
);

CREATE TABLE source (
	tenant  INTEGER NOT NULL,
	source  INTEGER NOT NULL,
	name    TEXT    NOT NULL,
	created INTEGER NOT NULL,
	PRIMARY KEY (tenant, source)
) WITHOUT ROWID;

CREATE TABLE token (
	tenant  INTEGER NOT NULL,
	id      TEXT    NOT NULL,
	source  INTEGER NOT NULL,
	name    TEXT    NOT NULL,
	hash    BLOB    NOT NULL, -- SHA-256
	hint    TEXT    NOT NULL,
	profile TEXT    NOT NULL,
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	revoked INTEGER NOT NULL,
	PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

-- The one lookup that does not know its tenant yet.
CREATE UNIQUE INDEX token_hash ON token (hash);

CREATE TABLE resource (
	tenant          INTEGER NOT NULL,
	num             INTEGER NOT NULL,
	type            TEXT    NOT NULL,
	id              TEXT    NOT NULL, -- of the newest record
	person          TEXT    NOT NULL, -- id of the first record
	version         INTEGER NOT NULL,
	created         INTEGER NOT NULL,
	modified        INTEGER NOT NULL,
	gen             INTEGER NOT NULL, -- schema generation of the body
	deleted         INTEGER NOT NULL, -- 1: a tombstone
	once            INTEGER NOT NULL, -- 1: has been active
	user_name       TEXT    NOT NULL, -- folded keys from here on
	external_id     TEXT    NOT NULL,
	display_name    TEXT    NOT NULL,
	employee_number TEXT    NOT NULL,
	manager         TEXT    NOT NULL,
	active          INTEGER NOT NULL, -- 0 unassigned, 1 false, 2 true
	display         TEXT    NOT NULL, -- the shown name as it was sent
	entries         BLOB    NOT NULL, -- its rows of entry, so that they need no index by resource
	body            BLOB              -- NULL in a tombstone; last, so that scans leave its pages alone
);

-- Keys of tables with a rowid are named, so that a statement can say which it means.
CREATE UNIQUE INDEX resource_num ON resource (tenant, num);
CREATE UNIQUE INDEX resource_id ON resource (tenant, id);
-- Lists, counts and filters on active and created are answered from this index alone.
CREATE INDEX resource_live ON resource (tenant, type, num, active, created) WHERE deleted = 0;
CREATE INDEX resource_modified ON resource (tenant, type, modified, num) WHERE deleted = 0;
CREATE INDEX resource_user_name ON resource (tenant, type, user_name, num) WHERE user_name <> '';
CREATE INDEX resource_external_id ON resource (tenant, type, external_id, num) WHERE external_id <> '';
CREATE INDEX resource_display_name ON resource (tenant, type, display_name, num) WHERE display_name <> '';
CREATE INDEX resource_employee_number ON resource (tenant, type, employee_number, num) WHERE employee_number <> '';
CREATE INDEX resource_manager ON resource (tenant, type, manager, num) WHERE manager <> '';

CREATE TABLE entry (
	tenant INTEGER NOT NULL,
	attr   TEXT    NOT NULL,
	key    TEXT    NOT NULL,
	num    INTEGER NOT NULL,
	PRIMARY KEY (tenant, attr, key, num)
) WITHOUT ROWID;

-- A source talks to its record, not to the resource.
CREATE TABLE record (
	tenant          INTEGER NOT NULL,
	source          INTEGER NOT NULL,
	id              TEXT    NOT NULL, -- the source was given
	num             INTEGER NOT NULL,
	external_id     TEXT    NOT NULL,
	employee_number TEXT    NOT NULL,
	created         INTEGER NOT NULL,
	ended           INTEGER NOT NULL,
	body            BLOB, -- NULL while it equals the resource's
	PRIMARY KEY (tenant, source, id)
) WITHOUT ROWID;

CREATE INDEX record_former_external ON record (tenant, source, external_id, ended) WHERE ended <> 0;
CREATE INDEX record_former_employee ON record (tenant, source, employee_number, ended) WHERE ended <> 0;

CREATE TABLE edge (
	tenant INTEGER NOT NULL,
	rel    INTEGER NOT NULL,
	parent INTEGER NOT NULL,
	child  INTEGER NOT NULL,
	source INTEGER NOT NULL, -- who said so
	nested INTEGER NOT NULL, -- 1: parent and child are of one type
	PRIMARY KEY (tenant, rel, parent, child)
) WITHOUT ROWID;

CREATE INDEX edge_child ON edge (tenant, child, rel, parent);
CREATE INDEX edge_nested ON edge (tenant, rel, parent, child) WHERE nested = 1;

CREATE TABLE claim (
	tenant INTEGER NOT NULL,
	scope  TEXT    NOT NULL,
	key    TEXT    NOT NULL,
	num    INTEGER NOT NULL,
	PRIMARY KEY (tenant, scope, key)
) WITHOUT ROWID;

CREATE TABLE pending (
	tenant  INTEGER NOT NULL,
	source  INTEGER NOT NULL,
	value   TEXT    NOT NULL,
	rel     INTEGER NOT NULL,
	parent  INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	PRIMARY KEY (tenant, source, value, rel, parent)
) WITHOUT ROWID;

CREATE INDEX pending_parent ON pending (tenant, parent, rel, source);
CREATE INDEX pending_expires ON pending (tenant, expires);

CREATE TABLE change (
	tenant  INTEGER NOT NULL,
	seq     INTEGER NOT NULL,
	num     INTEGER NOT NULL,
	type    TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	person  TEXT    NOT NULL,
	kind    INTEGER NOT NULL,
	events  INTEGER NOT NULL,
	version INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	source  INTEGER NOT NULL,
	actor   TEXT    NOT NULL,
	request TEXT    NOT NULL,
	lane    INTEGER NOT NULL, -- 1: urgent
	hold    INTEGER NOT NULL, -- the guard's hold that froze it; 0: none
	same    INTEGER NOT NULL, -- 1: the document did not change, before is not kept
	edges   INTEGER NOT NULL, -- how many rows of change_edge
	format  INTEGER NOT NULL, -- of before: 0 as it is, later also sealed
	key_id  TEXT    NOT NULL, -- the person's key that sealed before
	gen     INTEGER NOT NULL, -- schema generation of before
	before  BLOB
);

CREATE UNIQUE INDEX change_seq ON change (tenant, seq);
CREATE INDEX change_num ON change (tenant, num, seq);
-- A large group has thousands of changes of its members between two of its document.
CREATE INDEX change_document ON change (tenant, num, seq) WHERE same = 0;
CREATE INDEX change_urgent ON change (tenant, seq) WHERE lane = 1;

CREATE TABLE change_edge (
	tenant  INTEGER NOT NULL,
	seq     INTEGER NOT NULL,
	rel     INTEGER NOT NULL,
	child   INTEGER NOT NULL,
	removed INTEGER NOT NULL,
	PRIMARY KEY (tenant, seq, rel, child)
) WITHOUT ROWID;

-- Tombstones whose edges are still to be removed.
CREATE TABLE sweep (
	tenant INTEGER NOT NULL,
	num    INTEGER NOT NULL,
	PRIMARY KEY (tenant, num)
) WITHOUT ROWID;

CREATE TABLE cursor (
	tenant INTEGER NOT NULL,
	target TEXT    NOT NULL,
	seq    INTEGER NOT NULL,
	PRIMARY KEY (tenant, target)
) WITHOUT ROWID;

CREATE TABLE detour (
	tenant   INTEGER NOT NULL,
	target   TEXT    NOT NULL,
	num      INTEGER NOT NULL,
	ahead    INTEGER NOT NULL,
	from_seq INTEGER NOT NULL,
	upto_seq INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	next     INTEGER NOT NULL,
	reason   TEXT    NOT NULL,
	detail   TEXT    NOT NULL,
	PRIMARY KEY (tenant, target, num)
) WITHOUT ROWID;

CREATE INDEX detour_due ON detour (tenant, target, next, num) WHERE ahead = 0;

CREATE TABLE link (
	tenant    INTEGER NOT NULL,
	target    TEXT    NOT NULL,
	num       INTEGER NOT NULL,
	type      TEXT    NOT NULL,
	remote_id TEXT    NOT NULL,
	digest    BLOB,
	PRIMARY KEY (tenant, target, num)
) WITHOUT ROWID;

-- One account is never bound twice.
CREATE UNIQUE INDEX link_remote ON link (tenant, target, type, remote_id);
