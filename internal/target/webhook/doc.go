// Package webhook is the kind of target that posts each event of the feed to a URL,
// signed as Standard Webhooks 1.0.0 says. It makes one attempt; order, retries and
// their times are package delivery's.
//
// # A message
//
// One event is one POST of
//
//	{"type": "user.updated", "timestamp": "2026-08-01T08:00:00.000Z", "data": {
//	  "tenant": "default", "position": "1-42", "sequence": 42,
//	  "resourceType": "User", "id": "…", "person": "…", "externalId": "…", "version": 3,
//	  "changed": ["name.familyName"], "member": {"id": "…", "type": "User"},
//	  "location": "https://…/Users/…", "resource": {…}, "source": "default", "requestId": "…"}}
//
// with the headers webhook-id (the event's, the same on every attempt), webhook-timestamp (of the
// attempt) and webhook-signature. What is empty is left out: person unless it differs from id, changed
// and member where the event has none, resource after a deletion. A body that would have 20,000 bytes
// or more goes without resource, with "truncated": true; the receiver reads it at location. sequence
// grows along the feed: of two events of one resource the one with the larger sequence is the later.
//
// # Invariants
//
//   - The body of an event is the same bytes on every attempt, and so is its id.
//   - Never-returned attributes are in no message: package feed has dropped them.
//   - Only 2xx is success. Redirects are failures, and 410 is not the resource's fault but the end of
//     the target.
//   - Events that were accepted by an earlier attempt of this process are not posted again.
package webhook
