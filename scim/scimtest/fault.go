package scimtest

import (
	"fmt"
	"net/http"
	"slices"
)

// Fault is one way in which a service provider misbehaves. Each is deterministic and violates what Rows says and as
// little else as can be, so that a checker is proven by finding it and a client by coping with it.
type Fault struct {
	// Name is how Options.Faults and Server.Misbehave call it: "filter-ignored".
	Name string
	// Does says what the server does.
	Does string
	// Seen says which real server does so, with the report of it where there is one.
	Seen string
	// Rows are the rows of the project's lists of requirements that are violated: S- and P- for RFC 7643 and RFC 7644,
	// CUR- for RFC 9865. A fault that is no violation names what a client must do about it (C-).
	Rows []string

	begin  func() behave // a fault that keeps something between requests
	act    behave        // one that does not
	quirk  func(*quirks) // one of the memory
	across func(x *exchange, pass func(), t tenants)
}

// tenants are the one that is asked and the other one, for a fault between them.
type tenants struct{ own, other *Tenant }

// Faults returns every fault, in an order that does not change.
func Faults() []Fault {
	return slices.Concat(answerFaults, errorFaults, networkFaults, listFaults, projectionFaults, resourceFaults, memberFaults,
		writeFaults, patchFaults, deleteFaults, versionFaults, discoveryFaults, mediaFaults, tenantFaults, cursorFaults, bulkFaults)
}

// findFaults returns the faults of these names.
func findFaults(names []string) ([]Fault, error) {
	all := Faults()
	found := make([]Fault, 0, len(names))
	for _, name := range names {
		i := slices.IndexFunc(all, func(f Fault) bool { return f.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no fault %q; see scimtest.Faults", name)
		}
		found = append(found, all[i])
	}
	return found, nil
}

// Misbehave returns a handler that has faults: those that show in requests and answers, of whatever service provider is
// behind it, below a path that ends in "/scim/v2". The first fault is nearest to the client. Faults of the memory need a
// Server, and are an error here, as are names that do not exist.
func Misbehave(inner http.Handler, names ...string) (http.Handler, error) {
	faults, err := findFaults(names)
	if err != nil {
		return nil, err
	}
	for _, f := range slices.Backward(faults) {
		switch {
		case f.quirk != nil:
			return nil, fmt.Errorf("fault %q is one of the memory: start a Server with it", f.Name)
		case f.across != nil:
			return nil, fmt.Errorf("fault %q needs two tenants: start a Server with it", f.Name)
		}
		inner = f.handler(inner)
	}
	return inner, nil
}

// handler returns next behind the fault.
func (f *Fault) handler(next http.Handler) http.Handler {
	switch {
	case f.begin != nil:
		return f.begin().handler(next)
	case f.act != nil:
		return f.act.handler(next)
	}
	return next
}
