// Package doctest keeps the documentation true: what README.md, docs and examples say of flags,
// keys, metrics, switches, payloads and defaults is held against the code, links are followed, and
// every Go block of the documentation is code of this package that compiles and runs.
//
// It holds no code of the hub and cannot tell whether a sentence is right: only that nothing is
// missing, and that what stands in tables and blocks is what there is.
package doctest
