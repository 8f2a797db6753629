package client

import (
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim/schema"
)

// numbers are written as they were read.
var numbers = json.WithMarshalers(json.MarshalToFunc(func(e *jsontext.Encoder, n schema.Number) error {
	return e.WriteValue(jsontext.Value(n))
}))

// marshal writes a document: the same one always in the same way.
func marshal(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true), numbers)
}

// codec goes between documents and a type of structs.
type codec struct{ attributes []*schema.Attribute }

// codecOf returns the codec of a struct type. Extensions become complex attributes that are named by their URN.
func codecOf(t reflect.Type) (*codec, error) {
	s, err := schema.FromStruct("urn:ietf:params:scim:client", reflect.Zero(t).Interface())
	if err != nil {
		return nil, fmt.Errorf("%s as a resource: %w", t, err)
	}
	c := &codec{attributes: append(s.Attributes, &schema.Attribute{Name: "id"}, &schema.Attribute{Name: "externalId"})}
	for _, f := range reflect.VisibleFields(t) {
		urn, _, _ := strings.Cut(f.Tag.Get("scim"), ",")
		inner := f.Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if !strings.Contains(urn, ":") || inner.Kind() != reflect.Struct {
			continue
		}
		e, err := schema.FromStruct(urn, reflect.Zero(inner).Interface())
		if err != nil {
			return nil, fmt.Errorf("%s as an extension: %w", inner, err)
		}
		c.attributes = append(c.attributes, &schema.Attribute{Name: urn, Type: schema.Complex, SubAttributes: e.Attributes})
	}
	return c, nil
}

// encode returns a struct as a document, without what is the server's alone.
func (c *codec) encode(v any) (schema.Object, error) {
	o, err := schema.Encode(v)
	if err != nil {
		return nil, err
	}
	delete(o, "id")
	delete(o, "meta")
	for _, v := range o {
		list, _ := v.([]any)
		for _, e := range list {
			if x, ok := e.(schema.Object); ok && x["primary"] == false {
				delete(x, "primary") // which means the same (RFC 7643 §2.4)
			}
		}
	}
	return o, nil
}

// decode reads a document into a struct, with the forgiveness that [Of] describes. Of something of the server that has
// no fields nothing is said.
func (c *codec) decode(doc Document, to any) error {
	return schema.Decode(fitObject(schema.Object(doc), c.attributes), to)
}

// fit returns a value in the form that an attribute has, if it can be meant so; else as it is.
func fit(v any, a *schema.Attribute) any {
	if v == nil {
		return nil
	}
	if list, ok := v.([]any); ok && a.MultiValued {
		out := make([]any, 0, len(list))
		for _, x := range list {
			if x != nil {
				out = append(out, fitOne(x, a))
			}
		}
		return out
	} else if ok && len(list) == 1 {
		v = list[0] // one in a list for one
	}
	return fitOne(v, a)
}

// fitOne fits a value that stands alone.
func fitOne(v any, a *schema.Attribute) any {
	switch x := v.(type) {
	case schema.Object:
		if a.Type == schema.Complex {
			return fitObject(x, a.SubAttributes)
		}
	case string:
		return fitString(x, a)
	case schema.Number:
		if isText(a.Type) {
			return string(x)
		}
		return fitComplex(x, a)
	case bool:
		if isText(a.Type) {
			return strconv.FormatBool(x)
		}
	}
	return v
}

func fitString(s string, a *schema.Attribute) any {
	switch a.Type {
	case schema.Boolean:
		if b, ok := (Document{"b": s}).Bool("b"); ok {
			return b
		}
	case schema.Integer, schema.Decimal:
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return schema.Number(s)
		}
		if s == "" {
			return nil
		}
	case schema.DateTime:
		if s == "" {
			return nil
		}
	default:
	}
	return fitComplex(s, a)
}

// fitComplex takes a value for a complex one that has it as its value, such as a manager who is a string.
func fitComplex(v any, a *schema.Attribute) any {
	if a.Type != schema.Complex {
		return v
	}
	if v == "" {
		return nil
	}
	return fitObject(schema.Object{"value": v}, a.SubAttributes)
}

func fitObject(o schema.Object, attributes []*schema.Attribute) schema.Object {
	out := make(schema.Object, len(o))
	for _, a := range attributes {
		if v, ok := lookup(o, a.Name); ok {
			out[a.Name] = fit(v, a)
		}
	}
	return out
}

// isText reports whether values of a type are strings of any form.
func isText(t schema.Type) bool {
	return t == "" || t == schema.String || t == schema.Reference
}

// merge returns a document in which what differs between two readings of it, before and after an alteration, is
// altered. Elements of lists are known by their value.
func merge(doc, before, after schema.Object) schema.Object {
	out := maps.Clone(doc)
	if out == nil {
		out = make(schema.Object)
	}
	for name := range before {
		if _, stays := after[name]; !stays {
			drop(out, name)
		}
	}
	for name, v := range after {
		b := before[name]
		if reflect.DeepEqual(b, v) {
			continue
		}
		there, _ := lookup(out, name)
		drop(out, name)
		out[name] = mergeValue(there, b, v)
	}
	return out
}

func mergeValue(there, before, after any) any {
	switch after := after.(type) {
	case schema.Object:
		t, _ := there.(schema.Object)
		b, _ := before.(schema.Object)
		return merge(t, b, after)
	case []any:
		t, _ := there.([]any)
		b, _ := before.([]any)
		list := make([]any, len(after))
		for i, x := range after {
			list[i] = x
			if o, ok := x.(schema.Object); ok {
				list[i] = mergeValue(same(t, o), same(b, o), o)
			}
		}
		return list
	default:
		return after
	}
}

// same returns the element of a list that has the value of another one.
func same(list []any, o schema.Object) any {
	value := Document(o).String("value")
	for _, v := range list {
		if x, ok := v.(schema.Object); ok && value != "" && Document(x).String("value") == value {
			return x
		}
	}
	return nil
}

// drop removes a member by name, in whatever case.
func drop(o schema.Object, name string) {
	for n := range o {
		if strings.EqualFold(n, name) {
			delete(o, n)
		}
	}
}
