-- +goose Up

-- What a source did beyond what is usual. 1 open, 2 approved, 3 rejected, 4 rejected and being repaired.
CREATE TABLE hold (
	tenant  INTEGER NOT NULL,
	num     INTEGER NOT NULL,
	source  INTEGER NOT NULL,
	opened  INTEGER NOT NULL,
	reason  TEXT    NOT NULL,
	state   INTEGER NOT NULL,
	decided INTEGER NOT NULL,
	decider TEXT    NOT NULL,
	note    TEXT    NOT NULL,
	PRIMARY KEY (tenant, num)
) WITHOUT ROWID;

CREATE INDEX hold_open ON hold (tenant, num) WHERE state = 1;

-- Resources that are frozen by an open hold, from which change on.
CREATE TABLE held (
	tenant    INTEGER NOT NULL,
	num       INTEGER NOT NULL,
	hold      INTEGER NOT NULL,
	first_seq INTEGER NOT NULL,
	PRIMARY KEY (tenant, num)
) WITHOUT ROWID;

CREATE INDEX held_hold ON held (tenant, hold);

CREATE INDEX change_hold ON change (tenant, hold, seq) WHERE hold <> 0;

-- Harm that was not held, by kind, resource (0: all) and hour.
CREATE TABLE guard_count (
	tenant INTEGER NOT NULL,
	kind   INTEGER NOT NULL,
	num    INTEGER NOT NULL,
	hour   INTEGER NOT NULL,
	n      INTEGER NOT NULL,
	PRIMARY KEY (tenant, kind, num, hour)
) WITHOUT ROWID;

CREATE TABLE protected (
	tenant INTEGER NOT NULL,
	type   TEXT    NOT NULL,
	key    TEXT    NOT NULL,
	source INTEGER NOT NULL, -- whose changes are sent on all the same; 0: nobody's
	since  INTEGER NOT NULL,
	by_who TEXT    NOT NULL,
	PRIMARY KEY (tenant, type, key)
) WITHOUT ROWID;

-- People who are not inactive; the holds that are open; the number of the last one; what is protected.
ALTER TABLE head ADD COLUMN active INTEGER NOT NULL DEFAULT 0;
ALTER TABLE head ADD COLUMN holds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE head ADD COLUMN last_hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE head ADD COLUMN protected INTEGER NOT NULL DEFAULT 0;

UPDATE head SET active = (SELECT count(*) FROM resource r WHERE r.tenant = head.tenant AND r.type = 'User' AND r.deleted = 0 AND r.active <> 1);
