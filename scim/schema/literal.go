package schema

// Literal2015 publishes the built-in schemas as RFC 7643 §8.7.1 printed them in 2015,
// without its errata, for clients that compare what they are told with that text. Only
// Describe differs: what the errata corrected goes on to hold, so that what is
// published is then not in all points what is done (RFC 7643 §8.7). The schemas of
// discovery stay corrected.
func Literal2015() Option {
	return func(user, group *ResourceType) {
		user.Schema.printed = userPrinted()
		group.Schema.printed = groupPrinted()
		for _, e := range user.Extensions {
			e.Schema.printed = enterprisePrinted()
		}
	}
}

// A printing is what the RFC printed otherwise: by the path of an attribute the
// characteristics that differ, nil for a characteristic or an attribute that it does not have.
type printing map[string]Object

var (
	anyCase   = Object{"caseExact": false}               // errata 6000, 6001, 8472 and the prose
	notUnique = Object{"uniqueness": string(UniqueNone)} // erratum 6004, of complex attributes
)

func userPrinted() printing {
	return printing{
		"name": notUnique, "emails": notUnique, "addresses": notUnique,
		"profileUrl": anyCase, "password": anyCase, "photos.value": anyCase, "x509Certificates.value": anyCase,
		"groups.value":      anyCase,
		"groups.$ref":       {"caseExact": false, "referenceTypes": []any{"User", "Group"}}, // erratum 8471
		"ims.type":          {"canonicalValues": []any{"aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"}},
		"addresses.primary": nil,
		"addresses.country": {"canonicalValues": nil},
	}
}

func groupPrinted() printing {
	return printing{
		"displayName":     {"required": false}, // erratum 5368
		"members.value":   anyCase,
		"members.$ref":    anyCase,
		"members.display": nil, // erratum 6011
	}
}

func enterprisePrinted() printing {
	return printing{"manager.value": anyCase, "manager.$ref": anyCase}
}

// apply returns what was printed of the attribute at path, of which o is the
// description; nil: it was not printed.
func (p printing) apply(path string, o Object) Object {
	printed, differs := p[path]
	if differs && printed == nil {
		return nil
	}
	for name, v := range printed {
		if v == nil {
			delete(o, name)
			continue
		}
		o[name] = v
	}
	return o
}
