package scimtest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
	"github.com/muster-id/muster/scim/server"
)

// Add creates a resource as a client would, from a JSON object without schemas, past faults, scripts and the list of
// requests. It returns the id.
//
//	id, err := srv.Add("User", `{"userName":"ada","active":true}`)
func (t *Tenant) Add(typeName, doc string) (id string, err error) {
	typ := t.Service.Schemas.Type(typeName)
	if typ == nil {
		return "", fmt.Errorf("there is no resource type %q", typeName)
	}
	if rest, ok := strings.CutPrefix(strings.TrimSpace(doc), "{"); ok && !strings.Contains(doc, `"schemas"`) {
		doc = "{" + schemasOf(typ, doc) + rest
	}
	status, body, err := t.send(http.MethodPost, typ.Endpoint, doc)
	if err != nil {
		return "", err
	}
	if status != http.StatusCreated {
		return "", fmt.Errorf("create %s: %d %s", typeName, status, body)
	}
	v, err := schema.Parse(body)
	if err != nil {
		return "", err
	}
	o, _ := v.(schema.Object)
	id, _ = o["id"].(string)
	return id, nil
}

// schemasOf returns the schemas member of a document, with the extensions that it names.
func schemasOf(typ *schema.ResourceType, doc string) string {
	uris := []string{`"` + typ.Schema.ID + `"`}
	for _, e := range typ.Extensions {
		if strings.Contains(doc, `"`+e.Schema.ID+`"`) {
			uris = append(uris, `"`+e.Schema.ID+`"`)
		}
	}
	members := `"schemas":[` + strings.Join(uris, ",") + `]`
	if strings.TrimSpace(doc) != "{}" {
		members += ","
	}
	return members
}

// send asks the tenant's own handler, as a client with its token.
func (t *Tenant) send(method, path, body string) (status int, answer []byte, err error) {
	u, err := url.Parse(t.URL + path)
	if err != nil {
		return 0, nil, err
	}
	r := httptest.NewRequestWithContext(context.Background(), method, u.RequestURI(), strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+t.Token)
	r.Header.Set("Content-Type", scim.MediaType)
	w := httptest.NewRecorder()
	t.handler.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	return w.Code, b, err
}

// Get returns a resource as it is kept, for assertions: its document with id and meta.version, and each relation as a
// list of objects with value, type and display. It is not ok if there is no such resource.
func (m *Memory) Get(typeName, id string) (doc schema.Object, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byID[id]
	if r == nil || r.typ.Name != typeName {
		return nil, false
	}
	return m.document(r), true
}

// All returns the resources of a type in the order of their creation, each as Get does.
func (m *Memory) All(typeName string) []schema.Object {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []schema.Object
	for _, r := range m.rows {
		if r.typ.Name == typeName {
			all = append(all, m.document(r))
		}
	}
	return all
}

func (m *Memory) document(r *row) schema.Object {
	doc := schema.Clone(r.doc)
	doc["id"], doc["meta"] = r.id, schema.Object{"version": `W/"` + m.resource(r, &server.Want{}).Version + `"`}
	for name, refs := range m.resource(r, nil).Relations {
		var values []any
		for ref, err := range refs {
			if err == nil { // always: it is all in memory
				values = append(values, schema.Object{"value": ref.Value, "type": ref.Type, "display": ref.Display})
			}
		}
		if len(values) > 0 {
			doc[name] = values
		}
	}
	return doc
}
