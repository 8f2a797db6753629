package filter_test

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// The oracle evaluates a filter as it was parsed, without Bind, normal form or keys:
// the rules of RFC 7644 §3.4.2.2 and of the project's table of ambiguities, written
// down once more in the plainest way.
func oracle(e filter.Expr, o schema.Object, inElement bool) bool {
	switch e := e.(type) {
	case *filter.And:
		return !slices.ContainsFunc(e.Terms, func(t filter.Expr) bool { return !oracle(t, o, inElement) })
	case *filter.Or:
		return slices.ContainsFunc(e.Terms, func(t filter.Expr) bool { return oracle(t, o, inElement) })
	case *filter.Not:
		return !oracle(e.Term, o, inElement)
	case *filter.Element:
		list, _ := o[e.Name].([]any)
		return slices.ContainsFunc(list, func(v any) bool {
			element, ok := v.(schema.Object)
			if !ok {
				element = schema.Object{"value": v}
			}
			return oracle(e.Inner, element, true)
		})
	}
	c := e.(*filter.Compare)
	values := oracleValues(o, strings.Split(c.Name, "."))
	present := slices.ContainsFunc(values, func(v any) bool { return v != "" })
	switch {
	case c.Op == filter.Pr, c.Op == filter.Ne && c.Value == nil:
		return present
	case c.Op == filter.Eq && c.Value == nil:
		return !present
	case strings.HasSuffix(c.Name, "primary"):
		values = oraclePrimaries(o, inElement)
	}
	multiValued := c.Name == "labels" || !inElement && c.Name != "count" && c.Name != "on"
	if c.Op == filter.Ne && !multiValued {
		return !slices.ContainsFunc(values, func(v any) bool { return oracleHolds(filter.Eq, v, c.Value) })
	}
	return slices.ContainsFunc(values, func(v any) bool { return oracleHolds(c.Op, v, c.Value) })
}

func oracleValues(v any, names []string) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		var all []any
		for _, e := range v {
			all = append(all, oracleValues(e, names)...)
		}
		return all
	case schema.Object:
		if len(names) > 0 {
			return oracleValues(v[names[0]], names[1:])
		}
	}
	return []any{v}
}

// oraclePrimaries are the primary flags, false where there is none.
func oraclePrimaries(o schema.Object, inElement bool) []any {
	if inElement {
		return []any{o["primary"] == true}
	}
	var flags []any
	list, _ := o["parts"].([]any)
	for _, v := range list {
		flags = append(flags, v.(schema.Object)["primary"] == true)
	}
	return flags
}

func oracleHolds(op filter.Op, have, want any) bool {
	var n int
	switch h := have.(type) {
	case bool:
		if op == filter.Ne {
			return h != want
		}
		return h == want
	case int64:
		w, _ := strconv.ParseInt(string(want.(schema.Number)), 10, 64)
		n = int(h - w)
	case string:
		h, w := strings.ToLower(h), strings.ToLower(want.(string))
		switch op {
		case filter.Co:
			return strings.Contains(h, w)
		case filter.Sw:
			return strings.HasPrefix(h, w)
		case filter.Ew:
			return strings.HasSuffix(h, w)
		}
		n = strings.Compare(h, w)
	}
	switch op {
	case filter.Eq:
		return n == 0
	case filter.Ne:
		return n != 0
	case filter.Gt:
		return n > 0
	case filter.Ge:
		return n >= 0
	case filter.Lt:
		return n < 0
	default:
		return n <= 0
	}
}

var (
	someText  = rapid.SampledFrom([]string{"", "a", "A", "b", "ab", "AB", "ba", "é"})
	anyOp     = rapid.SampledFrom([]filter.Op{filter.Eq, filter.Ne, filter.Co, filter.Sw, filter.Ew, filter.Gt, filter.Ge, filter.Lt, filter.Le, filter.Pr})
	orderOp   = rapid.SampledFrom([]filter.Op{filter.Eq, filter.Ne, filter.Gt, filter.Ge, filter.Lt, filter.Le, filter.Pr})
	booleanOp = rapid.SampledFrom([]filter.Op{filter.Eq, filter.Ne, filter.Pr})
)

// drawThing draws a document of the type Thing in canonical form.
func drawThing(t *rapid.T) schema.Object {
	o := schema.Object{}
	if rapid.Bool().Draw(t, "count?") {
		o["count"] = int64(rapid.IntRange(0, 3).Draw(t, "count"))
	}
	if rapid.Bool().Draw(t, "on?") {
		o["on"] = rapid.Bool().Draw(t, "on")
	}
	if tags := rapid.SliceOfN(someText, 0, 3).Draw(t, "tags"); len(tags) > 0 {
		o["tags"] = values(tags)
	}
	var parts []any
	for range rapid.IntRange(0, 3).Draw(t, "parts") {
		part := schema.Object{}
		if rapid.Bool().Draw(t, "label?") {
			part["label"] = someText.Draw(t, "label")
		}
		if labels := rapid.SliceOfN(someText, 0, 2).Draw(t, "labels"); len(labels) > 0 {
			part["labels"] = values(labels)
		}
		if rapid.Bool().Draw(t, "primary?") {
			part["primary"] = rapid.Bool().Draw(t, "primary")
		}
		if len(part) > 0 {
			parts = append(parts, part)
		}
	}
	if len(parts) > 0 {
		o["parts"] = parts
	}
	return o
}

func values[T any](list []T) []any {
	var out []any
	for _, v := range list {
		out = append(out, v)
	}
	return out
}

// drawFilter draws a filter over the attributes of Thing, or over the elements of one
// of them.
func drawFilter(t *rapid.T, depth int, element string) filter.Expr {
	kinds := 4
	if depth == 0 {
		kinds = 1
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 1:
		return &filter.Not{Term: drawFilter(t, depth-1, element)}
	case 2:
		return &filter.And{Terms: drawTerms(t, depth, element)}
	case 3:
		return &filter.Or{Terms: drawTerms(t, depth, element)}
	}
	var name string
	switch element {
	case "tags":
		name = "value"
	case "parts":
		name = rapid.SampledFrom([]string{"label", "labels", "primary"}).Draw(t, "sub")
	default:
		name = rapid.SampledFrom([]string{"count", "on", "tags", "parts.label", "parts.labels", "parts.primary", "tags[]", "parts[]"}).Draw(t, "name")
		if attr, ok := strings.CutSuffix(name, "[]"); ok {
			return &filter.Element{Name: attr, Inner: drawFilter(t, 2, attr)}
		}
	}
	c := &filter.Compare{Name: name}
	switch {
	case name == "count":
		c.Op = orderOp.Draw(t, "op")
		c.Value = schema.Number(strconv.Itoa(rapid.IntRange(0, 3).Draw(t, "value")))
	case name == "on" || strings.HasSuffix(name, "primary"):
		c.Op = booleanOp.Draw(t, "op")
		c.Value = rapid.Bool().Draw(t, "value")
	default:
		c.Op = anyOp.Draw(t, "op")
		c.Value = someText.Draw(t, "value")
	}
	if c.Op == filter.Pr || (c.Op == filter.Eq || c.Op == filter.Ne) && rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		c.Value = nil
	}
	return c
}

func drawTerms(t *rapid.T, depth int, element string) []filter.Expr {
	terms := make([]filter.Expr, rapid.IntRange(2, 3).Draw(t, "terms"))
	for i := range terms {
		terms[i] = drawFilter(t, depth-1, element)
	}
	return terms
}

func TestMatchAgreesWithOracle(t *testing.T) {
	thing := things.Type("Thing")
	rapid.Check(t, func(t *rapid.T) {
		e := drawFilter(t, 3, "")
		text := filter.String(e)
		parsed, err := filter.Parse(text, nil)
		if err != nil || !reflect.DeepEqual(parsed, e) {
			t.Fatalf("%s is read as %s, %v", text, filter.String(parsed), err)
		}
		bound, err := filter.Bind(parsed, thing, filter.OneType, nil)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !reflect.DeepEqual(parsed, e) {
			t.Fatalf("Bind altered the filter %s to %s", text, filter.String(parsed))
		}
		checkNormal(t, bound)
		again, err := filter.Parse(filter.String(bound), nil)
		if err != nil {
			t.Fatalf("%s: %v", filter.String(bound), err)
		}
		if again, err = filter.Bind(again, thing, filter.OneType, nil); err != nil || !reflect.DeepEqual(again, bound) {
			t.Fatalf("%s is bound as %s, %v", filter.String(bound), filter.String(again), err)
		}
		for range 4 {
			o := drawThing(t)
			if got, want := filter.Match(bound, things, o), oracle(parsed, o, false); got != want {
				t.Fatalf("%s\nbound %s\non %v: got %v, want %v", text, filter.String(bound), o, got, want)
			}
		}
	})
}

// Sec D05: a damaged filter is refused or means what its text says; no part of it is
// ever ignored.
func TestSec_D05_DamagedFilters(t *testing.T) {
	thing := things.Type("Thing")
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(filter.String(drawFilter(t, 2, "")))
		for range rapid.IntRange(1, 3).Draw(t, "damages") {
			if len(text) == 0 {
				break
			}
			i := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				text = slices.Delete(text, i, i+1)
			case 1:
				text[i] = rapid.SampledFrom([]byte(` "()[].aeqnotpr0`)).Draw(t, "by")
			default:
				text = slices.Insert(text, i, rapid.SampledFrom([]byte(` "()[].aeqnotpr0`)).Draw(t, "in"))
			}
		}
		d := scim.NewDialect(scim.Compat())
		e, err := filter.Parse(string(text), d)
		if err != nil {
			if scim.AsError(err) == nil {
				t.Fatalf("%s: %v", text, err)
			}
			return
		}
		bound, err := filter.Bind(e, thing, filter.OneType, d)
		if err != nil {
			if scim.AsError(err) == nil || scim.AsError(err).Type != scim.InvalidFilter {
				t.Fatalf("%s: %v", text, err)
			}
			return
		}
		// Everything but blanks, parentheses and the case of words is still there when it
		// is printed again.
		if got, want := significant(filter.String(e)), significant(string(text)); got != want && d.Used() == 0 {
			t.Fatalf("%s became %s", text, filter.String(e))
		}
		filter.Match(bound, things, drawThing(t))
	})
}

func significant(s string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "(", "", ")", "").Replace(s))
}
