package client_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/muster-id/muster/internal/assert"
	"github.com/muster-id/muster/scim/client"
	"github.com/muster-id/muster/scim/schema"
)

func TestTypedRead(t *testing.T) {
	t.Parallel()
	const body = `{"Id":7,"meta":{"version":"W/\"1\""},"USERNAME":"ada","active":"True","name":null,"externalId":42,
		"emails":{"value":"ada@example.com","primary":"true"},"roles":["admin",{"value":"user"},null],"groups":[],"title":false,
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:user":{"manager":"8","employeeNumber":1815},"other":{"x":[1]}}`
	c := open(t, answering(200, body))
	u, err := client.Of[client.User](c, "User").Get(t.Context(), "7")
	assert.NoError(t, err)
	assert.Equal(t, u.ID+" "+u.Version, `7 W/"1"`)
	assert.Equal(t, u.Value, client.User{
		UserName: "ada", ExternalID: "42", Active: new(true), Title: "false",
		Emails: []client.Labelled{{Value: "ada@example.com", Primary: true}},
		Roles:  []client.Labelled{{Value: "admin"}, {Value: "user"}}, Groups: []client.Member{},
		Enterprise: &client.EnterpriseUser{EmployeeNumber: "1815", Manager: client.Manager{Value: "8"}},
	}, assert.Sprintf("S-2.1-01, C-18, AMB-24"))
	assert.Equal(t, u.Document.Value("other", "x"), any([]any{schema.Number("1")}))

	_, err = client.Of[client.User](open(t, answering(200, `{"id":"7","emails":[{"value":{}}]}`)), "User").Get(t.Context(), "7")
	assert.ErrorIs(t, err, client.ErrAnswer)
	assert.ErrorContains(t, err, "emails[0].value")
}

func TestTypedWrite(t *testing.T) {
	t.Parallel()
	s := answering(201, `{"id":"7"}`)
	users := client.Of[client.User](open(t, s), "User")
	_, err := users.Create(t.Context(), client.User{
		UserName: "ada", Emails: []client.Labelled{{Value: "a@b.example", Primary: true}, {Value: "b@b.example"}},
		Groups: []client.Member{{Value: "1"}}, Enterprise: &client.EnterpriseUser{Department: "Engines"},
	})
	assert.NoError(t, err)
	assert.Equal(t, s.body, `{"emails":[{"primary":true,"value":"a@b.example"},{"value":"b@b.example"}],`+
		`"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],`+
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Engines"},"userName":"ada"}`,
		assert.Sprintf("S-2.1-02, S-3-05, S-4.1.2-07, C-01"))
	assert.Equal(t, s.last.URL.Path, "/scim/v2/Users")
}

// device is a resource type of somebody's own.
type device struct {
	ID       string    `scim:"id"`
	Serial   string    `scim:"serial"`
	Count    int       `scim:"count"`
	Seen     time.Time `scim:"seen"`
	Tags     []string  `scim:"tags"`
	Shelf    *shelfAt  `scim:"urn:example:Shelf"`
	internal string
}

type shelfAt struct {
	Row int `json:"row"`
}

func TestC04_EndpointsAreLearned(t *testing.T) {
	t.Parallel()
	types := `{"Resources":[{"name":"User","endpoint":"/People","schema":"urn:example:Person"},
		{"name":"device","endpoint":"https://app.example/scim/v2/Things","schema":"urn:example:Device"},
		{"name":"Group","endpoint":"https://evil.example/Groups"},{"name":"Evil","endpoint":"/../admin"},{"endpoint":"/Nameless"}]}`
	learned := func(status int, body string) (*fake, *client.Client) {
		s := answering(0, "")
		s.answer = func(r *http.Request) (int, string) {
			if strings.HasSuffix(r.URL.Path, "/ResourceTypes") {
				return status, body
			}
			return 200, `{"id":"7"}`
		}
		return s, open(t, s)
	}
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"P-3.2-02: as the server says", 200, types, "/People /Things /Groups /Evils"},
		{"a bare list", 200, `[{"name":"User","endpoint":"People"}]`, "/People /Devices /Groups /Evils"},
		{"C-04: no discovery", 404, "", "/Users /Devices /Groups /Evils"},
		{"C-04: discovery that is a web page", 200, "<html>", "/Users /Devices /Groups /Evils"},
		{"C-04: not for us", 403, "", "/Users /Devices /Groups /Evils"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, cl := learned(c.status, c.body)
			var got []string
			for _, name := range []string{"User", "Device", "Group", "Evil"} {
				e, err := cl.Endpoint(t.Context(), name)
				assert.NoError(t, err)
				got = append(got, e)
			}
			assert.Equal(t, strings.Join(got, " "), c.want, assert.Sprintf("Sec G14"))
			assert.Equal(t, len(s.sent), 1)
		})
	}
	t.Run("a server that cannot answer now is asked again", func(t *testing.T) {
		t.Parallel()
		s, cl := learned(503, "")
		for range 2 {
			_, err := cl.Endpoint(t.Context(), "User")
			assert.ErrorIs(t, err, client.ErrUnavailable)
		}
		assert.Equal(t, len(s.sent), 2)
	})
	t.Run("of one's own type", func(t *testing.T) {
		t.Parallel()
		s, cl := learned(200, types)
		seen := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
		_, err := client.Of[device](cl, "Device").Create(t.Context(), device{ID: "mine", Serial: "x", Count: 3, Seen: seen, Tags: []string{"a"}, Shelf: &shelfAt{2}, internal: "no"})
		assert.NoError(t, err)
		assert.Equal(t, s.sent[1], "POST https://app.example/scim/v2/Things")
		assert.Equal(t, s.body, `{"count":3,"schemas":["urn:example:Device","urn:example:Shelf"],"seen":"2026-05-01T12:00:00Z","serial":"x","tags":["a"],"urn:example:Shelf":{"row":2}}`,
			assert.Sprintf("S-3.1-07"))
	})
	t.Run("of a type that is none", func(t *testing.T) {
		t.Parallel()
		_, cl := learned(200, types)
		_, err := client.Of[struct{ C chan int }](cl, "User").Get(t.Context(), "7")
		assert.ErrorContains(t, err, "chan int")
	})
}

func TestWhatATypeDoesNotKnowStays(t *testing.T) {
	t.Parallel()
	const there = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:example:Badge"],"id":"1","meta":{"version":"\"1\""},
		"UserName":"ada","name":{"givenName":"Ada","pronoun":"she"},"title":"Analyst","nickName":"A",
		"emails":[{"value":"a@b.example","verified":1.0},{"value":"c@b.example","verified":true}],
		"groups":[{"value":"9"}],"urn:example:Badge":{"number":7}}`
	s := answering(200, there)
	users := client.Of[client.User](open(t, s), "User")
	alter := func(u *client.User) {
		u.Name.FamilyName = "King"
		u.Title = ""
		u.NickName = "Countess"
		u.Emails = []client.Labelled{{Value: "d@b.example"}, {Value: "a@b.example", Type: "work"}}
	}
	const want = `{"emails":[{"value":"d@b.example"},{"type":"work","value":"a@b.example","verified":1.0}],"groups":[{"value":"9"}],"id":"1",` +
		`"meta":{"version":"\"1\""},"name":{"familyName":"King","givenName":"Ada","pronoun":"she"},"nickName":"Countess",` +
		`"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:example:Badge"],"urn:example:Badge":{"number":7},"userName":"ada"}`
	lowered := strings.Replace(want, `"userName":"ada"`, "", 1)

	u, err := users.Get(t.Context(), "1")
	assert.NoError(t, err)
	alter(&u.Value)
	_, err = users.Save(t.Context(), u)
	assert.NoError(t, err)
	assert.Equal(t, s.last.Header.Get("If-Match"), `"1"`)
	assert.Contains(t, s.body, `"UserName":"ada"`, assert.Sprintf("what is not altered is sent as it came"))
	assert.Equal(t, strings.Replace(strings.Replace(s.body, `"UserName":"ada",`, "", 1), `}}`, `},}`, 1), lowered)

	saved := s.body
	_, err = users.Update(t.Context(), "1", func(u *client.User) error { alter(u); return nil })
	assert.NoError(t, err)
	assert.Equal(t, s.body, saved)
}

func TestP31_05_TheServerKeepsWhatItLikes(t *testing.T) {
	t.Parallel()
	// P-3.1-05, C-16: the answer has less than was sent, and in another spelling. That is what counts, and no error.
	s := answering(200, `{"id":"1","userName":"ADA@EXAMPLE.COM"}`)
	users := client.Of[client.User](open(t, s), "User")
	u, err := users.Create(t.Context(), client.User{UserName: "ada@example.com", Title: "Analyst"})
	assert.NoError(t, err)
	assert.Equal(t, u.Value, client.User{UserName: "ADA@EXAMPLE.COM"})
	sent := len(s.sent)
	_, err = users.Update(t.Context(), "1", func(u *client.User) error { u.Title = "Analyst"; return nil })
	assert.NoError(t, err)
	assert.Equal(t, len(s.sent)-sent, 2, assert.Sprintf("no loop"))
}

func TestTypedLists(t *testing.T) {
	t.Parallel()
	c := open(t, pages(3, "3"))
	users, got := client.Of[client.User](c, "User"), ""
	for u, err := range users.All(t.Context(), client.Query{}) {
		assert.NoError(t, err)
		got += u.ID
	}
	assert.Equal(t, got, "123")
	_, err := users.Lookup(t.Context(), "userName", "ada")
	assert.ErrorIs(t, err, client.ErrNotFound)
	for u, err := range client.Of[client.User](open(t, answering(200, `{"Resources":[{"userName":"ada"}]}`)), "User").All(t.Context(), client.Query{}) {
		assert.ErrorIs(t, err, client.ErrAnswer, assert.Sprintf("a resource without an id: %v", u))
	}
}

func FuzzTyped(f *testing.F) {
	f.Add(`{"id":"1","userName":"ada","emails":[{"value":"x"}]}`)
	f.Add(`{"id":"1","active":"TRUE","emails":"x","name":[{"givenName":1}],"groups":[[]],"roles":{}}`)
	f.Add(`{"id":"1","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":[null],"manager":1}`)
	f.Fuzz(func(t *testing.T, body string) {
		s := answering(200, body)
		users := client.Of[client.User](open(t, s), "User")
		u, err := users.Get(t.Context(), "1")
		if err != nil {
			return
		}
		if _, err := users.Save(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		// Nothing was altered, so what was read is what is sent, but for schemas.
		sent, read := object(t, s.body), client.Document(u.Document)
		for name := range read {
			if _, ok := sent[name]; !ok && !strings.EqualFold(name, "schemas") {
				t.Fatalf("%s was lost", name)
			}
		}
	})
}
