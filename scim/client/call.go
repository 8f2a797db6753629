package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/muster-id/muster/scim/schema"
)

const maxID = 512 // bytes of an id

// Want says which attributes of a resource an answer should have (RFC 7644 §3.9).
// Servers may ignore it. At most one of the two is set.
type Want struct{ Attributes, Excluded []string }

func (w Want) values() url.Values {
	q := url.Values{}
	if len(w.Attributes) > 0 {
		q.Set("attributes", strings.Join(w.Attributes, ","))
	}
	if len(w.Excluded) > 0 {
		q.Set("excludedAttributes", strings.Join(w.Excluded, ","))
	}
	return q
}

// Option alters one call.
type Option func(*call)

// A call is one request as the caller means it, before it is sent for the first time.
type call struct {
	method string
	path   string // below the base, escaped, with a query
	body   []byte // nil: none
	header http.Header

	repeatable bool // to send it twice does no more than to send it once
	async      bool // the peer may answer before it is done
	readBack   bool // a write without a document in its answer is followed by a read
}

// newCall returns a call of a resource or endpoint.
func newCall(method, path string, body schema.Object, options []Option) (*call, error) {
	r := &call{method: method, path: path, header: http.Header{}}
	if body != nil {
		b, err := marshal(body)
		if err != nil {
			return nil, fmt.Errorf("write the body of a request: %w", err)
		}
		r.body = b
	}
	r.repeatable = method == http.MethodGet || method == http.MethodPut || method == http.MethodDelete
	for _, o := range options {
		o(r)
	}
	return r, nil
}

// IfMatch makes a write conditional: it is refused with [ErrPrecondition] if the resource has another version by now
// (RFC 7644 §3.14). An empty version is no condition. A conditional write is not repeated when its answer is lost: the
// repeat would be refused for what the first attempt did.
func IfMatch(version string) Option {
	return func(r *call) {
		if version != "" {
			r.header.Set("If-Match", entityTag(version))
			r.repeatable = false
		}
	}
}

// IfNoneMatch makes a read conditional: it is [ErrNotModified] if the resource still has this version (RFC 7644
// §3.14). An empty version is no condition.
func IfNoneMatch(version string) Option {
	return func(r *call) {
		if version != "" {
			r.header.Set("If-None-Match", entityTag(version))
		}
	}
}

// entityTag returns a version as it stands in a header; some servers leave the quotes out of meta.version.
func entityTag(version string) string {
	if version == "*" || strings.HasSuffix(version, `"`) {
		return version
	}
	return `"` + version + `"`
}

// Returning asks for these attributes in the answer to a write (RFC 7644 §3.9).
func Returning(w Want) Option {
	return func(r *call) { r.path = withQuery(r.path, w.values()) }
}

// ReadBack makes a write that is answered without the resource, as 204 or with something else, read it afterwards
// (RFC 7644 §3.5.2 lets the server choose).
func ReadBack() Option { return func(r *call) { r.readBack = true } }

// Idempotent says that a POST or PATCH may be repeated like a PUT when nobody knows what became of it.
func Idempotent() Option { return func(r *call) { r.repeatable = true } }

// RespondAsync lets the server answer before it is done, if it takes longer than wait (RFC 9967 §2.5.1.1, RFC 7240).
// It then answers with [ErrAccepted], and [Error.Txn] is what the security event will name that says what came of it.
func RespondAsync(wait time.Duration) Option {
	return func(r *call) {
		r.async = true
		r.header.Add("Prefer", "respond-async")
		if wait >= time.Second {
			r.header.Add("Prefer", fmt.Sprintf("wait=%d", int(wait/time.Second)))
		}
	}
}

// CheckID says whether an id can be kept and be made into a path (RFC 7643 §3.1: it
// is opaque). Slashes and the like are harmless, they are escaped; dot segments are not.
func CheckID(id string) error {
	switch {
	case id == "":
		return errors.New("the id is empty")
	case len(id) > maxID:
		return fmt.Errorf("the id is longer than %d bytes", maxID)
	case !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl):
		return errors.New("the id has bytes in it that are no text")
	case id == "." || id == "..":
		return errors.New("the id is a dot segment of a path")
	}
	return nil
}

func resourcePath(endpoint, id string) (string, error) {
	if err := CheckID(id); err != nil {
		return "", err
	}
	return endpoint + "/" + url.PathEscape(id), nil
}

// endpointOf is the part of a path that an error may show: no id, no query.
func endpointOf(path string) string {
	path = strings.TrimPrefix(path, "/")
	if i := strings.IndexAny(path, "/?"); i >= 0 {
		path = path[:i]
	}
	return "/" + path
}

// withQuery appends a query. A blank is %20: not every server reads + as one.
func withQuery(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + strings.ReplaceAll(q.Encode(), "+", "%20")
}
