package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// Resources calls for resources of one type, as values of a struct. See [Of].
type Resources[T any] struct {
	c     *Client
	name  string
	codec *codec
	err   error // why T cannot be a resource
}

// Resource is a resource as the server showed it.
type Resource[T any] struct {
	ID       string   // never empty
	Version  string   // for [IfMatch]; empty: the server sends none
	Value    T        // what of it T has fields for
	Document Document // all of it
}

// Of returns the calls for resources of a type, such as "User" or "Group" ([User], [Group]) or one of the server's own.
//
// T is a struct as [schema.FromStruct] reads it: the tag scim has the name of the attribute, or the URN of an
// extension, whose field is a struct too. What is empty is not sent, but booleans and numbers are: where they
// may be absent, the field is a pointer. Reading finds names in any case, takes strings for booleans and numbers and
// the reverse, one value for a list of one and the reverse, and a string for a complex value that has it as its value; null
// is as good as absent.
//
// The endpoint and the schema of a type are learned from the server the first time they are needed (RFC 7644 §3.2).
func Of[T any](c *Client, typeName string) *Resources[T] {
	t := &Resources[T]{c: c, name: typeName}
	t.codec, t.err = codecOf(reflect.TypeFor[T]())
	return t
}

// Get reads a resource; as [Client.Get].
func (t *Resources[T]) Get(ctx context.Context, id string, options ...Option) (*Resource[T], error) {
	typ, err := t.typ(ctx)
	if err != nil {
		return nil, err
	}
	return t.typed(t.c.Get(ctx, typ.Endpoint, id, Want{}, options...))
}

// All yields the resources that match; as [Client.All].
func (t *Resources[T]) All(ctx context.Context, q Query) iter.Seq2[*Resource[T], error] {
	return func(yield func(*Resource[T], error) bool) {
		typ, err := t.typ(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for doc, err := range t.c.All(ctx, typ.Endpoint, q) {
			r, err := t.typed(doc, err)
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// Lookup returns the one resource that has this value of an attribute; as [Client.Lookup].
func (t *Resources[T]) Lookup(ctx context.Context, attribute, value string) (*Resource[T], error) {
	typ, err := t.typ(ctx)
	if err != nil {
		return nil, err
	}
	return t.typed(t.c.Lookup(ctx, typ.Endpoint, attribute, value))
}

// Create adds a resource and returns it as the server made it, for which it is read if it is not in the answer; as
// [Client.Create].
func (t *Resources[T]) Create(ctx context.Context, value T, options ...Option) (*Resource[T], error) {
	typ, err := t.typ(ctx)
	if err != nil {
		return nil, err
	}
	body, err := t.body(typ, value)
	if err != nil {
		return nil, err
	}
	return t.typed(t.c.Create(ctx, typ.Endpoint, body, readingBack(options)...))
}

// Replace replaces a resource with the value and nothing else: what T has no fields for is cleared; as [Client.Replace].
// To keep it, use Save or Update.
func (t *Resources[T]) Replace(ctx context.Context, id string, value T, options ...Option) (*Resource[T], error) {
	typ, err := t.typ(ctx)
	if err != nil {
		return nil, err
	}
	body, err := t.body(typ, value)
	if err != nil {
		return nil, err
	}
	return t.typed(t.c.Replace(ctx, typ.Endpoint, id, body, readingBack(options)...))
}

// Save replaces a resource that was read and whose Value was then altered, on condition that it still has its Version.
// What T has no fields for stays as it was read.
func (t *Resources[T]) Save(ctx context.Context, r *Resource[T], options ...Option) (*Resource[T], error) {
	typ, err := t.typ(ctx)
	if err != nil {
		return nil, err
	}
	body, err := t.merge(typ, r.Document, r.Value)
	if err != nil {
		return nil, err
	}
	options = append([]Option{IfMatch(r.Version)}, options...)
	return t.typed(t.c.Replace(ctx, typ.Endpoint, r.ID, body, readingBack(options)...))
}

// Update reads a resource, alters its value and replaces it, again if somebody else was faster; what T has no fields for
// stays. As [Client.Update].
func (t *Resources[T]) Update(ctx context.Context, id string, alter func(value *T) error, options ...Option) (*Resource[T], error) {
	typ, err := t.typ(ctx)
	if err != nil {
		return nil, err
	}
	return t.typed(t.c.Update(ctx, typ.Endpoint, id, t.edit(typ, alter), readingBack(options)...))
}

// Modify sends a patch, and where the server does not know PATCH alters and replaces the resource; as [Client.Modify].
func (t *Resources[T]) Modify(ctx context.Context, id string, p *Patch, alter func(value *T) error, options ...Option) (*Resource[T], error) {
	typ, err := t.typ(ctx)
	if err != nil {
		return nil, err
	}
	return t.typed(t.c.Modify(ctx, typ.Endpoint, id, p, t.edit(typ, alter), readingBack(options)...))
}

// Patch changes a resource and returns it as it is then, for which it is read if it is not in the answer; as
// [Client.Patch].
func (t *Resources[T]) Patch(ctx context.Context, id string, p *Patch, options ...Option) (*Resource[T], error) {
	typ, err := t.typ(ctx)
	if err != nil {
		return nil, err
	}
	return t.typed(t.c.Patch(ctx, typ.Endpoint, id, p, readingBack(options)...))
}

// Delete removes a resource; as [Client.Delete].
func (t *Resources[T]) Delete(ctx context.Context, id string, options ...Option) (found bool, err error) {
	typ, err := t.typ(ctx)
	if err != nil {
		return false, err
	}
	return t.c.Delete(ctx, typ.Endpoint, id, options...)
}

func readingBack(options []Option) []Option {
	return append([]Option{ReadBack()}, options...)
}

// typ returns what is known of the type.
func (t *Resources[T]) typ(ctx context.Context) (ResourceType, error) {
	if t.err != nil {
		return ResourceType{}, t.err
	}
	return t.c.resourceType(ctx, t.name)
}

// typed makes a resource of an answer.
func (t *Resources[T]) typed(doc Document, err error) (*Resource[T], error) {
	if err != nil {
		return nil, err
	}
	r := &Resource[T]{ID: doc.ID(), Version: doc.Version(), Document: doc}
	if r.ID == "" {
		return nil, &Error{Status: http.StatusOK, Err: fmt.Errorf("%w: a resource has no id", ErrAnswer)}
	}
	if err := t.codec.decode(doc, &r.Value); err != nil {
		return nil, &Error{Status: http.StatusOK, Err: fmt.Errorf("%w: %w", ErrAnswer, err)}
	}
	return r, nil
}

// edit makes an alteration of a value one of a document.
func (t *Resources[T]) edit(typ ResourceType, alter func(*T) error) Edit {
	return func(now Document) (schema.Object, error) {
		var value T
		if err := t.codec.decode(now, &value); err != nil {
			return nil, err
		}
		if err := alter(&value); err != nil {
			return nil, err
		}
		return t.merge(typ, now, value)
	}
}

// body returns the body of a write.
func (t *Resources[T]) body(typ ResourceType, value T) (schema.Object, error) {
	o, err := t.codec.encode(value)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(typ.Schema, scim.UserSchema) {
		delete(o, "groups") // RFC 7643 §4.1.2
	}
	declare(typ, o)
	return o, nil
}

// merge returns a document with what differs between the value that it has and the one it is to have.
func (t *Resources[T]) merge(typ ResourceType, doc Document, value T) (schema.Object, error) {
	var before T
	if err := t.codec.decode(doc, &before); err != nil {
		return nil, err
	}
	old, err := t.codec.encode(before)
	if err != nil {
		return nil, err
	}
	wanted, err := t.codec.encode(value)
	if err != nil {
		return nil, err
	}
	o := merge(schema.Object(doc), old, wanted)
	declare(typ, o)
	return o, nil
}

// declare makes schemas name the type's schema and the extensions that have values (RFC 7643 §3).
func declare(typ ResourceType, o schema.Object) {
	var urns []string
	list, _ := Document(o).Value("schemas").([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			urns = append(urns, s)
		}
	}
	add := func(urn string) {
		same := func(s string) bool { return strings.EqualFold(s, urn) }
		if urn != "" && !slices.ContainsFunc(urns, same) {
			urns = append(urns, urn)
		}
	}
	add(typ.Schema)
	var extensions []string
	for name := range o {
		if strings.Contains(name, ":") {
			extensions = append(extensions, name)
		}
	}
	slices.Sort(extensions)
	for _, urn := range extensions {
		add(urn)
	}
	if len(urns) == 0 {
		return
	}
	for name := range o {
		if strings.EqualFold(name, "schemas") {
			delete(o, name)
		}
	}
	o["schemas"] = urns
}

// resourceType returns what is known of a type. One that the server does not describe has its name with an s
// behind it as its endpoint (RFC 7644 §3.2).
func (c *Client) resourceType(ctx context.Context, name string) (ResourceType, error) {
	c.peer.mu.Lock()
	types := c.peer.types
	c.peer.mu.Unlock()
	if types == nil {
		described, err := c.ResourceTypes(ctx)
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || !absent(e)) {
			return ResourceType{}, err
		}
		types = make(map[string]ResourceType, len(described))
		for _, t := range described {
			types[strings.ToLower(t.Name)] = t
		}
		c.peer.mu.Lock()
		c.peer.types = types // not altered from here on
		c.peer.mu.Unlock()
	}
	t, ok := types[strings.ToLower(name)]
	if !ok {
		t = ResourceType{Name: name, Endpoint: "/" + name + "s"}
	}
	if t.Schema == "" {
		t.Schema = map[string]string{"user": scim.UserSchema, "group": scim.GroupSchema}[strings.ToLower(name)]
	}
	return t, nil
}

// Endpoint returns where the resources of a type are: "/Users" for "User" (RFC 7644 §3.2). It reads /ResourceTypes the
// first time; a server without it, or that does not list the type, gets the name with an s behind it.
func (c *Client) Endpoint(ctx context.Context, typeName string) (string, error) {
	t, err := c.resourceType(ctx, typeName)
	return t.Endpoint, err
}
