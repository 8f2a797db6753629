package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// bulkRequest is a bulk request that was read: all of it is proper JSON with no name twice in an object.
type bulkRequest struct {
	failOnErrors int // 0: as many as there are
	ops          []*bulkOp
	refs         *bulkRefs
	creators     map[string]int // operations by the bulkId of what they create
}

// bulkOp is one operation of a bulk request.
//
// Of its data only the bytes are kept, which are parsed again when its turn comes: as a tree they would take a
// multiple of the memory that the body has been paid for.
type bulkOp struct {
	endpoint
	raw     []byte // the whole operation
	method  string // in upper case; empty: refused
	bulkID  string
	version string
	refers  bool       // its data has references to resolve
	names   []bulkName // what it refers to, its path first
	needs   []int      // the operations that have them, each once
	creator int        // the operation that creates the resource in the path; -1: the path has an id
	err     error      // why it cannot be carried out
}

// bulkPrefix begins a reference to what another operation creates (RFC 7644 §3.7.2).
const bulkPrefix = "bulkId:"

// readBulk reads the request. What is wrong with the request as a whole is an error, and nothing was carried out;
// what is wrong with one operation is that one's.
func (c *call) readBulk() (*bulkRequest, error) {
	if err := checkContent(c.r.Header); err != nil {
		return nil, err
	}
	body, err := c.budget.Read(c.r, c.Limits.LargeBody, &c.taken)
	if e := scim.AsError(err); e != nil && e.Status == http.StatusRequestEntityTooLarge {
		return nil, scim.Errorf(e.Status, "the request is larger than maxPayloadSize, which is %d bytes; send several", c.Limits.LargeBody)
	}
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return nil, scim.BadRequest(scim.InvalidSyntax, "the request has no body")
	}
	r := bulkReader{call: c, body: body, dec: jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))}
	return r.read()
}

// bulkReader takes a bulk request apart, without holding it as a tree.
type bulkReader struct {
	*call
	body []byte
	dec  *jsontext.Decoder
	req  bulkRequest
}

func (r *bulkReader) read() (*bulkRequest, error) {
	if r.dec.PeekKind() != '{' {
		return nil, scim.BadRequest(scim.InvalidSyntax, "the request body is not a JSON object")
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, r.refuse(err)
	}
	r.req.refs = newBulkRefs(r.svc.Schemas)
	head, err := r.members()
	if err != nil {
		return nil, err
	}
	if err := r.checkMessage(head, scim.BulkRequestMessage); err != nil {
		return nil, err
	}
	if _, given := head["operations"]; !given {
		return nil, scim.BadRequest(scim.InvalidSyntax, "a bulk request has Operations, an array")
	}
	if r.req.failOnErrors, err = failOnErrors(head["failonerrors"]); err != nil {
		return nil, err
	}
	r.req.link()
	return &r.req, nil
}

// members reads the members of the message and returns them by folded name, Operations apart.
func (r *bulkReader) members() (schema.Object, error) {
	head := schema.Object{}
	for r.dec.PeekKind() != '}' {
		token, err := r.dec.ReadToken()
		if err != nil {
			return nil, r.refuse(err)
		}
		name := foldASCII(token.String())
		if _, twice := head[name]; twice {
			return nil, scim.BadRequest(scim.InvalidSyntax, "name %s stands twice in one object", scim.Quote(name))
		}
		if len(head) == maxBulkMembers {
			return nil, scim.BadRequest(scim.InvalidSyntax, "the request has more than %d members", maxBulkMembers)
		}
		if name == "operations" {
			head[name] = nil
			if err := r.operations(); err != nil {
				return nil, err
			}
			continue
		}
		raw, err := r.value()
		if err != nil {
			return nil, err
		}
		if head[name], err = schema.Parse(raw); err != nil {
			return nil, err
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, r.refuse(err)
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, scim.BadRequest(scim.InvalidSyntax, "body goes on behind its JSON value, at offset %d", r.dec.InputOffset())
	}
	return head, nil
}

// maxBulkMembers bounds the members of the message, of which three mean something.
const maxBulkMembers = 16

// operations reads the operations. It ends at the first that is too many.
func (r *bulkReader) operations() error {
	if r.dec.PeekKind() != '[' {
		return scim.BadRequest(scim.InvalidSyntax, "Operations of a bulk request is an array")
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return r.refuse(err)
	}
	for r.dec.PeekKind() != ']' {
		if len(r.req.ops) == r.Limits.Operations {
			return scim.Errorf(http.StatusRequestEntityTooLarge,
				"the request has more operations than maxOperations, which is %d; send several requests", r.Limits.Operations)
		}
		raw, err := r.value()
		if err != nil {
			return err
		}
		op, err := r.operation(raw)
		if err != nil {
			return inOperation(len(r.req.ops)+1, err)
		}
		r.req.ops = append(r.req.ops, op)
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return r.refuse(err)
	}
	return nil
}

// value returns the bytes of the next value.
func (r *bulkReader) value() ([]byte, error) {
	v, err := r.dec.ReadValue()
	if err != nil {
		return nil, r.refuse(err)
	}
	end := r.dec.InputOffset()
	return r.body[end-int64(len(v)) : end : end], nil
}

func (r *bulkReader) refuse(err error) error {
	return &scim.Error{
		Status: http.StatusBadRequest, Type: scim.InvalidSyntax, Err: err,
		Detail: fmt.Sprintf("the request body is not proper JSON, at offset %d", r.dec.InputOffset()),
	}
}

// inOperation says in which operation the whole request is wrong.
func inOperation(n int, err error) error {
	e := scim.AsError(err)
	if e == nil {
		return err
	}
	out := *e
	out.Detail = fmt.Sprintf("operation %d: %s", n, e.Detail)
	return &out
}

// failOnErrors reads the number of errors after which nothing more is carried out. 0, which clients send for a number that
// was never set, is no limit.
func failOnErrors(v any) (int, error) {
	if v == nil {
		return 0, nil
	}
	text, ok := v.(schema.Number)
	n, err := strconv.Atoi(string(text))
	if !ok || err != nil || n < 0 {
		return 0, scim.BadRequest(scim.InvalidValue, "failOnErrors is a number of errors, at least 1")
	}
	return n, nil
}

// operation reads one operation. An error is of the whole request.
func (r *bulkReader) operation(raw []byte) (*bulkOp, error) {
	v, err := schema.Parse(raw)
	if err != nil {
		return nil, err
	}
	in, ok := v.(schema.Object)
	if !ok {
		return nil, scim.BadRequest(scim.InvalidSyntax, "an operation is an object with method and path")
	}
	op := &bulkOp{raw: raw, creator: -1}
	op.call = r.call
	op.err = op.read(in, r.req.refs)
	return op, nil
}

func (op *bulkOp) read(in schema.Object, refs *bulkRefs) error {
	method, _ := member(in, "method").(string)
	var ok1, ok2, ok3 bool
	op.bulkID, ok1 = optional(in, "bulkId")
	op.version, ok2 = optional(in, "version")
	path, ok3 := optional(in, "path")
	switch op.method = strings.ToUpper(method); op.method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	case "":
		return scim.BadRequest(scim.InvalidSyntax, "method is missing: POST, PUT, PATCH or DELETE")
	default:
		op.method = scim.Quote(method)
		op.method = op.method[1 : len(op.method)-1]
		return scim.Errorf(http.StatusMethodNotAllowed, "method %s is none of a bulk request; the methods are POST, PUT, PATCH, DELETE", scim.Quote(method))
	}
	switch {
	case !ok1 || !ok2 || !ok3:
		return scim.BadRequest(scim.InvalidSyntax, "bulkId, version and path are strings")
	case op.method == http.MethodPost && op.bulkID == "":
		return scim.BadRequest(scim.InvalidSyntax, "bulkId is missing, which a POST must have")
	case path == "":
		return scim.BadRequest(scim.InvalidSyntax, "path is missing")
	}
	if err := op.readPath(path); err != nil {
		return err
	}
	if op.method == http.MethodDelete {
		return nil
	}
	data, ok := member(in, "data").(schema.Object)
	if !ok {
		return scim.BadRequest(scim.InvalidSyntax, "data is missing, an object")
	}
	if limit := op.Limits.bodyOf(op.typ); int64(len(op.raw)) > limit {
		return scim.Errorf(http.StatusRequestEntityTooLarge, "the operation is larger than the limit of %d bytes", limit)
	}
	if bytes.Contains(op.raw, []byte(bulkPrefix)) || bytes.Contains(op.raw, []byte(`\u`)) {
		before := len(op.names)
		op.names = refs.names(op.names, data)
		op.refers = len(op.names) > before
	}
	return nil
}

// optional returns a member that is a string, "" if it is absent or null; false if it is anything else.
func optional(o schema.Object, name string) (string, bool) {
	v := member(o, name)
	s, ok := v.(string)
	return s, ok || v == nil
}

// readPath finds the resource of a path: nothing but the endpoint of a type, or a resource in it (D17).
// The path of the base URL and a version in front are tolerated (P-B-29).
func (op *bulkOp) readPath(path string) error {
	rest := strings.TrimPrefix(path, "/")
	if p := strings.TrimPrefix(op.Prefix, "/"); p != "" {
		rest = strings.TrimPrefix(rest, p+"/")
	}
	if first, more, ok := strings.Cut(rest, "/"); ok && isVersion(first) {
		rest = more
	}
	name, id, hasID := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	op.typ = op.svc.Schemas.ByEndpoint("/" + name)
	if op.typ == nil || op.svc.Stores[op.typ.Name] == nil {
		op.typ = nil
		return scim.Errorf(http.StatusNotFound, "path %s is not one of resources: send /Type or /Type/id", scim.Quote(path))
	}
	if hasID {
		var err error
		if op.id, err = segment(id); err != nil || strings.ContainsAny(id, "?#") || op.id == ".search" {
			op.typ, op.id = nil, ""
			return scim.BadRequest(scim.InvalidValue, "path %s names no resource", scim.Quote(path))
		}
	}
	if hasID == (op.method == http.MethodPost) {
		return scim.Errorf(http.StatusMethodNotAllowed, "%s is not offered on path %s", op.method, scim.Quote(path))
	}
	op.store = op.svc.Stores[op.typ.Name]
	op.features = features(op.store)
	if bulkID, ok := strings.CutPrefix(op.id, bulkPrefix); ok {
		op.id, op.names = "", []bulkName{{bulkID, true}}
		op.creator = unresolved
	}
	return nil
}

// unresolved is the creator of a path with a bulkId, until it is found.
const unresolved = -2

// isVersion reports whether a segment of a path is one like v2 (RFC 7644 §3.13).
func isVersion(s string) bool {
	digits, ok := strings.CutPrefix(s, "v")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// link finds the operations that others refer to.
func (req *bulkRequest) link() {
	req.creators = make(map[string]int)
	for i, op := range req.ops {
		if op.method != http.MethodPost || op.bulkID == "" {
			continue
		}
		if first, twice := req.creators[op.bulkID]; twice {
			// Nobody can tell which of them a reference means, so none is carried out.
			for _, o := range []*bulkOp{req.ops[first], op} {
				o.err = scim.BadRequest(scim.InvalidValue, "bulkId %s stands at several operations", scim.Quote(op.bulkID))
			}
			continue
		}
		req.creators[op.bulkID] = i
	}
	for _, op := range req.ops {
		if op.err == nil {
			op.err = op.link(req)
		}
		if op.names = nil; op.err != nil {
			op.needs = nil
		}
	}
}

func (op *bulkOp) link(req *bulkRequest) error {
	for n, name := range op.names {
		i, known := req.creators[name.bulkID]
		switch {
		case !known && name.reference:
			return scim.BadRequest(scim.InvalidValue, "no POST of the request has the bulkId %s", scim.Quote(name.bulkID))
		case !known:
			continue
		case n == 0 && op.creator == unresolved:
			op.creator = i
			if t := req.ops[i].typ; t != nil && t != op.typ {
				return scim.Errorf(http.StatusNotFound, "bulkId %s is not of a resource under %s", scim.Quote(name.bulkID), op.typ.Endpoint)
			}
		}
		op.needs = append(op.needs, i)
	}
	slices.Sort(op.needs)
	op.needs = slices.Compact(op.needs)
	return nil
}
