package scim1

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim"
)

// copier copies JSON of 2.0 and makes 1.1 of it on the way. It holds one simple value at a time.
type copier struct {
	dec *jsontext.Decoder
	enc *jsontext.Encoder
}

// object copies an object. member is called behind the name of each of its members, to
// write name and value, or to skip the value. end, if not nil, adds members.
func (c copier) object(member func(name string) error, end func() error) error {
	tok, err := c.dec.ReadToken()
	if err != nil {
		return err
	}
	if err := c.enc.WriteToken(tok); err != nil {
		return err
	}
	for c.dec.PeekKind() != '}' {
		name, err := c.dec.ReadToken()
		if err != nil {
			return err
		}
		if err := member(name.String()); err != nil {
			return err
		}
	}
	if end != nil {
		if err := end(); err != nil {
			return err
		}
	}
	return c.token()
}

// array copies an array whose elements each copies.
func (c copier) array(each func() error) error {
	if err := c.token(); err != nil {
		return err
	}
	for c.dec.PeekKind() != ']' {
		if err := each(); err != nil {
			return err
		}
	}
	return c.token()
}

func (c copier) token() error {
	tok, err := c.dec.ReadToken()
	if err != nil {
		return err
	}
	return c.enc.WriteToken(tok)
}

// as writes a name and copies the value.
func (c copier) as(name string, value func() error) error {
	if err := c.enc.WriteToken(jsontext.String(name)); err != nil {
		return err
	}
	return value()
}

// named is what becomes of the members of an object: a name that is not there stays, one
// that is "" goes with its value.
type named map[string]string

// rename copies an object with other names.
func (c copier) rename(names named) error {
	return c.object(func(name string) error {
		other, changed := names[name]
		switch {
		case !changed:
			return c.as(name, c.value)
		case other == "":
			return c.dec.SkipValue()
		}
		return c.as(other, c.value)
	}, nil)
}

// value copies any value. References are there as id alone in 1.1: $ref goes.
func (c copier) value() error {
	switch c.dec.PeekKind() {
	case '{':
		return c.rename(named{"$ref": ""})
	case '[':
		return c.array(c.value)
	}
	v, err := c.dec.ReadValue()
	if err != nil {
		return err
	}
	return c.enc.WriteValue(v)
}

// resource copies a User, a Group or another resource.
func (c copier) resource() error {
	return c.object(func(name string) error {
		switch {
		case name == "schemas":
			return c.as(name, c.urns)
		case name == "meta":
			return c.as(name, func() error { return c.rename(named{"resourceType": ""}) })
		case isLanguage(name):
			return c.as(name, c.language)
		case name == scim.EnterpriseUserSchema:
			return c.as(EnterpriseUserSchema, c.enterprise)
		}
		return c.as(name, c.value)
	}, nil)
}

func (c copier) enterprise() error {
	return c.object(func(name string) error {
		if name == managerAttr && c.dec.PeekKind() == '{' {
			return c.as(name, func() error { return c.rename(named{"value": managerID, "$ref": ""}) })
		}
		return c.as(name, c.value)
	}, nil)
}

// urns copies schemas, each URN once: several of 2.0 are one in 1.1.
func (c copier) urns() error {
	var list []string
	if err := json.UnmarshalDecode(c.dec, &list); err != nil {
		return err
	}
	seen := make(map[string]bool, len(list))
	old := make([]string, 0, len(list))
	for _, urn := range list {
		if urn = oldURN(urn); !seen[urn] {
			seen[urn] = true
			old = append(old, urn)
		}
	}
	return json.MarshalEncode(c.enc, old)
}

func (c copier) language() error {
	if c.dec.PeekKind() != '"' {
		return c.value()
	}
	tok, err := c.dec.ReadToken()
	if err != nil {
		return err
	}
	return c.enc.WriteToken(jsontext.String(oldLanguage(tok.String())))
}

// list copies a ListResponse (A3.2.2).
func (c copier) list() error {
	return c.object(func(name string) error {
		switch name {
		case "schemas":
			return c.as(name, c.urns)
		case "Resources":
			return c.as(name, func() error { return c.array(c.resource) })
		case "nextCursor", "previousCursor":
			return c.dec.SkipValue()
		}
		return c.as(name, c.value)
	}, nil)
}
