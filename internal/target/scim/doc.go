// Package scim is the kind of target that keeps another SCIM 2.0 service provider equal
// to the directory: accounts, groups, memberships.
//
// # One Sync
//
//	resource is          link    what is done
//	live                 none    look for the account by externalId, then by userName or displayName;
//	                             adopt it, else POST; link it at once
//	live                 there   write the fields that differ from what the link remembers, by PATCH or PUT;
//	                             of a group then the memberships, as deltas
//	live, Bare           any     no more than the link
//	deleted              there   DELETE, unlink
//	deleted              none    DELETE what carries our id: an account whose making was never answered
//
// A field is an attribute, or a sub-attribute of a single complex one. The link holds a hash of each
// field that was last written, so that nothing is read and nothing sent while nothing has changed. Before a field is
// written again its hash is put in doubt: an answer may be lost, or we be killed, and the directory take the change back.
//
// # Existing accounts
//
// An account with our id as its externalId is ours, and is made equal in everything. One that has only the name is
// taken over: what the directory says is written, the externalId with it, and what else it holds stays. Members of
// a group that is taken over are made equal if they can be read. Several matches, or one that is linked already,
// are a conflict for a person to decide; nothing is guessed. What is found counts only if it shows the value that
// was asked for.
//
// # References
//
// The manager and members of a group are made first (Work.Ensure), after the link of the own resource is written.
// What cannot be made now is left out: a reference then differs from what the link remembers, a member is noted in
// the link. Both are written by the Sync that delivery begins once the link is there.
//
// # What the application does not have
//
// Resource types and extensions that the tenant has defined go to an application that lists them in its ResourceTypes,
// read once an hour. For one that does not, nothing is done: its resources are no accounts there, are left out as
// members, and count as settled. What it begins to have later arrives with the next change of each resource.
//
// # Answers
//
//	answer                   what follows
//	2xx with the account     done; still active after a disable: failed
//	2xx with an odd body     read back
//	2xx without a body       done; after a disable: read back
//	400 to memberships       halved, until the one that is refused stands alone and is noted
//	404, 410                 look for it again, else make it again; to a DELETE: done. A base URL
//	                         that leads nowhere fails the lookup, and the link stays
//	405, 501 to a PATCH      PUT from then on, for an hour
//	409 to a POST            look for it once more, adopt it or fail
//	413 to memberships       halved, for good
//	anything else            fails, as package outbound classifies it
//
// # Bounds
//
// A request changes at most Settings.MembersPerRequest memberships. A peer without PATCH gets a group with all of its
// members at once, and only up to 10,000. A lookup reads at most 1,000 resources of a peer that ignores filters. Of a
// group that is taken over the members are held in memory, as many as fit into an answer of 10 MiB.
//
// # What it does not do
//
// It compares with what the peer holds only when it binds an account: what somebody changes there later is found
// by reconciliation, which there is not yet. For the same reason an account that vanished and was made again is
// missing from the groups that it was in. Two accounts that swap their userNames wait for each other.
package scim
