package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/scimtest"
	"github.com/muster-id/muster/scim/server"
)

// bulk sends operations, written as JSON with ' for ".
func (p *provider) bulk(operations ...string) *answer {
	p.t.Helper()
	return p.post("/Bulk", bulkBody("", operations...))
}

// failing is bulk with failOnErrors.
func (p *provider) failing(failOnErrors int, operations ...string) *answer {
	p.t.Helper()
	return p.post("/Bulk", bulkBody(fmt.Sprintf(`"failOnErrors":%d,`, failOnErrors), operations...))
}

func bulkBody(more string, operations ...string) string {
	body := `{"schemas":["` + scim.BulkRequestMessage + `"],` + more + `"Operations":[` + strings.Join(operations, ",") + `]}`
	return strings.ReplaceAll(body, "'", `"`)
}

// newUser is an operation that creates a user.
func newUser(bulkID, userName string) string {
	return fmt.Sprintf(`{'method':'POST','path':'/Users','bulkId':%q,'data':{'schemas':[%q],'userName':%q}}`, bulkID, scim.UserSchema, userName)
}

// newGroup is an operation that creates a group.
func newGroup(bulkID, displayName string, members ...string) string {
	refs := make([]string, len(members))
	for i, m := range members {
		refs[i] = fmt.Sprintf("{'value':%q}", m)
	}
	return fmt.Sprintf(`{'method':'POST','path':'/Groups','bulkId':%q,'data':{'schemas':[%q],'displayName':%q,'members':[%s]}}`,
		bulkID, scim.GroupSchema, displayName, strings.Join(refs, ","))
}

// addMember is a PATCH operation that adds a member.
func addMember(path, member string) string {
	return fmt.Sprintf(`{'method':'PATCH','path':%q,'data':{'schemas':[%q],'Operations':[{'op':'add','path':'members','value':[{'value':%q}]}]}}`,
		path, scim.PatchOpMessage, member)
}

// statuses checks the statuses of the results, which are strings.
func (a *answer) statuses(want ...string) *answer {
	a.t.Helper()
	var got []string
	for i := range a.is(200).list("Operations") {
		got = append(got, a.text(fmt.Sprintf("Operations/%d/status", i)))
	}
	if !slices.Equal(got, want) {
		a.t.Fatalf("got statuses %q, want %q\n%s", got, want, a.raw)
	}
	return a
}

// path returns the path of the resource that the location of a result names.
func (a *answer) path(i int) string {
	a.t.Helper()
	path, ok := strings.CutPrefix(a.text(fmt.Sprintf("Operations/%d/location", i)), base)
	if !ok {
		a.t.Fatalf("location of %d is not below the base\n%s", i, a.raw)
	}
	return path
}

func (a *answer) idOf(i int) string {
	a.t.Helper()
	path := a.path(i)
	return path[strings.LastIndex(path, "/")+1:]
}

// memberIDs returns the ids of the members of a group.
func (p *provider) memberIDs(path string) []string {
	p.t.Helper()
	a := p.get(path).is(200)
	if a.at("members") == nil {
		return nil
	}
	var ids []string
	for i := range a.list("members") {
		ids = append(ids, a.text(fmt.Sprintf("members/%d/value", i)))
	}
	return ids
}

func bulkRows() rows {
	return rows{
		"P-B-02 messages": func(p *provider) {
			p.bulk(newUser("a", "ada")).is(200).has("schemas/0", scim.BulkResponseMessage).members("schemas", "Operations")
			wrong := strings.Replace(bulkBody("", newUser("b", "bo")), scim.BulkRequestMessage, scim.PatchOpMessage, 1)
			p.post("/Bulk", wrong).refused(400, scim.InvalidSyntax)
			p.get(`/Users?filter=userName+eq+"bo"`).has("totalResults", 0)
		},
		"P-B-03 failOnErrors": func(p *provider) {
			p.failing(1, newUser("a", "ada")).statuses("201").has("failOnErrors", nil)
			p.failing(0, newUser("a", "ada"), newUser("b", "bo")).statuses("409", "201") // 0 is a number that was never set
			for _, wrong := range []string{"-1", `"1"`, "1.5", "[]", "99999999999999999999"} {
				p.post("/Bulk", bulkBody(`"failOnErrors":`+wrong+`,`, newUser("c", "cy"))).refused(400, scim.InvalidValue)
			}
		},
		"P-B-04 methods": func(p *provider) {
			p.bulk(`{'method':'GET','path':'/Users/x'}`, `{'path':'/Users/x'}`, `{'method':1,'path':'/Users/x'}`).
				statuses("405", "400", "400").has("Operations/0/response/schemas/0", scim.ErrorMessage)
			for _, body := range []string{`{"schemas":["` + scim.BulkRequestMessage + `"]}`, bulkBody("", "1"), bulkBody("", "null"), bulkBody(`"operations":[],`)} {
				p.post("/Bulk", body).refused(400, scim.InvalidSyntax)
			}
			p.bulk().is(200).statuses()
		},
		"P-B-05 bulkId on every POST": func(p *provider) {
			no := strings.Replace(newUser("a", "ada"), `'bulkId':"a",`, "", 1)
			p.bulk(no, strings.Replace(no, "'path'", "'bulkId':'','path'", 1), strings.Replace(no, "'path'", "'bulkId':7,'path'", 1)).
				statuses("400", "400", "400").has("Operations/0/response/scimType", string(scim.InvalidSyntax))
		},
		"P-B-06 bulkId twice": func(p *provider) {
			p.bulk(newUser("a", "ada"), newUser("a", "bo"), newUser("c", "cy"), newGroup("g", "g", "bulkId:a")).
				statuses("400", "400", "201", "409")
			p.get("/Users").has("totalResults", 1)
		},
		"P-B-07 paths": func(p *provider) {
			id := p.user("ada")
			p.bulk(`{'method':'DELETE','path':'/Users'}`, strings.Replace(newUser("a", "x"), "/Users", "/Users/"+id, 1),
				`{'method':'DELETE'}`, `{'method':'DELETE','path':'/Nobody/1'}`).statuses("405", "405", "400", "404")
			p.get("/Users/" + id).is(200)
		},
		"P-B-08 data": func(p *provider) {
			id := p.user("ada")
			p.bulk(`{'method':'POST','path':'/Users','bulkId':'a'}`, `{'method':'PUT','path':'/Users/`+id+`'}`,
				`{'method':'PATCH','path':'/Users/`+id+`','data':'x'}`).statuses("400", "400", "400").
				has("Operations/2/response/scimType", string(scim.InvalidSyntax))
		},
		"P-B-09 version": func(p *provider) {
			id := p.user("ada")
			tag := p.get("/Users/" + id).header.Get("ETag")
			patch := func(version, title string) string {
				return fmt.Sprintf(`{"method":"PATCH","path":"/Users/%s","version":%q,"data":{"schemas":[%q],"Operations":[{"op":"add","path":"title","value":%q}]}}`,
					id, version, scim.PatchOpMessage, title)
			}
			a := p.bulk(patch(tag, "one"), patch(tag, "two"), patch("*", "three"), patch("stale", "four"))
			a.statuses("200", "412", "200", "400").has("Operations/1/version", nil)
			now := p.get("/Users/"+id).has("title", "three").header.Get("ETag")
			a.has("Operations/2/version", now)
			p.bulk(`{"method":"DELETE","path":"/Users/` + id + `","version":"W/\"nope\""}`).statuses("412")
			p.bulk(fmt.Sprintf(`{"method":"DELETE","path":"/Users/%s","version":%q}`, id, now)).statuses("204")
		},
		"P-B-10 200 whatever operations did": func(p *provider) {
			p.bulk(`{'method':'DELETE','path':'/Users/nobody'}`).statuses("404")
		},
		"P-B-11 go on after failures": func(p *provider) {
			p.bulk(newUser("a", ""), newUser("b", "bo"), newUser("c", "")).statuses("400", "201", "400")
		},
		"P-B-12 stop after n errors": func(p *provider) {
			ops := []string{newUser("a", "ada"), newUser("b", "ada"), newUser("c", "cy"), newUser("d", "ada"), newUser("e", "ed")}
			p.failing(1, ops...).statuses("201", "409")
			p.get("/Users").has("totalResults", 1)
			p.failing(2, ops...).statuses("409", "409")
			p.failing(3, ops[2:]...).statuses("201", "409", "201")
			p.failing(1, `{'method':'GET','path':'/'}`, newUser("z", "zoe")).statuses("405")
			p.get("/Users").has("totalResults", 3)
		},
		"P-B-13 bulkId comes back": func(p *provider) {
			id := p.user("ada")
			p.bulk(newUser("b", "bo"), `{'method':'DELETE','path':'/Users/`+id+`','bulkId':'gone'}`, newUser("d", "")).
				has("Operations/0/bulkId", "b").has("Operations/1/bulkId", "gone").has("Operations/2/bulkId", "d")
		},
		"P-B-14 a reference to what comes later": func(p *provider) {
			a := p.bulk(newGroup("g", "g", "bulkId:u"), newUser("u", "ada")).statuses("201", "201").
				has("Operations/0/bulkId", "g").has("Operations/1/bulkId", "u")
			wantStrings(p.t, p.memberIDs(a.path(0)), a.idOf(1))
		},
		"P-B-14 nothing overtakes on the same resource": func(p *provider) {
			g := p.group("g")
			a := p.bulk(addMember("/Groups/"+g, "bulkId:u"),
				`{'method':'PATCH','path':'/Groups/`+g+`','data':{'schemas':['`+scim.PatchOpMessage+`'],'Operations':[{'op':'remove','path':'members'}]}}`,
				newUser("u", "ada"))
			a.is(200)
			wantStrings(p.t, p.memberIDs("/Groups/"+g))
		},
		"P-B-15 a circle (AMB-33)": func(p *provider) {
			a := p.bulk(newGroup("a", "a", "bulkId:b"), newGroup("b", "b", "bulkId:c"), newGroup("c", "c", "bulkId:a"), newGroup("d", "d", "bulkId:a")).
				statuses("201", "201", "201", "201")
			for i, next := range []int{1, 2, 0, 0} {
				wantStrings(p.t, p.memberIDs(a.path(i)), a.idOf(next))
				a.has(fmt.Sprintf("Operations/%d/version", i), p.get(a.path(i)).header.Get("ETag"))
			}
		},
		"P-B-15 a circle of managers": func(p *provider) {
			boss := func(bulkID, userName, manager string) string {
				return fmt.Sprintf(`{'method':'POST','path':'/Users','bulkId':%q,'data':{'schemas':[%q,%q],'userName':%q,%q:{'department':'D','manager':{'value':%q}}}}`,
					bulkID, scim.UserSchema, scim.EnterpriseUserSchema, userName, scim.EnterpriseUserSchema, manager)
			}
			a := p.bulk(boss("a", "ada", "bulkId:b"), boss("b", "bo", "bulkId:a"), boss("me", "cy", "bulkId:me")).statuses("201", "201", "201")
			for i, other := range []int{1, 0, 2} {
				p.get(a.path(i)).has(scim.EnterpriseUserSchema+"/manager/value", a.idOf(other)).has(scim.EnterpriseUserSchema+"/department", "D")
			}
		},
		"P-B-15 a circle that fails leaves nothing": func(p *provider) {
			p.group("taken")
			before := p.get("/Groups").at("totalResults")
			a := p.bulk(newGroup("a", "a", "bulkId:b"), newGroup("b", "", "bulkId:a"), newGroup("c", "c", "bulkId:a"), newUser("u", "u")).
				statuses("409", "400", "409", "201")
			a.has("Operations/0/location", nil)
			if got := p.get("/Groups").at("totalResults"); got != before {
				p.t.Fatalf("got %v groups, want %v", got, before)
			}
		},
		"P-B-16 P-B-17 P-B-18 references everywhere": func(p *provider) {
			a := p.bulk(
				newUser("u", "ada"), newGroup("g", "g", "bulkId:u"),
				fmt.Sprintf(`{'method':'POST','path':'/Users','bulkId':'v','data':{'schemas':[%q,%q],'userName':'bo','displayName':'bulkId:nobody',%q:{'manager':{'value':'bulkId:u'}}}}`,
					scim.UserSchema, scim.EnterpriseUserSchema, scim.EnterpriseUserSchema),
				`{'method':'POST','path':'/Groups','bulkId':'h','data':{'schemas':['`+scim.GroupSchema+`'],'displayName':'h','members':[{'$ref':'../Users/bulkId:u'},{'$ref':'bulkId:g'}]}}`,
				addMember("/Groups/bulkId:g", "bulkId:v"),
				`{'method':'PATCH','path':'/Groups/bulkId:g','data':{'schemas':['`+scim.PatchOpMessage+`'],'Operations':[{'op':'remove','path':'members[value eq \"bulkId:u\"]'}]}}`,
				`{'method':'PATCH','path':'/Users/bulkId:u','data':{'schemas':['`+scim.PatchOpMessage+`'],'Operations':[{'op':'add','path':'`+scim.EnterpriseUserSchema+`:manager.value','value':'bulkId:v'}]}}`,
				`{'method':'PUT','path':'/Groups/bulkId:h','data':{'schemas':['`+scim.GroupSchema+`'],'displayName':'h2','members':[{'value':'bulkId:v'}]}}`,
			).is(200)
			u, g, v, h := a.idOf(0), a.path(1), a.idOf(2), a.path(3)
			p.get("/Users/"+v).has(scim.EnterpriseUserSchema+"/manager/value", u).has("displayName", "bulkId:nobody")
			p.get("/Users/"+u).has(scim.EnterpriseUserSchema+"/manager/value", v)
			wantStrings(p.t, p.memberIDs(g), v)
			wantStrings(p.t, p.memberIDs(h), v)
			for i := range 8 {
				if s := a.text(fmt.Sprintf("Operations/%d/status", i)); s[0] != '2' {
					p.t.Fatalf("operation %d: %s\n%s", i, s, a.raw)
				}
			}
		},
		"P-B-18 delete what was created": func(p *provider) {
			a := p.bulk(newUser("u", "ada"), `{'method':'DELETE','path':'/Users/bulkId:u'}`, `{'method':'DELETE','path':'/Groups/bulkId:u'}`).
				statuses("201", "204", "404")
			p.get(a.path(0)).is(404)
		},
		"P-B-19 unknown and failed references": func(p *provider) {
			p.bulk(newGroup("g", "g", "bulkId:x"), newUser("f", ""), newGroup("h", "h", "bulkId:f"), addMember("/Groups/bulkId:h", "x"), newGroup("i", "i")).
				statuses("400", "400", "409", "409", "201").
				has("Operations/0/response/scimType", string(scim.InvalidValue))
			p.get("/Groups").has("totalResults", 1)
		},
		"P-B-19 a later failure": func(p *provider) {
			p.bulk(newGroup("g", "g", "bulkId:u"), newUser("u", "")).statuses("409", "400")
			p.get("/Groups").has("totalResults", 0)
		},
		"P-B-20 all that was processed": func(p *provider) {
			ops := make([]string, 200)
			for i := range ops {
				ops[i] = newUser(strconv.Itoa(i), "user"+strconv.Itoa(i))
			}
			if n := len(p.bulk(ops...).is(200).list("Operations")); n != 200 {
				p.t.Fatalf("got %d results", n)
			}
		},
		"P-B-21 location of all but a failed POST": func(p *provider) {
			id := p.user("ada")
			p.bulk(newUser("a", "ada"), `{'method':'DELETE','path':'/Users/nobody'}`, `{'method':'PUT','path':'/Users/`+id+`','data':{}}`,
				addMember("/Groups/nothing", id), `{'method':'DELETE','path':'/Users/`+id+`'}`).
				statuses("409", "404", "400", "404", "204").
				has("Operations/0/location", nil).has("Operations/1/location", base+"/Users/nobody").
				has("Operations/2/location", base+"/Users/"+id).has("Operations/3/location", base+"/Groups/nothing").
				has("Operations/4/location", base+"/Users/"+id)
		},
		"P-B-22 P-B-31 AMB-32 status is a string, the reason is in response.detail": func(p *provider) {
			a := p.bulk(newUser("a", "ada"), newUser("b", "ada")).statuses("201", "409")
			if a.text("Operations/1/response/detail") == "" {
				p.t.Fatal(a.raw)
			}
		},
		"P-B-23 P-B-24 response holds the error, and nothing else": func(p *provider) {
			p.bulk(newUser("a", "ada"), newUser("b", "ada")).has("Operations/0/response", nil).
				has("Operations/1/response/schemas/0", scim.ErrorMessage).has("Operations/1/response/status", "409").
				has("Operations/1/response/scimType", string(scim.Uniqueness))
		},
		"P-B-25 version": func(p *provider) {
			a := p.bulk(newUser("a", "ada"))
			a.has("Operations/0/version", p.get(a.path(0)).header.Get("ETag"))
		},
		"P-B-28 the rules of single requests": func(p *provider) {
			id := p.user("ada")
			a := p.bulk(fmt.Sprintf(`{'method':'POST','path':'/Users','bulkId':'a','data':{'schemas':[%q],'userName':'bo','id':'mine','groups':[{'value':'g'}]}}`, scim.UserSchema),
				`{'method':'PATCH','path':'/Users/`+id+`','data':{'schemas':['`+scim.PatchOpMessage+`'],'Operations':[{'op':'add','path':'title','value':'T'},{'op':'replace','path':'id','value':'x'}]}}`)
			a.statuses("201", "400").has("Operations/1/response/scimType", string(scim.Mutability))
			p.get(a.path(0)).has("active", true).has("groups", nil)
			p.get("/Users/"+id).has("title", nil)
			if a.idOf(0) == "mine" {
				p.t.Fatal("the client chose the id")
			}
		},
		"P-B-29 spellings": func(p *provider) {
			a := p.bulk(strings.Replace(newUser("a", "ada"), "POST", "post", 1), strings.Replace(newUser("b", "bo"), "/Users", "/v2/Users", 1),
				strings.Replace(newUser("c", "cy"), "/Users", "Users/", 1), strings.Replace(newUser("d", "di"), "/Users", "/t/t1/scim/v2/Users", 1))
			a.statuses("201", "201", "201", "201").has("Operations/0/method", "POST")
		},
		"P-B-30 nothing but resources": func(p *provider) {
			for _, path := range []string{
				"/Bulk", "/Me", "/Schemas", "/ServiceProviderConfig", "/ResourceTypes/User", "/.search", "/Users/.search", "/", "//Users",
				"https://id.example.com/t/t1/scim/v2/Users", "/../Users", "/Users/../Groups", "/Users/a/b", "/Users?filter=x", "/Users/%2e%2e",
				"/admin/tokens", "/Users/x?y", "/Users/x#y", "/users/x", "/Users\\x", "/healthz",
			} {
				for _, method := range []string{"POST", "PUT", "DELETE"} {
					a := p.bulk(fmt.Sprintf(`{'method':%q,'path':%q,'bulkId':'x','data':{'schemas':[%q],'userName':'eve'}}`, method, path, scim.UserSchema)).is(200)
					if s := a.text("Operations/0/status"); s[0] != '4' {
						p.t.Errorf("%s %s: got %s", method, path, a.raw)
					}
				}
			}
			p.get("/Users").has("totalResults", 0)
		},
		"a bulkId is text where no reference belongs": func(p *provider) {
			a := p.bulk(fmt.Sprintf(`{'method':'POST','path':'/Users','bulkId':'a','data':{'schemas':[%q],'userName':'bulkId: a history','title':'see bulkId:a'}}`, scim.UserSchema))
			p.get(a.path(0)).has("userName", "bulkId: a history").has("title", "see bulkId:a")
		},
		"escapes hide no reference": func(p *provider) {
			a := p.bulk(newUser("u", "ada"), strings.Replace(newGroup("g", "g", "bulkId:u"), "bulkId:", `bulk\u0049d:`, 1)).statuses("201", "201")
			wantStrings(p.t, p.memberIDs(a.path(1)), a.idOf(0))
		},
	}
}

func TestBulk(t *testing.T) {
	t.Run("strict", func(t *testing.T) { bulkRows().run(t, scim.Strict()) })
	t.Run("compat", func(t *testing.T) { bulkRows().run(t, scim.Compat()) })
	t.Run("slices", func(t *testing.T) {
		for id, f := range bulkRows() {
			t.Run(id, func(t *testing.T) {
				t.Parallel()
				f(newProvider(t, scim.Strict(), sliced))
			})
		}
	})
}

// sliced gives a service a Do that carries out the ops of a slice one by one, as a store with
// transactions would, and tells of each decision twice.
func sliced(svc *server.Service, _ *server.Options) {
	var mu sync.Mutex
	svc.Do = func(ctx context.Context, ops []server.Op) []server.Result {
		mu.Lock()
		defer mu.Unlock()
		results := make([]server.Result, len(ops))
		for i, op := range ops {
			r := &results[i]
			if op.Proceed != nil {
				r.Err = op.Proceed()
			}
			if r.Err == nil {
				switch store := svc.Stores[op.Type]; {
				case op.Create != nil:
					r.Resource, r.Err = store.Create(ctx, op.Create, op.Dialect)
				case op.Edit != nil:
					r.Resource, r.Err = store.Update(ctx, op.ID, op.Edit)
				default:
					r.Err = store.Delete(ctx, op.ID, *op.Delete)
				}
			}
			if op.Decided != nil {
				op.Decided(context.Canceled)
				op.Decided(r.Err)
			}
		}
		return results
	}
}

// TestBulkSlices: many small operations go to the store together, large ones in smaller slices, so that nobody waits
// longer behind them.
func TestBulkSlices(t *testing.T) {
	var mu sync.Mutex
	var sizes []int
	p := newProvider(t, scim.Compat(), sliced, func(svc *server.Service, _ *server.Options) {
		do := svc.Do
		svc.Do = func(ctx context.Context, ops []server.Op) []server.Result {
			mu.Lock()
			sizes = append(sizes, len(ops))
			mu.Unlock()
			return do(ctx, ops)
		}
	})
	for text, want := range map[string][]int{"": {64, 36}, strings.Repeat("x", 1000): {58, 42}, strings.Repeat("x", 30_000): slices.Repeat([]int{3}, 33)} {
		sizes = nil
		var ops []string
		for i := range 100 {
			user := newUser(fmt.Sprint(i), fmt.Sprint(len(text), "-", i))
			ops = append(ops, strings.Replace(user, "'userName'", fmt.Sprintf("'title':%q,'userName'", text), 1))
		}
		p.bulk(ops...).is(200)
		if len(sizes) < len(want) || !slices.Equal(sizes[:len(want)], want) {
			t.Errorf("operations of about %d bytes go in slices of %v, want %v", len(text), sizes, want)
		}
	}
}

// TestBulkFaults has a Do that does not keep its word: operations fail with an id for the log, and the request is answered.
func TestBulkFaults(t *testing.T) {
	for name, do := range map[string]func(context.Context, []server.Op) []server.Result{
		"a panic":    func(context.Context, []server.Op) []server.Result { panic("a bug") },
		"no results": func(context.Context, []server.Op) []server.Result { return nil },
		"an accident": func(_ context.Context, ops []server.Op) []server.Result {
			return slices.Repeat([]server.Result{{Err: context.Canceled}}, len(ops))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t, scim.Compat(), func(svc *server.Service, _ *server.Options) { svc.Do = do })
			a := p.bulk(newUser("a", "ada"), newGroup("b", "b", "bulkId:a"), newGroup("c", "c", "bulkId:c")).is(200)
			for i, want := range []string{"50", "", ""} {
				if s := a.text(fmt.Sprintf("Operations/%d/status", i)); !strings.HasPrefix(s, want) || s[0] == '2' {
					t.Errorf("operation %d: %s", i, a.raw)
				}
			}
			if strings.Contains(a.raw, "bug") {
				t.Error(a.raw)
			}
		})
	}
}

func TestBulkLimits(t *testing.T) {
	small := func(_ *server.Service, o *server.Options) {
		o.Limits.Operations, o.Limits.LargeBody, o.Limits.Body = 3, 2000, 600
	}
	three := []string{newUser("a", "ada"), newUser("b", "bo"), newUser("c", "cy")}
	t.Run("P-B-26 P-B-27 maxOperations", func(t *testing.T) {
		p := newProvider(t, scim.Compat(), small)
		p.get("/ServiceProviderConfig").has("bulk/supported", true).has("bulk/maxOperations", 3).has("bulk/maxPayloadSize", 2000)
		a := p.bulk(append(three, newUser("d", "di"))...).refused(413, "")
		if !strings.Contains(a.text("detail"), "maxOperations") || !strings.Contains(a.text("detail"), "3") {
			t.Fatal(a.raw)
		}
		p.get("/Users").has("totalResults", 0)
		p.bulk(three...).statuses("201", "201", "201")
	})
	t.Run("P-B-27 maxPayloadSize", func(t *testing.T) {
		p := newProvider(t, scim.Compat(), small)
		body := bulkBody("", three...)
		body += strings.Repeat(" ", 2000-len(body))
		a := p.post("/Bulk", body+" ").refused(413, "")
		if !strings.Contains(a.text("detail"), "maxPayloadSize") || !strings.Contains(a.text("detail"), "2000") {
			t.Fatal(a.raw)
		}
		p.get("/Users").has("totalResults", 0)
		p.post("/Bulk", body).statuses("201", "201", "201")
	})
	t.Run("each operation has the limits of a single request", func(t *testing.T) {
		p := newProvider(t, scim.Compat(), small)
		p.bulk(newUser("a", strings.Repeat("x", 700)), newUser("b", "bo")).statuses("413", "201")
	})
}

// TestSec_D17_BulkSmuggler has the rows of paths in P-B-30; here are circles and what a body may be.
func TestSec_D17_BulkSmuggler(t *testing.T) {
	p := strict(t)
	ops := make([]string, 1000)
	for i := range ops {
		ops[i] = newGroup(strconv.Itoa(i), "g"+strconv.Itoa(i), "bulkId:"+strconv.Itoa((i+1)%len(ops)))
	}
	a := p.bulk(ops...).is(200)
	for i := range ops {
		a.has(fmt.Sprintf("Operations/%d/status", i), "201")
	}
	wantStrings(t, p.memberIDs(a.path(999)), a.idOf(0))
}

func TestSec_C01_BulkDuplicateNames(t *testing.T) {
	p := compat(t)
	for _, body := range []string{
		strings.Replace(bulkBody("", newUser("a", "ada")), `"userName"`, `"username":"bo","userName"`, 1),
		strings.Replace(bulkBody("", newUser("a", "ada")), `"path"`, `"Path":"/Groups","path"`, 1),
		bulkBody(`"failOnErrors":1,"FailOnErrors":2,`, newUser("a", "ada")),
		bulkBody(`"operations":[],`, newUser("a", "ada")),
	} {
		p.post("/Bulk", body).refused(400, scim.InvalidSyntax)
	}
	p.get("/Users").has("totalResults", 0)
}

func TestSec_C05_BulkNesting(t *testing.T) {
	p := compat(t)
	deep := strings.Repeat("[", 100_000)
	for _, body := range []string{
		deep, bulkBody("", deep), bulkBody("", strings.Repeat("[", 50)+strings.Repeat("]", 50)), bulkBody(`"x":` + deep + `,`),
		bulkBody("", `{'method':'POST','path':'/Users','bulkId':'a','data':{'a':`+strings.Repeat(`[`, 40)+strings.Repeat(`]`, 40)+`}}`),
	} {
		p.post("/Bulk", body).refused(http.StatusBadRequest, scim.InvalidSyntax)
	}
}

// FuzzBulk sends any operations: the answer is never a 5xx, and neither is any result.
// Row C16.
func FuzzBulk(f *testing.F) {
	for _, ops := range []string{
		newUser("a", "ada") + "," + newGroup("g", "g", "bulkId:a", "bulkId:h") + "," + newGroup("h", "h", "bulkId:g"),
		addMember("/Groups/bulkId:g", "bulkId:g"), `{'method':'PUT','path':'/Users/user-1','data':{}}`, `{}`, `{'method':'DELETE','path':'/Users/bulkId:'}`,
		`{'method':'PATCH','path':'Groups/group-2','data':{'Operations':[{'op':'remove','path':'members[value eq \"bulkId:a\"'}]}}`,
	} {
		f.Add(strings.ReplaceAll(ops, "'", `"`), true)
		f.Add(strings.ReplaceAll(ops, "'", `"`), false)
	}
	f.Fuzz(func(t *testing.T, ops string, slices bool) {
		svc := scimtest.NewService(base, scim.Compat())
		if slices {
			sliced(svc, nil)
		}
		h := server.Handler(scimtest.Open(svc), server.Options{})
		r := httptest.NewRequest(http.MethodPost, "/Bulk", strings.NewReader(
			strings.ReplaceAll(bulkBody("", newUser("known", "ada")), "]}", ",")+ops+"]}"))
		r.Header.Set("Content-Type", scim.MediaType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var answer struct {
			Operations []struct{ Status string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer, json.MatchCaseInsensitiveNames(true)); err != nil || w.Code >= http.StatusInternalServerError {
			t.Fatalf("%d %v %s", w.Code, err, w.Body)
		}
		for i, op := range answer.Operations {
			if op.Status == "" || op.Status[0] == '5' {
				t.Fatalf("operation %d: %s", i, w.Body)
			}
		}
	})
}
