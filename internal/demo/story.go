package demo

import (
	"context"
	"fmt"
	"net/http"
)

// chapter is one thing that happens in a working life.
type chapter struct {
	title, why string
	play       func(ctx context.Context, p *play) error
}

const (
	userURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	patchURN      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

var chapters = []chapter{
	{
		"Ada is hired", "HR enters her, the identity provider creates her account.",
		func(ctx context.Context, p *play) error {
			return p.send(ctx, &p.ada, http.MethodPost, "/Users", `{"schemas":["`+userURN+`","`+enterpriseURN+`"],"externalId":"10042",`+
				`"userName":"ada.osei@example.com","name":{"givenName":"Ada","familyName":"Osei"},"displayName":"Ada Osei","active":true,`+
				`"emails":[{"value":"ada.osei@example.com","type":"work","primary":true}],"`+enterpriseURN+`":{"department":"Research","employeeNumber":"10042"}}`)
		},
	},
	{
		"She joins two groups", "Groups decide what she may do in the application.",
		func(ctx context.Context, p *play) error {
			for _, name := range []string{"Engineering", "On-Call"} {
				var group string
				if err := p.send(ctx, &group, http.MethodPost, "/Groups", fmt.Sprintf(`{"schemas":["%s"],"displayName":"%s"}`, groupURN, name)); err != nil {
					return err
				}
				if err := p.patch(ctx, "/Groups/"+group, fmt.Sprintf(`{"op":"Add","path":"members","value":[{"value":"%s"}]}`, p.ada)); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		"She changes department", "One attribute changed, so one attribute is sent on.",
		func(ctx context.Context, p *play) error {
			return p.patch(ctx, "/Users/"+p.ada, `{"op":"Replace","path":"`+enterpriseURN+`:department","value":"Platform"}`)
		},
	},
	{
		"She leaves", `Entra ID says so with the string "False". The hub understands it, and nobody waits for her access to end.`,
		func(ctx context.Context, p *play) error {
			return p.patch(ctx, "/Users/"+p.ada, `{"op":"Replace","path":"active","value":"False"}`)
		},
	},
	{
		"She comes back", "Same person, same account, and her groups are still hers.",
		func(ctx context.Context, p *play) error {
			return p.patch(ctx, "/Users/"+p.ada, `{"op":"Replace","path":"active","value":"True"}`)
		},
	},
}
