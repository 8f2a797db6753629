package store

import (
	"context"
	"time"
)

// Item is a small thing of a tenant that is configured or remembered, in the form of whoever writes it: a client, an issuer, a
// target. It holds no secret.
type Item struct {
	Tenant Tenant
	Kind   string
	Name   string // unique in its tenant and kind
	// Key is unique in its kind over all tenants: what belongs to one tenant cannot be another's. Empty: none.
	Key     string
	Body    []byte    // nil in Rows: it is removed
	Expires time.Time // from then on it counts for nothing, and Expire removes it; zero: never
}

// Items reads items. They are written as Rows.Items of an Op of their tenant, inserted or replaced by kind and name; a Key of another
// item is ErrTaken.
type Items interface {
	// Items returns the items of a kind, by name.
	Items(ctx context.Context, t Tenant, kind string) ([]Item, error)
	// ItemByKey returns the item with this key, of whichever tenant, or ErrNotFound.
	ItemByKey(ctx context.Context, kind, key string) (Item, error)
	// AllItems returns the items of a kind of all tenants.
	AllItems(ctx context.Context, kind string) ([]Item, error)
	// Expire removes what had expired by then, at most limit, and returns how many.
	Expire(ctx context.Context, then time.Time, limit int) (int, error)
}
