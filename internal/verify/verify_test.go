package verify_test

import (
	"context"
	"database/sql"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/audit"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/schemas"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/internal/verify"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// fill makes a hub's database with people, groups, changes and a deletion.
func fill(t *testing.T, path string) {
	t.Helper()
	ctx := t.Context()
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	assert.NoError(t, err)
	defer func() { assert.NoError(t, db.Close()) }()
	d := directory.New(db, directory.NewSet(), directory.Options{})
	stores := d.Stores(directory.Caller{Tenant: store.Default, Source: store.DefaultSource})
	users, groups := stores["User"], stores["Group"]
	create := func(of server.Store, doc schema.Object, members ...string) string {
		t.Helper()
		r := &server.Resource{Attrs: doc, Relations: map[string]iter.Seq2[server.Ref, error]{"members": func(yield func(server.Ref, error) bool) {
			for _, m := range members {
				if !yield(server.Ref{Value: m}, nil) {
					return
				}
			}
		}}}
		if len(members) == 0 {
			r.Relations = nil
		}
		made, err := of.Create(ctx, r, scim.NewDialect(scim.Compat()))
		assert.NoError(t, err)
		return made.ID
	}
	var ids []string
	for _, name := range []string{"ada", "bob", "eve", "out"} {
		ids = append(ids, create(users, schema.Object{
			"userName": name, "externalId": "x-" + name, "active": true, "emails": []any{schema.Object{"value": name + "@acme.test", "type": "work"}},
		}))
	}
	inner := create(groups, schema.Object{"displayName": "inner"}, ids[0], ids[1])
	create(groups, schema.Object{"displayName": "outer"}, inner)
	assert.NoError(t, users.Delete(ctx, ids[3], server.Cond{}))
	assert.NoError(t, db.Write(ctx, store.Default, &store.Op{Decide: func(store.View) (*store.Rows, error) {
		return &store.Rows{Cursors: []store.Cursor{{Target: "hook", Seq: 3}}}, nil
	}}))
}

// run verifies a database and returns the rules that are broken.
func run(t *testing.T, path string) (rules []string, checked verify.Checked) {
	t.Helper()
	ctx := t.Context()
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	assert.NoError(t, err)
	defer func() { assert.NoError(t, db.Close()) }()
	registry, err := schemas.Open(ctx, db, directory.New(db, directory.NewSet(), directory.Options{}), schemas.Options{})
	assert.NoError(t, err)
	checked, err = verify.Run(ctx, db, verify.Options{
		Directory: registry.Directory, Audit: audit.New(db, audit.Options{}),
		Tell: func(e verify.Event) error {
			if e.Problem != nil {
				rules = append(rules, e.Problem.Rule)
			}
			return nil
		},
	})
	assert.NoError(t, err)
	slices.Sort(rules)
	return slices.Compact(rules), checked
}

// TestRel_R13_EachContradictionIsFound breaks one thing at a time behind the hub's back.
func TestRel_R13_EachContradictionIsFound(t *testing.T) {
	t.Parallel()
	good := filepath.Join(t.TempDir(), "muster.db")
	fill(t, good)
	rules, checked := run(t, good)
	assert.Equal(t, len(rules), 0, assert.Sprintf("a good database: %v", rules))
	assert.Equal(t, checked, verify.Checked{Tenants: 1, Resources: 6, Entries: 3, Edges: 3, Changes: 7, Records: 7})
	whole, err := os.ReadFile(good)
	assert.NoError(t, err)

	for name, test := range map[string]struct{ statement, want string }{
		"a change is gone":             {"DELETE FROM change WHERE seq = 4", "feed"},
		"the feed's end is gone":       {"DELETE FROM change WHERE seq = 7", "feed"},
		"the head is behind":           {"UPDATE head SET seq = 6 WHERE tenant = 1", "feed"},
		"a count is wrong":             {"UPDATE head SET users = users + 1 WHERE tenant = 1", "count"},
		"a number would come twice":    {"UPDATE head SET next_num = 3 WHERE tenant = 1", "count"},
		"the active are miscounted":    {"UPDATE head SET active = 0 WHERE tenant = 1", "count"},
		"a key is not the document's":  {"UPDATE resource SET user_name = 'mallory' WHERE user_name = 'ada'", "index"},
		"the document was altered":     {"UPDATE resource SET body = CAST(replace(CAST(body AS TEXT), 'x-bob', 'x-box') AS BLOB) WHERE user_name = 'bob'", "index"},
		"a document is no JSON":        {"UPDATE resource SET body = 'oops' WHERE user_name = 'bob'", "document"},
		"a row of the index is gone":   {"DELETE FROM entry WHERE key LIKE 'ada%'", "index row"},
		"a row of the index is wrong":  {"UPDATE entry SET num = 2 WHERE key LIKE 'ada%'", "index row"},
		"a row of the index too many":  {"INSERT INTO entry VALUES (1, 'emails.value', 'mallory@acme.test', 2)", "index row"},
		"an edge leads nowhere":        {"INSERT INTO edge VALUES (1, 1, 5, 99, 1, 0)", "edge"},
		"an edge of somebody deleted":  {"DELETE FROM sweep; INSERT INTO edge VALUES (1, 1, 5, 4, 1, 0)", "edge"},
		"a nested group is not marked": {"UPDATE edge SET nested = 0 WHERE nested = 1", "edge"},
		"a tombstone has a document":   {"UPDATE resource SET body = x'7b7d' WHERE deleted = 1", "tombstone"},
		"a member that came is gone":   {"DELETE FROM change_edge WHERE child = 1", "change"},
		"a stray member":               {"INSERT INTO change_edge VALUES (1, 77, 1, 1, 0)", "change"},
		"a claim of nobody":            {"INSERT INTO claim VALUES (1, 'User.userName', 'mallory', 99)", "owner"},
		"a record of nobody":           {"INSERT INTO record SELECT tenant, source, 'r', 99, '', '', 1, 0, NULL FROM record LIMIT 1", "owner"},
		"a target is ahead":            {"UPDATE cursor SET seq = 70", "cursor"},
		"an audit record was altered":  {"UPDATE audit SET body = CAST(replace(CAST(body AS TEXT), 'create', 'delete') AS BLOB) WHERE n = 2", "audit"},
		"an audit record is gone":      {"DELETE FROM audit WHERE n = 3", "audit"},
		"the end of the audit is gone": {"DELETE FROM audit WHERE n = 7", "audit"},
		"a hold is not counted":        {"UPDATE head SET holds = 2 WHERE tenant = 1", "count"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "muster.db")
			assert.NoError(t, os.WriteFile(path, whole, 0o600))
			db, err := sql.Open("sqlite", path)
			assert.NoError(t, err)
			_, err = db.ExecContext(context.Background(), test.statement)
			assert.NoError(t, err)
			assert.NoError(t, db.Close())
			rules, _ := run(t, path)
			assert.Equal(t, strings.Join(rules, " "), test.want)
		})
	}
}

// TestRel_R13_DamagedPagesAreFound: a file that was overwritten in a place is not whole.
func TestRel_R13_DamagedPagesAreFound(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "muster.db")
	fill(t, path)
	whole, err := os.ReadFile(path)
	assert.NoError(t, err)
	// The body of a document, whose page has no checksum: SQLite does not notice, the comparison with the keys does.
	at := strings.Index(string(whole), "x-eve")
	assert.True(t, at > 0)
	whole[at+2] ^= 1
	assert.NoError(t, os.WriteFile(path, whole, 0o600))
	rules, _ := run(t, path)
	assert.True(t, len(rules) > 0, assert.Sprintf("a flipped bit was not found"))
}
