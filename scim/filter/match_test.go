package filter_test

import (
	"testing"

	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/schema"
)

var bjensen = schema.Object{
	"schemas":    []any{"urn:ietf:params:scim:schemas:core:2.0:User"},
	"id":         "2819c223",
	"externalId": "Ext-1",
	"userName":   "BJensen",
	"name":       schema.Object{"familyName": "O'Malley"},
	"active":     true,
	"title":      `100%_\`,
	"emails": []any{
		schema.Object{"value": "x@a.example.com", "type": "work", "primary": true},
		schema.Object{"value": "y@b.example.org", "type": "home"},
	},
	"addresses": []any{schema.Object{"locality": "Accra"}},
	"groups":    []any{schema.Object{"value": "g1"}},
	"meta":      schema.Object{"resourceType": "User", "lastModified": "2011-05-13T04:42:34Z"},
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": schema.Object{
		"department": "R&D", "manager": schema.Object{"value": "m1"},
	},
}

func TestMatchUser(t *testing.T) {
	const enterprise = `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User`
	tests := map[string]bool{
		// P-F-06, P-F-27: equality by caseExact
		`userName eq "bjensen"`: true, `userName eq "bjense"`: false, `externalId eq "Ext-1"`: true,
		`externalId eq "ext-1"`: false, `id eq "2819C223"`: false, `id eq "2819c223"`: true,
		`active eq true`: true, `active eq false`: false, `active ne false`: true,
		// AMB-05, AMB-07: absence
		`nickName ne "x"`: true, `not (nickName eq "x")`: true, `nickName eq null`: true, `userName eq null`: false,
		`nickName ne null`: false, `nickName eq ""`: false, `nickName co ""`: false, `nickName gt ""`: false, `not (nickName co "x")`: true,
		// P-F-08, Sec D07: text
		`userName co "JEN"`: true, `userName sw "bj"`: true, `userName ew "SEN"`: true, `userName ew "bj"`: false,
		`userName co ""`: true, `userName sw ""`: true, `userName co "bjensen"`: true, `name.familyName co "O'Malley"`: true,
		`title co "%_"`: true, `title sw "1%"`: false, `title co "0__"`: false, `title ew "\\"`: true,
		// P-F-09
		`name pr`: true, `emails pr`: true, `nickName pr`: false, `ims pr`: false, `phoneNumbers.value pr`: false, `addresses pr`: true,
		enterprise + ` pr`: true, enterprise + `:manager pr`: true, enterprise + `:costCenter pr`: false,
		// P-F-10
		`userName gt "B"`: true, `userName lt "bjensen"`: false, `userName le "BJENSEN"`: true, `userName ge "c"`: false,
		`meta.lastModified gt "2011-05-13T04:42:33Z"`: true, `meta.lastModified le "2011-05-13T06:42:34.000+02:00"`: true,
		`meta.lastModified eq "2011-05-13T06:42:34+02:00"`: true, `meta.lastModified lt "2011-05-13T04:42:34.0Z"`: false,
		// P-F-14: one element satisfies all
		`emails[type eq "work" and value co "@b"]`: false, `emails[type eq "WORK" and value co "@a"]`: true,
		`emails.type eq "work" and emails.value co "@b"`: true, `emails[not (type eq "work")]`: true, `not (emails[type eq "work"])`: false,
		`emails[type ne "work"]`: true, `emails[display eq null]`: true, `emails[display pr]`: false,
		`emails[primary eq false]`: true, `emails[primary eq false and type eq "work"]`: false, `emails[primary ne true and type eq "home"]`: true,
		`emails.primary eq false`: true, `emails.primary eq true`: true, `ims.primary eq false`: false,
		// P-F-21, P-F-22, P-F-23
		`emails.type eq "home"`: true, `emails co "example.org"`: true, `emails.type ne "work"`: true, `emails.type ne "x"`: true,
		`groups.value ne "g1"`: false, `not (groups.value ne "g1")`: true, `ims.type ne "x"`: false, `addresses.type ne "x"`: false,
		// the rest
		`schemas eq "urn:ietf:params:scim:schemas:core:2.0:User"`: true, `schemas eq "` + enterprise + `"`: false,
		`meta.resourceType eq "User"`: true, `meta.resourceType eq "user"`: false, `groups[value eq "g1"]`: true,
		enterprise + `:manager.value eq "m1"`: true, enterprise + `:department sw "r"`: true,
		`(title pr or userName eq "x") and userName eq "x"`: false, `title pr or userName eq "x" and userName eq "x"`: true,
	}
	for s, want := range tests {
		e, err := bind(t, "User", s, nil)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if got := filter.Match(e, things, bjensen); got != want {
			t.Errorf("%s: got %v, want %v", s, got, want)
		}
	}
	if !filter.Match(nil, things, bjensen) {
		t.Error("no filter matches everything")
	}
}

func TestMatchThing(t *testing.T) {
	o := schema.Object{
		"count": int64(9), "weight": 1.5, "tags": []any{"Red", "blue"}, "codes": []any{"A"}, "numbers": []any{int64(1), int64(10)},
		"on": false, "made": "2020-02-29T12:00:00.5", "blob": "QUJD",
		"parts": []any{schema.Object{"label": "a", "labels": []any{"x", "y"}}, schema.Object{"label": "b"}},
	}
	tests := map[string]bool{
		`count lt 10`: true, `count ge 10`: false, `count eq 9.0`: true, `weight gt 1`: true, `weight eq 1.5`: true, `count ne 9`: false,
		`tags eq "red"`: true, `tags sw "BL"`: true, `tags ne "red"`: true, `tags pr`: true, `tags[value eq "RED" and value ew "d"]`: true,
		`tags[value eq "red" and value eq "blue"]`: false, `tags eq "red" and tags eq "blue"`: true,
		`codes eq "a"`: false, `codes eq "A"`: true, `numbers lt 2`: true, `numbers[value gt 1 and value lt 10]`: false,
		`on eq false`: true, `on pr`: true, `made gt "2020-02-29T12:00:00Z"`: true, `made eq "2020-02-29T13:00:00.500+01:00"`: true,
		`blob eq "QUJD"`: true, `blob eq "qujd"`: false, `blob sw "QU"`: true,
		`parts.labels eq "x"`: true, `parts[label eq "b" and labels eq "x"]`: false, `parts[labels ne "x"]`: true, `parts[label eq "b" and labels ne "x"]`: false,
		`parts[label eq "b" and labels eq null]`: true,
	}
	for s, want := range tests {
		e, err := bind(t, "Thing", s, nil)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if got := filter.Match(e, things, o); got != want {
			t.Errorf("%s: got %v, want %v", s, got, want)
		}
	}
}

func TestMatchElement(t *testing.T) {
	thing := things.Type("Thing")
	tests := []struct {
		attr, filter string
		element      any
		want         bool
	}{
		{"tags", `value eq "RED"`, "red", true},
		{"tags", `not (value eq "red")`, "red", false},
		{"numbers", `value gt 5 and value lt 7`, int64(6), true},
		{"parts", `label eq "a" and primary eq false`, schema.Object{"label": "A"}, true},
		{"parts", `labels eq "y"`, schema.Object{"labels": []any{"x", "y"}}, true},
	}
	for _, tt := range tests {
		path, err := thing.Resolve(tt.attr, nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := filter.Parse(tt.filter, nil)
		if err != nil {
			t.Fatal(err)
		}
		if e, err = filter.BindElement(e, thing, path, nil); err != nil {
			t.Fatal(err)
		}
		if got := filter.MatchElement(e, things, tt.element); got != tt.want {
			t.Errorf("%s of %v: got %v", tt.filter, tt.element, got)
		}
	}
}
