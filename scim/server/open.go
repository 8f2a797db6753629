package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/muster-id/muster/scim"
)

// Static returns an Open for a product with one directory: everybody whom something else has let in, such as Bearer
// or a middleware, sees the same service.
func Static(svc *Service) Open {
	return func(*http.Request) (*Service, error) { return svc, nil }
}

// Bearer returns an Open that asks for one of the tokens in the Authorization header (RFC 6750 §2.1) before it asks
// next; everybody else gets 401. Several tokens make it possible to hand out a new one before the old one goes. An
// empty token lets nobody in.
//
// The tokens are kept as SHA-256 digests and compared in constant time. They stand for themselves, so make them of
// at least 128 random bits. For tokens in a database write an Open of your own: look up the digest, and return
// scim.Errorf(http.StatusUnauthorized, …) where there is none.
func Bearer(next Open, tokens ...string) Open {
	var digests [][sha256.Size]byte
	for _, t := range tokens {
		if t != "" {
			digests = append(digests, sha256.Sum256([]byte(t)))
		}
	}
	return func(r *http.Request) (*Service, error) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return nil, scim.Errorf(http.StatusUnauthorized, "send a bearer token in the Authorization header")
		}
		given := sha256.Sum256([]byte(strings.TrimSpace(token)))
		known := 0
		for i := range digests {
			known |= subtle.ConstantTimeCompare(given[:], digests[i][:])
		}
		if known == 0 {
			return nil, scim.Errorf(http.StatusUnauthorized, "the bearer token is not valid")
		}
		return next(r)
	}
}
