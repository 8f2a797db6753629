package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// ResourceType is a kind of resource as the server describes it (RFC 7643 §6).
type ResourceType struct {
	Name, Description string
	Endpoint          string // "/Users"
	Schema            string // URI of the base schema
	Extensions        []SchemaExtension
}

// SchemaExtension is an extension of a [ResourceType].
type SchemaExtension struct {
	Schema   string // URI
	Required bool
}

// ResourceTypes reads /ResourceTypes (RFC 7644 §4). What has no name, or no endpoint that is one segment below the base
// URL, is left out. Many servers have none: [ErrNotFound].
func (c *Client) ResourceTypes(ctx context.Context) ([]ResourceType, error) {
	docs, err := c.described(ctx, "/ResourceTypes")
	if err != nil {
		return nil, err
	}
	var types []ResourceType
	for _, d := range docs {
		t := ResourceType{
			Name: d.String("name"), Description: d.String("description"),
			Endpoint: c.endpoint(d.String("endpoint")), Schema: d.String("schema"),
		}
		if t.Name == "" {
			t.Name = d.String("id")
		}
		if t.Name == "" || t.Endpoint == "" {
			continue
		}
		for _, e := range d.objects("schemaExtensions") {
			required, _ := e.Bool("required")
			if urn := e.String("schema"); urn != "" {
				t.Extensions = append(t.Extensions, SchemaExtension{Schema: urn, Required: required})
			}
		}
		types = append(types, t)
	}
	return types, nil
}

// endpoint reads "/Users", which is also published as "Users" and as a URL below the base. Whatever else it is, it is
// not gone to: "".
func (c *Client) endpoint(s string) string {
	s = strings.TrimRight(strings.TrimPrefix(s, c.baseURL()), "/")
	s = strings.TrimPrefix(s, "/")
	if CheckID(s) != nil || strings.ContainsAny(s, "/?#%\\: ") {
		return ""
	}
	return "/" + s
}

// Schemas reads /Schemas (RFC 7644 §4), as the server wrote them. Many servers have none: [ErrNotFound].
func (c *Client) Schemas(ctx context.Context) ([]Document, error) {
	return c.described(ctx, "/Schemas")
}

// described reads a list of discovery, which is not paged (RFC 7644 §4). Some servers send a bare array.
func (c *Client) described(ctx context.Context, endpoint string) ([]Document, error) {
	r, err := newCall(http.MethodGet, endpoint, nil, nil)
	if err != nil {
		return nil, err
	}
	a, err := c.exchange(ctx, r)
	if err != nil {
		return nil, err
	}
	if v, perr := schema.Parse(a.body); a.err == nil && perr == nil {
		if list, ok := v.([]any); ok {
			return documents(list), nil
		}
	}
	doc, err := a.document()
	if err != nil {
		return nil, a.unusable(r, err)
	}
	list := doc.Value("Resources")
	if list == nil && doc.has("id") {
		return []Document{doc}, nil // the only one
	}
	resources, _ := list.([]any)
	return documents(resources), nil
}

func documents(list []any) []Document {
	var docs []Document
	for _, v := range list {
		if o, ok := v.(schema.Object); ok {
			docs = append(docs, Document(o))
		}
	}
	return docs
}

// objects returns the elements of a multi-valued complex attribute; one that stands alone is taken for a list of one.
func (d Document) objects(name string) []Document {
	switch v := d.Value(name).(type) {
	case []any:
		return documents(v)
	case schema.Object:
		return []Document{Document(v)}
	default:
		return nil
	}
}

// Set returns the definitions that the server publishes, as far as they make sense: characteristics that are
// missing or unknown get the defaults of RFC 7643 §2.2, and what cannot be defined is left out. A type that cannot be
// used is not in the set, and the warnings say why, each in a sentence. The error is that of reading, or that there is no
// type at all.
func (c *Client) Set(ctx context.Context) (set *schema.Set, warnings []string, err error) {
	types, err := c.ResourceTypes(ctx)
	if err != nil {
		return nil, nil, err
	}
	docs, err := c.Schemas(ctx)
	if err != nil {
		return nil, nil, err
	}
	b := &definer{schemas: make(map[string]*schema.Schema)}
	for _, d := range docs[:min(len(docs), maxSchemas)] {
		b.schema(d)
	}
	for _, t := range types {
		b.resourceType(t)
	}
	if len(b.types) == 0 {
		return nil, b.warnings, errors.New("the server publishes no resource type that can be used")
	}
	set, err = schema.NewSet(nil, fresh(b.types...)...)
	if err != nil { // they are right one by one, so they clash
		return nil, b.warnings, fmt.Errorf("the server's definitions: %w", err)
	}
	return set, b.warnings, nil
}

// Bounds of what is read of a server's definitions.
const (
	maxTypes      = 50
	maxSchemas    = 200
	maxAttributes = 1000 // of one schema, or of one complex attribute
)

// A definer makes definitions of documents.
type definer struct {
	schemas  map[string]*schema.Schema // by URI in small letters
	types    []*schema.ResourceType
	warnings []string
}

func (b *definer) warn(format string, args ...any) {
	const most = 100
	if len(b.warnings) < most {
		b.warnings = append(b.warnings, fmt.Sprintf(format, args...))
	}
}

func (b *definer) schema(d Document) {
	id := d.String("id")
	if id == "" {
		b.warn("a schema has no id")
		return
	}
	for _, own := range []string{scim.ServiceProviderConfigSchema, scim.ResourceTypeSchema, scim.SchemaSchema} {
		if strings.EqualFold(id, own) {
			return // every set has those of discovery itself
		}
	}
	b.schemas[strings.ToLower(id)] = &schema.Schema{
		ID: id, Name: d.String("name"), Description: d.String("description"),
		Attributes: b.attributes(id, d.objects("attributes"), 0),
	}
}

func (b *definer) attributes(at string, docs []Document, depth int) []*schema.Attribute {
	var attrs []*schema.Attribute
	names := make(map[string]bool)
	if len(docs) > maxAttributes {
		b.warn("%s: of %d attributes %d are read", at, len(docs), maxAttributes)
		docs = docs[:maxAttributes]
	}
	for _, d := range docs {
		a := b.attribute(at, d, depth)
		if a == nil {
			continue
		}
		name := strings.ToLower(a.Name)
		if names[name] {
			b.warn("%s: %s is defined twice", at, scim.Quote(a.Name))
			continue
		}
		// Each alone, so that what cannot be defined takes nothing else with it.
		probe := &schema.Schema{ID: "urn:probe", Attributes: []*schema.Attribute{a}}
		if _, err := schema.NewSet(nil, &schema.ResourceType{Name: "Probe", Endpoint: "/Probe", Schema: probe.Clone()}); err != nil {
			b.warn("%s: %s is left out: %v", at, scim.Quote(a.Name), err)
			continue
		}
		names[name] = true
		attrs = append(attrs, a)
	}
	return attrs
}

// attribute reads one definition; nil: it is left out, or stands for an attribute that every resource has anyway.
func (b *definer) attribute(at string, d Document, depth int) *schema.Attribute {
	a := &schema.Attribute{
		Name: d.String("name"), Description: d.String("description"),
		Type:       oneOf(d.String("type"), schema.String, schema.Boolean, schema.Decimal, schema.Integer, schema.DateTime, schema.Binary, schema.Reference, schema.Complex),
		Mutability: oneOf(d.String("mutability"), schema.ReadWrite, schema.ReadOnly, schema.Immutable, schema.WriteOnly),
		Returned:   oneOf(d.String("returned"), schema.ReturnedDefault, schema.ReturnedAlways, schema.ReturnedNever, schema.ReturnedRequest),
		Uniqueness: oneOf(d.String("uniqueness"), schema.UniqueNone, schema.UniqueServer, schema.UniqueGlobal),
	}
	if depth == 0 {
		switch strings.ToLower(a.Name) {
		case "id", "externalid", "meta", "schemas":
			return nil
		}
	}
	a.MultiValued, _ = d.Bool("multiValued")
	a.Required, _ = d.Bool("required")
	a.CaseExact, _ = d.Bool("caseExact")
	a.CanonicalValues = d.texts("canonicalValues")
	if a.Mutability == schema.WriteOnly {
		a.Returned = schema.ReturnedNever // RFC 7643 §7
	}
	switch {
	case a.Type == schema.Complex && depth > 0:
		b.warn("%s: %s is left out: a complex attribute inside a complex one", at, scim.Quote(a.Name))
		return nil
	case a.Type == schema.Reference:
		a.ReferenceTypes = d.texts("referenceTypes")
	case a.Type == schema.Complex:
		a.CaseExact, a.Uniqueness = false, schema.UniqueNone
		a.SubAttributes = b.attributes(at, d.objects("subAttributes"), depth+1)
	}
	return a
}

// oneOf returns the keyword that s is, in any case; "" is the default.
func oneOf[T ~string](s string, keywords ...T) T {
	for _, k := range keywords {
		if strings.EqualFold(s, string(k)) {
			return k
		}
	}
	return ""
}

func (d Document) texts(name string) []string {
	var texts []string
	list, _ := d.Value(name).([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			texts = append(texts, s)
		}
	}
	return texts
}

func (b *definer) resourceType(t ResourceType) {
	if len(b.types) == maxTypes {
		b.warn("the resource type %s is one too many", t.Name)
		return
	}
	base := b.schemas[strings.ToLower(t.Schema)]
	if base == nil {
		b.warn("the resource type %s has a schema that is not published", t.Name)
		return
	}
	r := &schema.ResourceType{Name: t.Name, Description: t.Description, Endpoint: t.Endpoint, Schema: base}
	for _, e := range t.Extensions {
		x := b.schemas[strings.ToLower(e.Schema)]
		if x == nil || x == base {
			b.warn("the resource type %s has an extension that is not published", t.Name)
			continue
		}
		r.Extensions = append(r.Extensions, schema.Extension{Schema: x, Required: e.Required})
	}
	clash := func(other *schema.ResourceType) bool { return other.Name == t.Name || other.Endpoint == t.Endpoint }
	if slices.ContainsFunc(b.types, clash) {
		b.warn("the resource type %s has the name or endpoint of another", t.Name)
		return
	}
	if _, err := schema.NewSet(nil, fresh(r)...); err != nil {
		b.warn("the resource type %s cannot be used: %v", t.Name, err)
		return
	}
	b.types = append(b.types, r)
}

// fresh returns copies of the types, for definitions belong to one set.
func fresh(of ...*schema.ResourceType) []*schema.ResourceType {
	copies := make(map[*schema.Schema]*schema.Schema)
	clone := func(s *schema.Schema) *schema.Schema {
		if copies[s] == nil {
			copies[s] = s.Clone()
		}
		return copies[s]
	}
	var types []*schema.ResourceType
	for _, t := range of {
		c := &schema.ResourceType{Name: t.Name, Description: t.Description, Endpoint: t.Endpoint, Schema: clone(t.Schema)}
		for _, e := range t.Extensions {
			c.Extensions = append(c.Extensions, schema.Extension{Schema: clone(e.Schema), Required: e.Required})
		}
		types = append(types, c)
	}
	return types
}

// Describe reads one schema by its URI (RFC 7644 §4): /Schemas/{urn}.
func (c *Client) Describe(ctx context.Context, urn string) (Document, error) {
	if err := CheckID(urn); err != nil {
		return nil, err
	}
	return c.read(ctx, http.MethodGet, "/Schemas/"+url.PathEscape(urn), nil)
}
