CREATE TABLE IF NOT EXISTS users (
    -- What the product has always had. Times are Unix microseconds; updated_at also serves as SCIM's version.
    id          TEXT    PRIMARY KEY,
    email       TEXT    NOT NULL,
    full_name   TEXT    NOT NULL,
    disabled    INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    -- What came with SCIM. login is email as names are compared, without case in all scripts, which SQL cannot do.
    login       TEXT    NOT NULL UNIQUE,
    external_id TEXT    NOT NULL DEFAULT '',
    -- Everything else that identity providers send, as canonical JSON: they look whether it is still there.
    scim        TEXT    NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS users_external_id ON users (external_id);
