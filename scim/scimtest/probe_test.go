package scimtest_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/muster-id/muster/scim"
)

// status is a probe that a request is answered so.
func status(want int, ask func(p *peer) reply) func(*peer) error {
	return func(p *peer) error {
		if r := ask(p); r.status != want {
			return fmt.Errorf("got %d, want %d: %s %v", r.status, want, r.raw, r.err)
		}
		return nil
	}
}

// finds is a probe that a filter finds these of populate's users.
func finds(filter, names string) func(*peer) error {
	return func(p *peer) error {
		p.populate()
		return want(filter, p.list("/Users", "filter", filter).names(), names)
	}
}

// refused is a probe that a request is refused with this status and scimType.
func refused(status int, kind scim.ErrorType, ask func(p *peer) reply) func(*peer) error {
	return func(p *peer) error {
		r := ask(p)
		return first(want("status", r.status, status), want("scimType", text(r.body, "scimType"), kind))
	}
}

// isError complains of an answer that is no SCIM error of its status.
func isError(r reply) error {
	schemas, _ := r.body["schemas"].([]any)
	return first(
		want("schemas", schemas, []any{scim.ErrorMessage}), want("status", r.body["status"], strconv.Itoa(r.status)),
		want("type of status", fmt.Sprintf("%T", r.body["status"]), "string"),
		want("media type", strings.HasPrefix(r.header.Get("Content-Type"), scim.MediaType), true),
	)
}

// page is a probe of the list of populate's users.
func page(f func(r reply) error, params ...string) func(*peer) error {
	return func(p *peer) error {
		p.populate()
		return f(p.list("/Users", params...))
	}
}

// user is a probe of a user that was created with further members.
func user(more string, f func(u map[string]any) error) func(*peer) error {
	return func(p *peer) error {
		id := p.user("ada", more)
		return f(p.get("/Users/" + id).body)
	}
}

// patched is a probe of a user after a PATCH that should succeed.
func patched(more, operations string, f func(u map[string]any) error) func(*peer) error {
	return func(p *peer) error {
		id := p.user("ada", more)
		r := p.patch("/Users/"+id, operations)
		if r.status != 200 {
			return fmt.Errorf("got %d: %s", r.status, r.raw)
		}
		return f(p.get("/Users/" + id).body)
	}
}

// team is a probe of a group of two users after a request that should succeed; ids are the users'.
func team(ask func(p *peer, group string, ids []string) reply, left func(ids []string) []string) func(*peer) error {
	return func(p *peer) error {
		ids := []string{p.user("ada", ""), p.user("bo", ""), p.user("cy", "")}
		slices.Sort(ids)
		group := p.group("g", ids[0], ids[1])
		if r := ask(p, group, ids); r.status >= 300 {
			return fmt.Errorf("got %d: %s", r.status, r.raw)
		}
		return want("members", members(p.get("/Groups/"+group).body), left(ids))
	}
}

// steady is a probe that nothing fails however often it is tried.
func steady(p *peer) error {
	for range 2 {
		if r := p.get("/Users"); r.status != 200 {
			return fmt.Errorf("got %d, Retry-After %q", r.status, r.header.Get("Retry-After"))
		}
	}
	return nil
}

// job sends a bulk request.
func (p *peer) job(more, operations string) reply {
	return p.do("POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],`+more+`"Operations":[`+operations+`]}`)
}

// results returns those of a bulk request.
func (r reply) results() (all []map[string]any) {
	list, _ := r.body["Operations"].([]any)
	for _, o := range list {
		if o, ok := o.(map[string]any); ok {
			all = append(all, o)
		}
	}
	return all
}

func creates(id, name string) string {
	return fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":%q,"data":{"schemas":[%q],"userName":%q}}`, id, scim.UserSchema, name)
}

// mixed is a job of which the second operation fails.
func mixed(p *peer, more string) reply {
	return p.job(more, creates("a", "ada")+","+creates("b", "ada")+","+creates("c", "cy"))
}

// walk follows cursors and returns the names of all pages.
func (p *peer) walk() ([]string, error) {
	var names []string
	cursor := ""
	for range 10 {
		r := p.list("/Users", "count", "2", "cursor", cursor)
		names = append(names, r.names()...)
		if cursor = text(r.body, "nextCursor"); cursor == "" {
			slices.Sort(names)
			return names, nil
		}
	}
	return nil, errors.New("pages do not end")
}

func everybody(p *peer) error {
	p.populate()
	names, err := p.walk()
	return first(err, want("all pages", names, "[ada bo cy]"))
}

// config is a probe that a feature is advertised as it is.
func config(f func(config map[string]any) error) func(*peer) error {
	return func(p *peer) error {
		r := p.get("/ServiceProviderConfig")
		return first(want("status", r.status, 200), f(r.body))
	}
}

func supported(feature string, yes bool) func(*peer) error {
	return config(func(c map[string]any) error { return want(feature, value(c, feature, "supported"), yes) })
}

const (
	twoAddresses = `,"emails":[{"value":"a@one.example","type":"work","primary":true},{"value":"b@two.example","type":"home"}]`
	enterprise   = `,"` + scim.EnterpriseUserSchema + `":{"department":"R"}`
	deactivate   = `{"op":"replace","path":"active","value":false}`
)

var noFilter = func(p *peer) reply { p.populate(); return p.list("/Users", "filter", `userName regex "x"`) }

// probes asks, for each fault, what tells it from a good server.
var probes = map[string]func(*peer) error{
	"create-200":              status(201, func(p *peer) reply { return p.post("ada", "") }),
	"create-without-location": func(p *peer) error { return want("Location", p.post("ada", "").header.Get("Location") != "", true) },
	"create-without-body":     func(p *peer) error { return want("userName", text(p.post("ada", "").body, "userName"), "ada") },
	"create-location-differs": func(p *peer) error {
		r := p.post("ada", "")
		return want("Location", r.header.Get("Location"), text(r.body, "meta", "location"))
	},
	"put-204": status(200, func(p *peer) reply {
		return p.do("PUT", "/Users/"+p.user("ada", ""), `{"schemas":["`+scim.UserSchema+`"],"userName":"ada"}`)
	}),
	"delete-200":     status(204, func(p *peer) reply { return p.do("DELETE", "/Users/"+p.user("ada", ""), "") }),
	"missing-200":    status(404, func(p *peer) reply { return p.get("/Users/nobody") }),
	"single-as-list": user("", func(u map[string]any) error { return want("userName", text(u, "userName"), "ada") }),
	"echo": func(p *peer) error {
		r := p.post("ada", `,"meta":{"resourceType":"X"},"groups":[{"value":"1"}],"favouriteColour":"red"`)
		return want("what is not kept", r.body["favouriteColour"], nil)
	},
	"wrong-content-type":    func(p *peer) error { return want("type", p.get("/Users").header.Get("Content-Type"), scim.MediaType) },
	"wrong-method-accepted": status(405, func(p *peer) reply { return p.do("DELETE", "/Users", "") }),

	"errors-in-html":         func(p *peer) error { return isError(p.get("/Users/nobody")) },
	"errors-without-body":    func(p *peer) error { return isError(p.get("/Users/nobody")) },
	"errors-without-schemas": func(p *peer) error { return isError(p.get("/Users/nobody")) },
	"errors-with-number":     func(p *peer) error { return isError(p.get("/Users/nobody")) },
	"errors-nested":          func(p *peer) error { return isError(p.get("/Users/nobody")) },
	"errors-200":             status(404, func(p *peer) reply { return p.get("/Users/nobody") }),
	"errors-with-stack-trace": refused(400, scim.InvalidSyntax, func(p *peer) reply {
		return p.do("POST", "/Users", `{"userName":`)
	}),
	"conflict-400":          refused(409, scim.Uniqueness, func(p *peer) reply { p.user("ada", ""); return p.post("ada", "") }),
	"conflict-without-type": refused(409, scim.Uniqueness, func(p *peer) reply { p.user("ada", ""); return p.post("ada", "") }),
	"conflict-200":          refused(409, scim.Uniqueness, func(p *peer) reply { p.user("ada", ""); return p.post("ada", "") }),
	"conflict-500":          refused(409, scim.Uniqueness, func(p *peer) reply { p.user("ada", ""); return p.post("ada", "") }),
	"login-redirect":        status(401, func(p *peer) reply { return p.get("/Users", "Authorization", "") }),
	"no-challenge": func(p *peer) error {
		r := p.get("/Users", "Authorization", "")
		return want("challenge", strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer"), true)
	},

	"truncated":   func(p *peer) error { p.populate(); return want("pages", p.list("/Users").body != nil, true) },
	"answer-lost": func(p *peer) error { return p.post("ada", "").err },
	"slow": func(p *peer) error {
		began := time.Now()
		p.get("/Users")
		return want("slow", time.Since(began) > time.Second, false)
	},
	"too-many-requests":      steady,
	"too-many-requests-bare": steady,
	"too-many-requests-date": steady,
	"unavailable":            steady,
	"unavailable-bare":       steady,

	"filter-ignored":            finds(`userName eq "bo"`, "[bo]"),
	"filter-first-term":         finds(`title eq "Engineer" and userName eq "bo"`, "[bo]"),
	"filter-exact-names":        finds(`USERNAME eq "bo"`, "[bo]"),
	"filter-value-path-empty":   finds(`emails[type eq "home"]`, "[ada]"),
	"filter-single-values":      finds(`emails.value eq "ada@home.example"`, "[ada]"),
	"filter-name-exact":         finds(`userName eq "BO"`, "[bo]"),
	"filter-external-id-folded": finds(`externalId eq "x1"`, "[bo]"),
	"filter-invalid-empty":      refused(400, scim.InvalidFilter, noFilter),
	"filter-invalid-everybody":  refused(400, scim.InvalidFilter, noFilter),
	"filter-invalid-500":        refused(400, scim.InvalidFilter, noFilter),
	"no-match-404":              status(200, func(p *peer) reply { return p.list("/Users", "filter", `userName eq "nobody"`) }),
	"total-of-page":             page(func(r reply) error { return want("total", r.body["totalResults"], 3.0) }, "count", "2"),
	"total-missing":             page(func(r reply) error { return want("total", r.body["totalResults"], 3.0) }),
	"total-as-string":           page(func(r reply) error { return want("total", r.body["totalResults"] == 3.0, true) }),
	"items-per-page-asked":      page(func(r reply) error { return want("itemsPerPage", r.body["itemsPerPage"], 3.0) }, "count", "50"),
	"start-index-ignored":       page(func(r reply) error { return want("page", r.names(), "[cy]") }, "startIndex", "3", "count", "2"),
	"start-index-from-zero":     page(func(r reply) error { return want("page", r.names(), "[ada bo]") }, "startIndex", "1", "count", "2"),
	"count-ignored":             page(func(r reply) error { return want("page", len(r.page()), 2) }, "count", "2"),
	"count-zero-full":           page(func(r reply) error { return want("page", len(r.page()), 0) }, "count", "0"),
	"count-negative-500":        page(func(r reply) error { return want("page", fmt.Sprint(r.status, len(r.page())), "200 0") }, "count", "-1"),
	"past-end-404":              page(func(r reply) error { return want("status", r.status, 200) }, "startIndex", "9"),
	"order-unstable": func(p *peer) error {
		p.populate()
		one := append(p.list("/Users", "startIndex", "1", "count", "1").names(), p.list("/Users", "startIndex", "2", "count", "2").names()...)
		slices.Sort(one)
		return want("pages", one, "[ada bo cy]")
	},
	"sort-ignored":         page(func(r reply) error { return want("order", r.names(), "[cy bo ada]") }, "sortBy", "userName", "sortOrder", "descending"),
	"sort-descending":      page(func(r reply) error { return want("order", r.names(), "[ada bo cy]") }, "sortBy", "userName"),
	"list-without-schemas": page(func(r reply) error { return want("schemas", r.body["schemas"], []any{scim.ListResponseMessage}) }),
	"list-as-array":        page(func(r reply) error { return want("page", len(r.page()), 3) }),
	"list-without-ids":     page(func(r reply) error { return want("id", text(r.page()[0], "id") != "", true) }),
	"list-repeats":         page(func(r reply) error { return want("page", r.names(), "[ada bo cy]") }),
	"search-404": status(200, func(p *peer) reply {
		return p.do("POST", "/Users/.search", `{"schemas":["`+scim.SearchRequestMessage+`"]}`)
	}),

	"attributes-ignored": page(func(r reply) error { return want("title", r.page()[0]["title"], nil) }, "attributes", "userName"),
	"excluded-ignored":   page(func(r reply) error { return want("title", r.page()[0]["title"], nil) }, "excludedAttributes", "title"),
	"excluded-takes-id":  page(func(r reply) error { return want("id", text(r.page()[0], "id") != "", true) }, "excludedAttributes", "id"),
	"excluded-takes-extensions": page(func(r reply) error {
		return want("department", value(r.page()[0], scim.EnterpriseUserSchema, "department"), "R")
	}, "excludedAttributes", "title"),

	"booleans-as-strings": user(`,"active":true`, func(u map[string]any) error { return want("active", u["active"] == true, true) }),
	"booleans-as-numbers": user(`,"active":true`, func(u map[string]any) error { return want("active", u["active"] == true, true) }),
	"values-alone":        user(twoAddresses, func(u map[string]any) error { return want("emails", emails(u), "[a@one.example b@two.example]") }),
	"two-primaries": user(twoAddresses, func(u map[string]any) error {
		list, _ := u["emails"].([]any)
		return want("second is primary", value(list[1], "primary") == true, false)
	}),
	"schemas-missing": user("", func(u map[string]any) error { return want("schemas", u["schemas"], []any{scim.UserSchema}) }),
	"schemas-wrong":   user("", func(u map[string]any) error { return want("schemas", u["schemas"], []any{scim.UserSchema}) }),
	"extension-flat": user(enterprise, func(u map[string]any) error {
		return want("department", value(u, scim.EnterpriseUserSchema, "department"), "R")
	}),
	"ids-as-numbers": func(p *peer) error { return want("id", p.user("ada", "") != "", true) },
	"ids-change": func(p *peer) error {
		id := p.user("ada", "")
		p.patch("/Users/"+id, `{"op":"replace","path":"title","value":"Dr"}`)
		return want("id", text(p.get("/Users/"+id).body, "id"), id)
	},
	"meta-missing": user("", func(u map[string]any) error { return want("resourceType", text(u, "meta", "resourceType"), "User") }),
	"location-elsewhere": func(p *peer) error {
		id := p.user("ada", "")
		return want("location", text(p.get("/Users/"+id).body, "meta", "location"), p.url+"/Users/"+id)
	},
	"resource-type-wrong": func(p *peer) error {
		return want("resourceType", text(p.get("/Groups/"+p.group("g")).body, "meta", "resourceType"), "Group")
	},
	"times-as-numbers": user("", func(u map[string]any) error {
		_, err := time.Parse(time.RFC3339, text(u, "meta", "created"))
		return err
	}),
	"last-modified-frozen": patched("", `{"op":"replace","path":"title","value":"Dr"}`, func(u map[string]any) error {
		return want("lastModified is created", text(u, "meta", "lastModified") == text(u, "meta", "created"), false)
	}),
	"active-missing":       user(`,"active":false`, func(u map[string]any) error { return want("active", u["active"], false) }),
	"password-returned":    user(`,"password":"secret"`, func(u map[string]any) error { return want("password", u["password"], nil) }),
	"external-id-invented": user("", func(u map[string]any) error { return want("externalId", u["externalId"], nil) }),
	"external-id-dropped":  user(`,"externalId":"1"`, func(u map[string]any) error { return want("externalId", u["externalId"], "1") }),
	"extension-dropped": user(enterprise, func(u map[string]any) error {
		return want("department", value(u, scim.EnterpriseUserSchema, "department"), "R")
	}),
	"text-as-latin1": func(p *peer) error {
		p.user("ärla", "")
		return want("UTF-8", utf8.ValidString(p.list("/Users").raw), true)
	},

	"members-truncated": func(p *peer) error { return many(p, 101) },
	"members-limited":   func(p *peer) error { return many(p, 101) },
	"members-hidden":    func(p *peer) error { return many(p, 1) },
	"members-dropped":   func(p *peer) error { return many(p, 1) },
	"groups-missing": func(p *peer) error {
		id := p.user("ada", "")
		p.group("g", id)
		groups, _ := p.get("/Users/" + id).body["groups"].([]any)
		return want("groups", len(groups), 1)
	},

	"duplicates-accepted": status(409, func(p *peer) reply { p.user("ada", ""); return p.post("ada", "") }),
	"names-exact":         status(409, func(p *peer) reply { p.user("ada", ""); return p.post("ADA", "") }),
	"external-ids-unique": status(201, func(p *peer) reply {
		p.user("ada", `,"externalId":"1"`)
		return p.post("bo", `,"externalId":"1"`)
	}),
	"required-ignored":  status(400, func(p *peer) reply { return p.do("POST", "/Users", `{"schemas":["`+scim.UserSchema+`"]}`) }),
	"read-only-refused": status(201, func(p *peer) reply { return p.post("ada", `,"id":"1","meta":{}`) }),
	"names-case-sensitive": user(`,"TITLE":"Dr"`, func(u map[string]any) error {
		return want("title", u["title"], "Dr")
	}),
	"created-inactive": user(`,"active":true`, func(u map[string]any) error { return want("active", u["active"], true) }),
	"put-creates": status(404, func(p *peer) reply {
		return p.do("PUT", "/Users/nobody", `{"schemas":["`+scim.UserSchema+`"],"userName":"ada"}`)
	}),
	"put-merges": func(p *peer) error {
		id := p.user("ada", `,"title":"Dr"`)
		p.do("PUT", "/Users/"+id, `{"schemas":["`+scim.UserSchema+`"],"userName":"ada","title":null}`)
		return want("title", p.get("/Users/" + id).body["title"], nil)
	},
	"put-ignored": func(p *peer) error {
		id := p.user("ada", "")
		p.do("PUT", "/Users/"+id, `{"schemas":["`+scim.UserSchema+`"],"userName":"ada","title":"Dr"}`)
		return want("title", p.get("/Users/" + id).body["title"], "Dr")
	},
	"put-ignores-members": team(func(p *peer, group string, ids []string) reply {
		return p.do("PUT", "/Groups/"+group, fmt.Sprintf(`{"schemas":[%q],"displayName":"g","members":[{"value":%q}]}`, scim.GroupSchema, ids[2]))
	}, func(ids []string) []string { return ids[2:] }),
	"put-takes-id": func(p *peer) error {
		ada, bo := p.user("ada", ""), p.user("bo", "")
		p.do("PUT", "/Users/"+ada, fmt.Sprintf(`{"schemas":[%q],"id":%q,"userName":"ada","title":"Dr"}`, scim.UserSchema, bo))
		return want("title", p.get("/Users/" + ada).body["title"], "Dr")
	},
	"lost-updates": func(p *peer) error {
		ids := []string{p.user("ada", ""), p.user("bo", "")}
		group := p.group("g")
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() {
				p.patch("/Groups/"+group, fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":%q}]}`, id))
			})
		}
		wg.Wait()
		return want("members", len(members(p.get("/Groups/"+group).body)), 2)
	},

	"delete-disables":    gone,
	"delete-ignored":     gone,
	"delete-unknown-204": status(404, func(p *peer) reply { return p.do("DELETE", "/Users/nobody", "") }),
	"delete-stays-in-lists": func(p *peer) error {
		p.do("DELETE", "/Users/"+p.user("ada", ""), "")
		return want("list", p.list("/Users").names(), "[]")
	},
	"delete-blocks-name": status(201, func(p *peer) reply {
		p.do("DELETE", "/Users/"+p.user("ada", ""), "")
		return p.post("ada", "")
	}),
	"delete-keeps-members": team(func(p *peer, _ string, ids []string) reply {
		return p.do("DELETE", "/Users/"+ids[0], "")
	}, func(ids []string) []string { return ids[1:2] }),
	"ids-reused": func(p *peer) error {
		id := p.user("ada", "")
		p.do("DELETE", "/Users/"+id, "")
		return want("the old id", p.user("ada", "") == id, false)
	},

	"patch-501":            patched("", deactivate, func(map[string]any) error { return nil }),
	"patch-ignored":        patched("", `{"op":"replace","path":"title","value":"Dr"}`, func(u map[string]any) error { return want("title", u["title"], "Dr") }),
	"patch-active-ignored": patched("", deactivate, func(u map[string]any) error { return want("active", u["active"], false) }),
	"patch-active-deletes": patched("", deactivate, func(u map[string]any) error { return want("active", u["active"], false) }),
	"patch-not-atomic": func(p *peer) error {
		id := p.user("ada", "")
		p.patch("/Users/"+id, `{"op":"replace","path":"title","value":"Dr"},{"op":"replace","path":"nothing","value":"x"}`)
		return want("title", p.get("/Users/" + id).body["title"], nil)
	},
	"patch-first-only": patched("", `{"op":"replace","path":"title","value":"A"},{"op":"replace","path":"title","value":"B"}`,
		func(u map[string]any) error { return want("title", u["title"], "B") }),
	"patch-exact-op":   patched("", `{"op":"Replace","path":"title","value":"A"}`, func(map[string]any) error { return nil }),
	"patch-needs-path": patched("", `{"op":"replace","value":{"title":"A"}}`, func(map[string]any) error { return nil }),
	"patch-no-filters": patched(twoAddresses, `{"op":"replace","path":"emails[type eq \"work\"].value","value":"c@example.com"}`,
		func(map[string]any) error { return nil }),
	"patch-unknown-path": status(400, func(p *peer) reply {
		return p.patch("/Users/"+p.user("ada", ""), `{"op":"add","path":"foo","value":"x"}`)
	}),
	"patch-read-only": status(400, func(p *peer) reply {
		return p.patch("/Users/"+p.user("ada", ""), `{"op":"replace","path":"meta.version","value":"x"}`)
	}),
	"patch-remove-required": status(400, func(p *peer) reply { return p.patch("/Users/"+p.user("ada", ""), `{"op":"remove","path":"userName"}`) }),
	"patch-swaps-complex": patched(`,"name":{"givenName":"Ada","familyName":"Osei"}`, `{"op":"replace","path":"name","value":{"familyName":"Mensah"}}`,
		func(u map[string]any) error { return want("givenName", text(u, "name", "givenName"), "Ada") }),
	"patch-add-replaces": patched(twoAddresses, `{"op":"add","path":"emails","value":[{"value":"c@example.com"}]}`,
		func(u map[string]any) error { return want("emails", len(emails(u)), 3) }),
	"patch-replace-adds": team(func(p *peer, group string, ids []string) reply {
		return p.patch("/Groups/"+group, fmt.Sprintf(`{"op":"replace","path":"members","value":[{"value":%q}]}`, ids[2]))
	}, func(ids []string) []string { return ids[2:] }),
	"patch-remove-empties": team(removes, func(ids []string) []string { return ids[1:2] }),
	"patch-remove-ignored": team(removes, func(ids []string) []string { return ids[1:2] }),
	"patch-member-twice-500": team(func(p *peer, group string, ids []string) reply {
		return p.patch("/Groups/"+group, fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":%q}]}`, ids[0]))
	}, func(ids []string) []string { return ids[:2] }),
	"patch-attributes-204": status(200, func(p *peer) reply {
		return p.patch("/Users/"+p.user("ada", "")+"?attributes=userName", `{"op":"replace","path":"title","value":"Dr"}`)
	}),
	"patch-null-kept": patched(`,"title":"Dr"`, `{"op":"replace","path":"title","value":null}`,
		func(u map[string]any) error { return want("title", u["title"], nil) }),
	"patch-operations-limited": patched("", strings.TrimSuffix(strings.Repeat(`{"op":"replace","path":"title","value":"A"},`, 50), ","),
		func(map[string]any) error { return nil }),

	"etag-missing": func(p *peer) error {
		return want("ETag", p.get("/Users/"+p.user("ada", "")).header.Get("ETag") != "", true)
	},
	"etag-differs": func(p *peer) error {
		r := p.get("/Users/" + p.user("ada", ""))
		return want("ETag", r.header.Get("ETag"), text(r.body, "meta", "version"))
	},
	"etag-frozen": func(p *peer) error {
		r := p.post("ada", "")
		p.patch("/Users/"+text(r.body, "id"), deactivate)
		return want("the old ETag", p.get("/Users/"+text(r.body, "id")).header.Get("ETag") == r.header.Get("ETag"), false)
	},
	"etag-unquoted": user("", func(u map[string]any) error {
		return want("quoted", strings.HasSuffix(text(u, "meta", "version"), `"`), true)
	}),
	"noop-touches": func(p *peer) error {
		r := p.post("ada", `,"title":"Dr"`)
		p.patch("/Users/"+text(r.body, "id"), `{"op":"replace","path":"title","value":"Dr"}`)
		return want("ETag", p.get("/Users/"+text(r.body, "id")).header.Get("ETag"), r.header.Get("ETag"))
	},
	"if-match-ignored": status(412, func(p *peer) reply { return p.patch("/Users/"+p.user("ada", ""), deactivate, "If-Match", `W/"old"`) }),
	"if-match-strong": status(200, func(p *peer) reply {
		r := p.post("ada", "")
		return p.patch("/Users/"+text(r.body, "id"), deactivate, "If-Match", r.header.Get("ETag"))
	}),
	"if-none-match-ignored": status(304, func(p *peer) reply {
		r := p.post("ada", "")
		return p.get("/Users/"+text(r.body, "id"), "If-None-Match", r.header.Get("ETag"))
	}),

	"config-404":               status(200, func(p *peer) reply { return p.get("/ServiceProviderConfig") }),
	"config-as-list":           supported("patch", true),
	"config-denies-filter":     supported("filter", true),
	"config-denies-patch":      supported("patch", true),
	"config-promises-password": supported("changePassword", false),
	"config-small-page": func(p *peer) error {
		for i := range 11 {
			p.user(fmt.Sprint("user", i), "")
		}
		most, _ := value(p.get("/ServiceProviderConfig").body, "filter", "maxResults").(float64)
		return want("a page is larger than advertised", len(p.list("/Users", "count", "1000").page()) > int(most), false)
	},
	"config-incomplete": config(func(c map[string]any) error {
		return want("authenticationSchemes", c["authenticationSchemes"] != nil, true)
	}),
	"schemas-as-array": func(p *peer) error { return want("schemas", len(p.get("/Schemas").page()) > 2, true) },
	"schemas-404":      status(200, func(p *peer) reply { return p.get("/Schemas") }),
	"schemas-wrong-type": func(p *peer) error {
		attributes, _ := p.get("/Schemas/" + scim.UserSchema).body["attributes"].([]any)
		i := slices.IndexFunc(attributes, func(a any) bool { return text(a, "name") == "active" })
		return want("type of active", text(attributes[i], "type"), "boolean")
	},
	"resource-types-malformed": func(p *peer) error { return want("types", len(p.get("/ResourceTypes").page()), 2) },
	"discovery-filtered":       status(403, func(p *peer) reply { return p.list("/Schemas", "filter", "id pr") }),
	"discovery-paged":          func(p *peer) error { return want("types", len(p.list("/ResourceTypes", "count", "1").page()), 2) },

	"scim-json-unacceptable": status(200, func(p *peer) reply { return p.get("/Users", "Accept", scim.MediaType) }),
	"json-unacceptable":      status(200, func(p *peer) reply { return p.get("/Users", "Accept", "application/json") }),
	"scim-json-refused":      status(201, func(p *peer) reply { return p.post("ada", "") }),
	"charset-refused": status(201, func(p *peer) reply {
		return p.do("POST", "/Users", `{"schemas":["`+scim.UserSchema+`"],"userName":"ada"}`, "Content-Type", scim.MediaType+"; charset=utf-8")
	}),

	"open-door":     status(401, func(p *peer) reply { return p.get("/Users", "Authorization", "") }),
	"tenant-tokens": status(401, func(p *peer) reply { return p.get("/Users", "Authorization", "Bearer "+p.other.token) }),
	"tenant-ids": func(p *peer) error {
		p.other.user("ada", "")
		id := p.other.user("bo", "")
		return want("status", p.get("/Users/"+id).status, 404)
	},
	"tenant-lists": func(p *peer) error {
		p.other.user("ada", "")
		return want("users", p.list("/Users").names(), "[]")
	},
	"tenant-names": status(201, func(p *peer) reply {
		p.other.user("ada", "")
		return p.post("ada", "")
	}),

	"cursor-endless": everybody,
	"cursor-lost":    everybody,
	"cursor-ignored": everybody,
	"cursor-forged":  status(400, func(p *peer) reply { return p.list("/Users", "cursor", "forged") }),

	"bulk-501":           status(200, func(p *peer) reply { return mixed(p, "") }),
	"bulk-status-object": func(p *peer) error { return want("status", mixed(p, "").results()[0]["status"], "201") },
	"bulk-response-string": func(p *peer) error {
		return want("scimType", text(mixed(p, "").results()[1], "response", "scimType"), "uniqueness")
	},
	"bulk-without-id":        func(p *peer) error { return want("bulkId", mixed(p, "").results()[0]["bulkId"], "a") },
	"bulk-without-location":  func(p *peer) error { return want("location", text(mixed(p, "").results()[0], "location") != "", true) },
	"bulk-status-of-failure": status(200, func(p *peer) reply { return mixed(p, "") }),
	"bulk-stops":             func(p *peer) error { return want("results", len(mixed(p, "").results()), 3) },
	"bulk-fail-on-errors-ignored": func(p *peer) error {
		return want("results", len(mixed(p, `"failOnErrors":1,`).results()), 2)
	},
	"bulk-ids-unresolved": func(p *peer) error {
		r := p.job("", creates("a", "ada")+`,{"method":"POST","path":"/Groups","bulkId":"g","data":{"schemas":["`+scim.GroupSchema+`"],"displayName":"g","members":[{"value":"bulkId:a"}]}}`)
		if len(r.results()) != 2 {
			return fmt.Errorf("got %s", r.raw)
		}
		_, id, _ := strings.Cut(text(r.results()[1], "location"), "/Groups/")
		return want("members", len(members(p.get("/Groups/"+id).body)), 1)
	},
	"bulk-limit-hidden": status(200, func(p *peer) reply { return mixed(p, "") }),
	"bulk-duplicate-ids": func(p *peer) error {
		r := p.job("", creates("a", "ada")+","+creates("a", "bo"))
		made := slices.ContainsFunc(r.results(), func(o map[string]any) bool { return o["status"] == "201" })
		return want("both were created", made && len(p.list("/Users").names()) == 2, false)
	},
}

// gone complains if a deleted user can still be read.
func gone(p *peer) error {
	id := p.user("ada", "")
	p.do("DELETE", "/Users/"+id, "")
	return want("status", p.get("/Users/"+id).status, 404)
}

// removes takes the first user out of a group.
func removes(p *peer, group string, ids []string) reply {
	return p.patch("/Groups/"+group, fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, ids[0]))
}

// many complains if a group does not show all its members.
func many(p *peer, n int) error {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = p.user(fmt.Sprint("user", i), "")
	}
	r := p.get("/Groups/" + p.group("g", ids...))
	return want("members", len(members(r.body)), n)
}
