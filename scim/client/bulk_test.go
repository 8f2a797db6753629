package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

// bulkServer does what bulk requests ask for, as far as it is known to: it gives ids and refuses what refers to nothing.
type bulkServer struct {
	*fake

	t       *testing.T
	config  string
	noBulk  int             // status of /Bulk; 0: it does it
	most    int             // operations; more are 413
	fail    map[string]bool // userNames that are taken
	reshape func(results []any) []any
	made    map[string]string // ids by name
	jobs    []int             // operations of each bulk request
	single  []string
}

func bulking(t *testing.T, s *bulkServer) (*bulkServer, *client.Client) {
	t.Helper()
	s.t, s.fake, s.made = t, answering(0, ""), make(map[string]string)
	s.answer = func(r *http.Request) (int, string) {
		switch path := strings.TrimPrefix(r.URL.Path, "/scim/v2"); {
		case path == "/ServiceProviderConfig":
			return 200, s.config
		case path == "/Bulk" && s.noBulk != 0:
			return s.noBulk, ""
		case path == "/Bulk":
			return s.bulk()
		default:
			s.single = append(s.single, r.Method+" "+path)
			status, o := s.do(r.Method, path, object(s.t, s.body), nil)
			return status, text(s.t, o)
		}
	}
	return s, open(t, s.fake)
}

func object(t *testing.T, s string) schema.Object {
	t.Helper()
	if s == "" {
		return nil
	}
	v, err := schema.Parse([]byte(s))
	assert.NoError(t, err)
	return v.(schema.Object)
}

// text writes what a fake answers, which has strings only.
func text(t *testing.T, v any) string {
	t.Helper()
	switch v := v.(type) {
	case schema.Object:
		var parts []string
		for n, x := range v {
			parts = append(parts, fmt.Sprintf("%q:%s", n, text(t, x)))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		var parts []string
		for _, x := range v {
			parts = append(parts, text(t, x))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case string:
		return fmt.Sprintf("%q", v)
	default:
		return "null"
	}
}

func (s *bulkServer) bulk() (int, string) {
	m := object(s.t, s.body)
	operations := m["Operations"].([]any)
	s.jobs = append(s.jobs, len(operations))
	if s.most > 0 && len(operations) > s.most {
		return 413, ""
	}
	// References may point forward: who is made first, whoever refers to whom later.
	ids := make(map[string]string)
	for _, v := range operations {
		if o := v.(schema.Object); o["bulkId"] != nil {
			name := nameIn(o["data"].(schema.Object))
			if !s.fail[name] {
				ids[o["bulkId"].(string)] = "id-" + name
			}
		}
	}
	var results []any
	errs := 0
	limit := 0
	_, _ = fmt.Sscan(fmt.Sprint(m["failOnErrors"]), &limit)
	for _, v := range operations {
		o := v.(schema.Object)
		path, data := o["path"].(string), o["data"]
		body, _ := data.(schema.Object)
		status, answer := s.do(o["method"].(string), path, body, ids)
		result := schema.Object{"method": o["method"], "status": fmt.Sprint(status), "response": answer}
		if o["bulkId"] != nil {
			result["bulkId"] = o["bulkId"]
		}
		if id, ok := answer["id"].(string); ok {
			result["location"] = "https://app.example/scim/v2/" + strings.Split(path, "/")[1] + "/" + id
		}
		results = append(results, result)
		if status >= 300 {
			if errs++; errs == limit {
				break
			}
		}
	}
	if s.reshape != nil {
		results = s.reshape(results)
	}
	return 200, text(s.t, schema.Object{"Operations": results})
}

func nameIn(o schema.Object) string {
	for _, n := range []string{"userName", "displayName"} {
		if name, ok := o[n].(string); ok {
			return name
		}
	}
	return ""
}

// do does one operation; ids are the bulkIds that can be resolved.
func (s *bulkServer) do(method, path string, body schema.Object, ids map[string]string) (int, schema.Object) {
	name, id := nameIn(body), ""
	if parts := strings.Split(path, "/"); len(parts) > 2 {
		id = parts[2]
		if ref, ok := strings.CutPrefix(id, "bulkId:"); ok {
			if id = ids[ref]; id == "" {
				return 400, schema.Object{"detail": "no such bulkId"}
			}
		}
	}
	for ref, to := range ids {
		body = object(s.t, strings.ReplaceAll(text(s.t, body), "bulkId:"+ref, to))
	}
	switch {
	case strings.Contains(text(s.t, body), "bulkId:"):
		return 400, schema.Object{"scimType": "invalidValue", "detail": "no such bulkId"}
	case s.fail[name]:
		return 409, schema.Object{"scimType": "uniqueness", "detail": "taken"}
	case method == http.MethodPost:
		s.made[name] = text(s.t, body["members"])
		return 201, schema.Object{"id": "id-" + name}
	case method == http.MethodDelete && id == "gone":
		return 404, nil
	case method == http.MethodDelete:
		return 204, nil
	}
	s.made[id] = text(s.t, body)
	return 200, schema.Object{"id": id}
}

const (
	bulkOf2   = `{"bulk":{"supported":true,"maxOperations":2,"maxPayloadSize":100000}}`
	bulkOf100 = `{"bulk":{"supported":true,"maxOperations":100,"maxPayloadSize":100000}}`
	noBulk    = `{"bulk":{"supported":false,"maxOperations":0,"maxPayloadSize":0}}`
)

func person(name string) schema.Object { return schema.Object{"userName": name} }

func team(name string, members ...string) schema.Object {
	list := make([]any, len(members))
	for i, m := range members {
		list[i] = schema.Object{"value": m}
	}
	return schema.Object{"displayName": name, "members": list}
}

// outcome prints results as "201 id-ada" and what went wrong.
func outcome(results []client.BulkResult) []string {
	var list []string
	for _, r := range results {
		s := strings.TrimSpace(fmt.Sprint(r.Status, " ", r.ID))
		for name, err := range map[string]error{
			"not done": client.ErrNotDone, "reference": client.ErrReference, "circle": client.ErrCircle, "uniqueness": client.ErrUniqueness,
		} {
			if errors.Is(r.Err, err) {
				s += ": " + name
			}
		}
		list = append(list, s)
	}
	return list
}

func TestC12_Bulk(t *testing.T) {
	t.Parallel()
	fill := func(b *client.Bulk) {
		ada := b.Create("/Users", person("ada"))
		b.Create("/Groups", team("team", ada))
		bob := b.Create("/Users", person("bob"))
		var p client.Patch
		p.AddMembers(bob)
		p.Remove(`members[value eq "` + ada + `"]`)
		b.Patch("/Groups", "old", "", &p)
		b.Replace("/Users", bob, "", schema.Object{"userName": "bob", "manager": schema.Object{"$ref": "https://app.example/scim/v2/Users/" + ada}})
		b.Delete("/Users", "gone", "")
	}
	want := []string{"201 id-ada", "201 id-team", "201 id-bob", "200 old", "200 id-bob", "404 gone"}
	for _, c := range []struct {
		name string
		s    *bulkServer
		jobs []int
	}{
		{"C-12: in one request", &bulkServer{config: bulkOf100}, []int{6}},
		{"C-12: split by operations, with ids in place of references", &bulkServer{config: bulkOf2}, []int{2, 2, 2}},
		{"C-12: split by size", &bulkServer{config: `{"bulk":{"supported":true,"maxOperations":100,"maxPayloadSize":700}}`}, []int{3, 3}},
		{"halved when it is too large all the same", &bulkServer{config: bulkOf100, most: 2}, []int{6, 3, 1, 1, 1, 1, 1, 1}},
		{"a server that does not say how many", &bulkServer{config: `{"bulk":{"supported":true}}`}, []int{6}},
		{"C-12: one by one where there is no bulk", &bulkServer{config: noBulk}, nil},
		{"and where there is none although it is promised", &bulkServer{config: bulkOf100, noBulk: 501}, nil},
		{"nor promised", &bulkServer{config: `{}`, noBulk: 404}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, cl := bulking(t, c.s)
			var b client.Bulk
			fill(&b)
			assert.Equal(t, b.Len(), 6)
			results, err := cl.Bulk(t.Context(), &b)
			assert.NoError(t, err)
			assert.Equal(t, outcome(results), want)
			assert.Equal(t, s.jobs, c.jobs)
			assert.Equal(t, s.made["team"], `[{"value":"id-ada"}]`)
			assert.Contains(t, s.made["id-bob"], `/Users/id-ada`)
			assert.Contains(t, s.made["old"], `"id-bob"`)
			assert.Contains(t, s.made["old"], `eq \"id-ada\"`)
			if c.jobs == nil {
				assert.Equal(t, len(s.single), 6)
			}
			for _, r := range results {
				if r.Err != nil {
					t.Errorf("%s %s: %v", r.Method, r.Endpoint, r.Err)
				}
			}
		})
	}
}

func TestC12_TheSecondBulkKnows(t *testing.T) {
	t.Parallel()
	s, c := bulking(t, &bulkServer{config: bulkOf100, most: 2})
	for range 2 {
		var b client.Bulk
		for i := range 4 {
			b.Create("/Users", person(fmt.Sprint("u", i)))
		}
		_, err := c.Bulk(t.Context(), &b)
		assert.NoError(t, err)
	}
	assert.Equal(t, s.jobs, []int{4, 2, 2, 2, 2})

	s, c = bulking(t, &bulkServer{config: bulkOf100, noBulk: 501})
	for range 2 {
		var b client.Bulk
		b.Delete("/Users", "1", "")
		_, err := c.Bulk(t.Context(), &b)
		assert.NoError(t, err)
	}
	assert.False(t, c.Can(client.FeatureBulk))
	bulks := 0
	for _, r := range s.sent {
		if strings.HasSuffix(r, "/Bulk") {
			bulks++
		}
	}
	assert.Equal(t, bulks, 1)
}

func TestBulkReferences(t *testing.T) {
	t.Parallel()
	circle := func(b *client.Bulk) {
		one, two := team("one"), team("two")
		first := b.Create("/Groups", one)
		second := b.Create("/Groups", two)
		one["members"] = []any{schema.Object{"value": second}}
		two["members"] = []any{schema.Object{"value": first}}
		b.Create("/Users", person("ada"))
	}
	for _, c := range []struct {
		name string
		s    *bulkServer
		fill func(b *client.Bulk)
		want []string
		jobs []int
	}{
		{
			"a circle stays together", &bulkServer{config: bulkOf2}, circle,
			[]string{"201 id-one", "201 id-two", "201 id-ada"},
			[]int{2, 1},
		},
		{
			"a circle that does not fit", &bulkServer{config: `{"bulk":{"supported":true,"maxOperations":1}}`}, circle,
			[]string{"0: circle", "0: circle", "201 id-ada"},
			[]int{1},
		},
		{
			"a circle without bulk", &bulkServer{config: noBulk}, circle,
			[]string{"0: circle", "0: circle", "201 id-ada"},
			nil,
		},
		{
			"forward, when it is split", &bulkServer{config: `{"bulk":{"supported":true,"maxOperations":1}}`}, func(b *client.Bulk) {
				group := team("team")
				b.Create("/Groups", group)
				ada := b.Create("/Users", person("ada"))
				group["members"] = []any{schema.Object{"value": ada}}
			},
			[]string{"201 id-team", "201 id-ada"},
			[]int{1, 1},
		},
		{
			"to what was not made", &bulkServer{config: `{"bulk":{"supported":true,"maxOperations":1}}`, fail: map[string]bool{"ada": true}}, func(b *client.Bulk) {
				ada := b.Create("/Users", person("ada"))
				group := b.Create("/Groups", team("team", ada))
				b.Create("/Groups", team("above", group))
				b.Create("/Users", person("bob"))
			},
			[]string{"409: uniqueness", "0: reference", "0: reference", "201 id-bob"},
			[]int{1, 1},
		},
		{
			"failOnErrors counts over all requests", &bulkServer{config: bulkOf2, fail: map[string]bool{"a": true, "c": true, "d": true}}, func(b *client.Bulk) {
				b.FailOnErrors = 2
				for _, name := range []string{"a", "b", "c", "d", "e"} {
					b.Create("/Users", person(name))
				}
			},
			[]string{"409: uniqueness", "201 id-b", "409: uniqueness", "0: not done", "0: not done"},
			[]int{2, 2},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, cl := bulking(t, c.s)
			var b client.Bulk
			c.fill(&b)
			results, err := cl.Bulk(t.Context(), &b)
			assert.NoError(t, err)
			assert.Equal(t, outcome(results), c.want)
			assert.Equal(t, s.jobs, c.jobs)
		})
	}
}

func TestC13_BulkAnswers(t *testing.T) {
	t.Parallel()
	each := func(f func(o schema.Object)) func([]any) []any {
		return func(results []any) []any {
			for _, v := range results {
				f(v.(schema.Object))
			}
			return results
		}
	}
	for name, reshape := range map[string]func([]any) []any{
		"as they should be": nil,
		"C-13: in another order": func(results []any) []any {
			return []any{results[2], results[1], results[3], results[0]}
		},
		"AMB-32: status as an object": each(func(o schema.Object) { o["status"] = schema.Object{"code": o["status"]} }),
		"C-13: without bulkId":        each(func(o schema.Object) { delete(o, "bulkId") }),
		"without a response":          each(func(o schema.Object) { delete(o, "response") }),
		"without a location":          each(func(o schema.Object) { delete(o, "location") }),
		"without a method":            each(func(o schema.Object) { delete(o, "method") }),
		"in small letters": each(func(o schema.Object) {
			for _, n := range []string{"bulkId", "location", "response"} {
				o[strings.ToLower(n)] = o[n]
				if n != "location" && n != "response" {
					delete(o, n)
				}
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := bulking(t, &bulkServer{config: bulkOf100, reshape: reshape})
			var b client.Bulk
			b.Create("/Users", person("ada"))
			b.Create("/Users", person("bob"))
			b.Replace("/Users", "7", "", person("eve"))
			b.Delete("/Users", "8", "")
			results, err := c.Bulk(t.Context(), &b)
			assert.NoError(t, err)
			assert.Equal(t, outcome(results), []string{"201 id-ada", "201 id-bob", "200 7", "204 8"})
		})
	}
	t.Run("some are missing", func(t *testing.T) {
		t.Parallel()
		_, c := bulking(t, &bulkServer{config: bulkOf100, reshape: func(results []any) []any { return results[1:] }})
		var b client.Bulk
		b.Create("/Users", person("ada"))
		b.Create("/Users", person("bob"))
		results, err := c.Bulk(t.Context(), &b)
		assert.NoError(t, err)
		assert.Equal(t, outcome(results), []string{"0: not done", "201 id-bob"})
	})
}

func TestBulkAsAWhole(t *testing.T) {
	t.Parallel()
	t.Run("P-B-02, P-B-04, P-B-05…09: the message", func(t *testing.T) {
		t.Parallel()
		s := answering(200, `{"Operations":[]}`)
		var b client.Bulk
		b.FailOnErrors = 3
		ref := b.Create("/Users", person("ada"))
		b.Replace("/Users", "a/b", `W/"1"`, person("bob"))
		_, err := open(t, s).Bulk(t.Context(), &b)
		assert.NoError(t, err)
		assert.Equal(t, s.body, `{"Operations":[{"bulkId":"`+strings.TrimPrefix(ref, "bulkId:")+`","data":{"userName":"ada"},"method":"POST","path":"/Users"},`+
			`{"data":{"userName":"bob"},"method":"PUT","path":"/Users/a%2Fb","version":"W/\"1\""}],"failOnErrors":3,"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]}`)
	})
	for status, want := range map[int]error{401: client.ErrUnauthorized, 500: client.ErrUnavailable, 0: nil} {
		t.Run(fmt.Sprint("answered ", status), func(t *testing.T) {
			t.Parallel()
			var b client.Bulk
			b.Create("/Users", person("ada"))
			s := answering(status, "")
			results, err := open(t, s).Bulk(t.Context(), &b)
			if err == nil || want != nil && !errors.Is(err, want) {
				t.Errorf("got %v", err)
			}
			assert.Equal(t, outcome(results), []string{"0: not done"})
		})
	}
	t.Run("an id that is none", func(t *testing.T) {
		t.Parallel()
		var b client.Bulk
		b.Delete("/Users", "..", "")
		s := answering(200, "")
		_, err := open(t, s).Bulk(t.Context(), &b)
		assert.NotNil(t, err)
		assert.Equal(t, s.sent, nil)
	})
	t.Run("EVT-15: later", func(t *testing.T) {
		t.Parallel()
		s := answering(202, "")
		s.header.Set("Set-Txn", "734f0614e3274f288f93ac74119dcf78")
		var b client.Bulk
		b.Delete("/Users", "1", "")
		_, err := open(t, s).Bulk(t.Context(), &b, client.RespondAsync(0))
		assert.ErrorIs(t, err, client.ErrAccepted)
		assert.Equal(t, assert.ErrorAs[*client.Error](t, err).Txn, "734f0614e3274f288f93ac74119dcf78")
		assert.Equal(t, s.last.Header.Get("Prefer"), "respond-async")
	})
}

func TestBulkOfManyIsNotSlow(t *testing.T) {
	t.Parallel()
	s, c := bulking(t, &bulkServer{config: `{"bulk":{"supported":true,"maxOperations":10000}}`, noBulk: 0})
	s.answer = func(r *http.Request) (int, string) {
		if strings.HasSuffix(r.URL.Path, "/Bulk") {
			return 200, `{"schemas":["` + scim.ListResponseMessage + `"]}`
		}
		return 200, s.config
	}
	var b client.Bulk
	last := b.Create("/Groups", team("first"))
	for i := range 9999 { // each refers to the one before
		last = b.Create("/Groups", team(fmt.Sprint(i), last))
	}
	results, err := c.Bulk(t.Context(), &b)
	assert.NoError(t, err)
	assert.Equal(t, len(results), 10000)
}

func FuzzBulkAnswer(f *testing.F) {
	f.Add([]byte(`{"Operations":[{"method":"POST","bulkId":"1","status":"201","location":"https://a/Users/1"}]}`))
	f.Add([]byte(`{"Operations":[{"status":{"code":[]}},{"location":"/Users/%2e%2e"},1,null,{"response":1,"status":-1}]}`))
	f.Add([]byte(`{"Operations":{"status":201}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := answering(200, string(body))
		var b client.Bulk
		ref := b.Create("/Users", person("ada"))
		b.Create("/Groups", team("team", ref))
		b.Delete("/Users", "1", "")
		results, err := open(t, s).Bulk(t.Context(), &b)
		for _, r := range results {
			if r.Err == nil && (r.Status < 200 || r.Status > 299) && r.Status != 404 {
				t.Fatalf("done, with status %d", r.Status)
			}
			if r.ID != "" && client.CheckID(r.ID) != nil {
				t.Fatalf("id %q", r.ID)
			}
		}
		if len(results) != 3 && err == nil {
			t.Fatalf("%d results", len(results))
		}
	})
}
