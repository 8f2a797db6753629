package relational

import (
	"bytes"
	"context"

	"github.com/muster-id/muster/internal/store"
)

//nolint:gosec // names of tables and columns, no credentials
const (
	selectSecret  = "SELECT value FROM secret WHERE tenant = ? AND name = ?"
	selectSecrets = "SELECT tenant, name, value FROM secret WHERE (tenant, name) > (?, ?) ORDER BY tenant, name LIMIT ?"
	insertSecret  = "INSERT INTO secret (tenant, name, value) VALUES (?, ?, ?) ON CONFLICT (tenant, name) DO NOTHING"
	upsertSecret  = "INSERT INTO secret (tenant, name, value) VALUES (?, ?, ?) ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value"
	deleteSecret  = "DELETE FROM secret WHERE tenant = ? AND name = ?"
)

// Secret implements store.Secrets.
func (db *DB) Secret(ctx context.Context, t store.Tenant, name string) (value []byte, err error) {
	err = db.find(ctx, func(r Row) { value = r.Blob(0) }, selectSecret, int64(t), name)
	return value, err
}

// Secrets implements store.Secrets.
func (db *DB) Secrets(ctx context.Context, t store.Tenant, name string, limit int) (list []store.Secret, err error) {
	err = db.each(ctx, func(r Row) {
		list = append(list, store.Secret{Tenant: store.Tenant(r.Int(0)), Name: r.Text(1), Value: r.Blob(2)})
	}, selectSecrets, int64(t), name, int64(limit))
	return list, err
}

// FirstSecret implements store.Secrets.
func (db *DB) FirstSecret(ctx context.Context, t store.Tenant, name string, initial []byte) (value []byte, err error) {
	err = db.writer.do(ctx, &job{tenant: t, task: func(b *batch) error {
		if err := b.conn.Do(insertSecret, int64(t), name, initial); err != nil {
			return err
		}
		_, err := b.conn.One(func(r Row) { value = bytes.Clone(r.Blob(0)) }, selectSecret, int64(t), name)
		return err
	}})
	return value, err
}

func writeSecrets(c Conn, t store.Tenant, rows *store.Rows) error {
	for _, s := range rows.Secrets {
		if s.If != nil {
			same := false
			if _, err := c.One(func(r Row) { same = bytes.Equal(r.Blob(0), s.If) }, selectSecret, int64(t), s.Name); err != nil {
				return err
			}
			if !same {
				continue
			}
		}
		query, args := upsertSecret, []any{int64(t), s.Name, s.Value}
		if s.Value == nil {
			query, args = deleteSecret, args[:2]
		}
		if err := c.Do(query, args...); err != nil {
			return err
		}
	}
	return nil
}
