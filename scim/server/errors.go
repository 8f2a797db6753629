package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim"
)

// fail answers with an error. If the answer has begun the connection is cut instead.
func (c *call) fail(err error) {
	if c.started {
		if c.r.Context().Err() == nil {
			c.Log.LogAttrs(c.r.Context(), slog.LevelError, "answer cut off", slog.Any("err", err))
		}
		panic(http.ErrAbortHandler)
	}
	e := c.explain(err)
	h := c.w.Header()
	if e.Status == http.StatusUnauthorized || e.Challenge != "" {
		challenge := "Bearer realm=" + strconv.Quote(c.Realm)
		switch {
		case e.Challenge != "":
			challenge += ", " + e.Challenge
		case c.r.Header.Get("Authorization") != "":
			challenge += `, error="invalid_token"` // RFC 6750 §3.1
		}
		h.Set("WWW-Authenticate", challenge)
	}
	if e.RetryAfter > 0 {
		// Whole seconds: there are clients that read nothing else.
		h.Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	h.Del("Etag")
	h.Del("Location")
	c.status = e.Status
	c.buf = appendError(c.buf[:0], e)
	if err := c.finish(); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// explain makes the error that the client sees. What is not a *scim.Error is ours to
// mend: the client gets an id, the log gets the id and the cause.
func (c *call) explain(err error) *scim.Error {
	ctx := c.r.Context()
	if e := scim.AsError(err); e != nil {
		if e.Status >= http.StatusInternalServerError && e.Err != nil {
			level := slog.LevelError
			if e.RetryAfter > 0 { // too much at once passes by itself
				level = slog.LevelWarn
			}
			c.Log.LogAttrs(ctx, level, "request failed", slog.Int("status", e.Status), slog.Any("err", err))
		}
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &scim.Error{
			Status: http.StatusServiceUnavailable, RetryAfter: 2 * time.Second,
			Detail: "the request took too long; try again",
		}
	}
	id := c.NewID(ctx)
	c.Log.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("id", id), slog.Any("err", err))
	return internal(id)
}

// panicked logs a panic and answers with a 500. It returns what to panic with, if the
// answer cannot be sent.
func (c *call) panicked(p any) any {
	ctx := c.r.Context()
	id := c.NewID(ctx)
	c.Log.LogAttrs(ctx, slog.LevelError, "request panicked", slog.String("id", id),
		slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
	if c.started {
		return http.ErrAbortHandler
	}
	c.status = http.StatusInternalServerError
	c.buf = appendError(c.buf[:0], internal(id))
	if err := c.finish(); err != nil {
		return http.ErrAbortHandler
	}
	return nil
}

func internal(id string) *scim.Error {
	return scim.Errorf(http.StatusInternalServerError, "internal error; its id is %s", scim.Quote(id))
}

// appendError appends the body of an error (RFC 7644 §3.12). The status is a string.
func appendError(dst []byte, e *scim.Error) []byte {
	dst = append(dst, `{"schemas":["`+scim.ErrorMessage+`"],"status":"`...)
	dst = strconv.AppendInt(dst, int64(e.Status), 10)
	dst = append(dst, '"')
	if e.Type != "" {
		dst = append(dst, `,"scimType":`...)
		dst = appendString(dst, string(e.Type))
	}
	if e.Detail != "" {
		dst = append(dst, `,"detail":`...)
		dst = appendString(dst, e.Detail)
	}
	return append(dst, '}')
}

// appendString appends s as a JSON string; what is not UTF-8 in it becomes U+FFFD, of
// which the error tells.
func appendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}
