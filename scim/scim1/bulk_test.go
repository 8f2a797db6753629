package scim1_test

import (
	"fmt"
	"testing"

	"github.com/muster-id/muster/scim/server"
)

func TestBulk(t *testing.T) {
	t.Parallel()
	rows{
		"V1-40 V1-T6 every method": func(p *provider) {
			a := p.post("/v1/Users", `{"userName":"a","emails":["a@x.example"]}`).is(201)
			id, tag := a.text("id"), a.header.Get("Etag")
			gone := p.user("gone")
			b := p.post("/v1/Bulk", fmt.Sprintf(`{"schemas":["urn:scim:schemas:core:1.0"],"failOnErrors":1,"Operations":[
				{"method":"POST","path":"/Users","bulkId":"q","data":{"schemas":["urn:scim:schemas:core:1.0"],"userName":"b","roles":["x"],
					"urn:scim:schemas:extension:enterprise:1.0":{"manager":{"managerId":%[1]q}}}},
				{"method":"PATCH","path":"/Users/%[1]s","version":%[2]q,"data":{"title":"t","emails":[{"value":"a@x.example","operation":"delete"}]}},
				{"method":"DELETE","path":"/Users/%[3]s"}]}`, id, tag, gone)).is(200).
				has("schemas", "[urn:scim:schemas:core:1.0]").
				has("Operations/0/method", "POST").has("Operations/0/bulkId", "q").has("Operations/0/status/code", "201").has("Operations/0/response", nil).
				has("Operations/1/status/code", "200").has("Operations/1/status/description", nil).
				has("Operations/2/status/code", "200").has("Operations/3", nil)
			created := b.text("Operations/0/location")
			p.get(created[len(site):]).is(200).has("userName", "b").has("roles/0/value", "x").has(enterprise+"/manager/managerId", id).
				has("meta/version", b.text("Operations/0/version"))
			p.get("/v1/Users/"+id).has("title", "t").has("emails", nil)
			p.post("/v1/Bulk", fmt.Sprintf(`{"Operations":[{"method":"PUT","path":"/Users/%s","data":{"userName":"a","locale":"en_US"}}]}`, id)).is(200)
			p.get("/v2/Users/"+id).has("locale", "en-US").has("title", nil)
		},
		"V1-41 errors and where it stops": func(p *provider) {
			p.user("a")
			ops := `[{"method":"POST","path":"/Users","bulkId":"1","data":{"userName":"a"}},
				{"method":"POST","path":"/Users","bulkId":"2","data":{"userName":"b"}},
				{"method":"PATCH","path":"/Users/nobody","data":{"title":"x"}},
				{"method":"POST","path":"/Nope","bulkId":"3","data":{"userName":"c"}}]`
			p.post("/v1/Bulk", `{"Operations":`+ops+`}`).is(200).
				has("Operations/0/status/code", "409").has("Operations/0/status/description", "userName is taken by another resource").
				has("Operations/0/location", nil).
				has("Operations/1/status/code", "201").has("Operations/2/status/code", "404").has("Operations/3/status/code", "404")
			p.post("/v1/Bulk", `{"failOnErrors":1,"Operations":`+ops+`}`).is(200).has("Operations/0/status/code", "409").has("Operations/1", nil)
		},
		"V1-41 references": func(p *provider) {
			p.post("/v1/Bulk", `{"Operations":[
				{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"G","members":[{"value":"bulkId:u","type":"user"},"bulkId:v"]}},
				{"method":"POST","path":"/Users","bulkId":"u","data":{"userName":"u"}},
				{"method":"POST","path":"/Users","bulkId":"v","data":{"userName":"v","urn:scim:schemas:extension:enterprise:1.0":{"manager":{"managerId":"bulkId:u"}}}}]}`).
				is(200).has("Operations/0/status/code", "201").has("Operations/2/status/code", "201")
			u := p.get("/v1/Users?filter=userName+eq+%22u%22").text("Resources/0/id")
			p.get("/v1/Groups").has("Resources/0/members/0/value", u)
			p.get("/v1/Users?filter=userName+eq+%22v%22").has("Resources/0/"+"groups/0/display", "G").has("Resources/0/"+enterprise+"/manager/managerId", u)
		},
		"V1-41 groups that contain each other": func(p *provider) {
			p.post("/v1/Bulk", `{"Operations":[
				{"method":"POST","path":"/Groups","bulkId":"a","data":{"displayName":"A","members":[{"value":"bulkId:b","type":"group"}]}},
				{"method":"POST","path":"/Groups","bulkId":"b","data":{"displayName":"B","members":[{"value":"bulkId:a","type":"Group"}]}}]}`).
				is(200).has("Operations/0/status/code", "201").has("Operations/1/status/code", "201")
		},
		"refused as a whole": func(p *provider) {
			p.post("/v1/Bulk", `{"Operations":7}`).refused(400, "Operations")
			p.post("/v1/Bulk", `[]`).refused(400, "")
			p.get("/v1/Bulk").refused(405, "")
			p.post("/v1/Bulk", `{"Operations":[{"method":"POST","path":"/Users","bulkId":"1","data":{"userName":"a"}}]}`, "Prefer: respond-async").is(200)
		},
	}.run(t)

	t.Run("V1-42 limits", func(t *testing.T) {
		t.Parallel()
		p := newProvider(t, func(_ *server.Service, o *server.Options) { o.Limits.Operations = 1 })
		op := `{"method":"POST","path":"/Users","bulkId":"%d","data":{"userName":"u%d"}}`
		p.post("/v1/Bulk", fmt.Sprintf(`{"Operations":[`+op+`,`+op+`]}`, 1, 1, 2, 2)).refused(413, "1")
	})
}
