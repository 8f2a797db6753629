// Package transport is everything between the network and the handler: TLS with certificates from files that are read again when they
// change, or from an ACME authority; certificates of clients; who a client is behind proxies that are trusted; and how many
// connections there may be.
package transport
