// Package id makes the identifiers that leave the process.
//
// It is the only importer of the UUID library; Go 1.27 has one of its own.
package id

import "github.com/google/uuid"

// New returns a random UUID (version 4) for a resource, an event, a target or a
// source. It tells nothing about what it names or when it was made, is never
// reused, and gives no order (B04).
func New() string { return uuid.NewString() }

// Request returns an id for a request: a version 7 UUID, so that ids sort roughly
// by time in logs. Its order holds inside one process only; decide nothing by it.
func Request() string {
	u, err := uuid.NewV7()
	if err != nil {
		// The system's random source never fails (crypto/rand ends the process
		// instead); a random id is as good if the library ever disagrees.
		return New()
	}
	return u.String()
}
