package schemas_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/internal/directory"
	"github.com/muster-id/muster/internal/schemas"
	"github.com/muster-id/muster/internal/store"
	"github.com/muster-id/muster/internal/store/sqlite"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hub is a registry on a real store, with the words in which the tests talk to it.
type hub struct {
	testing.TB
	path string
	db   *sqlite.DB
	*schemas.Registry
	log logged
}

func newHub(t testing.TB) *hub {
	t.Helper()
	h := &hub{TB: t, path: filepath.Join(t.TempDir(), "muster.db")}
	h.open()
	t.Cleanup(func() { assert.NoError(t, h.db.Close()) })
	return h
}

func (h *hub) open() {
	h.Helper()
	var err error
	h.db, err = sqlite.Open(h.Context(), h.path, sqlite.Options{})
	assert.NoError(h, err)
	base := directory.New(h.db, directory.NewSet(), directory.Options{})
	h.Registry, err = schemas.Open(h.Context(), h.db, base, schemas.Options{Log: slog.New(slog.NewTextHandler(&h.log, nil))}, store.Default)
	assert.NoError(h, err)
}

func (h *hub) reopen() {
	h.Helper()
	assert.NoError(h, h.db.Close())
	h.open()
}

// logged is a log that may be read while it is written.
type logged struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// badge is an extension of User with these attributes, in JSON in which ' stands for ".
func badge(attributes ...string) string {
	return `[{'schemas':['urn:ietf:params:scim:schemas:core:2.0:Schema'],'id':'urn:example:badge','attributes':[` + strings.Join(attributes, ",") + `]},
		{'schemas':['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],'name':'User','schemaExtensions':[{'schema':'urn:example:badge'}]}]`
}

const badges = "urn:example:badge"

// desk is a resource type with these attributes.
func desk(attributes ...string) string {
	return `[{'schemas':['urn:ietf:params:scim:schemas:core:2.0:Schema'],'id':'urn:example:desk','attributes':[` + strings.Join(attributes, ",") + `]},
		{'schemas':['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],'name':'Desk','endpoint':'/Desks','schema':'urn:example:desk'}]`
}

func definitions(t testing.TB, text string) *schema.Definitions {
	t.Helper()
	defs, _, err := schema.Load([]byte(strings.ReplaceAll(text, "'", `"`)))
	assert.NoError(t, err)
	return defs
}

// add adds definitions that are fine.
func (h *hub) add(text string) *schemas.Result {
	h.Helper()
	r, err := h.Add(h.Context(), store.Default, definitions(h, text), schemas.Mode{})
	assert.NoError(h, err)
	return r
}

func (h *hub) dir() *directory.Directory {
	h.Helper()
	d, err := h.Directory(h.Context(), store.Default)
	assert.NoError(h, err)
	return d
}

// face is what a caller sees of one resource type now.
type face struct {
	server.Store
	typ *schema.ResourceType
}

func (h *hub) of(typ string) face {
	dir := h.dir()
	return face{dir.Stores(directory.Caller{Tenant: store.Default, Source: store.DefaultSource, Actor: "test"})[typ], dir.Set().Type(typ)}
}

var dialect = scim.NewDialect(scim.Strict())

// create stores a document, JSON in which ' stands for ".
func (h *hub) create(typ, text string) (id string, err error) {
	h.Helper()
	f := h.of(typ)
	v, err := schema.Parse([]byte(strings.ReplaceAll(text, "'", `"`)))
	assert.NoError(h, err)
	o, _ := v.(schema.Object)
	doc, err := f.typ.Read(o, schema.Create, dialect)
	assert.NoError(h, err)
	r, err := f.Create(h.Context(), &server.Resource{Attrs: doc}, dialect)
	if err != nil {
		return "", err
	}
	return r.ID, nil
}

func (h *hub) user(name, number string) string {
	h.Helper()
	id, err := h.create("User", `{'schemas':['`+scim.UserSchema+`','`+badges+`'],'userName':'`+name+`','`+badges+`':{'number':'`+number+`'}}`)
	assert.NoError(h, err)
	return id
}

// raw returns the document of a resource as it is sent.
func (h *hub) raw(typ, id string) string {
	h.Helper()
	r, err := h.of(typ).Get(h.Context(), id, nil)
	assert.NoError(h, err)
	return string(r.Raw)
}

// find returns the ids of the users that a filter matches.
func (h *hub) find(text string) (ids []string) {
	h.Helper()
	f := h.of("User")
	e, err := filter.Parse(text, dialect)
	assert.NoError(h, err)
	e, err = filter.Bind(e, f.typ, filter.OneType, dialect)
	assert.NoError(h, err)
	_, err = f.Find(h.Context(), &server.Query{Filter: e, Start: 1, Count: 100}, func(r *server.Resource) error {
		ids = append(ids, r.ID)
		return nil
	})
	assert.NoError(h, err)
	return ids
}

// indexed reports whether searches use an index for an attribute of users.
func (h *hub) indexed(attr string) bool {
	h.Helper()
	p, err := h.dir().Set().Type("User").Resolve(attr, nil)
	assert.NoError(h, err)
	return store.Indexed(p) != store.NotIndexed
}

// await waits for a condition that the worker brings about.
func (h *hub) await(what string, ok func() bool) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			h.Fatalf("%s: not in time", what)
		}
	}
}

// refused returns what stands against a change.
func refused(t testing.TB, err error) string {
	t.Helper()
	e, ok := errors.AsType[*schemas.RefusedError](err)
	if !ok {
		t.Fatalf("got %v, want a RefusedError", err)
	}
	return e.Error()
}

func status(err error) int {
	if e := scim.AsError(err); e != nil {
		return e.Status
	}
	if err != nil {
		return http.StatusInternalServerError
	}
	return http.StatusOK
}

func listed(h *hub, urn string) *schemas.Listed {
	h.Helper()
	o, err := h.List(h.Context(), store.Default)
	assert.NoError(h, err)
	i := slices.IndexFunc(o.Schemas, func(l schemas.Listed) bool { return l.ID == urn })
	if i < 0 {
		return nil
	}
	return &o.Schemas[i]
}

var anyVersion server.Cond

// rename is an edit of a user's name.
func rename(name string, _ *schema.ResourceType) *server.Edit {
	return &server.Edit{Dialect: dialect, Apply: func(cur *server.Resource) (*server.Resource, error) {
		next := *cur
		next.Attrs = maps.Clone(cur.Attrs)
		next.Attrs["userName"] = name
		return &next, nil
	}}
}
