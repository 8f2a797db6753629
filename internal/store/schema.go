package store

import (
	"context"
	"errors"
	"time"
)

// The errors about schema generations.
var (
	// ErrGeneration: the tenant's schemas are not those that the decision was made under. Nothing was written.
	ErrGeneration = errors.New("the schemas have changed")
	// ErrMoved: there are changes that whoever wrote a NewSchema had not seen. Nothing was written.
	ErrMoved = errors.New("there are newer changes")
)

// Schemas reads what tenants define beside the built-in schemas. It is written as Rows.Schema and Rows.Worked.
type Schemas interface {
	// Schema returns the definitions in force. A tenant begins with generation 1, which has none.
	Schema(ctx context.Context, t Tenant) (Schema, error)
	// Generations returns which generations are in force of those of these tenants that there are. Where other nodes write
	// too, it is how to hear of what they change.
	Generations(ctx context.Context, tenants []Tenant) (map[Tenant]int, error)
	// Shared reports whether other nodes write too.
	Shared() bool
	// Slice returns up to limit live resources of a type with a number beyond after, in order of Num.
	Slice(ctx context.Context, t Tenant, typ string, after Num, limit int) ([]*Resource, error)
}

// Schema is one generation of a tenant's definitions.
type Schema struct {
	Gen  int       // grows by one with each change
	At   time.Time // when it came into force; zero for generation 1
	Body []byte    // in the form of whoever writes it; nil: no definitions
	Work []Work    // what is still to be done to resources that were there before, by Type and Attr
}

// Work says that resources of a type may lack what an attribute demands today: entries of the index, or
// claims. Until it is done, no search relies on the entries.
type Work struct {
	Type   string
	Attr   string // path in standard notation
	Unique bool   // claims, else entries
}

// NewSchema puts another generation into force. An Op that writes one is Heavy.
type NewSchema struct {
	Schema // Gen is the one after that in force; Work replaces what there was
	// If is the last change that whoever decided has seen; ErrMoved if the feed has gone on. nil: it does not matter.
	If *Seq
	// Free are scopes whose claims are all given up.
	Free []string
}
