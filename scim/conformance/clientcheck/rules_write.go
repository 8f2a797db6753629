package clientcheck

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/filter"
	"github.com/muster-id/muster/scim/patch"
	"github.com/muster-id/muster/scim/schema"
)

// resource is a resource that a request sends, by itself or in bulk.
type resource struct {
	typ    *schema.ResourceType
	method string
	data   schema.Object
}

// resources returns those that a POST, a PUT or a bulk request sends.
func (c *Checker) resources(x *exchange) (list []resource) {
	switch {
	case x.sent == nil:
	case x.creates(), x.on(http.MethodPut):
		list = append(list, resource{x.typ, x.method, x.sent})
	case x.bulk():
		for _, op := range x.operations() {
			data, ok := member(op, "data").(schema.Object)
			method := strings.ToUpper(text(op, "method"))
			if typ, _ := c.bulkTarget(op); ok && typ != nil && (method == http.MethodPost || method == http.MethodPut) {
				list = append(list, resource{typ, method, data})
			}
		}
	}
	return list
}

// patches returns the PatchOps of a PATCH or bulk request.
func (c *Checker) patches(x *exchange) (list []resource) {
	switch {
	case x.sent == nil:
	case x.on(http.MethodPatch):
		list = append(list, resource{x.typ, x.method, x.sent})
	case x.bulk():
		for _, op := range x.operations() {
			data, ok := member(op, "data").(schema.Object)
			if typ, _ := c.bulkTarget(op); ok && typ != nil && strings.EqualFold(text(op, "method"), http.MethodPatch) {
				list = append(list, resource{typ, http.MethodPatch, data})
			}
		}
	}
	return list
}

// bulkTarget returns the type that a bulk operation is on, and the id if there is one.
func (c *Checker) bulkTarget(op schema.Object) (typ *schema.ResourceType, id string) {
	path := strings.Trim(strings.TrimPrefix(text(op, "path"), c.base), "/")
	endpoint, id, _ := strings.Cut(path, "/")
	return c.set.ByEndpoint("/" + endpoint), id
}

// each makes a rule of what holds for each of several things in a request.
func each(list func(*Checker, *exchange) []resource, f func(r resource) (bool, string)) func(*Checker, *exchange) (bool, string) {
	return func(c *Checker, x *exchange) (seen bool, problem string) {
		for _, r := range list(c, x) {
			s, p := f(r)
			if p != "" {
				return true, p
			}
			seen = seen || s
		}
		return seen, ""
	}
}

func resourceRules() []definition {
	return []definition{
		must("resource/schemas", "S-3-01", "A resource names its schema, and those of the extensions that it has.",
			"Send schemas with the URN of the resource, and of each extension that has values.", each((*Checker).resources, schemasOf)),
		must("resource/required", "C-01 P-3.5.1-09", "A resource has every required attribute, also in a PUT.",
			"Send userName of a user and displayName of a group.", each((*Checker).resources, func(r resource) (bool, string) {
				for _, a := range r.typ.Schema.Attributes {
					if v := member(r.data, a.Name); a.Required && a.Mutability != "readOnly" && (v == nil || v == "") {
						return true, a.Name + " is missing in a " + r.method
					}
				}
				return true, ""
			})),
		must("resource/values", "P-3.3-09", "Values have the type that the schema says: booleans are no strings, lists are no single values.",
			"Send each value as /Schemas defines it.", each((*Checker).resources, func(r resource) (bool, string) {
				mode := schema.Create
				if r.method == http.MethodPut {
					mode = schema.Replace
				}
				_, err := r.typ.Read(withSchemas(r), mode, nil)
				return true, problem(err)
			})),
		must("resource/id", "S-3.1-02 P-3.3-01", "A create leaves the id to the provider.", "Leave id out of a POST; your own key is externalId.",
			each((*Checker).resources, func(r resource) (bool, string) {
				return r.method == http.MethodPost, when(r.method == http.MethodPost && member(r.data, "id") != nil, "a create has an id")
			})),
		should("resource/qualified", "C-05 P-3.10-03", "Attributes of extensions stand under the URN of the extension.",
			"Put them into an object whose name is the URN of the extension.", each((*Checker).resources, func(r resource) (seen bool, problem string) {
				for name := range r.data {
					if bareName(r.typ, name) {
						return true, scim.Quote(name) + " belongs to an extension, and stands outside of it"
					}
					seen = seen || slices.ContainsFunc(r.typ.Extensions, func(e schema.Extension) bool { return strings.EqualFold(e.Schema.ID, name) })
				}
				return seen, ""
			})),
		should("resource/unknown", "IOP-05", "A resource has only attributes that the provider defines.", "Leave out what /Schemas does not define, or define an extension.",
			each((*Checker).resources, func(r resource) (bool, string) {
				for name := range r.data {
					if _, err := r.typ.Resolve(name, nil); err != nil && !bareName(r.typ, name) && !strings.EqualFold(name, "schemas") {
						return true, scim.Quote(name) + " is no attribute of a " + r.typ.Name
					}
				}
				return true, ""
			})),
	}
}

func schemasOf(r resource) (bool, string) {
	list := texts(member(r.data, "schemas"))
	has := func(id string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, id) })
	}
	if !has(r.typ.Schema.ID) {
		return true, "schemas lacks " + r.typ.Schema.ID
	}
	for name, v := range r.data {
		if strings.HasPrefix(strings.ToLower(name), "urn:") && v != nil && !has(name) {
			return true, "schemas lacks " + scim.Quote(name)
		}
	}
	return true, ""
}

// withSchemas returns the data with right schemas, so that they are complained about by one rule only.
func withSchemas(r resource) schema.Object {
	out := schema.Object{}
	ids := []any{r.typ.Schema.ID}
	for name, v := range r.data {
		if !strings.EqualFold(name, "schemas") {
			out[name] = v
		}
	}
	for _, e := range r.typ.Extensions {
		if member(r.data, e.Schema.ID) != nil {
			ids = append(ids, e.Schema.ID)
		}
	}
	out["schemas"] = ids
	return out
}

func patchRules() []definition {
	return []definition{
		must("patch/message", "P-3.5.2-01 P-3.5.2-02 C-06", "A PATCH is a PatchOp with at least one operation.",
			"Send schemas with the URN of PatchOp, and a list of Operations.", each((*Checker).patches, func(r resource) (bool, string) {
				if !slices.Equal(texts(r.data["schemas"]), []string{scim.PatchOpMessage}) {
					return true, "schemas is not that of a PatchOp"
				}
				ops, _ := r.data["Operations"].([]any)
				return true, when(len(ops) == 0, "there are no Operations")
			})),
		must("patch/op", "P-3.5.2-03 C-06", "op is add, remove or replace, in lower case.", "Send op in lower case.",
			eachOperation(func(_ resource, op schema.Object) string {
				name, _ := op["op"].(string)
				return when(!slices.Contains([]string{"add", "remove", "replace"}, name), "op is "+scim.Quote(name))
			})),
		must("patch/path", "P-3.5.2-05 C-06", "Paths follow the grammar, and name attributes that there are.",
			"Write attribute, attribute.sub or attribute[filter].sub.", eachOperation(func(r resource, op schema.Object) string {
				if op["path"] == nil {
					return ""
				}
				p, err := filter.ParsePath(text(op, "path"), nil)
				if err != nil {
					return problem(err)
				}
				if _, err = r.typ.Resolve(p.Name, nil); err != nil && !bareName(r.typ, p.Name) {
					return problem(err)
				}
				return ""
			})),
		must("patch/remove-path", "P-3.5.2-06 P-3.5.2.2-01", "A remove has a path.", "Say in path what is to be removed.",
			eachOperation(func(_ resource, op schema.Object) string {
				return when(strings.EqualFold(text(op, "op"), "remove") && text(op, "path") == "", "a remove has no path")
			})),
		must("patch/value", "P-3.5.2.1-01 P-3.5.2.3-01", "An add and a replace have a value.", "Send a value; to clear one, remove it.",
			eachOperation(func(_ resource, op schema.Object) string {
				_, has := op["value"]
				return when(!has && !strings.EqualFold(text(op, "op"), "remove"), "there is no value")
			})),
		must("patch/read-only", "P-3.5.2-08 C-06", "A PATCH leaves alone what is read-only.", "Leave id, meta and groups of a user out; a person's groups are changed at the group.",
			eachOperation(readOnly)),
		should("patch/qualified", "C-05 P-3.10-03", "Attributes of extensions are fully qualified.", "Write the URN of the extension in front of the attribute, and a colon.",
			eachOperation(func(r resource, op schema.Object) string {
				if p, err := filter.ParsePath(text(op, "path"), nil); err == nil && bareName(r.typ, p.Name) {
					return scim.Quote(p.Name) + " is not qualified"
				}
				return ""
			})),
		must("patch/strict", "C-06 P-3.5.2-07", "A provider that forgives nothing understands the PATCH.", "Send what RFC 7644 §3.5.2 says, with values of the types of the schema.",
			each((*Checker).patches, func(r resource) (bool, string) {
				_, err := patch.New(r.data, r.typ, nil, 0)
				return true, problem(err)
			})),
		should("patch/one-per-path", "IOP-16", "Each path has one operation.", "Put the values of one path into one operation.",
			each((*Checker).patches, func(r resource) (bool, string) {
				seen := map[string]bool{}
				ops, _ := member(r.data, "Operations").([]any)
				for _, o := range ops {
					op, _ := o.(schema.Object)
					path := strings.ToLower(text(op, "op") + " " + text(op, "path"))
					if text(op, "path") != "" && seen[path] {
						return true, "two operations have the path " + scim.Quote(text(op, "path"))
					}
					seen[path] = true
				}
				return len(ops) > 0, ""
			})),
	}
}

// eachOperation makes a rule of what holds for each operation of a PATCH.
func eachOperation(f func(r resource, op schema.Object) string) func(*Checker, *exchange) (bool, string) {
	return each((*Checker).patches, func(r resource) (seen bool, problem string) {
		ops, _ := member(r.data, "Operations").([]any)
		for i, o := range ops {
			op, ok := o.(schema.Object)
			if !ok {
				return true, fmt.Sprintf("operation %d is no object", i+1)
			}
			if p := f(r, op); p != "" {
				return true, fmt.Sprintf("operation %d: %s", i+1, p)
			}
		}
		return len(ops) > 0, ""
	})
}

func readOnly(r resource, op schema.Object) string {
	names := []string{}
	if p, err := filter.ParsePath(text(op, "path"), nil); err == nil {
		names = append(names, p.Name)
	} else if value, ok := op["value"].(schema.Object); ok {
		for name := range value {
			names = append(names, name)
		}
	}
	for _, name := range names {
		p, err := r.typ.Resolve(name, nil)
		if err == nil && p.Attr != nil && (p.Attr.Mutability == schema.ReadOnly || p.Sub != nil && p.Sub.Mutability == schema.ReadOnly) {
			return scim.Quote(name) + " is read-only"
		}
	}
	return ""
}

func bulkRules() []definition {
	return []definition{
		must("bulk/message", "P-B-02 P-B-04", "A bulk request is a BulkRequest with Operations.", "Send schemas with the URN of BulkRequest, and a list of Operations.",
			func(_ *Checker, x *exchange) (bool, string) {
				if !x.bulk() {
					return false, ""
				}
				if !slices.Equal(texts(x.sent["schemas"]), []string{scim.BulkRequestMessage}) {
					return true, "schemas is not that of a BulkRequest"
				}
				return true, when(len(x.operations()) == 0, "there are no Operations")
			}),
		must("bulk/limit", "C-12", "A bulk request has no more operations than the provider takes.", "Split at bulk.maxOperations of /ServiceProviderConfig.",
			func(_ *Checker, x *exchange) (bool, string) {
				n := len(x.operations())
				return x.bulk(), when(x.bulk() && n > maxOperations, fmt.Sprintf("there are %d operations, and maxOperations is %d", n, maxOperations))
			}),
		must("bulk/bulk-id", "P-B-05 P-B-06 C-12", "Every POST in a bulk request has a bulkId of its own.", "Send a bulkId with every POST.", bulkIDs),
		must("bulk/operations", "P-B-04 P-B-07 P-B-08", "Bulk operations have a method, a path that fits it, and data where there is something to write.",
			"Send the endpoint for a POST, the endpoint and id for all else, and data but for a DELETE.", func(c *Checker, x *exchange) (bool, string) {
				if !x.bulk() {
					return false, ""
				}
				for i, op := range x.operations() {
					if p := c.bulkOperation(op); p != "" {
						return true, fmt.Sprintf("operation %d: %s", i+1, p)
					}
				}
				return true, ""
			}),
	}
}

func bulkIDs(_ *Checker, x *exchange) (seen bool, problem string) {
	if !x.bulk() {
		return false, ""
	}
	ids := map[string]bool{}
	for i, op := range x.operations() {
		id := text(op, "bulkId")
		post := strings.EqualFold(text(op, "method"), http.MethodPost)
		seen = seen || post
		switch {
		case post && id == "":
			return true, fmt.Sprintf("operation %d is a POST without bulkId", i+1)
		case id != "" && ids[id]:
			return true, fmt.Sprintf("operation %d has the bulkId of another", i+1)
		}
		ids[id] = true
	}
	return seen, ""
}

func (c *Checker) bulkOperation(op schema.Object) string {
	method := text(op, "method")
	if !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, method) {
		return "method is " + scim.Quote(method)
	}
	typ, id := c.bulkTarget(op)
	_, err := url.Parse(text(op, "path"))
	_, data := member(op, "data").(schema.Object)
	switch {
	case err != nil || typ == nil:
		return "path is " + scim.Quote(text(op, "path")) + ", which is no endpoint"
	case method == http.MethodPost && id != "":
		return "the path of a POST has an id"
	case method != http.MethodPost && id == "":
		return "the path of a " + method + " has no id"
	case method != http.MethodDelete && !data:
		return "there is no data"
	}
	return ""
}
