-- +goose Up

-- Sealed values; tenant 0 is the installation.
CREATE TABLE secret (
	tenant INTEGER NOT NULL,
	name   TEXT    NOT NULL,
	value  BLOB    NOT NULL,
	PRIMARY KEY (tenant, name)
) WITHOUT ROWID;

-- It had the key of cursors, unsealed. They live an hour; a fresh key ends them.
DROP TABLE setting;
