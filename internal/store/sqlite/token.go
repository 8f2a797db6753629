package sqlite

import (
	"context"

	"github.com/muster-id/muster/internal/store"
)

const upsertToken = `INSERT INTO token (tenant, id, source, name, hash, hint, profile, user, created, expires, revoked)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (tenant, id) DO UPDATE SET source = excluded.source, name = excluded.name, hash = excluded.hash, hint = excluded.hint,
	profile = excluded.profile, user = excluded.user, created = excluded.created, expires = excluded.expires, revoked = excluded.revoked`

func writeToken(c *conn, t store.Tenant, k *store.Token) error {
	_, err := c.exec(upsertToken, int64(t), k.ID, int64(k.Source), k.Name, k.Hash[:], k.Hint, k.Profile, k.User,
		toMillis(k.Created), toMillis(k.Expires), toMillis(k.Revoked))
	return err
}

const (
	//nolint:gosec // names of columns, no credential
	tokenColumns = "k.tenant, k.id, k.source, k.name, k.hash, k.hint, k.profile, k.created, k.expires, k.revoked, k.user"
	tokenByHash  = "SELECT " + tokenColumns + " FROM token k INDEXED BY token_hash WHERE k.hash = ?"
	selectTokens = "SELECT " + tokenColumns + " FROM token k WHERE k.tenant = ? ORDER BY k.id"
)

// TokenByHash implements store.Tokens.
func (db *DB) TokenByHash(ctx context.Context, hash [32]byte) (k store.Token, err error) {
	err = db.find(ctx, func(r row) { k = readToken(r) }, tokenByHash, hash[:])
	return k, err
}

// Tokens implements store.Tokens.
func (db *DB) Tokens(ctx context.Context, t store.Tenant) (list []store.Token, err error) {
	err = db.each(ctx, func(r row) { list = append(list, readToken(r)) }, selectTokens, int64(t))
	return list, err
}

func readToken(r row) store.Token {
	k := store.Token{
		Tenant:  store.Tenant(r.int(0)),
		ID:      r.text(1),
		Source:  store.Source(r.int(2)),
		Name:    r.text(3),
		Hint:    r.text(5),
		Profile: r.text(6),
		Created: fromMillis(r.int(7)),
		Expires: fromMillis(r.int(8)),
		Revoked: fromMillis(r.int(9)),
		User:    r.text(10),
	}
	copy(k.Hash[:], r.blob(4))
	return k
}
