-- +goose Up

-- 1 active, 2 suspended, 3 deleted, 4 being purged.
ALTER TABLE tenant ADD COLUMN state INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tenant ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenant ADD COLUMN purge INTEGER NOT NULL DEFAULT 0; -- when a deleted one is removed
ALTER TABLE tenant ADD COLUMN settings BLOB;
ALTER TABLE tenant ADD COLUMN rev INTEGER NOT NULL DEFAULT 0; -- grows with every change of the row

-- Names of hosts that stand for a tenant.
CREATE TABLE tenant_host (
	tenant INTEGER NOT NULL,
	host   TEXT    NOT NULL PRIMARY KEY
) WITHOUT ROWID;

CREATE INDEX tenant_host_tenant ON tenant_host (tenant);

-- What was removed. No column is called tenant: these rows belong to the installation.
CREATE TABLE purged (
	number INTEGER NOT NULL PRIMARY KEY,
	name   TEXT    NOT NULL,
	began  INTEGER NOT NULL,
	ended  INTEGER NOT NULL,
	removed INTEGER NOT NULL, -- rows
	remained INTEGER NOT NULL -- 0, or something is wrong
) WITHOUT ROWID;

CREATE UNIQUE INDEX source_name ON source (tenant, name);

-- Who owns a resource: the others may not write it.
ALTER TABLE resource ADD COLUMN source INTEGER NOT NULL DEFAULT 1;
