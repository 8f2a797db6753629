package schema

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// Encode makes a document of a struct, or a pointer to one, as FromStruct reads its
// type. What is unassigned is absent: a nil pointer, an empty string, slice or struct, a zero time.
// Booleans and numbers are always written; where absent must be told from false and
// zero, use a pointer. Fields named by a URN become extensions.
//
// The document has the Go types of canonical form, but nothing of it was checked: that
// is for Read and Check of a resource type, or for the service that it is sent to.
func Encode(v any) (Object, error) {
	x := reflect.ValueOf(v)
	for x.Kind() == reflect.Pointer {
		x = x.Elem()
	}
	if x.Kind() != reflect.Struct {
		return nil, fmt.Errorf("encode %T: not a struct", v)
	}
	s := shapeOf(x.Type())
	if s.err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, s.err)
	}
	o, err := s.encodeFields(x)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return o, nil
}

func (s *shape) encodeFields(v reflect.Value) (Object, error) {
	o := make(Object, len(s.fields))
	for i := range s.fields {
		f := &s.fields[i]
		x, err := f.shape.encode(v.FieldByIndex(f.index))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.attr.Name, err)
		}
		if x != nil {
			o[f.attr.Name] = x
		}
	}
	return o, nil
}

// encode returns the value in canonical form; nil is unassigned.
func (s *shape) encode(v reflect.Value) (any, error) {
	switch {
	case s.ptr:
		if v.IsNil() {
			return nil, nil
		}
		return s.elem.encode(v.Elem())
	case s.multi:
		return s.encodeList(v)
	}
	switch s.typ {
	case Complex:
		o, err := s.encodeFields(v)
		if len(o) == 0 {
			return nil, err
		}
		return o, err
	case DateTime:
		if t := v.Interface().(time.Time); !t.IsZero() {
			return t.Format(time.RFC3339Nano), nil
		}
		return nil, nil
	case Binary:
		if v.Len() == 0 {
			return nil, nil
		}
		return base64.StdEncoding.EncodeToString(v.Bytes()), nil
	case Boolean:
		return v.Bool(), nil
	case Integer:
		return encodeInteger(v)
	case Decimal:
		if x := v.Float(); !math.IsNaN(x) && !math.IsInf(x, 0) {
			return x, nil
		}
		return nil, errors.New("is no number of JSON")
	default:
		if v.Len() == 0 {
			return nil, nil
		}
		return v.String(), nil
	}
}

func encodeInteger(v reflect.Value) (any, error) {
	if v.CanInt() {
		return v.Int(), nil
	}
	if v.Uint() > math.MaxInt64 {
		return nil, errors.New("is beyond the integers of 64 bits")
	}
	return int64(v.Uint()), nil
}

func (s *shape) encodeList(v reflect.Value) (any, error) {
	var list []any
	for i := range v.Len() {
		x, err := s.elem.encode(v.Index(i))
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		if x != nil {
			list = append(list, x)
		}
	}
	if list == nil {
		return nil, nil
	}
	return list, nil
}

// Decode fills a struct from a document or a parsed body, as FromStruct reads its type;
// v is a pointer to it. Fields that the document has nothing for become zero, what it has
// beyond the fields is passed over. Names compare without case. One value stands for a
// list of one; any other value that does not fit its field is an error with its path,
// and leaves the struct half filled.
func Decode(o Object, v any) error {
	x := reflect.ValueOf(v)
	if x.Kind() != reflect.Pointer || x.IsNil() || x.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("decode into %T: not a pointer to a struct", v)
	}
	s := shapeOf(x.Type().Elem())
	if s.err != nil {
		return fmt.Errorf("decode into %T: %w", v, s.err)
	}
	if f := s.decodeFields(o, x.Elem()); f != nil {
		return fmt.Errorf("decode into %T: %s %s", v, f.path, f.text)
	}
	return nil
}

func (s *shape) decodeFields(o Object, into reflect.Value) *fault {
	for i := range s.fields {
		f := &s.fields[i]
		v, _ := o.lookup(f.attr.Name)
		if err := f.shape.decode(v, into.FieldByIndex(f.index)); err != nil {
			return err.in(f.attr.Name)
		}
	}
	return nil
}

func (s *shape) decode(v any, into reflect.Value) *fault {
	if v == nil {
		into.SetZero()
		return nil
	}
	switch {
	case s.ptr:
		x := reflect.New(into.Type().Elem())
		if f := s.elem.decode(v, x.Elem()); f != nil {
			return f
		}
		into.Set(x)
		return nil
	case s.multi:
		return s.decodeList(v, into)
	}
	switch s.typ {
	case Complex:
		if o, ok := v.(Object); ok {
			return s.decodeFields(o, into)
		}
		return mistyped("an object", v)
	case Boolean:
		if b, ok := v.(bool); ok {
			into.SetBool(b)
			return nil
		}
		return mistyped("true or false", v)
	case Integer:
		return decodeInteger(v, into)
	case Decimal:
		return decodeDecimal(v, into)
	default:
		t, ok := v.(string)
		if !ok {
			return mistyped("a string", v)
		}
		return s.decodeText(t, into)
	}
}

func (s *shape) decodeText(t string, into reflect.Value) *fault {
	switch s.typ {
	case DateTime:
		x, ok := ParseDateTime(t)
		if !ok {
			return form(DateTime, t)
		}
		into.Set(reflect.ValueOf(x))
	case Binary:
		encoding := base64.StdEncoding
		if len(t)%4 != 0 {
			encoding = base64.RawStdEncoding // without padding (RFC 7643 §2.3.6)
		}
		b, err := encoding.DecodeString(t)
		if err != nil {
			return invalid("must be base64 without line breaks")
		}
		into.SetBytes(b)
	default:
		into.SetString(t)
	}
	return nil
}

// decodeInteger takes a number of canonical form, or one that Parse left as it was written.
func decodeInteger(v any, into reflect.Value) *fault {
	n, ok := v.(int64)
	if !ok {
		x, f := integer(v)
		if f != nil {
			return f
		}
		n = x.(int64)
	}
	switch {
	case into.CanInt() && !into.OverflowInt(n):
		into.SetInt(n)
	case into.CanUint() && n >= 0 && !into.OverflowUint(uint64(n)):
		into.SetUint(uint64(n))
	default:
		return invalid("is %s, which %s cannot hold", strconv.FormatInt(n, 10), into.Type())
	}
	return nil
}

func decodeDecimal(v any, into reflect.Value) *fault {
	n, ok := v.(float64)
	if !ok {
		x, f := decimal(v)
		if f != nil {
			return f
		}
		n = x.(float64)
	}
	if into.OverflowFloat(n) {
		return invalid("is beyond the numbers that %s can hold", into.Type())
	}
	into.SetFloat(n)
	return nil
}

func (s *shape) decodeList(v any, into reflect.Value) *fault {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	switch {
	case into.Kind() == reflect.Slice:
		into.Set(reflect.MakeSlice(into.Type(), len(list), len(list)))
	case len(list) > into.Len():
		return invalid("has %d values, which %s cannot hold", len(list), into.Type())
	default:
		into.SetZero()
	}
	for i, e := range list {
		if f := s.elem.decode(e, into.Index(i)); f != nil {
			return f.at(i)
		}
	}
	return nil
}
