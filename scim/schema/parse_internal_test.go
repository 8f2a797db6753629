package schema

import "testing"

// FuzzTape compares the two ways in which Parse reads a body.
func FuzzTape(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":[true,false,null,"x",{"c":"\u00e9\n"}],"d":{}}`, ` [ ] `, `""`, `-0.5e+3`, `01`, `1.`, `-`, `{"a":1,"A":2}`,
		`{"a":}`, `{"a":1,}`, `[1,]`, `"\ud800"`, `"\u0000"`, "\"\x01\"", `nul`, `truex`, `{"a":1}x`, `{"a"`, `[`, "\ufeff{}",
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"emails":[{"value":"a","type":"work"},{"value":"b","type":"home"}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := fast(b)
		want, err := parse(b)
		if !ok {
			return
		}
		if err != nil {
			t.Fatalf("the tape takes %q, the parser does not: %v", b, err)
		}
		if !Equal(v, want) {
			t.Fatalf("%q: got %v, want %v", b, v, want)
		}
	})
}
