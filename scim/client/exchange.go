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

	"github.com/muster-id/muster/scim"
)

// maxHops bounds how often one request is redirected.
const maxHops = 5

// An answer is a 2xx.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // why there is no body
}

// exchange sends a call as often as is right and reads the answer. One that is no success is an [Error].
func (c *Client) exchange(ctx context.Context, r *call) (*answer, error) {
	for n := 1; ; n++ {
		a, err := c.attempt(ctx, r, n)
		wait, again := c.o.Retry.again(r, n, a, err, c.o.Now())
		if !again || ctx.Err() != nil || c.o.Retry.wait(ctx, wait) != nil {
			return a, err
		}
	}
}

// attempt sends a call once, and once more if the token was refused and there is another one.
func (c *Client) attempt(ctx context.Context, r *call, n int) (*answer, error) {
	refused := ""
	for {
		token, err := c.token(ctx)
		if err != nil {
			return nil, err
		}
		at := Attempt{Method: r.method, Endpoint: endpointOf(r.path), Number: n}
		if c.o.Before != nil {
			if err := c.o.Before(ctx, at); err != nil {
				return nil, fmt.Errorf("wait for the turn of %s %s: %w", at.Method, at.Endpoint, err)
			}
		}
		a, err := c.send(ctx, r, token)
		c.after(ctx, at, a, err)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Status != http.StatusUnauthorized || token == "" || refused != "" {
			return a, err
		}
		refused = token
		if c.o.Rejected != nil {
			c.o.Rejected(ctx, token)
		}
		if fresh, terr := c.token(ctx); terr != nil || fresh == refused {
			return a, err
		}
	}
}

func (c *Client) token(ctx context.Context) (string, error) {
	if c.o.Token == nil {
		return "", nil
	}
	token, err := c.o.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("get the token: %w", err)
	}
	return token, nil
}

// after tells whoever counts how an attempt went.
func (c *Client) after(ctx context.Context, at Attempt, a *answer, err error) {
	if c.o.After == nil {
		return
	}
	if a != nil {
		at.Status, at.Header = a.status, a.header
	}
	if e, ok := errors.AsType[*Error](err); ok {
		at.Status, at.Header = e.Status, e.Header
		at.RetryAfter, _ = e.Wait(c.o.Now())
	}
	at.Err = err
	c.o.After(ctx, at)
}

// send sends a call and follows its redirects, if they are to be followed.
func (c *Client) send(ctx context.Context, r *call, token string) (*answer, error) {
	base := c.baseURL()
	to := base + r.path
	for hops := 0; ; hops++ {
		resp, err := c.request(ctx, r, to, token) //nolint:bodyclose // receive closes it
		if err != nil {
			return nil, err
		}
		a, err := c.receive(r, resp, token)
		next, nerr := c.redirected(resp, hops)
		if nerr != nil || next == "" {
			if e, ok := errors.AsType[*Error](err); ok && nerr != nil {
				e.Detail = excerpt(nerr.Error(), token)
			}
			return a, err
		}
		if resp.StatusCode == http.StatusPermanentRedirect {
			c.move(base, r.path, next)
		}
		to = next
	}
}

// request sends one HTTP request.
func (c *Client) request(ctx context.Context, r *call, to, token string) (*http.Response, error) {
	var content io.Reader
	if r.body != nil {
		content = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, to, content)
	if err != nil {
		return nil, errors.New("the URL of a request cannot be read")
	}
	req.Header = r.header.Clone()
	req.Header.Set("Accept", scim.MediaType+", application/json;q=0.9")
	if content != nil {
		req.Header.Set("Content-Type", scim.MediaType)
	}
	if c.o.UserAgent != "" {
		req.Header.Set("User-Agent", c.o.UserAgent)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.o.HTTP.Do(req)
	if err == nil {
		return resp, nil
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // its text has the URL in it, with ids and filters
	}
	return nil, fmt.Errorf("%s %s: %w", r.method, endpointOf(r.path), err)
}

// receive reads an answer and closes it.
func (c *Client) receive(r *call, resp *http.Response, token string) (*answer, error) {
	defer func() {
		// What could be read was read; closing only gives the connection back.
		_ = resp.Body.Close()
	}()
	b, err := c.body(resp)
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return nil, refusal(r, resp, b, token)
	case resp.StatusCode == http.StatusAccepted && r.async:
		return nil, &Error{
			Status: resp.StatusCode, Method: r.method, Endpoint: endpointOf(r.path),
			Txn: excerpt(resp.Header.Get("Set-Txn"), token), Err: ErrAccepted,
		}
	}
	return &answer{resp.StatusCode, resp.Header, b, err}, nil
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

// redirected returns where an answer leads; "" if nowhere. The error says why it is not followed.
func (c *Client) redirected(resp *http.Response, hops int) (string, error) {
	if resp.StatusCode < 300 || resp.StatusCode > 399 || resp.StatusCode == http.StatusNotModified {
		return "", nil
	}
	here, err := url.Parse(c.baseURL())
	if err != nil {
		return "", errors.New("it redirects, and the base URL cannot be read")
	}
	if resp.Request != nil && resp.Request.URL != nil {
		here = resp.Request.URL
	}
	to, err := here.Parse(resp.Header.Get("Location"))
	switch {
	case err != nil || resp.Header.Get("Location") == "":
		return "", errors.New("it redirects, and does not say where to")
	case !sameOrigin(here, to):
		return "", fmt.Errorf("it redirects to %s://%s, where no token is sent; is the base URL right?", to.Scheme, to.Host)
	case resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect:
		return "", fmt.Errorf("it redirects to %s, perhaps a page to sign in; is the base URL right, and the token?", to.EscapedPath())
	case !c.o.FollowRedirects:
		return "", fmt.Errorf("it redirects to %s, and redirects are not followed", to.EscapedPath())
	case hops >= maxHops:
		return "", fmt.Errorf("it redirects more than %d times", maxHops)
	}
	to.User, to.Fragment = nil, ""
	return to.String(), nil
}
