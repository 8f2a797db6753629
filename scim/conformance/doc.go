// Package conformance checks whether a SCIM 2.0 service provider does what RFC 7643, 7644 and 9865 ask of it, over
// HTTP and nothing else. It is the engine of muster check, and of a Go test:
//
//	func TestSCIM(t *testing.T) { conformance.Test(t, conformance.Options{URL: url, Token: token}) }
//
// A Check has a name that stays, the rows of the standards it is about, the requirement in a sentence, and advice for
// whoever fails it. Checks are independent: each makes the resources it needs, and what it made is removed after it.
//
// # What it touches
//
// Only resources that it made in this run. Their names begin with a marker; nothing else is ever changed or deleted. With
// Options.ReadOnly nothing is made either, and the checks that write are skipped.
//
// # What it assumes
//
// Nothing that it can ask: endpoints come from /ResourceTypes, features from /ServiceProviderConfig, and a feature that is
// not offered is a verdict of its own, not a failure.
package conformance
