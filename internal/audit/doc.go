// Package audit makes a record of everything that is written and everything that is refused, so that it can be proven later.
//
// The records of a tenant are a chain: each has the hash of the one before it in its own ([store.Chain]). The store makes that of
// a change in the change's own transaction; other parts hand theirs in with what they write; refused attempts are gathered here
// for a second and counted. A record holds no values: a change keeps them, sealed with a key that belongs to the resource and
// goes when the person is erased. What the chain is made over stays, so it verifies as before.
//
// Every minute, and every thousand records, the end of a chain is signed: a checkpoint, which is also logged, so that whoever
// rewrites the whole database contradicts a line that he cannot reach.
package audit
