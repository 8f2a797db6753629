// Package report answers what somebody has to prove of a resource: everything that is held on a person and where each value is from,
// what a person was at some time, who was in a group between two times. It reads feed, audit and deliveries, and writes nothing.
//
// A time is that of the feed: a change counts from its instant on. What was erased, or is older than what is kept, is not there.
package report
