package target

import (
	"log/slog"

	"github.com/muster-id/muster/internal/outbound"
	"github.com/muster-id/muster/scim/schema"
)

// Settings is the configuration of one target of a kind. Every kind has a Settings struct and a
// function Defaults that returns a new one; which kinds there are, and how the configuration's words
// become their settings, is written in one place, app.
type Settings interface {
	// Validate reports every problem at once, joined; each text begins with the name of the field ("url: …").
	Validate() error
	// Open makes the target. It starts no goroutine and sends nothing.
	Open(env Env) (Target, error)
}

// Env is what every target is given beside its settings.
type Env struct {
	Name     string             // of the target
	Tenant   string             // name of the tenant
	Base     string             // SCIM base URL of the tenant, without trailing slash: locations begin with it
	Schemas  func() *schema.Set // those of the tenant that are in force
	Outbound outbound.Options   // operator's rules for dialling out; each target makes a client of its own of them
	Log      *slog.Logger
}
