// Package outbound is the only place that dials out: webhooks, SCIM targets and
// everything else that a tenant or an answer from outside can name goes through
// its guarded client. It does not retry, sign or queue; it makes one attempt and
// says what became of it.
//
// # What may be reached
//
// A [Guard] judges the address that is really dialled, after resolution, so a name
// that changes its mind between a check and the dial gains nothing:
//
//	address                               by default      in the allow-list
//	public                                ports 443, 8443 ports of the rule
//	private, loopback, link-local, ...    refused         ports of the rule
//	cloud metadata (169.254.169.254, ...) refused         only if named exactly
//
// If any answer of a name is refused, the name is. An address that carries an IPv4
// address (::ffff:0:0/96, 64:ff9b::/96, 2002::/16) is judged by that one too.
//
// Plain http is spoken only to addresses in the allow-list: to loopback, where
// nothing leaves the machine, and to others if the target says [Options.InsecureHTTP].
// Everything else is https with TLS 1.2 or newer and a verified certificate; there
// is no switch to turn that off, a private authority goes into [Options.RootCAs].
//
// # Invariants
//
//   - No connection to a refused address, by literal, name, mapped form or redirect.
//   - Redirects are not followed: a 3xx is a failed attempt, and credentials go
//     nowhere but to the configured host.
//   - Proxies come from nowhere: the environment is not read.
//   - An attempt ends within [Options.Timeout], the reading of the body included.
//   - An answer is read up to a cap; nothing is decompressed.
//   - An error text holds no URL, so no query or path with a key in it.
//
// Limits: bodies of [MaxWebhookBody] or [MaxSCIMBody], 64 KiB of headers, at most
// eight addresses tried for one name.
package outbound
