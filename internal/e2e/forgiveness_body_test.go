package e2e

// bodyRows are about what stands in a body: managers, what a client may not write, what it
// leaves out and what nobody knows.
var bodyRows = map[string][]say{
	"F7 a manager in every form": {
		hire("boss", "f7boss@acme.test"), hire("u", "f7@acme.test"),
		patchUser("u", `{"op":"Add","path":"`+enterprise+`:manager","value":"${boss}"}`,
			`{"`+enterprise+`":{"manager":{"value":"${boss}","displayName":"boss","$ref":"${base}/Users/${boss}"}}}`, "user.updated"),
		patchUser("u", `{"op":"Add","path":"manager","value":[{"$ref":"http://x.test/Users/${boss}","value":"${boss}"}]}`, `{"`+enterprise+`":{"manager":{"value":"${boss}"}}}`),
		patchUser("u", `{"op":"replace","path":"`+enterprise+`:manager","value":{"value":"${boss}"}}`, `{"`+enterprise+`":{"manager":{"value":"${boss}"}}}`),
		patchUser("u", `{"op":"replace","path":"`+enterprise+`:manager.value","value":"${boss}"}`, `{"`+enterprise+`":{"manager":{"value":"${boss}"}}}`),
		patchUser("u", `{"op":"Replace","path":"`+enterprise+`:manager","value":""}`, `{"`+enterprise+`":null}`, "user.updated"),
		patchUser("u", `{"op":"Replace","path":"manager","value":null}`, `{"`+enterprise+`":null}`),
		patchUser("u", `{"op":"replace","value":{"`+enterprise+`":{"manager":{"managerId":"${boss}","displayName":"Boss"}}}}`, `{"`+enterprise+`":{"manager":{"value":"${boss}"}}}`, "user.updated"),
		patchUser("u", `{"op":"replace","value":{"`+enterprise+`:manager":" "}}`, `{"`+enterprise+`":null}`, "user.updated"),
		patchUser("u", `{"op":"replace","value":{"manager":"${boss}"}}`, `{"`+enterprise+`":{"manager":{"value":"${boss}"}}}`, "user.updated"),
		patchUser("u", `{"op":"Remove","path":"manager"}`, `{"`+enterprise+`":null}`, "user.updated"),
		patchUser("u", `{"op":"Add","path":"manager","value":"not-here-yet"}`, `{"`+enterprise+`":{"manager":{"value":"not-here-yet","displayName":null}}}`, "user.updated"),
		patchUser("u", `{"op":"Replace","path":"manager","value":[]}`, `{"`+enterprise+`":null}`, "user.updated"),
		{
			note: "OneLogin's template", req: "POST /Users", status: 201, keep: "v", events: []string{"user.created"},
			body: `{"schemas":["` + userSchema + `"],"userName":"f7v@acme.test","` + enterprise + `":{"department":"","manager":{"managerId":"","displayName":" "}}}`,
			want: `{"` + enterprise + `":null}`,
		},
		{
			note: "a string", req: "PUT /Users/${v}", status: 200, events: []string{"user.updated"},
			body: `{"schemas":["` + userSchema + `"],"userName":"f7v@acme.test","` + enterprise + `":{"manager":"${boss}"}}`,
			want: `{"` + enterprise + `":{"manager":{"value":"${boss}"}},"schemas":["` + userSchema + `","` + enterprise + `"]}`,
		},
		{
			note: "an array", req: "PUT /Users/${v}", status: 200,
			body: `{"schemas":["` + userSchema + `","` + enterprise + `"],"userName":"f7v@acme.test","` + enterprise + `":{"manager":[{"value":"${boss}"}]}}`,
		},
		{
			note: "managerId", req: "PUT /Users/${v}", status: 200,
			body: `{"schemas":["` + userSchema + `","` + enterprise + `"],"userName":"f7v@acme.test","` + enterprise + `":{"manager":{"managerId":"${boss}"}}}`,
		},
		{
			note: "blank", req: "PUT /Users/${v}", status: 200, events: []string{"user.updated"},
			body: `{"schemas":["` + userSchema + `"],"userName":"f7v@acme.test","` + enterprise + `":{"manager":{"value":"","displayName":null}}}`,
			want: `{"` + enterprise + `":null}`,
		},
	},
	"F7 a manager who is nobody, or nobody any more": {
		hire("boss", "f7gone@acme.test"), hire("u", "f7x@acme.test"), hire("v", "f7y@acme.test"),
		patchUser("u", `{"op":"Add","path":"manager","value":"never-there"}`, `{"`+enterprise+`":{"manager":{"value":"never-there","displayName":null}}}`, "user.updated"),
		patchUser("v", `{"op":"Add","path":"manager","value":"${boss}"}`, `{"`+enterprise+`":{"manager":{"value":"${boss}","displayName":"boss"}}}`, "user.updated"),
		{req: "DELETE /Users/${boss}", status: 204, events: []string{"user.deleted"}},
		{req: "GET /Users/${v}", status: 200, want: `{"` + enterprise + `":{"manager":{"value":"${boss}","displayName":null}}}`},
		{req: `GET /Users?filter=id eq "${v}" and manager eq "${boss}"`, status: 200, want: `{"totalResults":1}`},
		patchUser("u", `{"op":"Add","path":"manager","value":"never-there"}`, ""),
	},
	"F10 what a client may not write": {
		{
			req: "POST /Users", status: 201, keep: "u", events: []string{"user.created"},
			body: `{"schemas":["` + userSchema + `"],"id":"mine","userName":"f10@acme.test","meta":{"resourceType":"User","created":"2001-01-01T00:00:00Z"},"groups":[{"value":"x"}],"groups2":1}`,
			want: `{"groups":null,"meta":{"resourceType":"User"}}`,
		},
		{note: "not under that id", req: "GET /Users/mine", status: 404, want: `{"status":"404"}`},
		found("g", "F10"),
		{
			note: "Okta puts back what it read", req: "PUT /Users/${u}", status: 200,
			body: `{"schemas":["` + userSchema + `"],"id":"other","userName":"f10@acme.test","active":true,"meta":{"version":"W/\"77\"","location":"http://evil.test"},"groups":[{"value":"${g}","display":"F10"}]}`,
			want: `{"id":"${u}","groups":null}`,
		},
		hasMembers("g"),
		patchUser("u", `{"op":"replace","value":{"id":"other","meta":{"created":"x"},"groups":[{"value":"${g}"}],"schemas":["x"],"title":"T"}}`, `{"id":"${u}","title":"T","groups":null}`, "user.updated"),
		patchGroup("g", `{"op":"replace","value":{"schemas":["`+groupSchema+`"],"id":"${g}","displayName":"F10 new","externalId":"gx"}}`, "group.updated"),
		patchGroup("g", `{"op":"replace","value":{"id":"${g}","displayName":"F10 new"}}`),
		refused(patchUser("u", `{"op":"replace","path":"id","value":"x"}`, ""), "mutability"),
		refused(patchUser("u", `{"op":"replace","path":"meta","value":{}}`, ""), "mutability"),
		refused(patchUser("u", `{"op":"add","path":"groups","value":[{"value":"${g}"}]}`, ""), "mutability"),
		refused(patchUser("u", `{"op":"remove","path":"groups"}`, ""), "mutability"),
		refused(patchUser("u", `{"op":"replace","path":"meta.created","value":"2001-01-01T00:00:00Z"}`, ""), "mutability"),
	},
	"F11 passwords are dropped": {
		{
			req: "POST /Users", status: 201, keep: "u", events: []string{"user.created"},
			body: `{"schemas":["` + userSchema + `"],"userName":"f11@acme.test","password":"t1meMa$heen"}`, want: `{"password":null}`,
		},
		patchUser("u", `{"op":"replace","path":"password","value":"t1meMa$heen2"}`, `{"password":null}`),
		patchUser("u", `{"op":"replace","value":{"password":"t1meMa$heen3","title":"T"}}`, `{"password":null,"title":"T"}`, "user.updated"),
		{
			req: "PUT /Users/${u}", status: 200, want: `{"password":null}`,
			body: `{"schemas":["` + userSchema + `"],"userName":"f11@acme.test","title":"T","password":"t1meMa$heen4"}`,
		},
		{req: "GET /Users/${u}?attributes=password,userName", status: 200, want: `{"password":null,"userName":"f11@acme.test"}`},
	},
	"F12 what a PUT leaves out": {
		{
			req: "POST /Users", status: 201, keep: "u", events: []string{"user.created"},
			body: `{"schemas":["` + userSchema + `"],"userName":"f12@acme.test","externalId":"f12-ext","active":true,"title":"T","emails":[{"value":"f12@acme.test"}],"` + enterprise + `":{"department":"D"}}`,
		},
		found("g", "F12", "u"),
		patchUser("u", `{"op":"replace","value":{"active":false}}`, "", "user.deactivated"),
		{
			note: "a leaver stays one", req: "PUT /Users/${u}", status: 200, events: []string{"user.updated"},
			body: `{"schemas":["` + userSchema + `"],"userName":"f12@acme.test"}`,
			want: `{"active":false,"externalId":"f12-ext","title":null,"emails":null,"` + enterprise + `":null,"schemas":["` + userSchema + `"],"groups":[{"value":"${g}"}]}`,
		},
		{
			note: "so does one whose template has no value", req: "PUT /Users/${u}", status: 200, want: `{"active":false}`,
			body: `{"schemas":["` + userSchema + `"],"userName":"f12@acme.test","active":null}`,
		},
		patchUser("u", `{"op":"replace","path":"active","value":null}`, `{"active":false}`),
		{
			note: "null is not left out", req: "PUT /Users/${u}", status: 200, events: []string{"user.updated"},
			body: `{"schemas":["` + userSchema + `"],"userName":"f12@acme.test","externalId":null}`, want: `{"active":false,"externalId":null}`,
		},
		{
			req: "PUT /Groups/${g}", status: 200, events: []string{"group.updated"},
			body: `{"schemas":["` + groupSchema + `"],"displayName":"F12 renamed"}`, want: `{"members":[{"value":"${u}"}]}`,
		},
		{
			req: "PUT /Groups/${g}", status: 200, events: []string{removed},
			body: `{"schemas":["` + groupSchema + `"],"displayName":"F12 renamed","members":[]}`, want: `{"members":null}`,
		},
		{
			note: "AIW", req: "PUT /Groups/${g}", status: 200, events: []string{added},
			body: `{"schemas":["` + groupSchema + `"],"displayName":"F12 renamed","members":[{"value":"${u}","display":"f12@acme.test"}]}`, want: `{"members":[{"value":"${u}","$ref":"${base}/Users/${u}","type":"User"}]}`,
		},
	},
	"F13 schemas, attributes and arrays as they come": {
		{
			note: "no schemas", req: "POST /Users", status: 201, keep: "u", events: []string{"user.created"},
			body: `{"userName":"f13@acme.test","emails":{"value":"f13@acme.test","type":"work"},"favouriteColour":"red","x":{"y":[1]},"` + enterprise + `":{"department":"D","shoeSize":"44"}}`,
			want: `{"schemas":["` + userSchema + `","` + enterprise + `"],"emails":[{"value":"f13@acme.test","type":"work"}],"favouriteColour":null,"x":null,"` + enterprise + `":{"department":"D","shoeSize":null}}`,
		},
		{
			note: "foreign and 1.1 URNs", req: "POST /Groups", status: 201, keep: "g", events: []string{"group.created"},
			body: `{"schemas":["` + groupSchema + `","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group","urn:scim:schemas:core:1.0"],"externalId":"f13-oid","displayName":"F13","meta":{"resourceType":"Group"}}`,
			want: `{"schemas":["` + groupSchema + `"],"externalId":"f13-oid"}`,
		},
		{
			note: "one object as members", req: "PUT /Groups/${g}", status: 200, events: []string{added},
			body: `{"schemas":["urn:scim:schemas:core:1.0"],"displayName":"F13","members":{"value":"${u}"}}`, want: `{"members":[{"value":"${u}"}]}`,
		},
		{
			note: "PatchOp without schemas", req: "PATCH /Users/${u}", status: 200, events: []string{"user.updated"},
			body: `{"Operations":[{"op":"replace","value":{"title":"T","favouriteColour":"blue","urn:example:unknown:2.0:User":{"a":"b"}}}]}`, want: `{"title":"T","favouriteColour":null}`,
		},
		patchUser("u", `{"op":"replace","value":{"favouriteColour":"blue"}}`, `{"title":"T"}`),
		patchUser("u", `{"op":"add","path":"roles","value":"admin"}`, `{"roles":[{"value":"admin"}]}`, "user.updated"),
		patchUser("u", `{"op":"add","path":"roles","value":["admin",{"value":"editor"}]}`, `{"roles":[{"value":"admin"},{"value":"editor"}]}`, "user.updated"),
		refused(patchUser("u", `{"op":"replace","path":"favouriteColour","value":"blue"}`, ""), "invalidPath"),
		refused(patchUser("u", `{"op":"replace","path":"urn:example:unknown:2.0:User:a","value":"b"}`, ""), "invalidPath"),
		refused(patchUser("u", `{"op":"replace","path":"name.nick","value":"b"}`, ""), "invalidPath"),
		refused(patchUser("u", `{"op":"replace","path":"emails[0].value","value":"b"}`, ""), "invalidPath"),
	},
	"F13 a template with nothing in it": {
		{
			req: "POST /Users", status: 201, keep: "u", events: []string{"user.created"}, header: "Content-Type: application/json\nAccept: application/json",
			body: `{"schemas":["` + userSchema + `"],"id":null,"userName":"f13t@acme.test","externalId":"","active":"true","name":{"givenName":"","familyName":null,"formatted":" "},
				"emails":[{"value":"","type":"work","primary":true}],"phoneNumbers":[{"value":null}],"addresses":[{"locality":""}],"title":"","nickName":null,"groups":null,"roles":[],"meta":null,"` + enterprise + `":{"employeeNumber":"","manager":null}}`,
			want: `{"active":true,"title":null,"externalId":null,"emails":null,"phoneNumbers":null,"` + enterprise + `":null}`,
		},
		patchUser("u", `{"op":"replace","path":"emails","value":{"value":"f13t@acme.test","type":"work"}}`, `{"emails":[{"value":"f13t@acme.test","type":"work"}]}`, "user.updated"),
		patchUser("u", `{"op":"replace","path":"title","value":""}`, `{"title":null}`),
		patchUser("u", `{"op":"replace","path":"emails","value":[]}`, `{"emails":null}`, "user.updated"),
		{note: "userName has to be there", req: "POST /Users", status: 400, body: `{"schemas":["` + userSchema + `"],"userName":""}`, want: `{"scimType":"invalidValue"}`},
	},
}
