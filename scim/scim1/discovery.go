package scim1

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// config copies the ServiceProviderConfig (C9). maxPayload is the size of a bulk request
// that this handler takes.
func (c copier) config(maxPayload int64) error {
	return c.object(func(name string) error {
		switch name {
		case "schemas":
			return c.as(name, c.urns)
		case "documentationUri":
			return c.as("documentationUrl", c.value)
		case "patch", "filter", "changePassword", "sort", "etag":
			return c.as(name, c.value)
		case "bulk":
			return c.as(name, func() error { return c.bulkConfig(maxPayload) })
		case "authenticationSchemes":
			return c.as(name, func() error {
				return c.array(func() error {
					return c.rename(named{"specUri": "specUrl", "documentationUri": "documentationUrl"})
				})
			})
		case "meta":
			return c.as(name, c.configMeta)
		}
		return c.dec.SkipValue() // what 1.1 has no word for
	}, func() error {
		if err := c.enc.WriteToken(jsontext.String("xmlDataFormat")); err != nil {
			return err
		}
		return c.enc.WriteValue(jsontext.Value(`{"supported":false}`))
	})
}

func (c copier) bulkConfig(maxPayload int64) error {
	return c.object(func(name string) error {
		if name != "maxPayloadSize" {
			return c.as(name, c.value)
		}
		if err := c.dec.SkipValue(); err != nil {
			return err
		}
		return c.as(name, func() error { return c.enc.WriteToken(jsontext.Int(maxPayload)) })
	}, nil)
}

func (c copier) configMeta() error {
	return c.object(func(name string) error {
		switch name {
		case "resourceType":
			return c.dec.SkipValue()
		case "location":
			tok, err := c.dec.ReadToken()
			if err != nil {
				return err
			}
			location := tok.String() + "s"
			return c.as(name, func() error { return c.enc.WriteToken(jsontext.String(location)) })
		}
		return c.as(name, c.value)
	}, nil)
}

// schemaResource is a Schema of 1.1 (C10): one a resource type, with the attributes of its
// extensions among its own.
type schemaResource struct {
	Schemas     []string          `json:"schemas"`
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Description string            `json:"description,omitzero"`
	Schema      string            `json:"schema"`
	Endpoint    string            `json:"endpoint"`
	Attributes  []schemaAttribute `json:"attributes"`
	Meta        schemaMeta        `json:"meta"`
}

type schemaMeta struct {
	Location string `json:"location"`
}

type schemaAttribute struct {
	Name            string            `json:"name"`
	Type            string            `json:"type"`
	MultiValued     bool              `json:"multiValued"`
	ChildName       string            `json:"multiValuedAttributeChildName,omitzero"`
	Description     string            `json:"description,omitzero"`
	Schema          string            `json:"schema,omitzero"` // not of sub-attributes
	ReadOnly        bool              `json:"readOnly"`
	Required        bool              `json:"required"`
	CaseExact       bool              `json:"caseExact"`
	SubAttributes   []schemaAttribute `json:"subAttributes,omitempty"`
	CanonicalValues []string          `json:"canonicalValues,omitempty"`
}

type schemaList struct {
	Schemas      []string         `json:"schemas"`
	TotalResults int              `json:"totalResults"`
	StartIndex   int              `json:"startIndex"`
	ItemsPerPage int              `json:"itemsPerPage"`
	Resources    []schemaResource `json:"Resources"`
}

// sendSchemas answers with the schemas of the service, in place of what the server said
// when it let the request in.
func (x *exchange) sendSchemas(out *output) error {
	var all []schemaResource
	for _, t := range x.svc.Schemas.Types {
		if x.svc.Stores[t.Name] == nil {
			continue
		}
		s := describeType(t, x.svc.Base)
		if x.at.id == "" {
			all = append(all, s)
		} else if equalFold(s.ID, x.at.id) || equalFold(t.Name, x.at.id) {
			x.w.Header().Set("Location", s.Meta.Location)
			return json.MarshalWrite(out, s)
		}
	}
	if x.at.id != "" {
		out.status = http.StatusNotFound
		out.buf = appendErrors(out.buf, out.status, scim.NotFound(x.at.id).Detail)
		return nil
	}
	return json.MarshalWrite(out, schemaList{[]string{CoreSchema}, len(all), 1, len(all), all})
}

func describeType(t *schema.ResourceType, base string) schemaResource {
	uri := oldURN(t.Schema.ID)
	id := uri
	if uri == CoreSchema {
		id += ":" + t.Name
	}
	s := schemaResource{
		Schemas: []string{CoreSchema}, ID: id, Name: t.Name, Description: t.Description,
		Schema: uri, Endpoint: t.Endpoint, Meta: schemaMeta{base + "/Schemas/" + id},
	}
	for p := range t.Paths() {
		if p.Extension == nil && p.Attr.Name == "schemas" {
			continue
		}
		a := describeAttribute(p.Attr)
		a.Schema = CoreSchema
		switch {
		case p.Extension != nil:
			a.Schema = oldURN(p.Extension.ID)
		case t.Schema.Attribute(p.Attr.Name) != nil:
			a.Schema = uri
		}
		if isManager(p) {
			for i := range a.SubAttributes {
				if sub := &a.SubAttributes[i]; sub.Name == "value" {
					sub.Name, sub.Required = managerID, true // C7
				}
			}
		}
		s.Attributes = append(s.Attributes, a)
	}
	return s
}

func describeAttribute(a *schema.Attribute) schemaAttribute {
	out := schemaAttribute{
		Name: a.Name, Type: string(a.Type), MultiValued: a.MultiValued, Description: a.Description,
		ReadOnly: a.Mutability == schema.ReadOnly, Required: a.Required, CaseExact: a.CaseExact,
		CanonicalValues: a.CanonicalValues,
	}
	if a.Type == schema.Reference { // which 1.1 does not have (C3.1)
		out.Type = string(schema.String)
	}
	if a.MultiValued {
		out.ChildName = singular(a.Name)
	}
	for _, sub := range a.SubAttributes {
		if sub.Name == "$ref" || a.Name == "meta" && sub.Name == "resourceType" {
			continue
		}
		out.SubAttributes = append(out.SubAttributes, describeAttribute(sub))
	}
	return out
}

// singular returns the name of one value of a multi-valued attribute, by the rule that the
// names of RFC 7643 follow.
func singular(name string) string {
	if s, ok := strings.CutSuffix(name, "sses"); ok {
		return s + "ss"
	}
	if s, ok := strings.CutSuffix(name, "s"); ok && s != "" {
		return s
	}
	return name
}
