-- +goose Up

-- Small things that are configured or remembered, in the form of whoever writes them: clients, issuers, targets.
CREATE TABLE item (
	tenant   INTEGER NOT NULL,
	kind     TEXT    NOT NULL,
	name     TEXT    NOT NULL,
	item_key TEXT    NOT NULL, -- unique over all tenants; '' for none
	expires  INTEGER NOT NULL, -- 0: never
	body     BLOB    NOT NULL,
	PRIMARY KEY (tenant, kind, name)
) WITHOUT ROWID;

CREATE UNIQUE INDEX item_key ON item (kind, item_key) WHERE item_key <> '';
CREATE INDEX item_expires ON item (expires) WHERE expires <> 0;
