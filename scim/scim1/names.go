package scim1

import (
	"strings"

	"github.com/muster-id/muster/scim"
)

// The URNs of SCIM 1.1. The core one stands for resources, lists, errors, configuration
// and bulk alike.
const (
	CoreSchema           = "urn:scim:schemas:core:1.0"
	EnterpriseUserSchema = "urn:scim:schemas:extension:enterprise:1.0"
)

// Beginnings of URNs of SCIM 2.0 that are one in 1.1.
const (
	core2     = "urn:ietf:params:scim:schemas:core:2.0:"
	messages2 = "urn:ietf:params:scim:api:messages:2.0:"
)

// The manager of an enterprise user is the one complex attribute whose parts changed names.
const (
	managerAttr = "manager"
	managerID   = "managerId"
)

// oldURN returns the 1.1 URN of a 2.0 one. Custom ones are the same in both.
func oldURN(urn string) string {
	switch {
	case urn == scim.EnterpriseUserSchema:
		return EnterpriseUserSchema
	case strings.HasPrefix(urn, core2), strings.HasPrefix(urn, messages2):
		return CoreSchema
	}
	return urn
}

// newName returns the 2.0 name of an attribute that a 1.1 client names in a filter, a
// list of attributes, sortBy or meta.attributes (A3.8). Case is as it was.
func newName(name string) string {
	rest, extension := cutURN(name, EnterpriseUserSchema)
	if !extension {
		if rest, ok := cutURN(name, CoreSchema); ok && rest != "" {
			return rest
		}
		rest = name
	}
	if equalFold(rest, managerAttr+"."+managerID) {
		rest = managerAttr + ".value"
	}
	switch {
	case !extension:
		return rest
	case rest == "":
		return scim.EnterpriseUserSchema
	}
	return scim.EnterpriseUserSchema + ":" + rest
}

// cutURN cuts a URN, in any case, and the colon behind it off a name.
func cutURN(name, urn string) (rest string, ok bool) {
	if len(name) < len(urn) || !equalFold(name[:len(urn)], urn) {
		return name, false
	}
	rest = name[len(urn):]
	if rest == "" {
		return "", true
	}
	return strings.CutPrefix(rest, ":")
}

// isLanguage reports whether an attribute holds language tags, which have an underscore
// in 1.1 (C6.1): en_US.
func isLanguage(name string) bool { return name == "locale" || name == "preferredLanguage" }

func newLanguage(tag string) string { return strings.ReplaceAll(tag, "_", "-") }

func oldLanguage(tag string) string { return strings.ReplaceAll(tag, "-", "_") }

// wording says in the words of 1.1 what a refusal says in those of 2.0.
var wording = strings.NewReplacer(
	"application/scim+json or application/json", "application/json",
	"application/scim+json", "application/json",
	scim.EnterpriseUserSchema+":manager.value", EnterpriseUserSchema+":manager.managerId",
	scim.EnterpriseUserSchema, EnterpriseUserSchema,
	scim.UserSchema, CoreSchema,
	scim.GroupSchema, CoreSchema,
	"manager.value", "manager.managerId",
)
