package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

// title is a patch of one operation.
func title(s string) *client.Patch {
	p := new(client.Patch)
	p.Replace("title", s)
	return p
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, etag, body, want, sent string }{
		{"in the resource", `W/"other"`, `{"id":"1","meta":{"version":"W/\"1\""}}`, `W/"1"`, `W/"1"`},
		{"in the ETag alone", `W/"2"`, `{"id":"1"}`, `W/"2"`, `W/"2"`},
		{"in the ETag, meta is null", `"3"`, `{"id":"1","Meta":null}`, `"3"`, `"3"`},
		{"without its quotes", "", `{"id":"1","meta":{"version":"4"}}`, "4", `"4"`},
		{"nowhere", "", `{"id":"1"}`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := answering(200, c.body)
			if c.etag != "" {
				s.header.Set("ETag", c.etag)
			}
			cl := open(t, s)
			d, err := cl.Get(t.Context(), "/Users", "1", client.Want{}, client.IfNoneMatch("old"))
			assert.NoError(t, err)
			assert.Equal(t, d.Version(), c.want)
			assert.Equal(t, s.last.Header.Get("If-None-Match"), `"old"`)
			for _, write := range []func() error{
				func() error {
					_, err := cl.Replace(t.Context(), "/Users", "1", schema.Object{}, client.IfMatch(d.Version()))
					return err
				},
				func() error {
					_, err := cl.Patch(t.Context(), "/Users", "1", title("x"), client.IfMatch(d.Version()))
					return err
				},
				func() error {
					_, err := cl.Delete(t.Context(), "/Users", "1", client.IfMatch(d.Version()))
					return err
				},
			} {
				assert.NoError(t, write())
				assert.Equal(t, s.last.Header.Get("If-Match"), c.sent, assert.Sprintf("P-3.14-04"))
			}
		})
	}
	t.Run("it has not changed", func(t *testing.T) {
		t.Parallel()
		_, err := open(t, answering(304, "")).Get(t.Context(), "/Users", "1", client.Want{}, client.IfNoneMatch("1"))
		assert.ErrorIs(t, err, client.ErrNotModified)
	})
}

// shelf keeps one resource, and somebody else who is faster a number of times.
func shelf(t *testing.T, faster int, refuse func(method string) (int, string)) (*fake, *client.Client, func() string) {
	t.Helper()
	doc, version := `"id":"1","userName":"ada","photos":[{"value":"x","secret":1.50}]`, 1
	s := answering(0, "")
	s.answer = func(r *http.Request) (int, string) {
		if status, body := refuse(r.Method); status != 0 {
			return status, body
		}
		etag := `"` + strings.Repeat("v", version) + `"`
		if r.Method == http.MethodPut {
			if faster > 0 {
				faster--
				version++
				return 412, ""
			}
			if m := r.Header.Get("If-Match"); m != etag {
				t.Errorf("If-Match is %s, the version %s", m, etag)
			}
			doc = strings.TrimSuffix(strings.TrimPrefix(s.body, "{"), "}")
			return 204, ""
		}
		s.header.Set("ETag", etag)
		return 200, "{" + doc + "}"
	}
	return s, open(t, s), func() string { return doc }
}

func never(string) (int, string) { return 0, "" }

func retitle(now client.Document) (schema.Object, error) {
	now["title"] = "Countess"
	return schema.Object(now), nil
}

func TestC11_Update(t *testing.T) {
	t.Parallel()
	t.Run("C-11: somebody else is faster", func(t *testing.T) {
		t.Parallel()
		s, c, doc := shelf(t, 3, never)
		_, err := c.Update(t.Context(), "/Users", "1", retitle)
		assert.NoError(t, err)
		assert.Equal(t, len(s.sent), 8)
		assert.Contains(t, doc(), `"title":"Countess"`)
		assert.Contains(t, doc(), `"secret":1.50`, assert.Sprintf("numbers stay as they were"))
	})
	t.Run("C-11: always", func(t *testing.T) {
		t.Parallel()
		s, c, _ := shelf(t, 100, never)
		_, err := c.Update(t.Context(), "/Users", "1", retitle)
		assert.ErrorIs(t, err, client.ErrPrecondition)
		assert.Equal(t, len(s.sent), 8)
	})
	t.Run("nothing to do", func(t *testing.T) {
		t.Parallel()
		s, c, _ := shelf(t, 0, never)
		d, err := c.Update(t.Context(), "/Users", "1", func(client.Document) (schema.Object, error) { return nil, nil })
		assert.NoError(t, err)
		assert.Equal(t, d.ID(), "1")
		assert.Equal(t, len(s.sent), 1)
	})
}

func TestPatchFallsBackToPut(t *testing.T) {
	t.Parallel()
	refusing := func(status int, body string) func(string) (int, string) {
		return func(method string) (int, string) {
			if method == http.MethodPatch {
				return status, body
			}
			return 0, ""
		}
	}
	var p client.Patch
	p.Replace("title", "Countess")
	for _, c := range []struct {
		name    string
		refuse  func(string) (int, string)
		patches int // of two modifications
		ok      bool
	}{
		{"501", refusing(501, ""), 1, true},
		{"405", refusing(405, ""), 1, true},
		{"400 that says nothing", refusing(400, "unsupported"), 1, true},
		{"400 about the patch", refusing(400, `{"scimType":"invalidPath"}`), 2, false},
		{"403", refusing(403, ""), 2, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, cl, doc := shelf(t, 0, c.refuse)
			for range 2 {
				_, err := cl.Modify(t.Context(), "/Users", "1", &p, retitle)
				assert.Equal(t, err == nil, c.ok)
			}
			patches := 0
			for _, r := range s.sent {
				if strings.HasPrefix(r, "PATCH ") {
					patches++
				}
			}
			assert.Equal(t, patches, c.patches)
			assert.Equal(t, strings.Contains(doc(), "Countess"), c.ok)
			assert.Equal(t, cl.Can(client.FeaturePatch), !c.ok)
		})
	}
	t.Run("400 of a resource that cannot be replaced either", func(t *testing.T) {
		t.Parallel()
		_, cl, _ := shelf(t, 0, func(method string) (int, string) {
			if method == http.MethodPatch || method == http.MethodPut {
				return 400, method
			}
			return 0, ""
		})
		_, err := cl.Modify(t.Context(), "/Users", "1", &p, retitle)
		assert.Equal(t, assert.ErrorAs[*client.Error](t, err).Detail, "PATCH")
		assert.True(t, cl.Can(client.FeaturePatch))
	})
	t.Run("as the configuration says", func(t *testing.T) {
		t.Parallel()
		s, cl, _ := shelf(t, 0, never)
		answer := s.answer
		s.answer = func(r *http.Request) (int, string) {
			if strings.HasSuffix(r.URL.Path, "/ServiceProviderConfig") {
				return 200, `{"patch":{"supported":false}}`
			}
			return answer(r)
		}
		assert.True(t, cl.Can(client.FeaturePatch))
		_, err := cl.Config(t.Context())
		assert.NoError(t, err)
		_, err = cl.Modify(t.Context(), "/Users", "1", &p, retitle)
		assert.NoError(t, err)
		assert.Equal(t, len(s.sent), 3)
	})
}

func TestC07_ReadBack(t *testing.T) {
	t.Parallel()
	const here = "https://app.example/scim/v2/Users/a%2Fb"
	for _, c := range []struct {
		name, body, location string
		want                 string
	}{
		{"C-07: the answer has it", `{"id":"a/b"}`, here, "a/b"},
		{"C-07: the answer is empty", "", here, "a/b"},
		{"C-07: the answer is something else", `{"result":"ok"}`, here, "a/b"},
		{"a relative location", "", "/scim/v2/Users/a%2Fb", "a/b"},
		{"Sec G14: a location elsewhere", "", "https://evil.example/Admins/1", ""},
		{"Sec G14: a location that is none", "", "https://app.example/scim/v2/Users/..", ""},
		{"no location", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := answering(0, "")
			s.header.Set("Location", c.location)
			s.answer = func(r *http.Request) (int, string) {
				if r.Method == http.MethodGet {
					return 200, `{"id":"a/b"}`
				}
				return 201, c.body
			}
			d, err := open(t, s).Create(t.Context(), "/Users", schema.Object{}, client.ReadBack())
			assert.Equal(t, d.ID(), c.want)
			assert.Equal(t, err == nil, c.want != "")
			for _, r := range s.sent {
				assert.Contains(t, r, "https://app.example/scim/v2/Users")
			}
		})
	}
	t.Run("a patch answered with 204", func(t *testing.T) {
		t.Parallel()
		s := answering(200, `{"id":"1","title":"x"}`)
		answer := s.answer
		s.answer = func(r *http.Request) (int, string) {
			if r.Method == http.MethodPatch {
				return 204, ""
			}
			return answer(r)
		}
		d, err := open(t, s).Patch(t.Context(), "/Users", "1", title("x"), client.ReadBack(), client.Returning(client.Want{Attributes: []string{"title"}}))
		assert.NoError(t, err)
		assert.Equal(t, d.String("title"), "x")
		assert.Equal(t, s.sent[0], "PATCH https://app.example/scim/v2/Users/1?attributes=title", assert.Sprintf("P-A-07"))
	})
}

func TestC15_Ensure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, conflict, found string
		want                  string
		created               bool
	}{
		{"C-15: nobody has it", "", "", "new", true},
		{"C-15: somebody has it", `409 {"scimType":"uniqueness"}`, `[{"id":"7","userName":"ADA"}]`, "7", false},
		{"a conflict without a scimType", `409 {}`, `[{"id":"7","userName":"ada"}]`, "7", false},
		{"400 that says uniqueness", `400 {"scimType":"uniqueness"}`, `[{"id":"7","userName":"ada"}]`, "7", false},
		{"the filter is ignored", `409 {}`, `[{"id":"6","userName":"bob"},{"id":"7","userName":"ada"}]`, "7", false},
		{"the other one is not shown", `409 {}`, `[{"id":"6","userName":"bob"}]`, "", false},
		{"there are two", `409 {}`, `[{"id":"6","userName":"ada"},{"id":"7","userName":"ada"}]`, "", false},
		{"another error", `400 {"scimType":"invalidValue"}`, `[]`, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := answering(0, "")
			s.answer = func(r *http.Request) (int, string) {
				switch {
				case r.Method == http.MethodGet:
					return 200, `{"Resources":` + c.found + `}`
				case c.conflict != "":
					return 100*int(c.conflict[0]-'0') + int(c.conflict[2]-'0'), c.conflict[4:]
				}
				return 201, `{"id":"new"}`
			}
			d, created, err := open(t, s).Ensure(t.Context(), "/Users", schema.Object{"userName": "ada"}, "userName")
			assert.Equal(t, d.ID(), c.want)
			assert.Equal(t, created, c.created)
			assert.Equal(t, err == nil, c.want != "")
		})
	}
}

func TestMe(t *testing.T) {
	t.Parallel()
	s := answering(200, `{"id":"7"}`)
	c := open(t, s)
	d, err := c.Me(t.Context(), client.Want{})
	assert.NoError(t, err)
	assert.Equal(t, d.ID(), "7")
	_, err = c.PatchMe(t.Context(), title("x"))
	assert.NoError(t, err)
	assert.Equal(t, s.sent, []string{"GET https://app.example/scim/v2/Me", "PATCH https://app.example/scim/v2/Me"})
	_, err = open(t, answering(501, "")).Me(t.Context(), client.Want{})
	assert.ErrorIs(t, err, client.ErrUnsupported, assert.Sprintf("AMB-35"))
}

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	kinds := map[string]error{
		"not modified": client.ErrNotModified, "unauthorized": client.ErrUnauthorized, "forbidden": client.ErrForbidden,
		"not found": client.ErrNotFound, "conflict": client.ErrConflict, "uniqueness": client.ErrUniqueness,
		"precondition": client.ErrPrecondition, "payload": client.ErrPayload, "throttled": client.ErrThrottled,
		"too many": client.ErrTooMany, "unsupported": client.ErrUnsupported, "unavailable": client.ErrUnavailable,
		"redirect": client.ErrRedirect, "expired": client.ErrExpiredCursor, "answer": client.ErrAnswer,
	}
	for _, c := range []struct {
		status int
		typ    scim.ErrorType
		want   string
	}{
		{304, "", "not modified"},
		{302, "", "redirect"},
		{400, "", ""},
		{400, scim.TooMany, "too many"},
		{400, "expiredCursor", "expired"},
		{400, scim.Uniqueness, "uniqueness"},
		{401, "", "unauthorized"},
		{403, "", "forbidden"},
		{404, "", "not found"},
		{405, "", "unsupported"},
		{409, scim.Uniqueness, "conflict uniqueness"},
		{409, scim.Mutability, "conflict"},
		{409, "", "conflict uniqueness"},
		{412, "", "precondition"},
		{413, "", "payload"},
		{429, "", "throttled"},
		{500, "", "unavailable"},
		{501, "", "unsupported"},
		{503, "", "unavailable"},
	} {
		_, err := open(t, answering(c.status, `{"scimType":"`+string(c.typ)+`"}`)).Get(t.Context(), "/Users", "1", client.Want{})
		for name, kind := range kinds {
			want := name == c.want || strings.Contains(c.want, "conflict") && name == "conflict" || strings.HasSuffix(c.want, " uniqueness") && name == "uniqueness"
			if errors.Is(err, kind) != want {
				t.Errorf("P-3.12-04: %d %s is %s: %t", c.status, c.typ, name, !want)
			}
		}
	}
}

func TestAnswersOfSomebodyElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		kind       error
		read, done bool // whether a read, and a write, succeed
	}{
		{"a web page", "\n<!DOCTYPE html><html><title>Sign in</title>", client.ErrWebPage, false, false},
		{"a web page without a doctype", "<HTML>", client.ErrWebPage, false, false},
		{"nothing", " \n", client.ErrEmpty, false, true},
		{"half of it", `{"id":"1","userName":"ad`, client.ErrTruncated, false, true},
		{"a list", "[]", client.ErrAnswer, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cl := open(t, answering(200, c.body))
			_, err := cl.Get(t.Context(), "/Users", "1", client.Want{})
			assert.ErrorIs(t, err, c.kind)
			assert.ErrorIs(t, err, client.ErrAnswer)
			_, err = cl.Create(t.Context(), "/Users", schema.Object{})
			assert.Equal(t, err == nil, c.done)
			_, err = cl.Find(t.Context(), "/Users", client.Query{}, 1)
			assert.ErrorIs(t, err, client.ErrAnswer)
		})
	}
	t.Run("the connection breaks within it", func(t *testing.T) {
		t.Parallel()
		n := 0
		c, _ := patient(t, doer(func(*http.Request) (*http.Response, error) {
			n++
			r := response(200, "")
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"id":`), broken{}))
			return r, nil
		}))
		_, err := c.Create(t.Context(), "/Users", schema.Object{})
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF, assert.Sprintf("nobody knows what was done"))
		assert.Equal(t, n, 1)
		_, err = c.Get(t.Context(), "/Users", "1", client.Want{})
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Equal(t, n, 5, assert.Sprintf("a read is repeated"))
	})
}

// broken is a connection that ends before it should.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestErrorsHoldNoIDs(t *testing.T) {
	t.Parallel()
	// A port that nobody listens on: the standard library's error has the whole URL in it.
	c, err := client.New("http://127.0.0.1:1", client.Options{HTTP: new(http.Client), Token: func(context.Context) (string, error) { return "s3cret", nil }})
	assert.NoError(t, err)
	_, err = c.Get(t.Context(), "/Users", "ada@example.com", client.Want{})
	assert.NotContains(t, err.Error(), "ada")
	_, err = c.Find(t.Context(), "/Users", client.Query{Filter: client.Eq("userName", "ada")}, 1)
	assert.NotContains(t, err.Error(), "ada")
	assert.Contains(t, err.Error(), "GET /Users: dial tcp")
	assert.NotContains(t, err.Error(), "s3cret")
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		`{"id":"1"}`, `{"detail":"x","scimType":"uniqueness","status":1}`, `{"Errors":[]}`, `{"Errors":[{"description":"x"}]}`, "<html>", `{"meta":[]}`, "\ufeff{}", `{"id":"s3cret"}`,
	} {
		f.Add(200, s, `W/"1"`)
		f.Add(404, s, "")
	}
	f.Fuzz(func(t *testing.T, status int, body, etag string) {
		s := answering(100+(status%500+500)%500, body)
		s.header.Set("ETag", etag)
		c := open(t, s)
		d, err := c.Get(t.Context(), "/Users", "1", client.Want{})
		if (err == nil) != (d.ID() == "1") {
			t.Fatalf("%v, %v", d, err)
		}
		if err != nil && (strings.Contains(err.Error(), "s3cret") || len(err.Error()) > 8<<10 || strings.ContainsAny(err.Error(), "\n\x00\x1b")) {
			t.Fatalf("error %q", err)
		}
		d, err = c.Create(t.Context(), "/Users", schema.Object{}, client.ReadBack())
		if err == nil && d.ID() == "" {
			t.Fatal("read back without an id")
		}
	})
}
