-- +goose Up

-- Which generation of the tenant's schemas is in force. Writers see it with the head, which they read anyway.
ALTER TABLE head ADD COLUMN gen INTEGER NOT NULL DEFAULT 1;

-- What a tenant defines beside the built-in schemas. Generations are kept: bodies name the one they were written under.
CREATE TABLE definition (
	tenant INTEGER NOT NULL,
	gen    INTEGER NOT NULL,
	at     INTEGER NOT NULL, -- when it came into force
	body   BLOB,
	PRIMARY KEY (tenant, gen)
) WITHOUT ROWID;

-- What is still to be done to resources that were there before the schemas changed.
CREATE TABLE schema_work (
	tenant INTEGER NOT NULL,
	type   TEXT    NOT NULL,
	attr   TEXT    NOT NULL,
	claim  INTEGER NOT NULL, -- 1: claims are to be taken, 0: entries to be written
	PRIMARY KEY (tenant, type, attr, claim)
) WITHOUT ROWID;
