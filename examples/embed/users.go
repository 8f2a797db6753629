package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

const selectUsers = "SELECT id, email, full_name, disabled, created_at, updated_at, external_id, scim FROM users WHERE "

// users is the table as a server.Store.
type users struct {
	db  *sql.DB
	typ *schema.ResourceType
}

// Handler serves the table below /scim/v2 to whoever has the token. base is the public URL of that.
func Handler(db *sql.DB, base, token string) (http.Handler, error) {
	user := schema.User()
	set, err := schema.NewSet(nil, user)
	stores := map[string]server.Store{"User": &users{db, user}}
	svc := &server.Service{Base: base, Schemas: set, Profile: scim.Compat(), Subject: "scim", Stores: stores}
	return server.Handler(server.Bearer(server.Static(svc), token), server.Options{Prefix: "/scim/v2"}), err
}

func (u *users) Features() server.Features {
	return server.Features{Versions: true, Sort: true, Cursors: true}
}

func (u *users) Get(ctx context.Context, id string, _ *server.Want) (*server.Resource, error) {
	r, err := u.read(u.db.QueryRowContext(ctx, selectUsers+"id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, scim.NotFound(id)
	}
	return r, err
}

// Find asks SQL for what it can tell; Scan evaluates the whole filter on what comes, sorts, pages and counts.
func (u *users) Find(ctx context.Context, q *server.Query, emit func(*server.Resource) error) (server.Page, error) {
	where := filter.SQL(q.Filter, func(e filter.Expr) (filter.Condition, bool) {
		c, ok := e.(*filter.Compare)
		if !ok || c.Op != filter.Eq || c.Negated {
			return filter.Condition{}, false
		}
		text := map[string]string{"userName": "login = ?", "externalId": "external_id = ?", "active": "disabled <> ?"}[c.Path.String()]
		return filter.Condition{Text: text, Args: []any{u.typ.Set().Key(c.Path.Leaf(), c.Value)}}, text != ""
	})
	rows, err := u.db.QueryContext(ctx, selectUsers+where.Text+" ORDER BY created_at, id", where.Args...) //nolint:rowserrcheck // Rows does
	if err != nil {
		return server.Page{}, err
	}
	defer rows.Close()
	return q.Scan(server.Rows(rows, func() (*server.Resource, error) { return u.read(rows) }), emit)
}

func (u *users) Create(ctx context.Context, in *server.Resource, _ *scim.Dialect) (*server.Resource, error) {
	r := &server.Resource{ID: rand.Text(), Created: time.Now(), Attrs: in.Attrs}
	_, err := u.exec(ctx, `INSERT INTO users (email, full_name, disabled, updated_at, login, external_id, scim, created_at, id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, append(u.version(r), r.Created.UnixMicro(), r.ID)...)
	return r, err
}

// Update is PUT and PATCH: what the request means is in e. Whoever is slower than another writer decides again.
func (u *users) Update(ctx context.Context, id string, e *server.Edit) (*server.Resource, error) {
	cur, err := u.Get(ctx, id, nil)
	if err != nil {
		return nil, err
	}
	next, err := e.Decide(cur)
	if err != nil || next == cur { // the same pointer: nothing changes, the version stays
		return cur, err
	}
	done, err := u.exec(ctx, `UPDATE users SET email = ?, full_name = ?, disabled = ?, updated_at = ?, login = ?, external_id = ?,
		scim = ? WHERE id = ? AND updated_at = ?`, append(u.version(next), id, cur.Modified.UnixMicro())...)
	if err == nil && !done {
		return u.Update(ctx, id, e)
	}
	return next, err
}

func (u *users) Delete(ctx context.Context, id string, c server.Cond) error {
	cur, err := u.Get(ctx, id, nil)
	if err == nil {
		err = c.Check(cur.Version)
	}
	if err != nil {
		return err
	}
	done, err := u.exec(ctx, "DELETE FROM users WHERE id = ? AND updated_at = ?", id, cur.Modified.UnixMicro())
	if done || err != nil {
		return err
	}
	return u.Delete(ctx, id, c)
}

// version makes r a new version and returns the columns of it that SCIM may change.
func (u *users) version(r *server.Resource) []any {
	text := func(attribute string) string { s, _ := r.Attrs[attribute].(string); return s }
	r.Modified = time.UnixMicro(max(time.Now().UnixMicro(), r.Modified.UnixMicro()+1))
	r.Version = strconv.FormatInt(r.Modified.UnixMicro(), 36)
	return []any{
		text("userName"), text("displayName"), r.Attrs["active"] == false, r.Modified.UnixMicro(),
		schema.SimpleFold(text("userName")), text("externalId"), string(u.typ.Append(nil, r.Attrs)),
	}
}

// exec runs a statement and reports whether it found a row to write.
func (u *users) exec(ctx context.Context, statement string, args ...any) (done bool, err error) {
	result, err := u.db.ExecContext(ctx, statement, args...)
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE {
		return false, scim.Taken("userName")
	} else if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// read makes a SCIM user of a row: what the product has a column for comes from there, whoever wrote it.
func (u *users) read(row interface{ Scan(...any) error }) (*server.Resource, error) {
	var r server.Resource
	var email, name, external, rest string
	var disabled bool
	var created, updated int64
	err := row.Scan(&r.ID, &email, &name, &disabled, &created, &updated, &external, &rest)
	if err == nil {
		r.Attrs, err = u.typ.Decode([]byte(rest))
	}
	if err != nil {
		return nil, err
	}
	r.Created, r.Modified, r.Version = time.UnixMicro(created), time.UnixMicro(updated), strconv.FormatInt(updated, 36)
	r.Attrs["userName"], r.Attrs["displayName"], r.Attrs["externalId"], r.Attrs["active"] = email, name, external, !disabled
	maps.DeleteFunc(r.Attrs, func(_ string, v any) bool { return v == "" }) // SCIM knows no empty values
	return &r, nil
}
