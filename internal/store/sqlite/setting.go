package sqlite

import (
	"context"

	"github.com/muster-id/muster/internal/store"
)

const (
	insertSetting = "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
	selectSetting = "SELECT value FROM setting WHERE name = ?"
)

// Setting implements store.Store.
func (db *DB) Setting(ctx context.Context, name string, initial []byte) (value []byte, err error) {
	err = db.writer.do(ctx, &job{tenant: store.System, task: func(b *batch) error {
		if _, err := b.conn.exec(insertSetting, name, initial); err != nil {
			return err
		}
		_, err := b.conn.one(func(r row) { value = append([]byte(nil), r.blob(0)...) }, selectSetting, name)
		return err
	}})
	return value, err
}
