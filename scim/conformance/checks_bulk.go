package conformance

import (
	"maps"
	"slices"
	"strings"
)

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// job sends a bulk request and returns its results.
func job(t *T, more Object, ops ...Object) []Object {
	body := Object{"schemas": []any{bulkURN}}
	maps.Copy(body, more)
	list := make([]any, len(ops))
	for i, op := range ops {
		list[i] = op
	}
	body["Operations"] = list
	a := t.Post("/Bulk", body).Is(200)
	if !slices.Contains(a.Strings("schemas"), bulkAnswer) {
		t.Failf("the answer is no BulkResponse")
	}
	results := a.Elements("Operations")
	for _, r := range results {
		// The status may have any form, {"code":"201"} for one: what was made is removed all the same.
		if location, ok := r["location"].(string); ok && strings.Contains(show(r["status"]), "201") {
			if path, ok := trimBase(t, location); ok {
				t.Made(path)
			}
		}
	}
	return results
}

func trimBase(t *T, location string) (string, bool) {
	for _, e := range t.s.endpoints {
		for i := range location {
			if len(location[i:]) > len(e) && location[i:i+len(e)+1] == e+"/" {
				return location[i:], true
			}
		}
	}
	return "", false
}

func bulkOp(method, path, bulkID string, data any) Object {
	o := Object{"method": method, "path": path}
	if bulkID != "" {
		o["bulkId"] = bulkID
	}
	if data != nil {
		o["data"] = data
	}
	return o
}

// wantStatus checks the status of a result, which is a string.
func wantStatus(t *T, results []Object, i int, want string) {
	if i >= len(results) {
		t.Failf("there are %d results, want more than %d", len(results), i)
	}
	if got := results[i]["status"]; got != want {
		t.Errorf("operation %d has status %s, want %q", i, show(got), want)
	}
}

var bulkChecks = []*Check{
	{
		Name: "bulk/mixed", Rows: []string{"P-B-02", "P-B-10", "P-B-11", "P-B-13", "P-B-20", "P-B-21", "P-B-22", "P-B-23", "P-B-31", "AMB-32"},
		Title: "A job with good and bad operations is answered 200, with a result for each: status as a string, bulkId, location, and the error of what failed.",
		Fix:   "Go on after a failure; list every operation, with response holding the SCIM error of a failed one.",
		Run: func(t *T) {
			t.NeedBulk()
			results := job(t, nil,
				bulkOp("POST", t.Users(), "one", t.UserBody(nil)),
				bulkOp("POST", t.Users(), "bad", Object{"schemas": []any{userURN}}),
				bulkOp("POST", t.Users(), "two", t.UserBody(nil)),
			)
			if len(results) != 3 {
				t.Failf("3 operations have %d results", len(results))
			}
			for i, want := range []string{"201", "400", "201"} {
				wantStatus(t, results, i, want)
			}
			if results[0]["bulkId"] != "one" || results[0]["location"] == nil {
				t.Errorf("the first result lacks bulkId or location")
			}
			if !slices.Contains(texts(at(results[1], "response/schemas")), errorURN) {
				t.Errorf("the failed operation has no SCIM error as its response")
			}
		},
	},
	{
		Name: "bulk/references", Rows: []string{"P-B-14", "P-B-16", "P-B-17", "AMB-33"},
		Title: "bulkId:x stands for the id of what another operation of the job creates, also of a later one.",
		Fix:   "Resolve bulkIds in values, extensions, paths and $ref.",
		Run: func(t *T) {
			t.NeedBulk()
			group := Object{"schemas": []any{groupURN}, "displayName": t.Name("group"), "members": Members("bulkId:u")}
			results := job(t, nil, bulkOp("POST", t.Groups(), "g", group), bulkOp("POST", t.Users(), "u", t.UserBody(nil)))
			wantStatus(t, results, 0, "201")
			wantStatus(t, results, 1, "201")
			where, _ := results[0]["location"].(string)
			path, ok := trimBase(t, where)
			if !ok {
				t.Failf("location is %q", where)
			}
			user, _ := results[1]["location"].(string)
			userPath, _ := trimBase(t, user)
			id := t.Get(userPath).Is(200).ID()
			if got := t.Get(path).Is(200).Values("members", "value"); len(got) != 1 || got[0] != id {
				t.Failf("the members of the group are %q, want %q", got, id)
			}
		},
	},
	{
		Name: "bulk/circular", Rows: []string{"P-B-15"},
		Title: "Two groups that are members of each other are made, or refused with 409.",
		Fix:   "Give ids first, or make both and then link them.",
		Run: func(t *T) {
			t.NeedBulk()
			body := func(other string) Object {
				return Object{"schemas": []any{groupURN}, "displayName": t.Name("group"), "members": Members("bulkId:" + other)}
			}
			results := job(t, nil, bulkOp("POST", t.Groups(), "a", body("b")), bulkOp("POST", t.Groups(), "b", body("a")))
			for i := range results {
				if s := results[i]["status"]; s != "201" && s != "409" {
					t.Errorf("operation %d has status %s", i, show(s))
				}
			}
		},
	},
	{
		Name: "bulk/fail-on-errors", Rows: []string{"P-B-12", "P-B-03"},
		Title: "With failOnErrors 1 nothing is carried out after the first failure.",
		Fix:   "Stop when so many operations have failed.",
		Run: func(t *T) {
			t.NeedBulk()
			last := t.UserBody(nil)
			results := job(t, Object{"failOnErrors": 1},
				bulkOp("POST", t.Users(), "one", t.UserBody(nil)),
				bulkOp("POST", t.Users(), "bad", Object{"schemas": []any{userURN}}),
				bulkOp("POST", t.Users(), "late", last),
			)
			if len(results) != 2 {
				t.Errorf("there are %d results, want 2", len(results))
			}
			name, _ := last["userName"].(string)
			t.Find(t.Users(), `userName eq "`+name+`"`).Finds()
		},
	},
	{
		Name: "bulk/methods", Rows: []string{"P-B-04", "P-B-05", "P-B-06", "P-B-07", "P-B-08", "P-B-19", "P-B-30"},
		Title: "An operation that makes no sense fails by itself.",
		Fix:   "Check method, path, bulkId and data of each operation.",
		Run: func(t *T) {
			t.NeedBulk()
			refers := t.UserBody(nil)
			refers[enterprise] = Object{"manager": Object{"value": "bulkId:unknown"}}
			refers["schemas"] = []any{userURN, enterprise}
			for _, op := range []Object{
				bulkOp("GET", t.Users(), "", nil),
				bulkOp("POST", t.Users(), "", t.UserBody(nil)),
				bulkOp("POST", t.Users()+"/x", "x", t.UserBody(nil)),
				bulkOp("DELETE", t.Users(), "", nil),
				bulkOp("POST", t.Users(), "y", nil),
				bulkOp("POST", "/Bulk", "z", Object{}),
				bulkOp("POST", t.Users(), "r", refers),
			} {
				a := t.Post("/Bulk", Object{"schemas": []any{bulkURN}, "Operations": []any{op}})
				if a.Status >= 500 {
					t.Errorf("%s was answered with status %d", encode(op), a.Status)
				}
				for _, r := range a.Elements("Operations") {
					if s, _ := r["status"].(string); s < "400" || s >= "500" {
						t.Errorf("%s has status %s", encode(op), show(r["status"]))
						if location, ok := r["location"].(string); ok {
							if path, ok := trimBase(t, location); ok {
								t.Made(path)
							}
						}
					}
				}
			}
		},
	},
	{
		Name: "bulk/changes", Rows: []string{"P-B-09", "P-B-18", "P-B-25", "P-B-28", "P-B-29"},
		Title: "PUT, PATCH and DELETE work in a job as by themselves, also on what the job has created.",
		Fix:   "Carry out each operation as the single request would be.",
		Run: func(t *T) {
			t.NeedBulk()
			t.NeedPatch()
			u, gone := t.User(nil), t.User(nil)
			patch := func(ops ...any) Object { return Object{"schemas": []any{patchURN}, "Operations": ops} }
			results := job(t, nil,
				bulkOp("PATCH", u.Path(), "", patch(Op("replace", "title", "T"))),
				bulkOp("DELETE", gone.Path(), "", nil),
				bulkOp("POST", t.Users(), "n", t.UserBody(nil)),
				bulkOp("PATCH", t.Users()+"/bulkId:n", "", patch(Op("replace", "title", "N"))),
			)
			for i, want := range [][]string{{"200", "204"}, {"204", "200"}, {"201"}, {"200", "204"}} {
				if i >= len(results) {
					t.Failf("there are %d results", len(results))
				}
				switch s, _ := results[i]["status"].(string); {
				case slices.Contains(want, s):
				case i == 3: // that a path may hold a bulkId is to be read between the lines
					t.Warnf("a bulkId in a path is not resolved: status %s", show(results[i]["status"]))
				default:
					t.Errorf("operation %d has status %s", i, show(results[i]["status"]))
				}
			}
			t.Get(u.Path()).Is(200).Has("title", "T")
			t.Get(gone.Path()).Refused("", 404)
			if t.Supports("etag") {
				stale := bulkOp("DELETE", u.Path(), "", nil)
				stale["version"] = `W/"muster-check-old"`
				wantStatus(t, job(t, nil, stale), 0, "412")
			}
		},
	},
	{
		Name: "bulk/limits", Rows: []string{"P-B-27"},
		Title: "A job above the published limits is refused with 413, as a whole.",
		Fix:   "Enforce bulk.maxOperations and bulk.maxPayloadSize as published.",
		Run: func(t *T) {
			t.NeedBulk()
			most, _ := t.Config("bulk/maxOperations").(float64)
			t.Offered(most > 0 && most <= 20_000, "a maxOperations that can be tried")
			ops := make([]any, int(most)+1)
			for i := range ops {
				ops[i] = bulkOp("DELETE", t.Users()+"/muster-check-nobody", "", nil)
			}
			t.Post("/Bulk", Object{"schemas": []any{bulkURN}, "Operations": ops}).Refused("", 413)
		},
	},
}
