package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/scim"
	"github.com/muster-id/muster/scim/schema"
)

const (
	defaultMaxBody = 10 << 20
	maxID          = 512  // bytes of an id
	maxURL         = 2000 // bytes of a URL; what is longer is cut or refused by somebody on the way
)

// Doer sends a request, as [http.Client] does. It bounds it in time.
type Doer interface {
	Do(req *http.Request) (*http.Response, error)
}

// Options are the properties of a [Client].
type Options struct {
	// HTTP sends the requests. Required: the library brings no client of its own.
	HTTP Doer
	// Token returns the bearer token of a request. Defaults to none.
	Token func(ctx context.Context) (string, error)
	// UserAgent names the program; some servers refuse requests without one. Defaults to what HTTP sends.
	UserAgent string
	// MaxBody bounds the body of an answer, in bytes. Defaults to 10 MiB.
	MaxBody int64
}

// Client calls one service provider. It is safe for concurrent use if its Doer is.
type Client struct {
	base string
	o    Options
}

// New returns a client of the service provider at base, such as https://app.example/scim/v2.
func New(base string, o Options) (*Client, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, errors.New("the base URL cannot be read") // the parser's error repeats it
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, errors.New("the base URL is not an absolute http or https URL")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil:
		return nil, errors.New("the base URL has a query, a fragment or user-info")
	case o.HTTP == nil:
		return nil, errors.New("there is nothing to send requests with")
	}
	if o.MaxBody <= 0 {
		o.MaxBody = defaultMaxBody
	}
	return &Client{base: strings.TrimRight(base, "/"), o: o}, nil
}

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

// Get reads a resource (RFC 7644 §3.4.1). endpoint is that of its type: "/Users". An
// answer that is not that resource is an [Error] with [ErrAnswer].
func (c *Client) Get(ctx context.Context, endpoint, id string, w Want) (Document, error) {
	path, err := resourcePath(endpoint, id)
	if err != nil {
		return nil, err
	}
	doc, err := c.read(ctx, http.MethodGet, withQuery(path, w.values()), nil)
	if err != nil {
		return nil, err
	}
	if doc.ID() != id {
		return nil, &Error{Status: http.StatusOK, Err: fmt.Errorf("%w: it is not the resource that was asked for", ErrAnswer)}
	}
	return doc, nil
}

// Create adds a resource (RFC 7644 §3.3). The Document is nil if the answer has none that can be read.
func (c *Client) Create(ctx context.Context, endpoint string, doc schema.Object) (Document, error) {
	return c.write(ctx, http.MethodPost, endpoint, doc)
}

// Replace replaces a resource (RFC 7644 §3.5.1). The Document is nil if the answer has none that can be read.
func (c *Client) Replace(ctx context.Context, endpoint, id string, doc schema.Object) (Document, error) {
	path, err := resourcePath(endpoint, id)
	if err != nil {
		return nil, err
	}
	return c.write(ctx, http.MethodPut, path, doc)
}

// Patch changes a resource (RFC 7644 §3.5.2). The Document is nil if the answer has none that can be read.
func (c *Client) Patch(ctx context.Context, endpoint, id string, p *Patch) (Document, error) {
	path, err := resourcePath(endpoint, id)
	if err != nil {
		return nil, err
	}
	return c.write(ctx, http.MethodPatch, path, p.message())
}

// Delete removes a resource (RFC 7644 §3.6). That the server does not know it is no
// error, only not found: it may have been removed by an earlier attempt.
func (c *Client) Delete(ctx context.Context, endpoint, id string) (found bool, err error) {
	path, err := resourcePath(endpoint, id)
	if err != nil {
		return false, err
	}
	_, err = c.write(ctx, http.MethodDelete, path, nil)
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
}

// read sends a request whose answer has to be a JSON object.
func (c *Client) read(ctx context.Context, method, path string, body schema.Object) (Document, error) {
	a, err := c.exchange(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	if a.err != nil {
		return nil, &Error{Status: a.status, Err: a.err}
	}
	doc, err := parse(a.body)
	if err != nil {
		return nil, &Error{Status: a.status, Err: err}
	}
	return doc, nil
}

// write sends a request that is done when the status says so, whatever the answer's body is.
func (c *Client) write(ctx context.Context, method, path string, body schema.Object) (Document, error) {
	a, err := c.exchange(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	if a.err != nil && !errors.Is(a.err, ErrAnswer) {
		return nil, &Error{Status: a.status, Err: a.err} // the connection broke: nobody knows what was done
	}
	doc, err := parse(a.body)
	if err != nil {
		return nil, nil
	}
	return doc, nil
}

// An answer is a 2xx.
type answer struct {
	status int
	body   []byte
	err    error // why there is no body
}

// exchange sends a request and reads the answer. One that is no success is an [Error].
func (c *Client) exchange(ctx context.Context, method, path string, body schema.Object) (*answer, error) {
	req, token, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.o.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, endpointOf(path), err)
	}
	defer func() {
		// What could be read was read; closing only gives the connection back.
		_ = resp.Body.Close()
	}()
	b, err := c.body(resp)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, refusal(resp, b, token)
	}
	return &answer{resp.StatusCode, b, err}, nil
}

// request makes a request. The token that goes with it is returned too, so that no error repeats it.
func (c *Client) request(ctx context.Context, method, path string, body schema.Object) (*http.Request, string, error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body, json.Deterministic(true))
		if err != nil {
			return nil, "", fmt.Errorf("write the body of a request: %w", err)
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return nil, "", errors.New("the URL of a request cannot be read")
	}
	req.Header.Set("Accept", scim.MediaType+", application/json;q=0.9")
	if content != nil {
		req.Header.Set("Content-Type", scim.MediaType)
	}
	if c.o.UserAgent != "" {
		req.Header.Set("User-Agent", c.o.UserAgent)
	}
	var token string
	if c.o.Token != nil {
		if token, err = c.o.Token(ctx); err != nil {
			return nil, "", fmt.Errorf("get the token: %w", err)
		}
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, token, nil
}

// body reads the body of an answer within its bound.
func (c *Client) body(resp *http.Response) ([]byte, error) {
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, fmt.Errorf("%w: it is compressed although nobody asked for that", ErrAnswer)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, c.o.MaxBody+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > c.o.MaxBody {
		return nil, fmt.Errorf("%w: it is over %d bytes", ErrTooLarge, c.o.MaxBody)
	}
	return b, nil
}

// parse reads an object; nothing at all is none.
func parse(b []byte) (Document, error) {
	v, err := schema.Parse(bytes.TrimPrefix(b, []byte("\ufeff")))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrAnswer, scim.AsError(err).Detail)
	}
	o, ok := v.(schema.Object)
	if !ok {
		return nil, fmt.Errorf("%w: it is not a JSON object", ErrAnswer)
	}
	return Document(o), nil
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
	return path + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}
