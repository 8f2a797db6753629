package schema_test

import (
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// FuzzRead checks on any input that nothing panics, that a refusal is one that the
// client may see, and that canonical form is a fixed point: what was read once and
// written reads and writes the same, in every dialect, and Decode agrees.
func FuzzRead(f *testing.F) {
	f.Add([]byte(entraUser))
	f.Add([]byte(user(`"emails":{"value":"a"},"active":"true","roles":["x","x"],"manager":"26"`)))
	f.Add([]byte(`{"userName":"u","` + enterpriseURN + `":{"manager":{"managerId":"1","$ref":"/Users/2"},"department":""}}`))
	f.Add([]byte(`{"serial":"s","slots":-0,"weight":1e21,"tags":["a",null,""],"box":{"weights":[1,1]},"keepers":[{"$ref":"/Users/7"},"x"]}`))
	f.Add([]byte(`[[{"a":"\ud83d\ude00"}]]`))
	f.Add([]byte(`{"schemas":["URN:x"],"emails":[{"value":"","primary":true},{"primary":true}]}`))
	set := schema.Core(nil)
	types := append(set.Types, device(f))
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := schema.Parse(body)
		if err != nil {
			if e := scim.AsError(err); e == nil || e.Status != 400 && e.Status != 413 {
				t.Fatalf("not for clients: %v", err)
			}
			return
		}
		in, ok := v.(schema.Object)
		if !ok {
			return
		}
		sent := schema.Clone(v)
		defer func() {
			if !schema.Equal(v, sent) {
				t.Errorf("Read or ReadValue altered its input: %v\nbefore %v", v, sent)
			}
		}()
		for _, typ := range types {
			for _, d := range []*scim.Dialect{nil, compat()} {
				o, err := typ.Read(in, schema.Create, d)
				if err != nil {
					if e := scim.AsError(err); e == nil || e.Status != 400 {
						t.Fatalf("not for clients: %v", err)
					}
					continue
				}
				isFixed(t, typ, o, d)
			}
			for p := range typ.Paths() {
				if _, err := typ.ReadValue(p, v, compat()); err != nil && scim.AsError(err) == nil {
					t.Fatalf("not for clients: %v", err)
				}
			}
		}
	})
}

func isFixed(t *testing.T, typ *schema.ResourceType, o schema.Object, d *scim.Dialect) {
	t.Helper()
	for p := range typ.Paths() {
		if p.Attr.Relation {
			delete(o, p.Attr.Name)
		}
	}
	once := typ.Append(nil, o)
	decoded, err := typ.Decode(once)
	if err != nil || !schema.Equal(decoded, o) {
		t.Fatalf("Decode of %s: %v, %v\nwant %v", once, decoded, err, o)
	}
	v, err := schema.Parse(once)
	if err != nil {
		t.Fatalf("Parse of %s: %v", once, err)
	}
	again, err := typ.Read(v.(schema.Object), schema.Create, d)
	if err != nil {
		t.Fatalf("Read of %s: %v", once, err)
	}
	if twice := typ.Append(nil, again); string(twice) != string(once) {
		t.Fatalf("first  %s\nsecond %s", once, twice)
	}
}
