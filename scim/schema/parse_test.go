package schema_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

func TestParseKeepsWhatWasWritten(t *testing.T) {
	got := parse(t, ` {"UserName":"名前 😀","n":[1,-0,1.50,1e400],"x":null,"t":true,"e":{},"a":[],"esc":"\u00e9\/\ud83d\ude00"} `)
	want := schema.Object{
		"UserName": "名前 😀",
		"n":        []any{schema.Number("1"), schema.Number("-0"), schema.Number("1.50"), schema.Number("1e400")},
		"x":        nil, "t": true, "e": schema.Object{}, "a": []any{}, "esc": "é/😀",
	}
	if !schema.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	cases := []struct{ name, body, says string }{
		{"P-3.3-10 broken", `{"a":`, "unexpected EOF"},
		{"P-3.3-10 empty", ` `, "empty"},
		{"C01 same name", `{"userName":"a","userName":"b"}`, `"userName" stands twice`},
		{"C01 same name inside", `{"name":{"x":1,"x":2}}`, "/name/x"},
		{"S-2.1-04 C02 names that differ in case", `{"userName":"a","USERNAME":"b"}`, "stands twice"},
		{"C01 same name by an escape", `{"userName":"a","user\u004eame":"b"}`, "stands twice"},
		{"C03 second value", `{}{}`, "goes on"},
		{"C03 garbage", `{} x`, "goes on"},
		{"C03 byte order mark", "\ufeff{}", "byte order mark"},
		{"C04 invalid UTF-8", "{\"a\":\"\xff\"}", "offset 6"},
		{"C04 overlong UTF-8", "{\"a\":\"\xc0\x80\"}", "UTF-8"},
		{"C04 lone high surrogate", `{"a":"\ud800"}`, "surrogate"},
		{"C04 lone low surrogate", `{"a":"\udc00x"}`, "surrogate"},
		{"C04 NUL", `{"a":"b\u0000"}`, "U+0000"},
		{"C04 NUL in a name", `{"a\u0000":"b"}`, "U+0000"},
		{"C04 raw control character", "{\"a\":\"b\nc\"}", "offset 7"},
		{"comment", `{"a":1} // x`, "goes on"},
		{"trailing comma", `{"a":1,}`, "not valid JSON"},
		{"single quotes", `{'a':1}`, "not valid JSON"},
		{"number as name", `{1:2}`, "not valid JSON"},
		{"leading zero", `{"a":01}`, "not valid JSON"},
		{"not a number", `{"a":NaN}`, "not valid JSON"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := schema.Parse([]byte(c.body))
			isRefusal(t, err, scim.InvalidSyntax, c.says)
		})
	}
}

func TestParseFoldsOnlyASCII(t *testing.T) {
	// C02: U+017F and U+212A fold to s and k in Unicode, never in names.
	parse(t, `{"userName":"a","u\u017ferName":"b","key":1,"\u212aey":2}`)
}

func TestParseFindsRepeatsAmongManyNames(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"last":0`)
	for i := range 200 {
		fmt.Fprintf(&b, `,"n%d":%d`, i, i)
	}
	parse(t, b.String()+"}")
	for _, again := range []string{"LAST", "N3", "n199"} {
		_, err := schema.Parse([]byte(b.String() + `,"` + again + `":1}`))
		isRefusal(t, err, scim.InvalidSyntax, strconv.Quote(again))
	}
}

func TestSec_C05_DepthIsBounded(t *testing.T) {
	nest := func(n int) []byte {
		return []byte(strings.Repeat(`[`, n) + strings.Repeat(`]`, n))
	}
	if _, err := schema.Parse(nest(32)); err != nil {
		t.Errorf("32 levels: %v", err)
	}
	_, err := schema.Parse(nest(33))
	isRefusal(t, err, scim.InvalidSyntax, "32 levels")
	_, err = schema.Parse([]byte(strings.Repeat(`[`, 100_000)))
	isRefusal(t, err, scim.InvalidSyntax, "32 levels")
	_, err = schema.Parse([]byte(strings.Repeat(`{"a":`, 100_000)))
	isRefusal(t, err, scim.InvalidSyntax, "32 levels")
}

func TestParseLimits(t *testing.T) {
	quoted := func(n int) []byte { return []byte(`{"a":"` + strings.Repeat("x", n) + `"}`) }
	if _, err := schema.Parse(quoted(64 << 10)); err != nil {
		t.Errorf("a string of 64 KiB: %v", err)
	}
	_, err := schema.Parse(quoted(64<<10 + 1))
	isRefusal(t, err, scim.InvalidValue, "/a")

	many := func(n int) []byte { return []byte("[" + strings.Repeat("0,", n-1) + "0]") }
	if _, err := schema.Parse(many(499_999)); err != nil {
		t.Errorf("500,000 values: %v", err)
	}
	if _, err := schema.Parse(many(500_000)); scim.AsError(err) == nil || scim.AsError(err).Status != 413 {
		t.Errorf("500,001 values: got %v, want a 413", err)
	}
}

func TestSec_C14_SyntaxErrorsEchoLittle(t *testing.T) {
	long := strings.Repeat("s3cret\x1b", 50)
	for _, body := range []string{
		`{"` + strings.Repeat("n", 500) + `":1,"` + strings.Repeat("n", 500) + `":2}`,
		`{"a":"\ud800` + long + `"}`,
		`{"a":"` + long + `"}`,
	} {
		_, err := schema.Parse([]byte(body))
		e := scim.AsError(err)
		if e == nil {
			t.Fatalf("%.20s…: not refused", body)
		}
		if len(e.Detail) > 300 || strings.Contains(e.Detail, "\x1b") || strings.Contains(e.Detail, "s3crets") {
			t.Errorf("detail echoes input: %q", e.Detail)
		}
	}
}
