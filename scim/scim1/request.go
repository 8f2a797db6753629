package scim1

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// place is what a request is about.
type place struct {
	kind kind
	typ  *schema.ResourceType // of a collection or a resource
	id   string               // of a schema
}

type kind uint8

const (
	nowhere    kind = iota // no endpoint of 1.1
	collection             // /Users
	resource               // /Users/{id}
	config                 // /ServiceProviderConfigs
	schemas                // /Schemas, /Schemas/{id}
	bulk                   // /Bulk
)

// request returns the request that the server is to answer.
func (x *exchange) request(r *http.Request) (*http.Request, error) {
	in := x.let(r)
	in.Header = r.Header.Clone()
	in.Header.Del("Prefer") // asynchronous answers are those of 2.0
	in.Method = method(r)
	if err := x.locate(in); err != nil {
		return nil, err
	}
	if x.svc == nil {
		return in, nil // refused as it is
	}
	if err := x.needsVersion(in); err != nil {
		return nil, err
	}
	err := x.translateQuery(in)
	if err == nil {
		err = x.translateBody(in)
	}
	if used := x.d.Used(); used != 0 && x.svc.Used != nil {
		x.svc.Used(used)
	}
	return in, err
}

// method returns the method that a request means: a POST may carry another (A3.12).
func method(r *http.Request) string {
	other := r.Header.Values("X-HTTP-Method-Override")
	if r.Method != http.MethodPost || len(other) != 1 {
		return r.Method
	}
	for _, m := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if strings.EqualFold(other[0], m) {
			return m
		}
	}
	return r.Method
}

// locate finds out what a request is about and gives it the path that 2.0 has for that.
// An endpoint that 1.1 does not have gets one that 2.0 does not have either.
func (x *exchange) locate(in *http.Request) error {
	rest, ok := strings.CutPrefix(in.URL.EscapedPath(), x.prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return nil // the server refuses it
	}
	rest = strings.TrimSuffix(rest, "/")
	if strings.HasSuffix(rest, ".xml") { // A3.6
		return notXML()
	}
	rest = strings.TrimSuffix(rest, ".json")
	endpoint, id, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	switch {
	case endpoint == "ServiceProviderConfigs" && id == "":
		x.at.kind, rest = config, "/ServiceProviderConfig"
	case x.svc == nil: // no endpoint is told from another
	case endpoint == "Schemas" && !strings.Contains(id, "/"):
		x.at.kind, rest = schemas, "/Schemas"
		x.at.id, _ = url.PathUnescape(id) // that of a path which net/http read
	case endpoint == "Bulk" && id == "":
		x.at.kind = bulk
	case x.svc.Schemas.ByEndpoint(endpoint) != nil && !isSearch(id):
		x.at.typ = x.svc.Schemas.ByEndpoint(endpoint)
		if x.at.kind = collection; id != "" {
			x.at.kind = resource
		}
	}
	if x.at.kind == nowhere {
		rest = "/-"
	}
	u := *in.URL
	u.RawPath = x.prefix + rest
	u.Path, _ = url.PathUnescape(u.RawPath)
	in.URL = &u
	return nil
}

func isSearch(id string) bool {
	id, err := url.PathUnescape(id)
	return err == nil && id == ".search"
}

// needsVersion refuses a write without If-Match where the profile wants one (A3.11).
func (x *exchange) needsVersion(in *http.Request) error {
	write := in.Method == http.MethodPut || in.Method == http.MethodPatch || in.Method == http.MethodDelete
	if x.at.kind == resource && write && in.Header.Get("If-Match") == "" && x.d.Allows(scim.NeedVersion) {
		return scim.Errorf(http.StatusPreconditionFailed, "the request has no If-Match; read the resource and send its version")
	}
	return nil
}

// translateQuery puts the 2.0 form of a query in its place.
func (x *exchange) translateQuery(in *http.Request) error {
	if in.URL.RawQuery == "" || x.at.typ == nil {
		return nil
	}
	raw, err := query(in.URL.RawQuery, x.d)
	if err != nil {
		return err
	}
	in.URL.RawQuery = raw
	return nil
}

// translateBody reads the body of a write and puts its 2.0 form in its place. Whatever
// cannot be translated is left for the server to refuse.
func (x *exchange) translateBody(in *http.Request) error {
	as, limit := x.translation(in.Method)
	if as == nil || !isJSON(in.Header) {
		return nil
	}
	b, err := x.budget.Read(in, limit, &x.taken)
	if err != nil {
		return err
	}
	if len(b) > 0 {
		v, err := schema.Parse(b)
		if err != nil {
			return err
		}
		if o, ok := v.(schema.Object); ok {
			if o, err = as(o); err != nil {
				return err
			}
			b = appendJSON(nil, o)
		}
	}
	replaceBody(in, b)
	return nil
}

// translation returns how the body of a request is translated and how long it may be; nil
// for one that has none or is to be refused.
func (x *exchange) translation(method string) (func(schema.Object) (schema.Object, error), int64) {
	limit := x.body
	if t := x.at.typ; t != nil && slices.ContainsFunc(t.Schema.Attributes, func(a *schema.Attribute) bool {
		return a.Relation && a.Mutability != schema.ReadOnly
	}) {
		limit = x.large
	}
	switch {
	case x.at.kind == bulk && method == http.MethodPost:
		return x.bulkRequest, x.large
	case x.at.kind == collection && method == http.MethodPost, x.at.kind == resource && method == http.MethodPut:
		return func(o schema.Object) (schema.Object, error) { return document(o, x.at.typ) }, limit
	case x.at.kind == resource && method == http.MethodPatch:
		return func(o schema.Object) (schema.Object, error) { return patchOp(o, x.at.typ, x.d), nil }, limit
	}
	return nil, 0
}
