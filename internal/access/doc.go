// Package access says who is asking: it makes bearer tokens, and authenticates
// requests that carry one. What the caller may then do, and where tokens are
// stored, is decided elsewhere.
//
// # A token
//
//	mst_ + 43 symbols + 6 symbols
//	       256 random   CRC-32 of all before
//	       bits
//
// Symbols are of [0-9A-Za-z], so a double click selects all of it. The prefix lets
// secret scanners and people know it; the checksum lets a mistyped, cut or padded
// one be refused without asking the store (A04). Only its SHA-256 is ever stored:
// full entropy needs no slow hash (A06).
//
// # Authentication
//
//	no credential, or not readable         401, no look-up
//	not of the form above                  401, no look-up, counts as failed
//	in the cache and fresh                 the principal
//	address over its limit, not in cache   429, no look-up
//	else one look-up by hash               the principal, or 401 and counts as failed
//
// # Invariants
//
//   - Nothing but the exact token passes; the answer does not say what was wrong.
//   - A revoked or expired token is refused at the latest five seconds later (A10).
//   - An address over its limit costs no look-up, except for tokens that worked
//     before: neighbours of an attacker behind one address go on (A18).
//   - Memory is bounded: [Options.MaxCached] tokens and [Options.MaxAddresses] addresses.
//   - Tokens in query or form are never looked at (A08).
package access
