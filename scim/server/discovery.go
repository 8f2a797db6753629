package server

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// serviceProviderConfig answers what the server can do (RFC 7643 §5), from the limits it
// enforces and the features of the stores. svc is nil for a caller without credentials.
func (c *call) serviceProviderConfig(svc *Service) error {
	f := Features{Versions: true, Sort: true, Cursors: true}
	meta := schema.Object{"resourceType": "ServiceProviderConfig"}
	if svc != nil {
		meta["location"] = svc.Base + "/ServiceProviderConfig"
		for _, s := range svc.Stores {
			of := features(s)
			f.Versions, f.Sort, f.Cursors = f.Versions && of.Versions, f.Sort && of.Sort, f.Cursors && of.Cursors
		}
	}
	doc := schema.Object{
		"schemas": []any{scim.ServiceProviderConfigSchema},
		"patch":   supported(true),
		// The number of operations holds for a PATCH too (F27).
		"bulk": schema.Object{
			"supported": true, "maxOperations": int64(c.Limits.Operations), "maxPayloadSize": c.Limits.LargeBody,
		},
		"filter":         schema.Object{"supported": true, "maxResults": int64(c.Limits.Results)},
		"changePassword": supported(false),
		"sort":           supported(f.Sort),
		"etag":           supported(f.Versions),
		"pagination":     c.pagination(f),
		"authenticationSchemes": []any{schema.Object{
			"type": "oauthbearertoken", "name": "OAuth Bearer Token", "primary": true,
			"description": "A bearer token in the Authorization header (RFC 6750).",
			"specUri":     "https://www.rfc-editor.org/info/rfc6750",
		}},
		"meta": meta,
	}
	if svc != nil && svc.Profile.InteropConformant() {
		doc["interopProfileConformant"] = true // IOP-01
	}
	if c.Jobs != nil && c.Jobs.opts.Advertise {
		doc["securityEvents"] = securityEvents()
	}
	if c.DocumentationURI != "" {
		doc["documentationUri"] = c.DocumentationURI
	}
	return c.sendDocument(doc)
}

// pagination describes the ways of paging (RFC 9865 §4).
func (c *call) pagination(f Features) schema.Object {
	o := schema.Object{
		"cursor": f.Cursors, "index": true, "defaultPaginationMethod": "index",
		"defaultPageSize": int64(c.Limits.DefaultResults), "maxPageSize": int64(c.Limits.Results),
	}
	if f.Cursors {
		o["cursorTimeout"] = max(int64(c.CursorAge.Seconds()), 1)
	}
	return o
}

func supported(yes bool) schema.Object { return schema.Object{"supported": yes} }

// resourceTypes answers one ResourceType, or all of them (RFC 7643 §6).
func (c *call) resourceTypes(name string) error {
	at := c.svc.Base + "/ResourceTypes/"
	if name != "" {
		t := c.svc.Schemas.Type(name)
		if t == nil || c.svc.Stores[t.Name] == nil {
			return scim.NotFound(name)
		}
		return c.sendDocument(t.Describe(at + t.Name))
	}
	var all []any
	for _, t := range c.svc.Schemas.Types {
		if c.svc.Stores[t.Name] != nil {
			all = append(all, t.Describe(at+t.Name))
		}
	}
	return c.sendDocuments(all)
}

// schemas answers one Schema, by its URN in any case, or all of them (RFC 7643 §7). Messages
// are not among them (RFC 7644 §3.1).
func (c *call) schemas(urn string) error {
	at := c.svc.Base + "/Schemas/"
	if urn != "" {
		s := c.svc.Schemas.Schema(urn)
		if s == nil {
			return scim.NotFound(urn)
		}
		return c.sendDocument(c.describe(s, at))
	}
	var all []any
	for _, s := range c.svc.Schemas.Schemas() {
		all = append(all, c.describe(s, at))
	}
	return c.sendDocuments(all)
}

// describe returns a Schema resource as this caller sees it: without attributes that are never
// returned where the dialect has none (IPS-13).
func (c *call) describe(s *schema.Schema, at string) schema.Object {
	o := s.Describe(at + s.ID)
	if list, ok := o["attributes"].([]any); ok && c.d.Allows(scim.HideCredentials) {
		o["attributes"] = slices.DeleteFunc(list, func(v any) bool {
			a, _ := v.(schema.Object)
			return a["returned"] == string(schema.ReturnedNever)
		})
	}
	return o
}

// sendDocuments answers a whole list: paging and sorting do not apply to discovery, and a
// filter is refused, because the client would take the answer for filtered (RFC 7644 §4, AMB-34).
func (c *call) sendDocuments(all []any) error {
	values, err := queryValues(c.r.URL.RawQuery)
	_, filtered := values.get("filter")
	if filtered && !c.d.Allows(scim.DiscoveryFilter) || err != nil {
		return scim.Errorf(http.StatusForbidden, "discovery resources cannot be filtered")
	}
	c.buf = append(c.buf, `{"schemas":["`+scim.ListResponseMessage+`"],"Resources":`...)
	c.buf = appendDocument(c.buf, all)
	c.buf = appendTotals(c.buf, len(all), 1, len(all))
	return c.finish()
}

func (c *call) sendDocument(doc schema.Object) error {
	if meta, ok := doc["meta"].(schema.Object); ok {
		if location, ok := meta["location"].(string); ok {
			c.w.Header()["Location"] = []string{location}
		}
	}
	c.buf = appendDocument(c.buf, doc)
	return c.finish()
}

// appendDocument appends a discovery document: schemas, id and name first, as a reader
// expects them, meta last, the rest by name.
func appendDocument(dst []byte, v any) []byte {
	switch v := v.(type) {
	case schema.Object:
		dst = append(dst, '{')
		for i, name := range slices.SortedFunc(maps.Keys(v), compareNames) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, name), ':')
			dst = appendDocument(dst, v[name])
		}
		return append(dst, '}')
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendDocument(dst, e)
		}
		return append(dst, ']')
	case string:
		return appendString(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	}
	panic(fmt.Sprintf("discovery document with a %T", v))
}

func compareNames(a, b string) int {
	place := func(name string) int {
		if i := slices.Index([]string{"schemas", "id", "name"}, name); i >= 0 {
			return i - 3
		}
		if name == "meta" {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
}
