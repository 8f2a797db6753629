// Package telemetry makes the logger and the metrics of a hub. It decides what
// never gets into either: secrets, and personal data above debug.
//
// A log record is a constant phrase with attributes of stable keys (tenant,
// resource, target, seq, attempt, took, err). On a terminal it is one readable line; elsewhere it is
// JSON. The request id travels in the context and is added to every record and, by its callers, to the change.
//
// Metrics live in a registry of their own. Labels are bounded: kinds, outcomes, reasons, and names that
// the configuration bounds; never a resource id.
package telemetry
