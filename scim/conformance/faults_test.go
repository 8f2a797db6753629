package conformance_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/muster-id/muster/scim/conformance"
	"github.com/muster-id/muster/scim/scimtest"
)

// unseen are the faults that no check finds, with the reason.
var unseen = map[string]string{
	"config-promises-password": "only a login could tell whether a new password works",
	"too-many-requests":        "Retry-After is there, and is followed",
	"unavailable":              "Retry-After is there, and is followed",
	"slow":                     "no row forbids it",
}

// TestFaults: each fault of scimtest is found, by a check that fails or warns and does not on the correct server.
func TestFaults(t *testing.T) {
	t.Parallel()
	usual := map[string]conformance.Verdict{}
	verdicts(t, func(r conformance.Result) bool {
		usual[r.Check.Name] = r.Verdict
		return true
	}, nil)
	for _, f := range scimtest.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			why, excused := unseen[f.Name]
			found := ""
			look := func(r conformance.Result) bool {
				if v := r.Verdict; v != usual[r.Check.Name] && (v == conformance.Fail || v == conformance.Warn || v == conformance.Broken) {
					found = r.Check.Name
				}
				return found == ""
			}
			// The checks of its rows first; then all of them.
			var only []string
			for _, c := range conformance.All() {
				if slices.ContainsFunc(c.Rows, func(row string) bool { return slices.Contains(f.Rows, row) }) {
					only = append(only, c.Name)
				}
			}
			if len(only) > 0 && !excused {
				verdicts(t, look, only, f.Name)
			}
			if found == "" && !verdicts(t, look, nil, f.Name) {
				found = "nobody, because the provider could not be asked"
			}
			switch {
			case found == "" && !excused:
				t.Errorf("not found: %s %v", f.Does, f.Rows)
			case found != "" && excused:
				t.Errorf("found by %s, although %s", found, why)
			}
		})
	}
}

// verdicts runs the checks against a server with these faults until the results are enough.
func verdicts(t *testing.T, more func(conformance.Result) bool, only []string, faults ...string) (reached bool) {
	t.Helper()
	srv := scimtest.New(t, scimtest.Options{Faults: faults})
	// A provider that is slow or asks to wait is not waited for.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := conformance.Run(ctx, conformance.Options{
		URL: srv.URL, Token: srv.Token, OtherURL: srv.Other.URL, OtherToken: srv.Other.Token, Settle: 300 * time.Millisecond, Only: only,
		Progress: func(r conformance.Result) {
			if ctx.Err() == nil && r.Verdict != conformance.Skipped && !more(r) {
				cancel()
			}
		},
	})
	if r == nil {
		t.Log(err)
	}
	return r != nil
}
