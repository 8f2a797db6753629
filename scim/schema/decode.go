package schema

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Decode reads canonical JSON that Append wrote. Attributes that the type does not
// know are left out, so that it reads what was written under an older schema.
//
// It trusts its input: it is for stored documents, Parse is for those of clients.
func (t *ResourceType) Decode(b []byte) (Object, error) {
	p := parsers.Get().(*parser)
	defer p.release()
	p.reset(b)
	o, err := p.document(t)
	if err != nil {
		return nil, fmt.Errorf("decode stored %s: %w", t.Name, err)
	}
	return o, nil
}

var errStored = errors.New("value does not fit its attribute")

func (p *parser) document(t *ResourceType) (Object, error) {
	o := make(Object, 16)
	return o, p.each(func(name []byte) error {
		if a := t.names[string(name)]; a != nil {
			return p.member(o, a)
		}
		if e := t.extension(string(name)); e != nil {
			c, err := p.complex(e.attrs)
			if len(c) > 0 {
				o[e.ID] = c
			}
			return err
		}
		return p.dec.SkipValue()
	})
}

// each reads an object and calls f in front of the value of each member.
func (p *parser) each(f func(name []byte) error) error {
	tok, err := p.dec.ReadToken()
	if err != nil {
		return err
	}
	if tok.Kind() != '{' {
		return errStored
	}
	for p.dec.PeekKind() != '}' {
		name, err := p.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := f(bytes.Trim(name, `"`)); err != nil {
			return err
		}
	}
	_, err = p.dec.ReadToken()
	return err
}

func (p *parser) complex(n names) (Object, error) {
	o := make(Object, 8)
	return o, p.each(func(name []byte) error {
		if a := n[string(name)]; a != nil {
			return p.member(o, a)
		}
		return p.dec.SkipValue()
	})
}

// member reads the value of an attribute into o.
func (p *parser) member(o Object, a *Attribute) error {
	if !a.MultiValued {
		v, err := p.typed(a)
		if v != nil {
			o[a.Name] = v
		}
		return err
	}
	if tok, err := p.dec.ReadToken(); err != nil {
		return err
	} else if tok.Kind() != '[' {
		return errStored
	}
	var list []any
	for p.dec.PeekKind() != ']' {
		v, err := p.typed(a)
		if err != nil {
			return err
		}
		list = append(list, v)
	}
	if len(list) > 0 {
		o[a.Name] = list
	}
	_, err := p.dec.ReadToken()
	return err
}

// typed reads one value of the type of a.
func (p *parser) typed(a *Attribute) (any, error) {
	if a.Type == Complex {
		return p.complex(a.subs)
	}
	raw, err := p.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	switch k := raw.Kind(); {
	case k == '"' && a.Type != Boolean && a.Type != Integer && a.Type != Decimal:
		return unquote(raw)
	case k == 't' && a.Type == Boolean:
		return true, nil
	case k == 'f' && a.Type == Boolean:
		return false, nil
	case k == '0' && a.Type == Integer:
		return strconv.ParseInt(string(raw), 10, 64)
	case k == '0' && a.Type == Decimal:
		return strconv.ParseFloat(string(raw), 64)
	default:
		return nil, errStored
	}
}
