package filter_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

// things is a set with User, Group and a type that has what those lack: numbers,
// simple multi-valued attributes, a secret.
var things = func() *schema.Set {
	thing := &schema.ResourceType{
		Name: "Thing", Endpoint: "/Things",
		Schema: &schema.Schema{ID: "urn:test:Thing", Name: "Thing", Attributes: []*schema.Attribute{
			{Name: "count", Type: schema.Integer},
			{Name: "weight", Type: schema.Decimal},
			{Name: "tags", MultiValued: true},
			{Name: "codes", MultiValued: true, CaseExact: true},
			{Name: "numbers", Type: schema.Integer, MultiValued: true},
			{Name: "blob", Type: schema.Binary, CaseExact: true},
			{Name: "on", Type: schema.Boolean},
			{Name: "made", Type: schema.DateTime},
			{Name: "secret", Returned: schema.ReturnedNever},
			{Name: "parts", Type: schema.Complex, MultiValued: true, SubAttributes: []*schema.Attribute{
				{Name: "label"},
				{Name: "pin", Returned: schema.ReturnedNever},
				{Name: "labels", MultiValued: true},
				{Name: "primary", Type: schema.Boolean},
			}},
		}},
	}
	set, err := schema.NewSet(nil, schema.User(), schema.Group(), thing)
	if err != nil {
		panic(err)
	}
	return set
}()

func bind(t testing.TB, rt string, s string, d *scim.Dialect) (filter.Expr, error) {
	t.Helper()
	e, err := filter.Parse(s, d)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return filter.Bind(e, things.Type(rt), filter.OneType, d)
}

// A bound filter prints in standard notation, which shows what it was made into.
func TestBindNormalForm(t *testing.T) {
	const enterprise = scim.EnterpriseUserSchema
	tests := []struct{ name, rt, filter, want string }{
		{"P-F-03 names in canonical case", "User", `USERNAME eq "x" and NAME.FAMILYNAME pr`, `userName eq "x" and name.familyName pr`},
		{"P-3.10-02 core URN is left out", "User", `urn:ietf:params:scim:schemas:core:2.0:user:userName eq "x"`, `userName eq "x"`},
		{"P-F-17 extension", "User", strings.ToUpper(enterprise) + `:MANAGER.value eq "x"`, enterprise + `:manager.value eq "x"`},
		{"AMB-06 complex multi-valued", "User", `emails co "x"`, `emails.value co "x"`},
		{"AMB-06 ne", "User", `emails ne "x"`, `emails.value ne "x"`},
		{"pr stays with the whole attribute", "User", `emails pr and name pr`, `emails pr and name pr`},
		{"P-F-30 eq null", "User", `nickName eq null`, `nickName eq null`},
		{"P-F-30 ne null", "User", `nickName ne null`, `nickName pr`},
		{"not pr", "User", `not (nickName pr)`, `nickName eq null`},
		{"AMB-05 ne on one value", "User", `not (nickName eq "x")`, `nickName ne "x"`},
		{"AMB-05 not ne", "User", `not (nickName ne "x")`, `nickName eq "x"`},
		{"AMB-05 ne on several is not the negation of eq", "User", `emails.type ne "x" or not (emails.type eq "x") or not (emails.type ne "x")`, `emails.type ne "x" or not (emails.type eq "x") or not (emails.type ne "x")`},
		{"De Morgan", "User", `not (title pr and (nickName co "x" or active eq true))`, `title eq null or not (nickName co "x") and active ne true`},
		{"not not", "User", `not (not (title pr))`, `title pr`},
		{"flat and", "User", `title pr and (title pr and (title pr and title pr))`, `title pr and title pr and title pr and title pr`},
		{"flat or by negation", "User", `title pr or not (nickName pr and active pr)`, `title pr or nickName eq null or active eq null`},
		{"element", "User", `not (EMAILS[TYPE eq "work" and not (value co "x")])`, `not (emails[type eq "work" and not (value co "x")])`},
		{"AMB-07 primary in an element", "User", `emails[primary eq false]`, `emails[primary ne true]`},
		{"AMB-07 primary", "User", `emails.primary eq false`, `emails[primary ne true]`},
		{"AMB-07 primary ne true", "User", `emails.primary ne true`, `emails[primary ne true]`},
		{"AMB-07 primary ne false", "User", `emails.primary ne false`, `emails.primary eq true`},
		{"erratum 7122", "Thing", `tags[VALUE sw "x" and value ne "y"]`, `tags[value sw "x" and value ne "y"]`},
		{"integer", "Thing", `count eq 5.0 or count gt -7`, `count eq 5 or count gt -7`},
		{"decimal", "Thing", `weight le 1.50e2`, `weight le 150`},
		{"an extension as a whole", "User", enterprise + ` pr`, enterprise + ` pr`},
		{"common attributes", "Group", `id eq "x" and meta.created gt "2020-01-01T00:00:00Z" and schemas eq "x" and externalId pr`, `id eq "x" and meta.created gt "2020-01-01T00:00:00Z" and schemas eq "x" and externalId pr`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := bind(t, tt.rt, tt.filter, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := filter.String(e); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			checkNormal(t, e)
			again, err := bind(t, tt.rt, tt.want, nil)
			if err != nil || !reflect.DeepEqual(e, again) {
				t.Errorf("%s reads as %s, %v", tt.want, filter.String(again), err)
			}
		})
	}
}

// checkNormal checks what a store may rely on.
func checkNormal(t interface {
	Helper()
	Errorf(string, ...any)
}, e filter.Expr,
) {
	t.Helper()
	switch e := e.(type) {
	case *filter.And:
		for _, term := range e.Terms {
			if _, ok := term.(*filter.And); ok {
				t.Errorf("and inside and")
			}
			checkNormal(t, term)
		}
	case *filter.Or:
		for _, term := range e.Terms {
			if _, ok := term.(*filter.Or); ok {
				t.Errorf("or inside or")
			}
			checkNormal(t, term)
		}
	case *filter.Element:
		checkNormal(t, e.Inner)
	case *filter.Compare:
		if e.Op == filter.Ne || (e.Value == nil) != (e.Op == filter.Pr) && !e.Nothing || e.AnyOther && e.Op != filter.Eq {
			t.Errorf("%s is not normal: %+v", filter.String(e), e)
		}
	default:
		t.Errorf("%T in a bound filter", e)
	}
}

func TestBindRefuses(t *testing.T) {
	tests := []struct{ name, rt, filter, detail string }{
		{"AMB-04 P-F-31 unknown attribute", "User", `nope eq "x"`, `unknown attribute "nope"`},
		{"AMB-04 unknown inside not and or", "User", `title pr or not (nope pr)`, `unknown attribute "nope"`},
		{"unknown sub-attribute", "User", `name.nope eq "x"`, `unknown attribute "name.nope"`},
		{"unknown URN", "User", `urn:x:y:title eq "x"`, `unknown attribute "urn:x:y:title": no schema of User has that URN`},
		{"AMB-48 extension attribute without URN", "User", `department eq "x"`, `unknown attribute "department"`},
		{"P-F-15 other attribute in an element", "User", `emails[userName eq "x"]`, `emails has no sub-attribute "userName"`},
		{"brackets on a single value", "User", `userName[value eq "x"]`, `"userName" has no elements that a filter in brackets could apply to`},
		{"brackets on a sub-attribute", "User", `emails.value[value eq "x"]`, `"emails.value" has no elements that a filter in brackets could apply to`},
		{"brackets on an extension", "User", scim.EnterpriseUserSchema + `[department eq "x"]`, `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User" has no elements`},
		{"P-F-23 complex attribute", "User", `name eq "x"`, `"name" is complex; name one of its sub-attributes`},
		{"P-F-23 complex without value", "User", `addresses eq "x"`, `"addresses" is complex; name one of its sub-attributes`},
		{"P-F-23 single reference", "User", scim.EnterpriseUserSchema + `:manager eq "x"`, `is complex; name one of its sub-attributes`},
		{"an extension compared", "User", scim.EnterpriseUserSchema + ` eq "x"`, `is a schema; name one of its attributes`},
		{"P-F-11 boolean order", "User", `active gt true`, `"active" cannot be compared by gt, its type is boolean`},
		{"boolean substring", "User", `active co true`, `"active" cannot be compared by co, its type is boolean`},
		{"P-F-11 binary order", "User", `x509Certificates.value gt "a"`, `cannot be compared by gt, its type is binary`},
		{"P-F-11 binary order without sub-attribute", "User", `x509Certificates ge "a"`, `cannot be compared by ge, its type is binary`},
		{"number substring", "Thing", `count sw 1`, `"count" cannot be compared by sw, its type is integer`},
		{"date substring", "User", `meta.created sw "2020"`, `"meta.created" cannot be compared by sw, its type is dateTime`},
		{"AMB-43 string for boolean", "User", `active eq "true"`, `"active" is of type boolean, which the value given is not`},
		{"AMB-43 number for string", "User", `userName eq 5`, `"userName" is of type string`},
		{"AMB-43 boolean for string", "User", `userName eq true`, `"userName" is of type string`},
		{"AMB-43 string for integer", "Thing", `count eq "5"`, `"count" is of type integer`},
		{"AMB-43 fraction for integer", "Thing", `count lt 5.5`, `"count" is of type integer`},
		{"C07 beyond int64", "Thing", `count eq 9223372036854775808`, `"count" is of type integer`},
		{"C07 beyond float64", "Thing", `weight eq 1e400`, `"weight" is of type decimal`},
		{"no date", "User", `meta.created gt "yesterday"`, `"meta.created" is of type dateTime`},
		{"null in order", "User", `title gt null`, `"title" cannot be compared with null by gt; use eq or ne`},
		{"null in substring", "User", `title co null`, `"title" cannot be compared with null by co; use eq or ne`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := bind(t, tt.rt, tt.filter, nil)
			got := scim.AsError(err)
			if got == nil || got.Status != 400 || got.Type != scim.InvalidFilter || !strings.Contains(got.Detail, tt.detail) {
				t.Errorf("got %v, %v; want %s", e, err, tt.detail)
			}
		})
	}
}

// No operator and no form of filter asks about what is never returned.
func TestSec_D01_NeverReturned(t *testing.T) {
	for _, op := range []string{`eq "a"`, `ne "a"`, `co "a"`, `sw "a"`, `ew "a"`, `gt "a"`, `ge "a"`, `lt "a"`, `le "a"`, `pr`, `eq null`, `ne null`} {
		for rt, names := range map[string][]string{
			"User":  {"password ", "PASSWORD ", scim.UserSchema + ":password ", "not (password "},
			"Thing": {"secret ", "parts.pin ", "parts[pin ", "not (parts[label pr and pin "},
		} {
			for _, name := range names {
				s := name + op + strings.Repeat("]", strings.Count(name, "[")) + strings.Repeat(")", strings.Count(name, "("))
				if e, err := bind(t, rt, s, compat()); scim.AsError(err) == nil || scim.AsError(err).Type != scim.InvalidFilter {
					t.Errorf("%s %q: got %v, %v", rt, s, e, err)
				}
			}
		}
	}
	thing := things.Type("Thing")
	parts, _ := thing.Resolve("parts", nil)
	e, _ := filter.Parse(`pin eq "a"`, nil)
	if _, err := filter.BindElement(e, thing, parts, compat()); scim.AsError(err) == nil {
		t.Error("BindElement takes a never-returned sub-attribute")
	}
}

func TestBindForgives(t *testing.T) {
	const enterprise = scim.EnterpriseUserSchema
	tests := []struct {
		name, rt, filter, want string
		used                   scim.Switch
	}{
		{"AMB-43 string for boolean", "User", `active eq "TRUE"`, `active eq true`, scim.LooseComparison},
		{"AMB-08 bare True", "User", `active eq True`, `active eq true`, scim.LooseComparison},
		{"F6 AMB-48 without URN", "User", `department eq "x"`, enterprise + `:department eq "x"`, scim.BareExtension},
		{"Entra ID asks for a manager", "User", `id eq "x" and manager eq "y"`, `id eq "x" and ` + enterprise + `:manager.value eq "y"`, scim.LooseComparison},
		{"F14 digits without quotes", "User", `userName eq 10042`, `userName eq "10042"`, scim.LooseFilter},
		{"F14 path with an operator", "User", `emails[type eq "work"].value eq "x"`, `emails[type eq "work" and value eq "x"]`, scim.LooseFilter},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := compat()
			e, err := bind(t, tt.rt, tt.filter, d)
			if err != nil || filter.String(e) != tt.want || !d.Used().Has(tt.used) {
				t.Errorf("got %s, %v, used %b; want %s", filter.String(e), err, d.Used(), tt.want)
			}
		})
	}
	for _, s := range []string{`active eq "yes"`, `active eq "1"`, `active eq 1`, `count eq "5"`, `name eq "x"`} {
		rt := "User"
		if strings.HasPrefix(s, "count") {
			rt = "Thing"
		}
		if e, err := bind(t, rt, s, compat()); err == nil {
			t.Errorf("compat takes %q as %s", s, filter.String(e))
		}
	}
}

// P-3.4.2.1-04: over all types an attribute that a type lacks has no value there.
func TestBindAllTypes(t *testing.T) {
	tests := []struct {
		filter string
		want   bool // of a group that has nothing
	}{
		{`userName pr`, false},
		{`userName eq "x"`, false},
		{`userName ne "x"`, true},
		{`not (userName eq "x")`, true},
		{`not (userName ne "x")`, false},
		{`userName eq null`, true},
		{`userName ne null`, false},
		{`emails.type ne "x"`, false},
		{`emails[type eq "x"]`, false},
		{`not (emails[type eq "x"])`, true},
		{`emails.primary eq false`, false},
		{`displayName pr`, false},
		{`meta.resourceType eq "User" and userName sw "x"`, false},
		{`meta.resourceType eq "User" or not (userName sw "x")`, true},
		{scim.UserSchema + `:displayName pr`, false},
	}
	for _, tt := range tests {
		e, err := filter.Parse(tt.filter, nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err = filter.Bind(e, things.Type("Group"), filter.AllTypes, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.filter, err)
			continue
		}
		checkNormal(t, e)
		if got := filter.Match(e, things, schema.Object{}); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.filter, got, tt.want)
		}
	}
	for _, s := range []string{`nope pr`, `userName gt null`, `password pr`, `active gt true`, `displayName eq 5`} {
		e, err := filter.Parse(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := filter.Bind(e, things.Type("Group"), filter.AllTypes, nil); scim.AsError(err) == nil {
			t.Errorf("%s is taken over all types", s)
		}
	}
}

func TestWalk(t *testing.T) {
	e, err := bind(t, "User", `title pr and (emails[type eq "work" or value pr] or not (nickName pr))`, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	filter.Walk(e, func(e filter.Expr) bool {
		switch e := e.(type) {
		case *filter.Compare:
			got = append(got, e.Name)
		case *filter.Element:
			got = append(got, e.Name+"[]")
		}
		return true
	})
	if want := []string{"title", "emails[]", "type", "value", "nickName"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	n := 0
	if filter.Walk(e, func(filter.Expr) bool { n++; return n < 3 }) || n != 3 {
		t.Errorf("Walk went on after false, %d calls", n)
	}
}
