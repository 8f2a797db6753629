package scim1

import (
	"maps"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// bulkRequest returns a bulk request as 2.0 writes it (A3.5). failOnErrors, methods,
// bulkId and references to it are the same in both.
func (x *exchange) bulkRequest(in schema.Object) (schema.Object, error) {
	out := maps.Clone(in)
	if key, _, ok := member(in, "schemas"); ok {
		delete(out, key)
	}
	out["schemas"] = []any{scim.BulkRequestMessage}
	_, v, _ := member(in, "Operations")
	list, _ := v.([]any)
	for _, v := range list {
		if op, ok := v.(schema.Object); ok {
			if err := x.bulkOperation(op); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// bulkOperation translates the data of one operation in place. What it cannot find out
// about is left for the server to refuse, with the operation alone.
func (x *exchange) bulkOperation(op schema.Object) error {
	_, v, _ := member(op, "path")
	path, _ := v.(string)
	endpoint, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	t := x.svc.Schemas.ByEndpoint(endpoint)
	key, v, _ := member(op, "data")
	data, ok := v.(schema.Object)
	if t == nil || !ok {
		return nil
	}
	_, v, _ = member(op, "method")
	method, _ := v.(string)
	if strings.EqualFold(method, http.MethodPatch) {
		op[key] = patchOp(data, t, x.d)
		return nil
	}
	data, err := document(data, t)
	op[key] = data
	return err
}

// bulkResult is what is read of the answer to one operation (RFC 7644 §3.7.3).
type bulkResult struct {
	Method   string  `json:"method"`
	BulkID   string  `json:"bulkId"`
	Version  string  `json:"version"`
	Location string  `json:"location"`
	Status   string  `json:"status"`
	Response refusal `json:"response"`
}

// oldResult is the answer to one operation in 1.1.
type oldResult struct {
	Location string    `json:"location,omitzero"`
	Method   string    `json:"method"`
	BulkID   string    `json:"bulkId,omitzero"`
	Version  string    `json:"version,omitzero"`
	Status   oldStatus `json:"status"`
}

type oldStatus struct {
	Code        string `json:"code"`
	Description string `json:"description,omitzero"`
}

// bulk copies the answer to a bulk request.
func (c copier) bulk() error {
	return c.object(func(name string) error {
		switch name {
		case "schemas":
			return c.as(name, c.urns)
		case "Operations":
			return c.as(name, func() error { return c.array(c.bulkResult) })
		}
		return c.as(name, c.value)
	}, nil)
}

func (c copier) bulkResult() error {
	var r bulkResult
	if err := json.UnmarshalDecode(c.dec, &r); err != nil {
		return err
	}
	old := oldResult{Method: r.Method, BulkID: r.BulkID, Version: r.Version, Location: r.Location}
	old.Status.Code, old.Status.Description = r.Status, describe(r.Response.Detail)
	if r.Status == "204" && r.Method == http.MethodDelete {
		old.Status.Code = "200" // A3.4
	}
	return json.MarshalEncode(c.enc, old)
}
