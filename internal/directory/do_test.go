package directory_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/server"
)

// do carries out ops as the first token.
func (h *hub) do(ops ...server.Op) []server.Result {
	h.Helper()
	return h.dir.Do(h.Context(), h.caller(), ops)
}

func (h *hub) caller() directory.Caller {
	return directory.Caller{Tenant: store.Default, Source: store.DefaultSource, Actor: "token-1"}
}

// creation is an op that creates a resource under an id.
func (f *face) creation(id, text string) server.Op {
	f.Helper()
	doc, refs, _ := f.document(text)
	r := &server.Resource{ID: id, Attrs: doc, Relations: map[string]iter.Seq2[server.Ref, error]{}}
	if len(refs) > 0 {
		r.Relations["members"] = func(yield func(server.Ref, error) bool) {
			for _, ref := range refs {
				if !yield(server.Ref{Value: ref.Value}, nil) {
					return
				}
			}
		}
	}
	return server.Op{Type: f.typ.Name, Create: r, Dialect: scim.NewDialect(f.profile)}
}

func (f *face) patching(id, operations string) server.Op {
	f.Helper()
	d := scim.NewDialect(f.profile)
	return server.Op{Type: f.typ.Name, ID: id, Edit: f.edit(operations, d), Dialect: d}
}

func (f *face) deletion(id string) server.Op {
	return server.Op{Type: f.typ.Name, ID: id, Delete: &server.Cond{}}
}

// TestDo looks at slices as server hands them over.
func TestDo(t *testing.T) {
	t.Parallel()
	t.Run("each sees what those before it did", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		ada, bo := h.users.create(user("ada")).ID, h.dir.NewID()
		// The rename misses a key, so that nobody may pass it: the name it leaves is taken behind it.
		results := h.do(h.users.patching(ada, replace("userName", "'eve'")), h.users.creation(bo, user("ada")),
			h.users.patching(bo, replace("title", "'Dr'")), h.users.deletion(ada), h.users.patching(ada, replace("title", "'Dr'")))
		for i, r := range results[:4] {
			assert.NoError(t, r.Err, assert.Sprintf("op %d", i))
		}
		refused(t, results[4].Err, http.StatusNotFound, "")
		assert.Equal(t, results[1].Resource.ID, bo)
		assert.Equal(t, results[2].Resource.Version, h.users.get(bo).Version)
		assert.Equal(t, h.events(), []string{"user.created", "user.updated", "user.created", "user.updated", "user.deleted"})
	})
	t.Run("a stop holds where a decision was asked twice", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		ada := h.users.create(user("ada")).ID
		h.users.create(user("taken"))
		failed := false
		ops := []server.Op{
			h.users.patching(ada, replace("userName", "'taken'")), h.users.creation("", user("bo")), h.users.patching(ada, replace("userName", "'eve'")),
		}
		for i := range ops {
			ops[i].Proceed = func() error {
				if failed {
					return server.ErrStopped
				}
				return nil
			}
			ops[i].Decided = func(err error) { failed = err != nil }
		}
		results := h.do(ops...)
		refused(t, results[0].Err, http.StatusConflict, scim.Uniqueness)
		for _, r := range results[1:] {
			assert.True(t, errors.Is(r.Err, server.ErrStopped))
		}
		assert.Equal(t, len(h.users.find("")), 2)
	})
	t.Run("promised members and managers", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		a, b, u := h.dir.NewID(), h.dir.NewID(), h.dir.NewID()
		f := h.groups.strict()
		ops := []server.Op{f.creation(a, group("a", b, u)), f.creation(b, group("b", a)), h.users.strict().creation(u, user("ada"))}
		for i := range ops {
			ops[i].Promised = map[string]string{a: "Group", b: "Group", u: "User"}
		}
		for _, r := range h.do(ops...) {
			assert.NoError(t, r.Err)
		}
		want := []string{b, u}
		slices.Sort(want)
		assert.Equal(t, h.members(a), want)
		assert.Equal(t, h.members(b), []string{a})
		assert.Equal(t, h.events(), []string{
			"group.created", "group.created +member", "+member", "user.created", "+member",
		})
		assert.Equal(t, h.log.String(), "") // nobody unknown
	})
	t.Run("what was promised is still checked", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		a, u := h.dir.NewID(), h.dir.NewID()
		self := h.groups.creation(a, group("a", a))
		self.Promised = map[string]string{a: "Group"}
		stranger := h.groups.strict().creation("", group("b", u, "nobody"))
		stranger.Promised = map[string]string{u: "User"}
		for _, r := range h.do(self, stranger) {
			refused(t, r.Err, http.StatusBadRequest, scim.InvalidValue)
		}
	})
	t.Run("a deleted group forgets whom it waited for", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		g := h.groups.create(group("g", "x1")).ID
		h.groups.delete(g)
		h.changes()
		h.users.create("{'userName':'ada','externalId':'x1'}")
		assert.Equal(t, len(h.changes()), 1)
	})
	t.Run("rows without a store are refused", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		for _, r := range h.do(server.Op{Type: "Nothing", Delete: &server.Cond{}}, server.Op{Type: "User"}) {
			assert.True(t, r.Err != nil && scim.AsError(r.Err) == nil)
		}
	})
}

// TestBulkCircle sends circles over HTTP: with ids given out first, each resource is created once and changed where the
// one that it waited for arrives.
func TestBulkCircle(t *testing.T) {
	t.Parallel()
	circle := func(names ...string) []bulkCase {
		cases := make([]bulkCase, len(names))
		for i, name := range names {
			cases[i] = bulkCase{method: "POST", path: "/Groups", data: fmt.Sprintf("{'schemas':['%s'],'displayName':'%s','members':[{'value':'bulkId:%d'}]}",
				scim.GroupSchema, name, (i+1)%len(names))}
		}
		return cases
	}
	t.Run("P-B-15 closed", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		var names []string
		for i := range 200 { // some slices
			names = append(names, "g"+strconv.Itoa(i))
		}
		_, a := send(t, h.provider(scim.Strict()), http.MethodPost, "/Bulk", bulkOf(circle(names...), 0, nil))
		for i, op := range a.Operations {
			assert.Equal(t, op.Status, "201")
			id, next := idOf(op), idOf(a.Operations[(i+1)%len(names)])
			assert.Equal(t, h.members(id), []string{next})
			assert.Equal(t, op.Version, `W/"`+h.groups.get(id).Version+`"`)
		}
		assert.Equal(t, len(h.changes()), 200+199)
	})
	t.Run("P-B-15 P-B-19 broken", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		h.groups.create(group("taken"))
		_, a := send(t, h.provider(scim.Compat()), http.MethodPost, "/Bulk", bulkOf(circle("a", "b", "taken", "d"), 0, nil))
		for i, want := range []string{"409 ", "409 ", "409 uniqueness", "409 "} {
			assert.Equal(t, a.Operations[i].Status+" "+a.Operations[i].Response.ScimType, want)
			assert.Equal(t, a.Operations[i].Location, "")
		}
		assert.Equal(t, len(h.groups.find("")), 1)
		assert.Equal(t, h.events(), []string{"group.created", "group.created", "group.created", "+member", "group.deleted", "group.deleted"})
	})
}

func idOf(op bulkOutcome) string { return op.Location[strings.LastIndex(op.Location, "/")+1:] }

// provider serves the hub over HTTP.
func (h *hub) provider(profile scim.Profile) http.Handler {
	return server.Handler(server.Static(&server.Service{
		Base: "https://hub.test/scim/v2", Schemas: h.set, Profile: profile, Stores: h.dir.Stores(h.caller()), NewID: h.dir.NewID,
		Do: func(ctx context.Context, ops []server.Op) []server.Result { return h.dir.Do(ctx, h.caller(), ops) },
	}), server.Options{})
}

// bulkAnswer is what the tests read of answers.
type bulkAnswer struct {
	Operations []bulkOutcome
	ID         string
	ScimType   string
}

type bulkOutcome struct {
	Location, Method, BulkID, Version, Status string
	Response                                  struct{ ScimType string }
}

func send(t rapid.TB, h http.Handler, method, path, body string) (int, bulkAnswer) {
	r := httptest.NewRequest(method, path, strings.NewReader(strings.ReplaceAll(body, "'", `"`)))
	r.Header.Set("Content-Type", scim.MediaType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var a bulkAnswer
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &a, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatalf("%s %s: %v\n%s", method, path, err, w.Body)
		}
	}
	if w.Code >= http.StatusInternalServerError {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w.Code, a
}

// bulkCase is one operation of TestBulkIsLikeSingleRequests. References stand in its text as bulkId:N.
type bulkCase struct {
	method, path, data string
	refs               []int
}

// TestBulkIsLikeSingleRequests sends random bulk requests to one hub and the same operations one by one to
// another, and compares every status and all that can be seen afterwards: resources, versions, the feed.
func TestBulkIsLikeSingleRequests(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		profile := rapid.SampledFrom([]scim.Profile{scim.Strict(), scim.Compat()}).Draw(rt, "profile")
		one, all := newHub(t), newHub(t)
		defer one.db.Close()
		defer all.db.Close()
		var had [2][]string // paths of what is there before, in each hub
		for i, h := range []*hub{one, all} {
			for _, name := range []string{"ada", "bo"} {
				had[i] = append(had[i], "/Users/"+h.users.create(user(name)).ID)
			}
			had[i] = append(had[i], "/Groups/"+h.groups.create(group("g0")).ID)
		}
		cases := drawBulk(rt)
		failOnErrors := rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(rt, "failOnErrors")

		_, got := send(rt, all.provider(profile), http.MethodPost, "/Bulk", bulkOf(cases, failOnErrors, had[1]))
		want := oneByOne(rt, one.provider(profile), cases, failOnErrors, had[0])
		var gotStatus []string
		for _, op := range got.Operations {
			gotStatus = append(gotStatus, op.Status+" "+op.Response.ScimType)
		}
		if !slices.Equal(gotStatus, want) {
			rt.Fatalf("got  %q\nwant %q\n%v", gotStatus, want, cases)
		}
		if got, want := all.picture(), one.picture(); got != want {
			rt.Fatalf("got\n%s\nwant\n%s\n%v", got, want, cases)
		}
	})
}

// drawBulk draws operations that trip over each other's names and resources.
func drawBulk(t *rapid.T) []bulkCase {
	cases := make([]bulkCase, rapid.IntRange(1, 12).Draw(t, "operations"))
	creates := make([]bool, len(cases))
	for i := range creates {
		creates[i] = rapid.Bool().Draw(t, "creates")
	}
	for i := range cases {
		// Those of users may be named by anybody, also before they come; no circle.
		ref := func() (int, bool) {
			n := rapid.IntRange(0, len(cases)-1).Draw(t, "reference")
			return n, n%2 == 0 && creates[n] && n != i
		}
		c := &cases[i]
		name := rapid.SampledFrom([]string{"ada", "bo", "cy", "di"}).Draw(t, "name")
		member := "nobody"
		if n, ok := ref(); ok {
			member = "bulkId:" + strconv.Itoa(n)
			c.refs = append(c.refs, n)
		}
		target := rapid.IntRange(0, 2).Draw(t, "target")
		switch {
		case creates[i] && i%2 == 0:
			*c = bulkCase{method: "POST", path: "/Users", data: fmt.Sprintf("{'schemas':['%s'],'userName':'%s','active':true}", scim.UserSchema, name)}
		case creates[i]:
			c.method, c.path = "POST", "/Groups"
			c.data = fmt.Sprintf("{'schemas':['%s'],'displayName':'g%s','members':[{'value':'%s'}]}", scim.GroupSchema, name, member)
		case target == 2:
			c.method, c.path = "PATCH", "had:2"
			op := rapid.SampledFrom([]string{
				"{'op':'add','path':'members','value':[{'value':'" + member + "'}]}",
				"{'op':'remove','path':'members[value eq \\'" + member + "\\']'}",
				"{'op':'replace','path':'displayName','value':'g" + name + "'}",
			}).Draw(t, "edit")
			if !strings.Contains(op, "bulkId:") {
				c.refs = nil
			}
			c.data = fmt.Sprintf("{'schemas':['%s'],'Operations':[%s]}", scim.PatchOpMessage, op)
		default:
			c.path, c.refs = "had:"+strconv.Itoa(target), nil
			if n, ok := ref(); ok {
				c.path, c.refs = "/Users/bulkId:"+strconv.Itoa(n), []int{n}
			}
			switch rapid.IntRange(0, 2).Draw(t, "method") {
			case 0:
				c.method = "DELETE"
			case 1:
				c.method, c.data = "PUT", fmt.Sprintf("{'schemas':['%s'],'userName':'%s'}", scim.UserSchema, name)
			default:
				c.method = "PATCH"
				c.data = fmt.Sprintf("{'schemas':['%s'],'Operations':[{'op':'replace','path':'userName','value':'%s'}]}", scim.PatchOpMessage, name)
			}
		}
	}
	return cases
}

func bulkOf(cases []bulkCase, failOnErrors int, had []string) string {
	ops := make([]string, len(cases))
	for i, c := range cases {
		ops[i] = fmt.Sprintf("{'method':'%s','path':'%s','bulkId':'%d'", c.method, pathOf(c, had), i)
		if c.data != "" {
			ops[i] += ",'data':" + strings.ReplaceAll(c.data, `\'`, `\"`)
		}
		ops[i] += "}"
	}
	more := ""
	if failOnErrors > 0 {
		more = fmt.Sprintf("'failOnErrors':%d,", failOnErrors)
	}
	return fmt.Sprintf("{'schemas':['%s'],%s'Operations':[%s]}", scim.BulkRequestMessage, more, strings.Join(ops, ","))
}

func pathOf(c bulkCase, had []string) string {
	if n, ok := strings.CutPrefix(c.path, "had:"); ok {
		i, _ := strconv.Atoi(n)
		return had[i]
	}
	return c.path
}

// oneByOne sends the operations as single requests, in order but for those that wait for a later one, and returns what the
// results of the bulk should be.
func oneByOne(t *rapid.T, h http.Handler, cases []bulkCase, failOnErrors int, had []string) []string {
	outcome, ids := make([]string, len(cases)), make([]string, len(cases))
	done, failed := make([]bool, len(cases)), make([]bool, len(cases))
	errors := 0
	ready := func(i int) bool {
		for _, n := range cases[i].refs {
			if !done[n] {
				return false
			}
		}
		for n := range i { // on the same resource
			if !done[n] && cases[n].method != "POST" && cases[n].path == cases[i].path {
				return false
			}
		}
		return true
	}
	run := func(i int) {
		done[i] = true
		if failOnErrors > 0 && errors >= failOnErrors {
			return
		}
		c := cases[i]
		text, path, status, a := c.data, pathOf(c, had), 0, bulkAnswer{}
		for _, n := range c.refs {
			if failed[n] {
				status = http.StatusConflict
			}
			name := "bulkId:" + strconv.Itoa(n)
			text, path = strings.ReplaceAll(text, name, ids[n]), strings.ReplaceAll(path, name, ids[n])
		}
		if status == 0 {
			status, a = send(t, h, c.method, path, strings.ReplaceAll(text, `\'`, `\"`))
		}
		if status >= http.StatusBadRequest {
			failed[i] = true
			errors++
		}
		ids[i] = a.ID
		outcome[i] = strconv.Itoa(status) + " " + a.ScimType
	}
	for i := range cases {
		if !ready(i) {
			continue
		}
		run(i)
		for again := true; again; {
			again = false
			for n := range i {
				if !done[n] && ready(n) {
					run(n)
					again = true
				}
			}
		}
	}
	return slices.DeleteFunc(outcome, func(s string) bool { return s == "" })
}

// picture is all that can be seen of a hub, without ids.
func (h *hub) picture() string {
	h.Helper()
	names := map[string]string{}
	var lines []string
	for _, id := range h.users.find("") {
		r := h.users.get(id)
		names[id] = fmt.Sprint(h.users.value(r, "userName"))
		lines = append(lines, fmt.Sprintf("%s v%s", r.Raw, r.Version))
	}
	for _, id := range h.groups.find("") {
		r := h.groups.get(id)
		var members []string
		for _, ref := range h.refs(r, "members") {
			members = append(members, names[ref.Value])
		}
		slices.Sort(members)
		lines = append(lines, fmt.Sprintf("%s v%s %q", r.Raw, r.Version, members))
	}
	return strings.Join(append(lines, h.events()...), "\n")
}
