-- +goose Up

-- What was done and refused, in a chain: hash is that of the record before it and the body.
CREATE TABLE audit (
	tenant INTEGER NOT NULL,
	n      INTEGER NOT NULL,
	at     INTEGER NOT NULL,
	hash   BLOB    NOT NULL,
	body   BLOB    NOT NULL -- canonical JSON
);

CREATE UNIQUE INDEX audit_n ON audit (tenant, n);

-- Signed places of the chain.
CREATE TABLE audit_checkpoint (
	tenant    INTEGER NOT NULL,
	n         INTEGER NOT NULL,
	at        INTEGER NOT NULL,
	hash      BLOB    NOT NULL,
	key_id    TEXT    NOT NULL,
	signature BLOB    NOT NULL,
	PRIMARY KEY (tenant, n)
) WITHOUT ROWID;

-- Number of the last record (its hash is in audit), and of that of the last checkpoint.
ALTER TABLE head ADD COLUMN audit_n INTEGER NOT NULL DEFAULT 0;
ALTER TABLE head ADD COLUMN audit_checked INTEGER NOT NULL DEFAULT 0;

-- What the documents that changes keep of a resource are sealed with; '' before the first change after this migration, and
-- after an erasure.
ALTER TABLE resource ADD COLUMN key BLOB NOT NULL DEFAULT x'';
