// Package oauth lets clients authenticate with OAuth 2.0 instead of a token that somebody has made: with access tokens of an issuer
// outside, JWTs (RFC 9068) or opaque ones (RFC 7662), or with those of Muster's own token endpoint (RFC 6749 §4.4), for identity
// providers that want one.
//
// An issuer and a client belong to one tenant and one of its sources; no token says which tenant it is for. Keys of issuers are
// fetched by the guarded client, seldom, and kept while the issuer does not answer (security row A17).
package oauth
