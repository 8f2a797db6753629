-- +goose Up

-- The person whom a token speaks for, by outside id; '' for those of a source.
ALTER TABLE token ADD COLUMN user TEXT NOT NULL DEFAULT '';

-- What belongs to the whole installation and to no tenant, such as the key that seals cursors.
CREATE TABLE setting (
	name  TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL
) WITHOUT ROWID;
