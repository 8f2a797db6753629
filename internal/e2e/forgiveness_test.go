package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestForgiveness plays what identity providers are known to send (F1 to F27 of the project's
// list) against one hub with both kinds of target, and in the end both have all that the hub
// has. Every conversation uses names of its own.
func TestForgiveness(t *testing.T) {
	app := startHub(t, t.TempDir())
	recv := newReceiver(t)
	h := startHub(t, t.TempDir(), "--config", targets(t, recv, app))
	unguarded(h) // a day's worth of everybody's work in a second is no usual amount
	t.Run("conversations", func(t *testing.T) {
		for _, table := range []map[string][]say{dialectRows, bodyRows, queryRows, stateRows} {
			for name, steps := range maps.All(table) {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					newConversation(t, h).play(steps...)
				})
			}
		}
		t.Run("F24 parallel writes of one group", func(t *testing.T) {
			t.Parallel()
			parallelMembers(t, newConversation(t, h))
		})
	})
	sameAsHub(t, h, app)
	recv.hasAll(t, h)
}

// parallelMembers is SailPoint: one PATCH per member, all at once, none of them repeated.
func parallelMembers(t *testing.T, c *conversation) {
	t.Helper()
	const n = 100
	c.say(found("g", "F24"))
	for i := range n {
		c.say(hire(fmt.Sprint("m", i), fmt.Sprintf("f24-%d@acme.test", i)))
	}
	for _, round := range []struct{ op, event string }{
		{`{"op":"add","path":"members","value":[{"value":"${m%d}"}]}`, added},
		{`{"op":"remove","path":"members[value eq \"${m%d}\"]"}`, removed},
		{`{"op":"Add","path":"members","value":[{"$ref":null,"value":"${m%d}"}]}`, added},
		{`{"op":"Remove","path":"members","value":[{"$ref":null,"value":"${m%d}"}]}`, removed},
	} {
		var wg sync.WaitGroup
		answers := make([]answer, n)
		steps := make([]say, n)
		for i := range n {
			steps[i] = patchGroup("g", fmt.Sprintf(round.op, i), round.event)
			wg.Go(func() { answers[i] = c.send(steps[i]) })
		}
		wg.Wait()
		for i, a := range answers {
			if a.status != http.StatusNoContent {
				t.Errorf("%s: %d %s", steps[i].note, a.status, a.body)
			}
			c.said[a.header.Get("X-Request-Id")] = said{steps[i].note, steps[i].events}
		}
		var all []string
		if round.event == added {
			for i := range n {
				all = append(all, fmt.Sprint("m", i))
			}
		}
		c.say(hasMembers("g", all...))
	}
	c.checkEvents()
}

// What the steps below create: a User, and a Group of the members with the kept names.
func hire(name, userName string) say {
	return say{
		note: "hire", req: "POST /Users", status: 201, keep: name, events: []string{"user.created"},
		body: fmt.Sprintf(`{"schemas":[%q],"userName":%q,"active":true,"displayName":%q,"name":{"givenName":"G","familyName":"F"},
			"emails":[{"primary":true,"type":"work","value":%q}]}`, userSchema, userName, name, userName),
	}
}

func found(name, displayName string, members ...string) say {
	s := say{note: "found", req: "POST /Groups", status: 201, keep: name, events: []string{"group.created"}}
	list := make([]string, len(members))
	for i, m := range members {
		list[i] = fmt.Sprintf(`{"value":"${%s}"}`, m)
		s.events = append(s.events, "group.member_added")
	}
	s.body = fmt.Sprintf(`{"schemas":[%q],"displayName":%q,"members":[%s]}`, groupSchema, displayName, strings.Join(list, ","))
	return s
}

// patchUser and patchGroup are PATCH requests with these operations.
func patchUser(name, ops, want string, events ...string) say {
	return say{
		note: ops, req: "PATCH /Users/${" + name + "}", status: 200, want: want, events: events,
		body: fmt.Sprintf(`{"schemas":[%q],"Operations":[%s]}`, patchSchema, ops),
	}
}

func patchGroup(name, ops string, events ...string) say {
	return say{
		note: ops, req: "PATCH /Groups/${" + name + "}", status: 204, events: events,
		body: fmt.Sprintf(`{"schemas":[%q],"Operations":[%s]}`, patchSchema, ops),
	}
}

// refused is a step that is answered with 400 and this scimType, and changes nothing.
func refused(s say, scimType string) say {
	s.status, s.events, s.keep = 400, nil, ""
	s.want = fmt.Sprintf(`{"status":"400","scimType":%q,"detail":"*"}`, scimType)
	return s
}

// hasMembers reads a group.
func hasMembers(group string, members ...string) say {
	list := make([]string, len(members))
	for i, m := range members {
		list[i] = fmt.Sprintf(`{"value":"${%s}"}`, m)
	}
	want := fmt.Sprintf(`{"members":[%s]}`, strings.Join(list, ","))
	if len(members) == 0 {
		want = `{"members":null}`
	}
	return say{req: "GET /Groups/${" + group + "}", status: 200, want: want}
}

const added, removed = "group.member_added", "group.member_removed"

// dialectRows are about how a PATCH is written.
var dialectRows = map[string][]say{
	"F1 names, operations and operators in any case": {
		{
			req: "POST /Users", status: 201, keep: "u", events: []string{"user.created"},
			body: `{"SCHEMAS":["URN:ietf:params:scim:schemas:core:2.0:user"],"username":"f1@acme.test","DisplayName":"One","Emails":[{"Value":"f1@acme.test","TYPE":"work","Primary":true}]}`,
			want: `{"userName":"f1@acme.test","displayName":"One","emails":[{"value":"f1@acme.test","type":"work","primary":true}]}`,
		},
		{
			req: "PATCH /Users/${u}", status: 200, events: []string{"user.updated"},
			body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"operations":[{"OP":"REPLACE","Path":"DISPLAYNAME","Value":"Two"},{"op":"Add","path":"EMAILS[Type EQ \"work\"].Value","value":"two@acme.test"}]}`,
			want: `{"displayName":"Two","emails":[{"value":"two@acme.test","type":"work"}]}`,
		},
		{req: `GET /Users?filter=USERNAME EQ "F1@acme.test" AND Active Eq True`, status: 200, want: `{"totalResults":1}`},
		{req: `GET /Users?FILTER=userName eq "f1@acme.test"`, note: "parameter names are not attribute names", status: 200},
		patchUser("u", `{"op":"Remove","path":"Emails[TYPE Eq \"WORK\"]"}`, `{"emails":null}`, "user.updated"),
	},
	"F2 booleans as strings": {
		{
			req: "POST /Users", status: 201, keep: "u", events: []string{"user.created"},
			body: `{"schemas":["` + userSchema + `"],"userName":"f2@acme.test","active":"True","emails":[{"value":"f2@acme.test","primary":"true"}]}`,
			want: `{"active":true,"emails":[{"primary":true}]}`,
		},
		patchUser("u", `{"op":"Replace","path":"active","value":"False"}`, `{"active":false}`, "user.deactivated"),
		patchUser("u", `{"op":"Replace","path":"active","value":"FALSE"}`, `{"active":false}`),
		patchUser("u", `{"op":"replace","path":"active","value":[true]}`, `{"active":true}`, "user.reactivated"),
		patchUser("u", `{"op":"replace","path":"active","value":["false"]}`, `{"active":false}`, "user.deactivated"),
		patchUser("u", `{"op":"replace","value":{"active":"tRuE"}}`, `{"active":true}`, "user.reactivated"),
		patchUser("u", `{"op":"Add","path":"active","value":"false"}`, `{"active":false}`, "user.deactivated"),
		refused(patchUser("u", `{"op":"replace","path":"active","value":"yes"}`, ""), "invalidValue"),
		refused(patchUser("u", `{"op":"replace","path":"active","value":"1"}`, ""), "invalidValue"),
		refused(patchUser("u", `{"op":"replace","path":"active","value":1}`, ""), "invalidValue"),
		refused(patchUser("u", `{"op":"replace","path":"active","value":""}`, ""), "invalidValue"),
		refused(patchUser("u", `{"op":"replace","path":"active","value":"true "}`, ""), "invalidValue"),
		refused(patchUser("u", `{"op":"replace","path":"active","value":[true,true]}`, ""), "invalidValue"),
		refused(patchUser("u", `{"op":"replace","path":"active","value":{"value":true}}`, ""), "invalidValue"),
		{
			req: "PUT /Users/${u}", status: 200, events: []string{"user.reactivated"}, want: `{"active":true}`,
			body: `{"schemas":["` + userSchema + `"],"userName":"f2@acme.test","active":"true","emails":[{"value":"f2@acme.test","primary":"TRUE"}]}`,
		},
		refused(say{req: "PUT /Users/${u}", body: `{"schemas":["` + userSchema + `"],"userName":"f2@acme.test","active":"no"}`}, "invalidValue"),
		{req: "GET /Users/${u}", status: 200, want: `{"active":true}`},
	},
	"F3 a remove of members with a value removes those": {
		hire("a", "f3a@acme.test"), hire("b", "f3b@acme.test"), hire("c", "f3c@acme.test"), hire("d", "f3d@acme.test"), hire("e", "f3e@acme.test"),
		found("g", "F3", "a", "b", "c", "d", "e"),
		patchGroup("g", `{"op":"Remove","path":"members","value":[{"$ref":null,"value":"${a}"}]}`, removed),
		hasMembers("g", "b", "c", "d", "e"),
		patchGroup("g", `{"op":"Remove","path":"members","value":[{"$ref":null,"value":"${a}"}]}`),
		patchGroup("g", `{"op":"remove","path":"members","value":{"value":"${b}"}}`, removed),
		patchGroup("g", `{"op":"remove","path":"members","value":{"members":[{"value":"${c}"}]}}`, removed),
		patchGroup("g", `{"op":"remove","path":"members","value":[]}`),
		patchGroup("g", `{"op":"remove","path":"members","value":{"members":[]}}`),
		patchGroup("g", `{"op":"remove","path":"members[value eq \"nobody\"]"}`),
		patchGroup("g", `{"op":"remove","path":"members","value":[{"value":"nobody"}]}`),
		hasMembers("g", "d", "e"),
		refused(patchGroup("g", `{"op":"remove","path":"members","value":[{"display":"x"}]}`), "invalidValue"),
		refused(patchGroup("g", `{"op":"remove","path":"members","value":[{"value":7}]}`), "invalidValue"),
		refused(patchGroup("g", `{"op":"remove","path":"members","value":{"user":"x"}}`), "invalidValue"),
		hasMembers("g", "d", "e"),
		patchGroup("g", `{"op":"remove","path":"members"}`, removed, removed),
		hasMembers("g"),
		patchGroup("g", `{"op":"remove","path":"members"}`),
	},
	"F4 an add with the filter in the path": {
		hire("a", "f4a@acme.test"), found("g", "F4"),
		patchGroup("g", `{"op":"add","path":"members[value eq \"${a}\"]"}`, added),
		hasMembers("g", "a"),
		patchGroup("g", `{"op":"add","path":"members[value eq \"${a}\"]"}`),
		patchGroup("g", `{"op":"add","path":"members","value":[{"value":"${a}"}]}`),
		patchGroup("g", `{"op":"add","path":"members","value":{"value":"${a}","type":"User","display":"A"}}`),
		patchGroup("g", `{"op":"remove","path":"members[value eq \"${a}\"]"},{"op":"add","path":"members","value":[{"value":"${a}","display":"login"}]}`),
		refused(patchUser("a", `{"op":"add","path":"title"}`, ""), "invalidValue"),
		hasMembers("g", "a"),
	},
	"F5 dotted and qualified keys in a value without path": {
		hire("u", "f5@acme.test"),
		patchUser("u", `{"op":"replace","value":{"displayName":"Chidi","name.givenName":"Chidi","NAME.middleName":"A","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber":"20078"}}`,
			`{"displayName":"Chidi","name":{"givenName":"Chidi","middleName":"A","familyName":"F"},"name.givenName":null,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"20078"}}`, "user.updated"),
		patchUser("u", `{"op":"add","value":{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"R","urn:ietf:params:scim:schemas:core:2.0:User:title":"T"}}`,
			`{"title":"T","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"20078","department":"R"}}`, "user.updated"),
		patchUser("u", `{"op":"replace","value":{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"S"}}}`,
			`{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"20078","department":"S"}}`, "user.updated"),
		patchUser("u", `{"op":"replace","value":{"emails[type eq \"work\"].value":"new@acme.test"}}`,
			`{"emails":[{"value":"new@acme.test","type":"work","primary":true}]}`, "user.updated"),
		patchUser("u", `{"op":"replace","value":{"name.familyName":"F"}}`, `{"name":{"familyName":"F"}}`),
	},
	"F6 enterprise attributes without their URN": {
		hire("u", "f6@acme.test"), hire("boss", "f6boss@acme.test"),
		patchUser("u", `{"op":"Add","path":"department","value":"R&D"},{"op":"replace","value":{"costCenter":"CC","division":"D"}}`,
			`{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"R&D","costCenter":"CC","division":"D"}}`, "user.updated"),
		patchUser("u", `{"op":"Add","path":"manager","value":"${boss}"}`, `{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"${boss}"}}}`, "user.updated"),
		{req: `GET /Users?filter=id eq "${u}" and manager eq "${boss}"&attributes=id`, status: 200, want: `{"totalResults":1,"Resources":[{"id":"${u}","userName":null}]}`},
		{req: `GET /Users?filter=id eq "${boss}" and manager eq "${u}"&attributes=id`, status: 200, want: `{"totalResults":0}`},
		{req: `GET /Users?filter=costCenter eq "cc" and id eq "${u}"`, status: 200, want: `{"totalResults":1}`},
		patchUser("u", `{"op":"Remove","path":"Department"}`, `{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":null,"costCenter":"CC"}}`, "user.updated"),
	},
	"F8 a value path that matches nothing makes the element": {
		hire("u", "f8@acme.test"),
		patchUser("u", `{"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"555"}`, `{"phoneNumbers":[{"type":"mobile","value":"555"}]}`, "user.updated"),
		patchUser("u", `{"op":"Replace","path":"addresses[type eq \"work\"].streetAddress","value":"1 High St"},{"op":"Replace","path":"addresses[type eq \"work\"].locality","value":"Accra"}`,
			`{"addresses":[{"type":"work","streetAddress":"1 High St","locality":"Accra"}]}`, "user.updated"),
		patchUser("u", `{"op":"Replace","path":"emails[type eq \"home\"]","value":{"value":"h@acme.test"}}`,
			`{"emails":[{"type":"work"},{"type":"home","value":"h@acme.test"}]}`, "user.updated"),
		patchUser("u", `{"op":"Add","path":"emails[type eq \"other\" and primary eq false].value","value":"o@acme.test"}`,
			`{"emails":[{"type":"work"},{"type":"home"},{"type":"other","value":"o@acme.test"}]}`, "user.updated"),
		patchUser("u", `{"op":"Add","path":"roles[primary eq \"True\"].value","value":"admin"}`, `{"roles":[{"primary":true,"value":"admin"}]}`, "user.updated"),
		patchUser("u", `{"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"555"}`, `{"phoneNumbers":[{"type":"mobile","value":"555"}]}`),
	},
	"F9 a replace of a complex attribute merges": {
		hire("u", "f9@acme.test"),
		patchUser("u", `{"op":"replace","path":"name","value":{"familyName":"Bell"}}`, `{"name":{"givenName":"G","familyName":"Bell"}}`, "user.updated"),
		patchUser("u", `{"op":"Replace","value":{"name":{"middleName":"M"}}}`, `{"name":{"givenName":"G","middleName":"M","familyName":"Bell"}}`, "user.updated"),
		patchUser("u", `{"op":"replace","path":"name","value":{"middleName":null}}`, `{"name":{"givenName":"G","middleName":null,"familyName":"Bell"}}`, "user.updated"),
		patchUser("u", `{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","value":{"department":"A","costCenter":"B"}}`, `{"`+enterprise+`":{"department":"A","costCenter":"B"}}`, "user.updated"),
		patchUser("u", `{"op":"replace","value":{"`+enterprise+`":{"department":null,"division":"C"}}}`, `{"`+enterprise+`":{"department":null,"costCenter":"B","division":"C"}}`, "user.updated"),
		patchUser("u", `{"op":"replace","value":{"title":null,"nickName":null}}`, `{"title":null}`),
	},
}
