package sqlite

import (
	"fmt"
	"time"

	"github.com/muster-id/muster/internal/store"
)

const (
	hasHead      = "SELECT 1 FROM head WHERE tenant = ?"
	insertTenant = "INSERT INTO tenant (tenant, name, created) VALUES (?, ?, ?)"
	insertHead   = "INSERT INTO head (tenant, epoch, seq, next_num, at, users, groups) VALUES (?, 1, 0, 1, 0, 0, 0)"
	insertSource = "INSERT INTO source (tenant, source, name, created) VALUES (?, ?, ?, ?)"
)

// bootstrap makes the tenant that exists from the start, and its source.
func bootstrap(c *conn, now time.Time) error {
	t := int64(store.Default)
	found, err := c.one(func(row) {}, hasHead, t)
	if err != nil || found {
		return err
	}
	steps := []struct {
		query string
		args  []any
	}{
		{"BEGIN IMMEDIATE", nil},
		{insertTenant, []any{t, "default", toMillis(now)}},
		{insertSource, []any{t, int64(store.DefaultSource), "default", toMillis(now)}},
		{insertHead, []any{t}},
		{"COMMIT", nil},
	}
	for _, s := range steps {
		if _, err := c.exec(s.query, s.args...); err != nil {
			return fmt.Errorf("make the default tenant: %w", err)
		}
	}
	return nil
}
