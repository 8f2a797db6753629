package store

import "context"

// Secret is a sealed value of a tenant, or of the installation. The store keeps what it is handed and opens nothing.
type Secret struct {
	Tenant Tenant
	Name   string
	Value  []byte // nil in Rows: it is removed
	// If is what has to be stored for it to be replaced, in Rows; nil: whatever is. Otherwise nothing is written of it.
	If []byte
}

// Secrets reads sealed values. They are written as Rows.Secrets of an Op of their tenant.
type Secrets interface {
	// Secret returns a value, or ErrNotFound.
	Secret(ctx context.Context, t Tenant, name string) ([]byte, error)
	// FirstSecret returns a value; if there is none, initial is stored and returned, to everybody from then on.
	FirstSecret(ctx context.Context, t Tenant, name string, initial []byte) ([]byte, error)
	// Secrets returns up to limit secrets of all tenants behind the one with this tenant and name, in that order.
	Secrets(ctx context.Context, t Tenant, name string, limit int) ([]Secret, error)
}
