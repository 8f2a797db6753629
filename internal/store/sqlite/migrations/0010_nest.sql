-- +goose Up

-- Grows whenever the nesting of the tenant's groups changes.
ALTER TABLE head ADD COLUMN nest INTEGER NOT NULL DEFAULT 0;
