package server

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

// Limits bounds what one request may ask for. What ServiceProviderConfig advertises
// is read from here. A zero field means its default.
type Limits struct {
	// Body is the size of a request body in bytes. Defaults to 2 MiB.
	Body int64
	// LargeBody is the size of a body of a type with relations (Groups), in bytes; it is
	// advertised as bulk.maxPayloadSize. Defaults to 10 MiB.
	LargeBody int64
	// BodiesInFlight is the sum of all request bodies that are in memory at once, in bytes; above
	// it requests are asked to come back. Defaults to 256 MiB.
	BodiesInFlight int64
	// Operations is how many operations one bulk request or one PATCH may have; it is advertised as
	// bulk.maxOperations, which clients take for both (F27). Defaults to 1,000.
	Operations int
	// Edges is how many values of relations one request may name. Defaults to 50,000.
	Edges int
	// Results is the largest page, advertised as filter.maxResults. Defaults to 1,000.
	Results int
	// DefaultResults is the page of a query without count. Defaults to 100.
	DefaultResults int
}

func (l Limits) withDefaults() Limits {
	l.Body = cmp.Or(l.Body, 2<<20)
	l.LargeBody = cmp.Or(l.LargeBody, 10<<20)
	l.BodiesInFlight = cmp.Or(l.BodiesInFlight, 256<<20)
	l.Operations = cmp.Or(l.Operations, 1000)
	l.Edges = cmp.Or(l.Edges, 50_000)
	l.Results = cmp.Or(l.Results, 1000)
	l.DefaultResults = min(cmp.Or(l.DefaultResults, 100), l.Results)
	return l
}

// bodyOf returns the limit for bodies of the type; of messages, for nil.
func (l *Limits) bodyOf(t *schema.ResourceType) int64 {
	if t != nil {
		for range writableRelations(t) {
			return l.LargeBody
		}
	}
	return l.Body
}

// checkEdges refuses a request that names more values of relations than one transaction takes.
func (l *Limits) checkEdges(links []LinkEdit) error {
	n := 0
	for _, e := range links {
		n += len(e.Refs)
	}
	if n > l.Edges {
		return scim.Errorf(http.StatusRequestEntityTooLarge,
			"the request names %d references, more than the limit of %d; send several requests", n, l.Edges)
	}
	return nil
}

// readObject reads the request body as one JSON object, after checking that it says to be JSON.
func (c *call) readObject(limit int64) (schema.Object, error) {
	if err := checkContent(c.r.Header); err != nil {
		return nil, err
	}
	b, err := c.budget.Read(c.r, limit, &c.taken)
	if err != nil {
		return nil, err
	}
	if len(b) == 0 {
		return nil, scim.BadRequest(scim.InvalidSyntax, "the request has no body")
	}
	v, err := schema.Parse(b)
	if err != nil {
		return nil, err
	}
	o, ok := v.(schema.Object)
	if !ok {
		return nil, scim.BadRequest(scim.InvalidSyntax, "the request body is not a JSON object")
	}
	return o, nil
}

// member returns the member of a message by its name, compared without ASCII case (RFC 7643 §2.1).
func member(o schema.Object, name string) any {
	if v, ok := o[name]; ok {
		return v
	}
	for k, v := range o {
		if foldASCII(k) == foldASCII(name) {
			return v
		}
	}
	return nil
}

// foldASCII lowers ASCII letters only: no other letter ever stands for one of them.
func foldASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
