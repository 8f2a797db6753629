package schema

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// A shape says how values of a Go type stand in a document.
type shape struct {
	typ    Type
	multi  bool    // a slice or array
	ptr    bool    // a pointer
	elem   *shape  // of a slice, array or pointer
	fields []field // of a struct
	err    error   // why the type does not go into a document
}

// A field is a field of a struct, or of one embedded in it.
type field struct {
	index     []int
	attr      *Attribute
	shape     *shape
	extension bool // named by a URN
}

// elements returns the shape of single values: behind pointers and of elements.
func (s *shape) elements() *shape {
	for s.elem != nil {
		s = s.elem
	}
	return s
}

var (
	timeType = reflect.TypeFor[time.Time]()
	// shapes are the shapes of the struct types that were asked for: as many as a program has.
	shapes sync.Map // of *shape by reflect.Type
)

// shapeOf returns the shape of a struct type.
func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	var sh shaper
	s := sh.shape(t)
	s.err = errors.Join(sh.problems...)
	stored, _ := shapes.LoadOrStore(t, s)
	return stored.(*shape)
}

// A shaper finds shapes and what is wrong with types.
type shaper struct {
	problems []error
	open     []reflect.Type // structs on the way to this one
}

func (sh *shaper) problem(format string, args ...any) {
	sh.problems = append(sh.problems, fmt.Errorf(format, args...))
}

func (sh *shaper) shape(t reflect.Type) *shape {
	switch {
	case t == timeType:
		return &shape{typ: DateTime}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return &shape{typ: Binary}
	}
	switch t.Kind() {
	case reflect.String:
		return &shape{typ: String}
	case reflect.Bool:
		return &shape{typ: Boolean}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &shape{typ: Integer}
	case reflect.Float32, reflect.Float64:
		return &shape{typ: Decimal}
	case reflect.Pointer:
		e := sh.shape(t.Elem())
		return &shape{typ: e.typ, multi: e.multi, ptr: true, elem: e}
	case reflect.Slice, reflect.Array:
		e := sh.shape(t.Elem())
		if e.multi {
			sh.problem("%s is an array of arrays", t)
		}
		return &shape{typ: e.typ, multi: true, elem: e}
	case reflect.Struct:
		return sh.structure(t)
	}
	sh.problem("%s has no type of RFC 7643", t)
	return &shape{typ: String}
}

func (sh *shaper) structure(t reflect.Type) *shape {
	s := &shape{typ: Complex}
	if slices.Contains(sh.open, t) {
		sh.problem("%s is inside itself", t)
		return s
	}
	sh.open = append(sh.open, t)
	for _, f := range reflect.VisibleFields(t) {
		if len(f.Index) > 1 && !flat(t, f.Index) {
			continue // of a struct that is embedded, but is an attribute
		}
		if embedded(f) || !f.IsExported() || tagged(f) == "-" {
			continue // the fields of an embedded struct are visible themselves
		}
		inner := sh.shape(f.Type)
		a, err := attributeOf(f, inner)
		if err == nil && !inner.takes(a.Type) {
			err = fmt.Errorf("field %s: %s cannot be %s", f.Name, f.Type, a.Type)
		}
		if err != nil {
			sh.problem("%s: %w", t, err)
		}
		s.fields = append(s.fields, field{index: f.Index, attr: a, shape: inner, extension: a.container()})
	}
	sh.open = sh.open[:len(sh.open)-1]
	return s
}

// takes reports whether values of the shape can be of a SCIM type: strings also of the
// types that JSON writes as strings.
func (s *shape) takes(t Type) bool {
	return t == s.typ || s.typ == String && (t == DateTime || t == Binary || t == Reference)
}

// tagged returns the name in the tag of a field.
func tagged(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("scim"), ",")
	return name
}

// embedded reports whether the fields of f stand for f itself.
func embedded(f reflect.StructField) bool {
	return f.Anonymous && tagged(f) == "" && f.Type.Kind() == reflect.Struct && f.Type != timeType
}

// flat reports whether a field comes from structs that are embedded all the way.
func flat(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		f := t.Field(i)
		if !embedded(f) {
			return false
		}
		t = f.Type
	}
	return true
}
