-- +goose Up

-- The tables of package sqlite in the types of PostgreSQL; a test compares them. Every key but those that find a tenant
-- begins with it, so that the tables can be distributed by it. Text is compared by its bytes, as everywhere in Muster.

CREATE TABLE tenant (
	tenant   BIGINT NOT NULL PRIMARY KEY,
	name     TEXT COLLATE "C" NOT NULL UNIQUE,
	created  BIGINT NOT NULL,
	state    BIGINT NOT NULL DEFAULT 1,
	since    BIGINT NOT NULL DEFAULT 0,
	purge    BIGINT NOT NULL DEFAULT 0, -- when a deleted one is removed
	settings BYTEA,
	rev      BIGINT NOT NULL DEFAULT 0 -- grows with every change of the row
);

-- The one row that every batch of a tenant locks first and alters last.
CREATE TABLE head (
	tenant        BIGINT NOT NULL PRIMARY KEY,
	epoch         BIGINT NOT NULL, -- grows at a restore
	seq           BIGINT NOT NULL, -- of the last change
	next_num      BIGINT NOT NULL, -- of the next resource
	at            BIGINT NOT NULL, -- of the last change
	users         BIGINT NOT NULL, -- live resources of type User
	groups        BIGINT NOT NULL, -- live resources of type Group
	audit         BYTEA, -- hash of the last audit record
	gen           BIGINT NOT NULL DEFAULT 1,
	audit_n       BIGINT NOT NULL DEFAULT 0,
	audit_checked BIGINT NOT NULL DEFAULT 0,
	active        BIGINT NOT NULL DEFAULT 0,
	holds         BIGINT NOT NULL DEFAULT 0,
	last_hold     BIGINT NOT NULL DEFAULT 0,
	protected     BIGINT NOT NULL DEFAULT 0,
	nest          BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE source (
	tenant  BIGINT NOT NULL,
	source  BIGINT NOT NULL,
	name    TEXT COLLATE "C" NOT NULL,
	created BIGINT NOT NULL,
	PRIMARY KEY (tenant, source)
);

CREATE TABLE token (
	tenant    BIGINT NOT NULL,
	id        TEXT COLLATE "C" NOT NULL,
	source    BIGINT NOT NULL,
	name      TEXT COLLATE "C" NOT NULL,
	hash      BYTEA NOT NULL, -- SHA-256
	hint      TEXT COLLATE "C" NOT NULL,
	profile   TEXT COLLATE "C" NOT NULL,
	created   BIGINT NOT NULL,
	expires   BIGINT NOT NULL,
	revoked   BIGINT NOT NULL,
	"user"    TEXT COLLATE "C" NOT NULL DEFAULT '',
	scopes    TEXT COLLATE "C" NOT NULL DEFAULT 'scim',
	allow     TEXT COLLATE "C" NOT NULL DEFAULT '', -- networks it may be used from; '' for all
	used      BIGINT NOT NULL DEFAULT 0, -- last, within a minute
	used_from TEXT COLLATE "C" NOT NULL DEFAULT '',
	networks  TEXT COLLATE "C" NOT NULL DEFAULT '', -- it was used from, the latest new one first
	warned    BIGINT NOT NULL DEFAULT 0, -- of its end, so many days before
	PRIMARY KEY (tenant, id)
);

CREATE TABLE resource (
	tenant          BIGINT NOT NULL,
	num             BIGINT NOT NULL,
	type            TEXT COLLATE "C" NOT NULL,
	id              TEXT COLLATE "C" NOT NULL, -- of the newest record
	person          TEXT COLLATE "C" NOT NULL, -- id of the first record
	version         BIGINT NOT NULL,
	created         BIGINT NOT NULL,
	modified        BIGINT NOT NULL,
	gen             BIGINT NOT NULL, -- schema generation of the body
	deleted         BIGINT NOT NULL, -- 1: a tombstone
	once            BIGINT NOT NULL, -- 1: has been active
	user_name       TEXT COLLATE "C" NOT NULL, -- folded keys from here on
	external_id     TEXT COLLATE "C" NOT NULL,
	display_name    TEXT COLLATE "C" NOT NULL,
	employee_number TEXT COLLATE "C" NOT NULL,
	manager         TEXT COLLATE "C" NOT NULL,
	active          BIGINT NOT NULL, -- 0 unassigned, 1 false, 2 true
	display         TEXT COLLATE "C" NOT NULL, -- the shown name as it was sent
	entries         BYTEA NOT NULL, -- its rows of entry, so that they need no index by resource
	body            BYTEA, -- NULL in a tombstone; last, so that scans leave its pages alone
	source          BIGINT NOT NULL DEFAULT 1,
	key             BYTEA NOT NULL DEFAULT '',
	CONSTRAINT resource_num PRIMARY KEY (tenant, num)
);

CREATE TABLE entry (
	tenant BIGINT NOT NULL,
	attr   TEXT COLLATE "C" NOT NULL,
	key    TEXT COLLATE "C" NOT NULL,
	num    BIGINT NOT NULL,
	PRIMARY KEY (tenant, attr, key, num)
);

-- A source talks to its record, not to the resource.
CREATE TABLE record (
	tenant          BIGINT NOT NULL,
	source          BIGINT NOT NULL,
	id              TEXT COLLATE "C" NOT NULL, -- the source was given
	num             BIGINT NOT NULL,
	external_id     TEXT COLLATE "C" NOT NULL,
	employee_number TEXT COLLATE "C" NOT NULL,
	created         BIGINT NOT NULL,
	ended           BIGINT NOT NULL,
	body            BYTEA, -- NULL while it equals the resource's
	PRIMARY KEY (tenant, source, id)
);

CREATE TABLE edge (
	tenant BIGINT NOT NULL,
	rel    BIGINT NOT NULL,
	parent BIGINT NOT NULL,
	child  BIGINT NOT NULL,
	source BIGINT NOT NULL, -- who said so
	nested BIGINT NOT NULL, -- 1: parent and child are of one type
	PRIMARY KEY (tenant, rel, parent, child)
);

CREATE TABLE claim (
	tenant BIGINT NOT NULL,
	scope  TEXT COLLATE "C" NOT NULL,
	key    TEXT COLLATE "C" NOT NULL,
	num    BIGINT NOT NULL,
	PRIMARY KEY (tenant, scope, key)
);

CREATE TABLE pending (
	tenant  BIGINT NOT NULL,
	source  BIGINT NOT NULL,
	value   TEXT COLLATE "C" NOT NULL,
	rel     BIGINT NOT NULL,
	parent  BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	PRIMARY KEY (tenant, source, value, rel, parent)
);

CREATE TABLE change (
	tenant  BIGINT NOT NULL,
	seq     BIGINT NOT NULL,
	num     BIGINT NOT NULL,
	type    TEXT COLLATE "C" NOT NULL,
	id      TEXT COLLATE "C" NOT NULL,
	person  TEXT COLLATE "C" NOT NULL,
	kind    BIGINT NOT NULL,
	events  BIGINT NOT NULL,
	version BIGINT NOT NULL,
	at      BIGINT NOT NULL,
	source  BIGINT NOT NULL,
	actor   TEXT COLLATE "C" NOT NULL,
	request TEXT COLLATE "C" NOT NULL,
	lane    BIGINT NOT NULL, -- 1: urgent
	hold    BIGINT NOT NULL, -- the guard's hold that froze it; 0: none
	same    BIGINT NOT NULL, -- 1: the document did not change, before is not kept
	edges   BIGINT NOT NULL, -- how many rows of change_edge
	format  BIGINT NOT NULL, -- of before: 0 as it is, later also sealed
	key_id  TEXT COLLATE "C" NOT NULL, -- the person's key that sealed before
	gen     BIGINT NOT NULL, -- schema generation of before
	before  BYTEA,
	CONSTRAINT change_seq PRIMARY KEY (tenant, seq)
);

CREATE TABLE change_edge (
	tenant  BIGINT NOT NULL,
	seq     BIGINT NOT NULL,
	rel     BIGINT NOT NULL,
	child   BIGINT NOT NULL,
	removed BIGINT NOT NULL,
	PRIMARY KEY (tenant, seq, rel, child)
);

-- Tombstones whose edges are still to be removed.
CREATE TABLE sweep (
	tenant BIGINT NOT NULL,
	num    BIGINT NOT NULL,
	PRIMARY KEY (tenant, num)
);

CREATE TABLE cursor (
	tenant BIGINT NOT NULL,
	target TEXT COLLATE "C" NOT NULL,
	seq    BIGINT NOT NULL,
	PRIMARY KEY (tenant, target)
);

CREATE TABLE detour (
	tenant   BIGINT NOT NULL,
	target   TEXT COLLATE "C" NOT NULL,
	num      BIGINT NOT NULL,
	ahead    BIGINT NOT NULL,
	from_seq BIGINT NOT NULL,
	upto_seq BIGINT NOT NULL,
	attempts BIGINT NOT NULL,
	next     BIGINT NOT NULL,
	reason   TEXT COLLATE "C" NOT NULL,
	detail   TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (tenant, target, num)
);

CREATE TABLE link (
	tenant    BIGINT NOT NULL,
	target    TEXT COLLATE "C" NOT NULL,
	num       BIGINT NOT NULL,
	type      TEXT COLLATE "C" NOT NULL,
	remote_id TEXT COLLATE "C" NOT NULL,
	digest    BYTEA,
	PRIMARY KEY (tenant, target, num)
);

-- What a tenant defines beside the built-in schemas. Generations are kept: bodies name the one they were written under.
CREATE TABLE definition (
	tenant BIGINT NOT NULL,
	gen    BIGINT NOT NULL,
	at     BIGINT NOT NULL, -- when it came into force
	body   BYTEA,
	PRIMARY KEY (tenant, gen)
);

-- What is still to be done to resources that were there before the schemas changed.
CREATE TABLE schema_work (
	tenant BIGINT NOT NULL,
	type   TEXT COLLATE "C" NOT NULL,
	attr   TEXT COLLATE "C" NOT NULL,
	claim  BIGINT NOT NULL, -- 1: claims are to be taken, 0: entries to be written
	PRIMARY KEY (tenant, type, attr, claim)
);

-- Names of hosts that stand for a tenant.
CREATE TABLE tenant_host (
	tenant BIGINT NOT NULL,
	host   TEXT COLLATE "C" NOT NULL PRIMARY KEY
);

-- What was removed. No column is called tenant: these rows belong to the installation.
CREATE TABLE purged (
	number   BIGINT NOT NULL PRIMARY KEY,
	name     TEXT COLLATE "C" NOT NULL,
	began    BIGINT NOT NULL,
	ended    BIGINT NOT NULL,
	removed  BIGINT NOT NULL, -- rows
	remained BIGINT NOT NULL -- 0, or something is wrong
);

-- What was done and refused, in a chain: hash is that of the record before it and the body.
CREATE TABLE audit (
	tenant BIGINT NOT NULL,
	n      BIGINT NOT NULL,
	at     BIGINT NOT NULL,
	hash   BYTEA NOT NULL,
	body   BYTEA NOT NULL, -- canonical JSON
	CONSTRAINT audit_n PRIMARY KEY (tenant, n)
);

-- Signed places of the chain.
CREATE TABLE audit_checkpoint (
	tenant    BIGINT NOT NULL,
	n         BIGINT NOT NULL,
	at        BIGINT NOT NULL,
	hash      BYTEA NOT NULL,
	key_id    TEXT COLLATE "C" NOT NULL,
	signature BYTEA NOT NULL,
	PRIMARY KEY (tenant, n)
);

-- Sealed values; tenant 0 is the installation.
CREATE TABLE secret (
	tenant BIGINT NOT NULL,
	name   TEXT COLLATE "C" NOT NULL,
	value  BYTEA NOT NULL,
	PRIMARY KEY (tenant, name)
);

-- What a source did beyond what is usual. 1 open, 2 approved, 3 rejected, 4 rejected and being repaired.
CREATE TABLE hold (
	tenant  BIGINT NOT NULL,
	num     BIGINT NOT NULL,
	source  BIGINT NOT NULL,
	opened  BIGINT NOT NULL,
	reason  TEXT COLLATE "C" NOT NULL,
	state   BIGINT NOT NULL,
	decided BIGINT NOT NULL,
	decider TEXT COLLATE "C" NOT NULL,
	note    TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (tenant, num)
);

-- Resources that are frozen by an open hold, from which change on.
CREATE TABLE held (
	tenant    BIGINT NOT NULL,
	num       BIGINT NOT NULL,
	hold      BIGINT NOT NULL,
	first_seq BIGINT NOT NULL,
	PRIMARY KEY (tenant, num)
);

-- Harm that was not held, by kind, resource (0: all) and hour.
CREATE TABLE guard_count (
	tenant BIGINT NOT NULL,
	kind   BIGINT NOT NULL,
	num    BIGINT NOT NULL,
	hour   BIGINT NOT NULL,
	n      BIGINT NOT NULL,
	PRIMARY KEY (tenant, kind, num, hour)
);

CREATE TABLE protected (
	tenant BIGINT NOT NULL,
	type   TEXT COLLATE "C" NOT NULL,
	key    TEXT COLLATE "C" NOT NULL,
	source BIGINT NOT NULL, -- whose changes are sent on all the same; 0: nobody's
	since  BIGINT NOT NULL,
	by_who TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (tenant, type, key)
);

-- Small things that are configured or remembered, in the form of whoever writes them: clients, issuers, targets.
CREATE TABLE item (
	tenant   BIGINT NOT NULL,
	kind     TEXT COLLATE "C" NOT NULL,
	name     TEXT COLLATE "C" NOT NULL,
	item_key TEXT COLLATE "C" NOT NULL, -- unique over all tenants; '' for none
	expires  BIGINT NOT NULL, -- 0: never
	body     BYTEA NOT NULL,
	PRIMARY KEY (tenant, kind, name)
);

-- The one lookup that does not know its tenant yet.
CREATE UNIQUE INDEX token_hash ON token (hash);
CREATE UNIQUE INDEX resource_id ON resource (tenant, id);
-- Lists, counts and filters on active and created are answered from this index alone.
CREATE INDEX resource_live ON resource (tenant, type, num, active, created) WHERE deleted = 0;
CREATE INDEX resource_modified ON resource (tenant, type, modified, num) WHERE deleted = 0;
CREATE INDEX resource_user_name ON resource (tenant, type, user_name, num) WHERE user_name <> '';
CREATE INDEX resource_external_id ON resource (tenant, type, external_id, num) WHERE external_id <> '';
CREATE INDEX resource_display_name ON resource (tenant, type, display_name, num) WHERE display_name <> '';
CREATE INDEX resource_employee_number ON resource (tenant, type, employee_number, num) WHERE employee_number <> '';
CREATE INDEX resource_manager ON resource (tenant, type, manager, num) WHERE manager <> '';
CREATE INDEX record_former_external ON record (tenant, source, external_id, ended) WHERE ended <> 0;
CREATE INDEX record_former_employee ON record (tenant, source, employee_number, ended) WHERE ended <> 0;
CREATE INDEX edge_child ON edge (tenant, child, rel, parent);
CREATE INDEX edge_nested ON edge (tenant, rel, parent, child) WHERE nested = 1;
CREATE INDEX pending_parent ON pending (tenant, parent, rel, source);
CREATE INDEX pending_expires ON pending (tenant, expires);
CREATE INDEX change_num ON change (tenant, num, seq);
-- A large group has thousands of changes of its members between two of its document.
CREATE INDEX change_document ON change (tenant, num, seq) WHERE same = 0;
CREATE INDEX change_urgent ON change (tenant, seq) WHERE lane = 1;
CREATE INDEX detour_due ON detour (tenant, target, next, num) WHERE ahead = 0;
-- One account is never bound twice.
CREATE UNIQUE INDEX link_remote ON link (tenant, target, type, remote_id);
CREATE INDEX tenant_host_tenant ON tenant_host (tenant);
CREATE UNIQUE INDEX source_name ON source (tenant, name);
CREATE INDEX hold_open ON hold (tenant, num) WHERE state = 1;
CREATE INDEX held_hold ON held (tenant, hold);
CREATE INDEX change_hold ON change (tenant, hold, seq) WHERE hold <> 0;
CREATE INDEX token_expires ON token (expires) WHERE revoked = 0;
CREATE UNIQUE INDEX item_key ON item (kind, item_key) WHERE item_key <> '';
CREATE INDEX item_expires ON item (expires) WHERE expires <> 0;
