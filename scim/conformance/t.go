package conformance

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Object is a JSON object.
type Object = map[string]any

// T is a check at work, used like a testing.T. Its methods end the check where they cannot go on.
type T struct {
	ctx       context.Context
	s         *session
	verdict   Verdict
	findings  []string
	blocked   bool
	typeless  bool // the provider lacks the resource type
	tooMuch   bool // what is sent is meant to be refused for its size, see Try
	exchanges []Exchange
	made      []string // locations below the base, in order
}

// ended is what a check panics with to end itself.
type ended struct{}

// Failf fails the check and ends it.
func (t *T) Failf(format string, args ...any) {
	t.Errorf(format, args...)
	panic(ended{})
}

// Errorf fails the check and goes on.
func (t *T) Errorf(format string, args ...any) { t.note(Fail, format, args...) }

// Warnf notes what is allowed and yet troublesome.
func (t *T) Warnf(format string, args ...any) { t.note(Warn, format, args...) }

// Blockf notes what the RFC allows, and an identity provider of Check.For would fail at.
func (t *T) Blockf(format string, args ...any) {
	t.blocked = true
	t.note(Warn, format, args...)
}

func (t *T) note(v Verdict, format string, args ...any) {
	if t.verdict != Fail && t.verdict != Broken {
		t.verdict = v
	}
	t.findings = append(t.findings, fmt.Sprintf(format, args...))
}

// Offered ends the check if the provider does not offer what it is about.
func (t *T) Offered(yes bool, what string) {
	if !yes {
		t.verdict = NotOffered
		t.findings = append(t.findings, what+" is not offered")
		panic(ended{})
	}
}

func (t *T) broken(err error) {
	t.verdict = Broken
	t.findings = append(t.findings, err.Error())
	panic(ended{})
}

// Name returns a name that nothing else has, with the marker in it.
func (t *T) Name(word string) string {
	t.s.names++
	return t.s.marker + "-" + strconv.Itoa(t.s.names) + "-" + word
}

// Users is the endpoint of users, Groups that of groups; without one the check is not for this provider.
func (t *T) Users() string { return t.endpoint("User") }

// Groups is the endpoint of groups.
func (t *T) Groups() string { return t.endpoint("Group") }

func (t *T) endpoint(typ string) string {
	e := t.s.endpoints[typ]
	t.typeless = e == ""
	t.Offered(e != "", "resource type "+typ)
	return e
}

// Config is the value at a path of the ServiceProviderConfig.
func (t *T) Config(path string) any { return at(t.s.config, path) }

// Supports reports whether ServiceProviderConfig says so of a feature.
func (t *T) Supports(feature string) bool {
	yes, _ := t.Config(feature + "/supported").(bool)
	return yes
}

// NeedPatch and its like end the check where the feature is not offered.
func (t *T) NeedPatch() { t.Offered(t.Supports("patch"), "PATCH") }

// NeedFilter ends the check without filters.
func (t *T) NeedFilter() { t.Offered(t.Supports("filter"), "filtering") }

// NeedSort ends the check without sorting.
func (t *T) NeedSort() { t.Offered(t.Supports("sort"), "sorting") }

// NeedBulk ends the check without bulk.
func (t *T) NeedBulk() { t.Offered(t.Supports("bulk"), "bulk") }

// NeedETag ends the check without versions.
func (t *T) NeedETag() { t.Offered(t.Supports("etag"), "versions (ETags)") }

// NeedEnterprise ends the check without the enterprise extension.
func (t *T) NeedEnterprise() { t.Offered(t.s.schemas[enterprise] != nil, "the enterprise extension") }

// URNs of the core.
const (
	userURN    = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN   = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	listURN    = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	errorURN   = "urn:ietf:params:scim:api:messages:2.0:Error"
	patchURN   = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	searchURN  = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	bulkURN    = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	bulkAnswer = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
)

// UserBody is the body of a new user with a name of its own; more is added to it.
func (t *T) UserBody(more Object) Object {
	body := Object{"schemas": []any{userURN}, "userName": t.Name("user") + "@example.com"}
	maps.Copy(body, more)
	if family, _ := at(more, "name/familyName").(string); strings.HasPrefix(family, t.s.marker) && more["userName"] == nil {
		body["userName"] = family + "-" + t.Name("user") + "@example.com" // see Having
	}
	if body[enterprise] != nil && more["schemas"] == nil {
		body["schemas"] = []any{userURN, enterprise}
	}
	return body
}

// User makes a user.
func (t *T) User(more Object) *Answer { return t.Post(t.Users(), t.UserBody(more)).Is(201) }

// Group makes a group with these users as members.
func (t *T) Group(members ...string) *Answer {
	return t.Post(t.Groups(), Object{"schemas": []any{groupURN}, "displayName": t.Name("group"), "members": Members(members...)}).Is(201)
}

// Members is a list of members by id.
func Members(ids ...string) []any {
	list := make([]any, 0, len(ids))
	for _, id := range ids {
		list = append(list, Object{"value": id})
	}
	return list
}

// Get reads.
func (t *T) Get(path string, headers ...string) *Answer { return t.Do("GET", path, nil, headers...) }

// Post sends a body and remembers what it made.
func (t *T) Post(path string, body any, headers ...string) *Answer {
	return t.Do("POST", path, body, headers...)
}

// Put replaces.
func (t *T) Put(path string, body any, headers ...string) *Answer {
	return t.Do("PUT", path, body, headers...)
}

// Delete deletes.
func (t *T) Delete(path string, headers ...string) *Answer {
	return t.Do("DELETE", path, nil, headers...)
}

// Patch sends operations.
func (t *T) Patch(path string, ops ...Object) *Answer {
	list := make([]any, len(ops))
	for i, op := range ops {
		list[i] = op
	}
	return t.Do("PATCH", path, Object{"schemas": []any{patchURN}, "Operations": list})
}

// Op is a PATCH operation; an empty path is left out, and so is a nil value.
func Op(op, path string, value any) Object {
	o := Object{"op": op}
	if path != "" {
		o["path"] = path
	}
	if value != nil {
		o["value"] = value
	}
	return o
}

// Patched applies operations that have to succeed, and reads the resource.
func (t *T) Patched(path string, ops ...Object) *Answer {
	t.Patch(path, ops...).Is(200, 204)
	return t.Get(path).Is(200)
}

// Find returns the resources of an endpoint that match a filter.
func (t *T) Find(endpoint, filter string) *Answer {
	return t.Get(endpoint + Query("filter", filter)).List()
}

// Query makes the query part of a URL of names and values.
func Query(pairs ...string) string {
	v := url.Values{}
	for pair := range slices.Chunk(pairs, 2) {
		v.Set(pair[0], pair[1])
	}
	return "?" + strings.ReplaceAll(v.Encode(), "+", "%20")
}

// Await asks again until the condition holds, for providers whose reads follow their writes late.
func (t *T) Await(what string, holds func() bool) {
	if !t.Settles(holds) {
		t.Failf("%s", what)
	}
}

// Settles asks again until the condition holds, and says whether it came to hold in the time that a provider has.
func (t *T) Settles(holds func() bool) bool {
	deadline := time.Now().Add(t.s.Settle)
	for !holds() {
		if time.Now().After(deadline) {
			return false
		}
		timer := time.NewTimer(100 * time.Millisecond)
		select {
		case <-t.ctx.Done():
			timer.Stop()
			t.broken(t.ctx.Err())
		case <-timer.C:
		}
	}
	return true
}
