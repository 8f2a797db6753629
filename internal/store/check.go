package store

import "context"

// Checked counts what was looked at.
type Checked struct {
	Resources, Changes, Edges, Entries int64
}

// Checker looks for what cannot be: rows that contradict each other. It reads one state of the database, streams, and may run
// while others write.
type Checker interface {
	// Intact asks the database itself whether its files are whole, and returns what it finds.
	Intact(ctx context.Context) ([]string, error)
	// Check looks at all rows of a tenant. index returns what a live resource is found by, made of its document anew. Each
	// contradiction is told to found, in words, with the rule that it breaks: of one rule a hundred at most.
	Check(ctx context.Context, t Tenant, index func(*Resource) (Index, error), found func(rule, what string)) (Checked, error)
}
