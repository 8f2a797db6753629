package tenants_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/config"
	"github.com/muster-id/muster/internal/tenants"
)

// TestSec_B12_WhatATenantCanSet: the keys of a tenant are these. A new one is added here by somebody who has seen that it weakens
// no limit and no guard of the server, none of which has a key of the same name.
func TestSec_B12_WhatATenantCanSet(t *testing.T) {
	t.Parallel()
	want := []string{
		"audit.days", "audit.hold", "audit.short",
		"guard.group_percent", "guard.group_size", "guard.off", "guard.people", "guard.percent",
		"limits.requests_per_second", "limits.token_burst", "limits.token_requests_per_second",
		"title",
	}
	got := keys(reflect.TypeFor[tenants.Settings](), "")
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("a tenant can set\n%q, not\n%q", got, want)
	}
	for _, v := range config.Default().Values() {
		if slices.Contains(got, v.Path) {
			t.Errorf("%s is of the server and of a tenant", v.Path)
		}
	}
}

func keys(typ reflect.Type, prefix string) (all []string) {
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Type.Kind() == reflect.Struct {
			all = append(all, keys(f.Type, prefix+name+".")...)
			continue
		}
		all = append(all, prefix+name)
	}
	return all
}
