package telemetry

import "context"

// Request is what everything that happens on behalf of a request is told of it.
type Request struct {
	ID     string
	Client string // address of the client
}

type requestKey struct{}

// WithRequest returns a context that carries the request it serves.
func WithRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestOf returns the request that ctx serves; the zero Request if it serves none.
func RequestOf(ctx context.Context) Request {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return *r
	}
	return Request{}
}

// RequestID returns the id of the request that ctx serves; empty if it serves none.
func RequestID(ctx context.Context) string { return RequestOf(ctx).ID }
