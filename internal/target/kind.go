package target

import (
	"log/slog"
	"slices"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/scim/schema"
)

// Settings is the configuration of one target of a kind: a pointer to a struct with yaml tags that
// is decoded over its defaults.
type Settings interface {
	// Validate reports every problem at once, joined; each text begins with the name of the field ("url: …").
	Validate() error
	// Open makes the target. It starts no goroutine and sends nothing.
	Open(env Env) (Target, error)
}

// Env is what every target is given beside its settings.
type Env struct {
	Name     string           // of the target
	Tenant   string           // name of the tenant
	Base     string           // SCIM base URL of the tenant, without trailing slash: locations begin with it
	Schemas  *schema.Set      // of the tenant
	Outbound outbound.Options // operator's rules for dialling out; each target makes a client of its own of them
	Log      *slog.Logger
}

// Kind is a kind of target.
type Kind struct {
	Name     string          // the type in the configuration: "webhook"
	Settings func() Settings // new, with defaults
}

// Kinds is a registry. It is put together in app, not by init functions: what a binary can do is written in one place.
type Kinds []Kind

// Find returns the kind of that name.
func (k Kinds) Find(name string) (Kind, bool) {
	i := slices.IndexFunc(k, func(kind Kind) bool { return kind.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return k[i], true
}

// Names returns the names of all kinds, sorted, for error texts.
func (k Kinds) Names() []string {
	names := make([]string, len(k))
	for i, kind := range k {
		names[i] = kind.Name
	}
	slices.Sort(names)
	return names
}
