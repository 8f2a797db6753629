package client

import (
	"errors"
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

// encode returns a struct as a document.
func encode(v any) (schema.Object, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write a %T: %w", v, err)
	}
	doc, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("write a %T: it is no JSON object", v)
	}
	return schema.Object(doc), nil
}

// decode reads a document into a struct, with the forgiveness that [Of] describes.
func decode(doc Document, to any) error {
	b, err := marshal(fit(schema.Object(doc), reflect.TypeOf(to).Elem()))
	if err != nil {
		return errors.New("it cannot be written")
	}
	if err := json.Unmarshal(b, to, json.MatchCaseInsensitiveNames(true)); err != nil {
		// The parser's error may show a value.
		if s, ok := errors.AsType[*json.SemanticError](err); ok {
			return fmt.Errorf("the value at %s does not fit", excerpt(string(s.JSONPointer), ""))
		}
		return errors.New("a value does not fit")
	}
	return nil
}

// fit returns a value in the shape that a Go type reads, if it can be meant so; else as it is.
func fit(v any, t reflect.Type) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[json.UnmarshalerFrom]()) {
		return v // it has a way of its own
	}
	switch t.Kind() {
	case reflect.String:
		switch x := v.(type) {
		case schema.Number:
			return string(x)
		case bool:
			return strconv.FormatBool(x)
		}
	case reflect.Bool:
		if s, ok := v.(string); ok {
			if b, ok := (Document{"b": s}).Bool("b"); ok {
				return b
			}
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16,
		reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		if s, ok := v.(string); ok {
			if _, err := strconv.ParseFloat(s, 64); err == nil {
				return schema.Number(s)
			}
		}
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return fitList(v, t.Elem())
		}
	case reflect.Struct:
		return fitStruct(v, t)
	default:
	}
	return v
}

func fitList(v any, elem reflect.Type) any {
	list, ok := v.([]any)
	if !ok {
		if v == nil {
			return nil
		}
		list = []any{v} // one value stands for a list of one
	}
	out := make([]any, len(list))
	for i, x := range list {
		out[i] = fit(x, elem)
	}
	return out
}

func fitStruct(v any, t reflect.Type) any {
	if list, ok := v.([]any); ok && len(list) == 1 {
		v = list[0]
	}
	fields := fieldsOf(t)
	o, ok := v.(schema.Object)
	if !ok {
		if value, has := fields["value"]; has && v != nil {
			return schema.Object{"value": fit(v, value)} // such as a manager who is a string
		}
		return v
	}
	out := make(schema.Object, len(o))
	for name, x := range o {
		if field, ok := fields[strings.ToLower(name)]; ok {
			out[name] = fit(x, field)
		}
	}
	return out
}

// fieldsOf returns the types of the fields of a struct by their names in JSON, in small letters.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := make(map[string]reflect.Type, t.NumField())
	for f := range t.Fields() {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		inner := f.Type
		for inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case inner.Kind() == reflect.Struct && (f.Anonymous && name == "" || strings.Contains(rest, "inline") || strings.Contains(rest, "embed")):
			for n, ft := range fieldsOf(inner) {
				fields[n] = ft
			}
		case name == "":
			fields[strings.ToLower(f.Name)] = f.Type
		default:
			fields[strings.ToLower(name)] = f.Type
		}
	}
	return fields
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
	for _, v := range list {
		if x, ok := v.(schema.Object); ok && Document(o).String("value") != "" && Document(x).String("value") == Document(o).String("value") {
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
