package feed

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim/schema"
)

// secrets are the resource types that have never-returned attributes. A document is not stored with their values;
// this is the second lock on the door through which documents leave for other systems.
type secrets map[string]*guarded

// guard keeps the secrets of the schemas that are in force.
type guard struct {
	schemas func() *schema.Set // nil: none
	last    atomic.Pointer[known]
}

// known is the secrets of one set.
type known struct {
	set *schema.Set
	secrets
}

func (g *guard) now() secrets {
	if g.schemas == nil {
		return nil
	}
	set := g.schemas()
	k := g.last.Load()
	if k == nil || k.set != set {
		k = &known{set, secretsOf(set)}
		g.last.Store(k)
	}
	return k.secrets
}

type guarded struct {
	typ   *schema.ResourceType
	names [][]byte // the quoted names of its never-returned attributes, to see quickly that a document has none
}

func secretsOf(set *schema.Set) secrets {
	s := secrets{}
	for _, t := range set.Types {
		g := &guarded{typ: t}
		g.collect(t.Schema.Attributes)
		for _, x := range t.Extensions {
			g.collect(x.Schema.Attributes)
		}
		if len(g.names) > 0 {
			s[t.Name] = g
		}
	}
	return s
}

func (g *guarded) collect(attrs []*schema.Attribute) {
	for _, a := range attrs {
		if a.Returned == schema.ReturnedNever {
			g.names = append(g.names, []byte(`"`+a.Name+`"`))
		}
		g.collect(a.SubAttributes)
	}
}

// drop returns the document without never-returned attributes: as it is where it has none.
func (s secrets) drop(typ string, doc []byte) (jsontext.Value, error) {
	g := s[typ]
	if g == nil || !g.suspects(doc) {
		return doc, nil
	}
	var out bytes.Buffer
	in := jsontext.NewDecoder(bytes.NewReader(doc))
	if err := copyVisible(jsontext.NewEncoder(&out), in, g.top); err != nil {
		return nil, fmt.Errorf("leave out never-returned attributes: %w", err)
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

func (g *guarded) suspects(doc []byte) bool {
	for _, name := range g.names {
		if bytes.Contains(doc, name) {
			return true
		}
	}
	return false
}

// scope finds the attribute of a name: whether its value may be seen, and the scope of what is inside.
type scope func(name string) (visible bool, inner scope)

func (g *guarded) top(name string) (bool, scope) {
	for _, x := range g.typ.Extensions {
		if x.Schema.ID == name {
			return true, attributes(x.Schema.Attribute)
		}
	}
	return attributes(g.typ.Schema.Attribute)(name)
}

func attributes(find func(string) *schema.Attribute) scope {
	return func(name string) (bool, scope) {
		a := find(name)
		if a == nil {
			return true, everything // common attributes, and what an older schema knew
		}
		return a.Returned != schema.ReturnedNever, attributes(a.Sub)
	}
}

func everything(string) (bool, scope) { return true, everything }

// copyVisible copies one value. Documents are no deeper than what the schema package let in.
func copyVisible(out *jsontext.Encoder, in *jsontext.Decoder, s scope) error {
	token, err := in.ReadToken()
	if err != nil {
		return err
	}
	if err := out.WriteToken(token); err != nil {
		return err
	}
	switch token.Kind() {
	case '{':
		for in.PeekKind() != '}' {
			name, err := in.ReadToken()
			if err != nil {
				return err
			}
			text := name.String()
			visible, inner := s(text)
			if !visible {
				if err := in.SkipValue(); err != nil {
					return err
				}
				continue
			}
			if err := out.WriteToken(jsontext.String(text)); err != nil {
				return err
			}
			if err := copyVisible(out, in, inner); err != nil {
				return err
			}
		}
	case '[':
		for in.PeekKind() != ']' {
			if err := copyVisible(out, in, s); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	end, err := in.ReadToken()
	if err != nil {
		return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return out.WriteToken(end)
}
