package relational

import (
	"context"
	"strings"
	"time"

	"github.com/muster-id/muster/internal/store"
)

const upsertToken = `INSERT INTO token (tenant, id, source, name, hash, hint, profile, "user", created, expires, revoked, scopes, allow)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (tenant, id) DO UPDATE SET source = excluded.source, name = excluded.name, hash = excluded.hash, hint = excluded.hint,
	profile = excluded.profile, "user" = excluded."user", created = excluded.created, expires = excluded.expires, revoked = excluded.revoked,
	scopes = excluded.scopes, allow = excluded.allow`

func writeToken(c Conn, t store.Tenant, k *store.Token) error {
	err := c.Do(upsertToken, int64(t), k.ID, int64(k.Source), k.Name, k.Hash[:], k.Hint, k.Profile, k.User,
		toMillis(k.Created), toMillis(k.Expires), toMillis(k.Revoked), k.Scopes, k.Allow)
	return err
}

const (
	//nolint:gosec // names of columns, no credential
	tokenColumns   = "k.tenant, k.id, k.source, k.name, k.hash, k.hint, k.profile, k.created, k.expires, k.revoked, k.\"user\", k.scopes, k.allow, k.used, k.used_from, k.networks, k.warned"
	tokenByHash    = "SELECT " + tokenColumns + " FROM token k INDEXED BY token_hash WHERE k.hash = ?"
	selectExpiring = "SELECT " + tokenColumns + " FROM token k INDEXED BY token_expires WHERE k.revoked = 0 AND k.expires > ? AND k.expires <= ? ORDER BY k.expires"
	selectTokens   = "SELECT " + tokenColumns + " FROM token k WHERE k.tenant = ? ORDER BY k.id"
)

// TokenByHash implements store.Tokens.
func (db *DB) TokenByHash(ctx context.Context, hash [32]byte) (k store.Token, err error) {
	err = db.find(ctx, func(r Row) { k = readToken(r) }, tokenByHash, hash[:])
	return k, err
}

// Tokens implements store.Tokens.
func (db *DB) Tokens(ctx context.Context, t store.Tenant) (list []store.Token, err error) {
	err = db.each(ctx, func(r Row) { list = append(list, readToken(r)) }, selectTokens, int64(t))
	return list, err
}

// ExpiringTokens implements store.Tokens.
func (db *DB) ExpiringTokens(ctx context.Context, from, until time.Time) (list []store.Token, err error) {
	err = db.each(ctx, func(r Row) { list = append(list, readToken(r)) }, selectExpiring, max(toMillis(from), 0), toMillis(until))
	return list, err
}

// listOf reads what is separated by blanks.
func listOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Fields(text)
}

const touchToken = `UPDATE token SET used = max(used, ?), used_from = CASE WHEN ? = '' THEN used_from ELSE ? END,
	networks = CASE WHEN ? = '' THEN networks ELSE ? END, warned = CASE WHEN ? = 0 THEN warned ELSE ? END WHERE tenant = ? AND id = ?`

func writeUse(c Conn, t store.Tenant, u *store.TokenUse) error {
	networks := strings.Join(u.Networks, " ")
	err := c.Do(touchToken, toMillis(u.At), u.Address, u.Address, networks, networks, int64(u.Warned), int64(u.Warned), int64(t), u.ID)
	return err
}

func readToken(r Row) store.Token {
	k := store.Token{
		Tenant:  store.Tenant(r.Int(0)),
		ID:      r.Text(1),
		Source:  store.Source(r.Int(2)),
		Name:    r.Text(3),
		Hint:    r.Text(5),
		Profile: r.Text(6),
		Created: fromMillis(r.Int(7)),
		Expires: fromMillis(r.Int(8)),
		Revoked: fromMillis(r.Int(9)),
		User:    r.Text(10),
		Scopes:  r.Text(11),
		Allow:   r.Text(12),
		Used:    fromMillis(r.Int(13)), UsedFrom: r.Text(14), Networks: listOf(r.Text(15)), Warned: int(r.Int(16)),
	}
	copy(k.Hash[:], r.Blob(4))
	return k
}
