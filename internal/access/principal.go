package access

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"github.com/muster-id/muster/internal/store"
)

// A Principal is who an accepted token speaks for.
type Principal struct {
	Tenant     store.Tenant // the tenant the token's source belongs to
	Source     store.Source // the source it speaks for
	SourceName string       // what people call that
	TokenID    string       // the token's own id
	TokenName  string       // what people call it
	Profile    string       // the name of its preset of compatibility switches
	User       string       // id of the person whom alone it speaks for; empty: for the whole source
	Scopes     Scopes
	Allow      []netip.Prefix
	Expires    time.Time // from then on it is refused; zero: never

	// Certificate is the thumbprint (x5t#S256) of the certificate that the token is bound to: whoever shows the token has
	// to have it (RFC 8705 §3). Empty: none.
	Certificate string

	// Hash is the hash as the store has it. It is compared with that of the
	// presented token, in constant time (A07); a look-up that leaves it out
	// authenticates nobody.
	Hash Hash
}

// Subject names whom the principal speaks for, for what is sealed to them: tenant, source.
func (p Principal) Subject() string {
	return strconv.FormatInt(int64(p.Tenant), 10) + "/" + strconv.FormatInt(int64(p.Source), 10)
}

type principalKey struct{}

// WithPrincipal returns a context that carries who is asking.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// FromContext returns who is asking; false if nobody was authenticated.
func FromContext(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}
