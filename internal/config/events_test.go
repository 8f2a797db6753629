package config

import "testing"

func TestEventsOfTypesThatTenantsDefine(t *testing.T) {
	for event, want := range map[string]bool{
		"device.created": true, "endpoint_app.deleted": true, "x.activated": true,
		"usr.created": false, "users.created": false, "groups.deleted": false, "device.member_added": false,
		"Device.created": false, "device.": false, ".created": false, "device": false, "user.rehired.created": false,
	} {
		if got := isCustom(event); got != want {
			t.Errorf("isCustom(%q) = %v, want %v", event, got, want)
		}
	}
}
