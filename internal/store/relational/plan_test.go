package relational

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// plan returns what SQLite says it will do.
func plan(t *testing.T, db *DB, query string, args ...any) (lines []string) {
	t.Helper()
	for len(args) < strings.Count(query, "?") {
		args = append(args, []string{}) // a list where there is one, and as good as any other value
	}
	err := db.read(t.Context(), func(c Conn) error {
		for r, err := range c.Rows(context.Background(), "EXPLAIN QUERY PLAN "+query, args...) {
			if err != nil {
				return err
			}
			lines = append(lines, r.Text(3))
		}
		return nil
	})
	assert.NoError(t, err, assert.Sprintf("%s", query))
	return lines
}

// TestPlans says which index each statement uses. A statement that is run for every request reads nothing else.
func TestPlans(t *testing.T) {
	db := open(t, t.TempDir(), Options{})
	defer db.Close()
	for _, test := range []struct {
		name, query string
		want        []string
	}{
		{"get", getResource, []string{
			"SEARCH r USING INDEX resource_id (tenant=? AND id=?)",
			"SCALAR SUBQUERY", "SEARCH e USING COVERING INDEX edge_child (tenant=? AND child=?)",
		}},
		{"by number", resourcesByNum, []string{"k", "SEARCH r USING INDEX resource_num (tenant=? AND num=?)"}},
		{"whole by id", wholeByID, []string{"k", "SEARCH r USING INDEX resource_id (tenant=? AND id=?)"}},
		{"light by id", lightByID, []string{"k", "SEARCH r USING INDEX resource_id (tenant=? AND id=?)"}},
		{"whole by number", wholeByNum, []string{"k", "SEARCH r USING INDEX resource_num (tenant=? AND num=?)"}},
		{"head", selectHead, []string{"SEARCH head USING INTEGER PRIMARY KEY (rowid=?)"}},
		{"claims", selectClaims, []string{"k", "SEARCH c USING PRIMARY KEY (tenant=? AND scope=? AND key=?)"}},
		{"release", deleteClaim, []string{"SEARCH claim USING PRIMARY KEY (tenant=? AND scope=? AND key=?)"}},
		{"former by external id", formerByExternal, []string{
			"SEARCH c USING INDEX record_former_external (tenant=? AND source=? AND external_id=?)",
			"SEARCH r USING INDEX resource_num (tenant=? AND num=?)",
		}},
		{"former by employee number", formerByEmployee, []string{
			"SEARCH c USING INDEX record_former_employee (tenant=? AND source=? AND employee_number=?)",
			"SEARCH r USING INDEX resource_num (tenant=? AND num=?)",
		}},
		{"pending", selectPending, []string{"SEARCH pending USING PRIMARY KEY (tenant=? AND source=? AND value=?)"}},
		{"forget pending", forgetPending, []string{"SEARCH pending USING INDEX pending_parent (tenant=? AND parent=? AND rel=? AND source=?)"}},
		{"edges among", edgesAmong, []string{"k", "SEARCH e USING PRIMARY KEY (tenant=? AND rel=? AND parent=? AND child=?)"}},
		{"edges of", edgesOf, []string{
			"SEARCH e USING PRIMARY KEY (tenant=? AND rel=? AND parent=?)",
			"SEARCH r USING INDEX resource_num (tenant=? AND num=?)",
		}},
		{"update", updateResource, []string{"SEARCH resource USING INDEX resource_num (tenant=? AND num=?)"}},
		{"update body", updateBody, []string{"SEARCH resource USING INDEX resource_num (tenant=? AND num=?)"}},
		{"touch", touchResource, []string{"SEARCH resource USING INDEX resource_num (tenant=? AND num=?)"}},
		{"delete edges", deleteEdges, []string{
			"SEARCH edge USING PRIMARY KEY (tenant=? AND rel=? AND parent=? AND child=?)", "LIST SUBQUERY", "k",
		}},
		{"cut above", cutAbove, []string{"SEARCH edge USING INDEX edge_child (tenant=? AND child=?)"}},
		{"cut below", cutBelow, []string{"SEARCH edge USING PRIMARY KEY (tenant=? AND rel=? AND parent=?)"}},
		{"touch parents", touchParents, []string{
			"SEARCH resource USING INDEX resource_num (tenant=? AND num=?)", "LIST SUBQUERY",
			"SEARCH e USING COVERING INDEX edge_child (tenant=? AND child=?)",
		}},
		{"children", childrenOf, []string{
			"SEARCH e USING PRIMARY KEY (tenant=? AND rel=? AND parent=? AND child>?)",
			"SCALAR SUBQUERY", "SEARCH s USING PRIMARY KEY (tenant=? AND num=?)",
			"SEARCH r USING INDEX resource_num (tenant=? AND num=?)",
		}},
		{"parents", parentsOf, []string{
			"SEARCH e USING COVERING INDEX edge_child (tenant=? AND child=? AND rel=?)",
			"SCALAR SUBQUERY", "SEARCH s USING PRIMARY KEY (tenant=? AND num=?)",
			"SEARCH r USING INDEX resource_num (tenant=? AND num=?)",
		}},
		{"is child", childrenAmong, []string{
			"k", "SCALAR SUBQUERY", "SEARCH s USING PRIMARY KEY (tenant=? AND num=?)",
			"SEARCH e USING PRIMARY KEY (tenant=? AND rel=? AND parent=? AND child=?)",
			"SEARCH r USING INDEX resource_num (tenant=? AND num=?)",
		}},
		{"nesting", selectNesting, []string{
			"SEARCH e USING COVERING INDEX edge_nested (tenant=? AND rel=?)",
			"SEARCH p USING INDEX resource_num (tenant=? AND num=?)",
			"SEARCH c USING INDEX resource_num (tenant=? AND num=?)",
		}},
		{"changes", changesAfter, []string{"SEARCH c USING INDEX change_seq (tenant=? AND seq>?)", "SCALAR SUBQUERY", "SEARCH h USING PRIMARY KEY (tenant=? AND num=?)"}},
		{"changes of one", changesOf, []string{"SEARCH c USING INDEX change_num (tenant=? AND num=? AND seq>? AND seq<?)", "SCALAR SUBQUERY", "SEARCH h USING PRIMARY KEY (tenant=? AND num=?)"}},
		{"urgent changes", urgentAfter, []string{"SEARCH c USING INDEX change_urgent (tenant=? AND seq>?)", "SCALAR SUBQUERY", "SEARCH h USING PRIMARY KEY (tenant=? AND num=?)"}},
		{"edges of a change", edgesOfChange, []string{
			"SEARCH x USING PRIMARY KEY (tenant=? AND seq=?)", "SEARCH r USING INDEX resource_num (tenant=? AND num=?)",
		}},
		{"next before", nextBefore, []string{"SEARCH change USING INDEX change_document (tenant=? AND num=? AND seq>?)"}},
		{"token", tokenByHash, []string{"SEARCH k USING INDEX token_hash (hash=?)"}},
		{"secret", selectSecret, []string{"SEARCH secret USING PRIMARY KEY (tenant=? AND name=?)"}},
		{"cursor", selectCursor, []string{"SEARCH cursor USING PRIMARY KEY (tenant=? AND target=?)"}},
		{"detours of", detoursOf, []string{"k", "SEARCH d USING PRIMARY KEY (tenant=? AND target=? AND num=?)"}},
		{"due detours", dueDetours, []string{"SEARCH d USING INDEX detour_due (tenant=? AND target=?)"}},
		{"count detours", countDetours, []string{"SEARCH d USING COVERING INDEX detour_due (tenant=? AND target=?)"}},
		{"link", selectLink, []string{"SEARCH k USING PRIMARY KEY (tenant=? AND target=? AND num=?)"}},
		{"link by remote id", linkByRemote, []string{"SEARCH k USING INDEX link_remote (tenant=? AND target=? AND type=? AND remote_id=?)"}},
		{"sweep", firstSweep, []string{"SEARCH s USING PRIMARY KEY (tenant=?)", "SCALAR SUBQUERY", "SEARCH h USING PRIMARY KEY (tenant=? AND num=?)"}},
		{"sweep touch", sweepTouch, []string{
			"SEARCH resource USING INDEX resource_num (tenant=? AND num=?)", "LIST SUBQUERY",
			"SEARCH e USING COVERING INDEX edge_child (tenant=? AND child=? AND rel=?)",
		}},
		{"sweep above", sweepAbove, []string{
			"SEARCH edge USING PRIMARY KEY (tenant=? AND rel=? AND parent=? AND child=?)", "LIST SUBQUERY",
			"SEARCH e USING COVERING INDEX edge_child (tenant=? AND child=? AND rel=?)",
		}},
		{"sweep below", sweepBelow, []string{
			"SEARCH edge USING PRIMARY KEY (tenant=? AND rel=? AND parent=? AND child=?)", "LIST SUBQUERY",
			"SEARCH e USING PRIMARY KEY (tenant=? AND rel=? AND parent=?)",
		}},
		{"schema", selectSchema, []string{
			"SEARCH h USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH d USING PRIMARY KEY (tenant=? AND gen=?) LEFT-JOIN",
		}},
		{"slice", resourceSlice, []string{
			"SEARCH r USING INDEX resource_live (tenant=? AND type=? AND num>?)",
			"SCALAR SUBQUERY", "SEARCH e USING COVERING INDEX edge_child (tenant=? AND child=?)",
		}},
		{"audit", auditAfter, []string{"SEARCH audit USING INDEX audit_n (tenant=? AND n>?)"}},
		{"audit that matches", auditMatch, []string{"SEARCH audit USING INDEX audit_n (tenant=? AND n>?)"}},
		{"audit head", auditHead, []string{"SEARCH head USING INTEGER PRIMARY KEY (rowid=?)"}},
		{"checkpoints", checkpoints, []string{"SEARCH audit_checkpoint USING PRIMARY KEY (tenant=? AND n>?)"}},
		{"prune from", pruneFrom, []string{"SEARCH audit USING INDEX audit_n (tenant=?)"}},
		{"prune to", pruneTo, []string{
			"SEARCH k USING PRIMARY KEY (tenant=? AND n>?)", "SEARCH a USING INDEX audit_n (tenant=? AND n=?)",
		}},
		{"prune", pruneAudit, []string{"SEARCH audit USING INDEX audit_n (tenant=? AND n<?)"}},
		{"key of a resource", keyOfResource, []string{"SEARCH resource USING INDEX resource_num (tenant=? AND num=?)"}},
		{"former by id", formerByID, []string{"SEARCH r USING INDEX resource_id (tenant=? AND id=?)"}},
		{"former by record", formerByRecord, []string{
			"SEARCH s USING COVERING INDEX source_name (tenant=?)", "SEARCH c USING PRIMARY KEY (tenant=? AND source=? AND id=?)",
			"SEARCH r USING INDEX resource_num (tenant=? AND num=?)",
		}},
		{"erase changes", eraseChanges, []string{"SEARCH change USING INDEX change_num (tenant=? AND num=?)"}},
		{"edge history", edgeHistory, []string{
			"SEARCH x USING PRIMARY KEY (tenant=?)", "SEARCH c USING INDEX change_seq (tenant=? AND seq=?)",
			"SEARCH r USING INDEX resource_num (tenant=? AND num=?)",
		}},
		{"cursors", selectCursors, []string{"SEARCH cursor USING PRIMARY KEY (tenant=?)"}},
		{"free claims", freeClaims, []string{"SEARCH claim USING PRIMARY KEY (tenant=? AND scope=?)"}},
		{"expired", firstExpired, []string{"SEARCH pending USING COVERING INDEX pending_expires (tenant=? AND expires<?)"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, shorten(plan(t, db, test.query)), test.want)
		})
	}
}

// shorten drops what differs from run to run: the numbers of subqueries, and how a list of arguments is read.
func shorten(lines []string) []string {
	var out []string
	for _, l := range lines {
		switch {
		case strings.HasPrefix(l, "SCAN k VIRTUAL TABLE"):
			l = "k"
		case strings.HasPrefix(l, "LIST SUBQUERY"):
			l = "LIST SUBQUERY"
		case strings.HasPrefix(l, "SCALAR SUBQUERY"), strings.HasPrefix(l, "CORRELATED SCALAR SUBQUERY"):
			l = "SCALAR SUBQUERY"
		case strings.HasPrefix(l, "CREATE BLOOM FILTER"):
			continue
		}
		out = append(out, l)
	}
	return out
}

// TestSearchPlans says by which index a filter is answered, and whether its results come in order.
func TestSearchPlans(t *testing.T) {
	db := open(t, t.TempDir(), Options{})
	defer db.Close()
	set := schema.Core(nil)
	const sorted = "USE TEMP B-TREE FOR ORDER BY"
	for _, test := range []struct {
		typ, filter string
		want        []string
	}{
		{"User", ``, []string{"SEARCH r USING COVERING INDEX resource_live (tenant=? AND type=?)"}},
		{"User", `userName eq "a"`, []string{"SEARCH r USING COVERING INDEX resource_user_name (tenant=? AND type=? AND user_name=?)"}},
		{"User", `userName eq "a" and active eq true`, []string{"SEARCH r USING INDEX resource_user_name (tenant=? AND type=? AND user_name=?)"}},
		{"User", `externalId eq "a"`, []string{"SEARCH r USING COVERING INDEX resource_external_id (tenant=? AND type=? AND external_id=?)"}},
		{"Group", `displayName eq "a"`, []string{"SEARCH r USING COVERING INDEX resource_display_name (tenant=? AND type=? AND display_name=?)"}},
		{"User", `id eq "a"`, []string{"SEARCH r USING INDEX resource_id (tenant=? AND id=?)"}},
		{"User", `emails.value eq "a"`, []string{
			"SEARCH r USING INDEX resource_num (tenant=? AND num=?)", "LIST SUBQUERY",
			"SEARCH e USING PRIMARY KEY (tenant=? AND attr=? AND key=?)",
		}},
		{"User", `emails[type eq "work" and value eq "a"]`, []string{
			"SEARCH r USING INDEX resource_num (tenant=? AND num=?)", "LIST SUBQUERY",
			"SEARCH e USING PRIMARY KEY (tenant=? AND attr=? AND key=?)",
		}},
		{"User", `userName sw "a"`, []string{
			"SEARCH r USING COVERING INDEX resource_user_name (tenant=? AND type=? AND user_name>? AND user_name<?)", sorted,
		}},
		{"User", `userName co "a"`, []string{"SEARCH r USING COVERING INDEX resource_user_name (tenant=? AND type=?)", sorted}},
		{"User", `active eq false`, []string{"SEARCH r USING COVERING INDEX resource_live (tenant=? AND type=?)"}},
		{"User", `meta.created gt "2026-01-01T00:00:00Z"`, []string{"SEARCH r USING COVERING INDEX resource_live (tenant=? AND type=?)"}},
		{"User", `meta.lastModified gt "2026-01-01T00:00:00Z"`, []string{"SEARCH r USING COVERING INDEX resource_modified (tenant=? AND type=? AND modified>?)", sorted}},
		{"User", `title eq "a"`, []string{"SEARCH r USING COVERING INDEX resource_live (tenant=? AND type=?)"}},
		{"User", `title eq "a" and userName eq "b"`, []string{"SEARCH r USING COVERING INDEX resource_user_name (tenant=? AND type=? AND user_name=?)"}},
	} {
		t.Run(test.typ+" "+test.filter, func(t *testing.T) {
			e, err := filter.Parse(test.filter, nil)
			if test.filter == "" {
				e, err = nil, nil
			}
			assert.NoError(t, err)
			e, err = filter.Bind(e, set.Type(test.typ), filter.OneType, nil)
			assert.NoError(t, err)
			s := &search{db: db, tenant: store.Default, query: &store.Query{Type: set.Type(test.typ), Filter: e}}
			assert.NoError(t, db.read(t.Context(), s.compile))
			from := s.from(s.term.via)
			got := shorten(plan(t, db, "SELECT r.num"+from.text+" ORDER BY r.num", from.args...))
			assert.Equal(t, got, test.want)
		})
	}

	for _, test := range []struct{ by, want, sort string }{
		{"userName", "SEARCH r USING COVERING INDEX resource_user_name (tenant=? AND type=?)", ""},
		{"meta.lastModified", "SEARCH r USING COVERING INDEX resource_modified (tenant=? AND type=?)", ""},
		{"meta.created", "SEARCH r USING COVERING INDEX resource_live (tenant=? AND type=?)", sorted},
		{"id", "SEARCH r USING INDEX resource_id (tenant=?)", ""},
	} {
		t.Run("by "+test.by, func(t *testing.T) {
			p, err := set.Type("User").Resolve(test.by, nil)
			assert.NoError(t, err)
			o, ok := orderOf(store.SortKey{Path: p})
			assert.True(t, ok)
			s := &search{db: db, tenant: store.Default, query: &store.Query{Type: set.Type("User")}, term: term{exact: true}}
			from := s.from(access{rank: rankScan, index: o.index})
			if o.absent {
				from = from.and(clause{text: o.column + " <> ''"})
			}
			got := plan(t, db, "SELECT r.num"+from.text+" ORDER BY "+o.column+", r.num", from.args...)
			assert.Equal(t, got, slices.DeleteFunc([]string{test.want, test.sort}, func(s string) bool { return s == "" }))
		})
	}

	// Behind a position everything is a range of the index, however deep the page.
	for _, test := range []struct {
		by   string
		desc bool
		want []string
	}{
		{"userName", false, []string{
			"SEARCH r USING COVERING INDEX resource_user_name (tenant=? AND type=? AND user_name=? AND num>?)",
			"SEARCH r USING COVERING INDEX resource_user_name (tenant=? AND type=? AND user_name>?)",
		}},
		{"userName", true, []string{
			"SEARCH r USING COVERING INDEX resource_user_name (tenant=? AND type=? AND user_name=? AND num>?)",
			"SEARCH r USING COVERING INDEX resource_user_name (tenant=? AND type=? AND user_name<?)",
		}},
		{"meta.lastModified", true, []string{
			"SEARCH r USING COVERING INDEX resource_modified (tenant=? AND type=? AND modified=? AND num>?)",
			"SEARCH r USING COVERING INDEX resource_modified (tenant=? AND type=? AND modified<?)",
		}},
		{"", false, []string{"SEARCH r USING COVERING INDEX resource_live (tenant=? AND type=? AND num>?)"}},
	} {
		t.Run(fmt.Sprint("behind a position by ", test.by, " descending ", test.desc), func(t *testing.T) {
			q := &store.Query{Type: set.Type("User"), After: store.Position{Num: 7}}
			if test.by != "" {
				p, err := set.Type("User").Resolve(test.by, nil)
				assert.NoError(t, err)
				q.Sort = []store.SortKey{{Path: p, Descending: test.desc}}
				q.After.Keys = []any{"2026-03-01T09:00:00Z"} // as good a name as any
			}
			s := &search{db: db, tenant: store.Default, query: q, term: term{exact: true}}
			parts, err := s.parts()
			assert.NoError(t, err)
			for i, want := range test.want {
				got := plan(t, db, "SELECT r.num"+parts[i].from.text+" ORDER BY "+parts[i].order, parts[i].from.args...)
				// The order of equals is the index's, or that of what one key leaves.
				assert.Equal(t, slices.DeleteFunc(got, func(l string) bool { return l == "USE TEMP B-TREE FOR LAST TERM OF ORDER BY" }), []string{want})
			}
		})
	}
}
