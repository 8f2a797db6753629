package filter

import (
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// Scope says what an attribute unknown to the type means in Bind.
type Scope uint8

// The scopes of Bind.
const (
	OneType  Scope = iota // unknown: 400 invalidFilter
	AllTypes              // unknown here but known to another type of the set: no value
)

// Bind resolves and checks a parsed filter against a type and brings it into normal
// form: And and Or are flat, negation stands on the leaves. Errors are 400
// invalidFilter. What is refused instead of being ignored: unknown attributes
// (AMB-04), attributes that are never returned, in every operator, operators and
// values that do not fit the type (AMB-43).
func Bind(e Expr, t *schema.ResourceType, s Scope, d *scim.Dialect) (Expr, error) {
	if e == nil {
		return nil, nil
	}
	b := binder{t: t, scope: s, d: d}
	return b.bind(e, false)
}

// BindElement binds a filter on the elements of a multi-valued attribute, as in a
// PATCH path. The elements of a simple attribute are called value (erratum 7122).
func BindElement(e Expr, t *schema.ResourceType, p schema.Path, d *scim.Dialect) (Expr, error) {
	if e == nil {
		return nil, nil
	}
	b := binder{t: t, d: d, element: &p}
	return b.bind(e, false)
}

type binder struct {
	t       *schema.ResourceType
	scope   Scope
	d       *scim.Dialect
	element *schema.Path // inside attribute[…]: that attribute
}

// bind returns the normal form of e, or of not e.
func (b *binder) bind(e Expr, negate bool) (Expr, error) {
	switch e := e.(type) {
	case *Not:
		return b.bind(e.Term, !negate)
	case *And:
		return b.junction(e.Terms, !negate, negate)
	case *Or:
		return b.junction(e.Terms, negate, negate)
	}
	leaf, err := b.leaf(e)
	if err != nil {
		return nil, err
	}
	if negate {
		switch l := leaf.(type) {
		case *Compare:
			l.Negated = !l.Negated
		case *Element:
			l.Negated = !l.Negated
		}
	}
	return leaf, nil
}

// junction binds the terms of And or Or, taking in those of its kind.
func (b *binder) junction(terms []Expr, and, negate bool) (Expr, error) {
	var flat []Expr
	for _, t := range terms {
		e, err := b.bind(t, negate)
		if err != nil {
			return nil, err
		}
		if a, ok := e.(*And); ok && and {
			flat = append(flat, a.Terms...)
		} else if o, ok := e.(*Or); ok && !and {
			flat = append(flat, o.Terms...)
		} else {
			flat = append(flat, e)
		}
	}
	if and {
		return &And{Terms: flat}, nil
	}
	return &Or{Terms: flat}, nil
}

func (b *binder) leaf(e Expr) (Expr, error) {
	leaf, known, err := b.here(e)
	if err == nil || known || b.scope == OneType {
		return leaf, err
	}
	for _, t := range b.t.Set().Types {
		other := binder{t: t, d: b.d}
		if l, _, err := other.here(e); err == nil {
			return nothing(l), nil
		}
	}
	return nil, err
}

// nothing turns a leaf that another type has into one without a value.
func nothing(e Expr) Expr {
	if el, ok := e.(*Element); ok {
		return &Compare{Name: el.Name, Op: Pr, Negated: el.Negated, Nothing: true}
	}
	c := e.(*Compare)
	c.Path, c.Nothing = schema.Path{}, true
	return c
}

// here binds a leaf on this type alone. known says that the type has the attribute.
func (b *binder) here(e Expr) (leaf Expr, known bool, err error) {
	if c, ok := e.(*Compare); ok {
		path, err := b.resolve(c.Name)
		if err != nil {
			return nil, false, err
		}
		leaf, err := b.compare(c, path)
		return leaf, true, err
	}
	el := e.(*Element)
	path, err := b.resolve(el.Name)
	if err != nil {
		return nil, false, err
	}
	leaf, err = b.elementOf(el, path)
	return leaf, true, err
}

// resolve finds the attribute of a name, which inside brackets is one of the element's.
func (b *binder) resolve(name string) (schema.Path, error) {
	if b.element == nil {
		p, err := b.t.Resolve(name, b.d)
		if e := scim.AsError(err); e != nil {
			return p, scim.BadRequest(scim.InvalidFilter, "%s", e.Detail)
		}
		return p, err
	}
	p := *b.element
	if p.Attr.Type == schema.Complex {
		if p.Sub = p.Attr.Sub(name); p.Sub != nil {
			return p, nil
		}
	} else if is(name, "value") {
		return p, nil
	}
	return p, refuse("%s has no sub-attribute %s", p.Attr.Name, scim.Quote(name))
}

func (b *binder) elementOf(e *Element, path schema.Path) (Expr, error) {
	if path.Attr == nil || path.Sub != nil || path.Attr.Type != schema.Complex && !path.Attr.MultiValued {
		return nil, refuse("%s has no elements that a filter in brackets could apply to", scim.Quote(e.Name))
	}
	if err := readable(path); err != nil {
		return nil, err
	}
	inner := binder{t: b.t, d: b.d, element: &path}
	in, err := inner.bind(e.Inner, false)
	if err != nil {
		return nil, err
	}
	return &Element{Name: path.String(), Path: path, Inner: in}, nil
}

// name returns how a resolved attribute is called where it stands.
func (b *binder) name(p schema.Path) string {
	switch {
	case b.element == nil:
		return p.String()
	case p.Sub == nil:
		return "value"
	}
	return p.Sub.Name
}

// compare checks a comparison on a resolved attribute.
func (b *binder) compare(c *Compare, path schema.Path) (Expr, error) {
	if err := readable(path); err != nil {
		return nil, err
	}
	out := &Compare{Name: b.name(path), Op: c.Op, Path: path}
	switch {
	case c.Op == Pr:
		return out, nil
	case c.Value == nil && (c.Op == Eq || c.Op == Ne):
		// S-2.5-01: null and absent are one state.
		out.Op, out.Negated = Pr, c.Op == Eq
		return out, nil
	case c.Value == nil:
		return nil, refuse("%s cannot be compared with null by %s; use eq or ne", scim.Quote(c.Name), c.Op)
	case path.Attr == nil:
		return nil, refuse("%s is a schema; name one of its attributes", scim.Quote(c.Name))
	}
	if path.Leaf().Type == schema.Complex {
		value, err := b.valueOf(c.Name, path)
		if err != nil {
			return nil, err
		}
		out.Path, out.Name = value, b.name(value)
	}
	attr := out.Path.Leaf()
	if !fits(c.Op, attr.Type) {
		return nil, refuse("%s cannot be compared by %s, its type is %s", scim.Quote(c.Name), c.Op, attr.Type)
	}
	v, ok := b.operand(attr, c.Value)
	if !ok {
		return nil, refuse("%s is of type %s, which the value given is not", scim.Quote(c.Name), attr.Type)
	}
	out.Value = v
	return b.normal(out), nil
}

// valueOf returns the value sub-attribute that a comparison of a complex attribute
// means (AMB-06). Of a single-valued one RFC 7644 §3.4.2.2 wants the name of a
// sub-attribute; Entra ID asks for manager eq "id".
func (b *binder) valueOf(name string, p schema.Path) (schema.Path, error) {
	if p.Sub == nil {
		if v := p.Attr.Sub("value"); v != nil && (p.Attr.MultiValued || b.d.Forgives(scim.LooseComparison) || b.d.Forgives(scim.BareExtension)) {
			p.Sub = v
			return p, readable(p)
		}
	}
	return p, refuse("%s is complex; name one of its sub-attributes", scim.Quote(name))
}

// normal writes ne as a negated eq or as AnyOther, and comparisons of a primary flag
// so that absent counts as false (AMB-05, AMB-07).
func (b *binder) normal(c *Compare) Expr {
	ne := c.Op == Ne
	if ne {
		c.Op = Eq
	}
	if v, ok := c.Value.(bool); ok && c.Path.Sub != nil && c.Path.Sub.Name == "primary" {
		c.Value = true
		if v != ne {
			return c
		}
		c.Negated = true
		if b.element != nil || !c.Path.Attr.MultiValued {
			return c
		}
		of := schema.Path{Extension: c.Path.Extension, Attr: c.Path.Attr}
		c.Name = c.Path.Sub.Name
		return &Element{Name: of.String(), Path: of, Inner: c}
	}
	c.AnyOther = ne && c.multiValued()
	c.Negated = ne && !c.AnyOther
	return c
}

// multiValued reports whether a bound comparison may meet more than one value. Inside
// an element, where its name is not that of the path, only the sub-attribute counts.
func (c *Compare) multiValued() bool {
	p := c.Path
	return p.Attr != nil && p.Attr.MultiValued && c.Name == p.String() || p.Sub != nil && p.Sub.MultiValued
}

// readable refuses what no filter may ask about, lest answers reveal it bit by bit.
func readable(p schema.Path) error {
	for _, a := range []*schema.Attribute{p.Attr, p.Sub} {
		if a != nil && a.Returned == schema.ReturnedNever {
			return refuse("%s cannot be used in a filter", a.Name)
		}
	}
	return nil
}

// fits reports whether an operator is defined for a type (RFC 7644 table 3, P-F-11).
func fits(op Op, t schema.Type) bool {
	switch op {
	case Co, Sw, Ew:
		return t == schema.String || t == schema.Reference || t == schema.Binary
	case Gt, Ge, Lt, Le:
		return t != schema.Boolean && t != schema.Binary
	default:
		return true
	}
}

// operand returns the value of a comparison in the Go type of the attribute.
func (b *binder) operand(a *schema.Attribute, v any) (any, bool) {
	switch a.Type {
	case schema.Boolean:
		switch s := v.(type) {
		case bool:
			return s, true
		case string:
			ok := (is(s, "true") || is(s, "false")) && b.d.Forgives(scim.LooseComparison)
			return is(s, "true"), ok
		}
		return nil, false
	case schema.Integer:
		n, ok := v.(schema.Number)
		if !ok {
			return nil, false
		}
		return integer(string(n))
	case schema.Decimal:
		n, ok := v.(schema.Number)
		if !ok {
			return nil, false
		}
		return decimal(string(n))
	default:
		return b.text(a, v)
	}
}

// text returns the operand of a type that JSON writes as a string.
func (b *binder) text(a *schema.Attribute, v any) (any, bool) {
	s, ok := v.(string)
	if n, number := v.(schema.Number); number && b.d.Forgives(scim.LooseFilter) {
		s, ok = string(n), true // an unquoted value that consists of digits
	}
	if ok && a.Type == schema.DateTime {
		_, ok = schema.ParseDateTime(s)
	}
	return s, ok
}

// is compares a word of the protocol without ASCII case. Equal length keeps out the
// letters beyond ASCII that fold to one of it.
func is(s, word string) bool { return len(s) == len(word) && strings.EqualFold(s, word) }

func refuse(format string, args ...any) error {
	return scim.BadRequest(scim.InvalidFilter, format, args...)
}
