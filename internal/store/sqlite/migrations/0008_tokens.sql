-- +goose Up

ALTER TABLE token ADD COLUMN scopes TEXT NOT NULL DEFAULT 'scim';
ALTER TABLE token ADD COLUMN allow TEXT NOT NULL DEFAULT '';    -- networks it may be used from; '' for all
ALTER TABLE token ADD COLUMN used INTEGER NOT NULL DEFAULT 0;   -- last, within a minute
ALTER TABLE token ADD COLUMN used_from TEXT NOT NULL DEFAULT '';
ALTER TABLE token ADD COLUMN networks TEXT NOT NULL DEFAULT ''; -- it was used from, the latest new one first
ALTER TABLE token ADD COLUMN warned INTEGER NOT NULL DEFAULT 0; -- of its end, so many days before

CREATE INDEX token_expires ON token (expires) WHERE revoked = 0;
