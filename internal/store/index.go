package store

// Index is what a resource can be found by without reading its body. Keys are folded in Go by
// schema.Set.Key when written and when asked, so that the engine compares bytes. "" and Absent mean
// unassigned: no column is ever NULL.
type Index struct {
	UserName       string
	ExternalID     string
	DisplayName    string
	EmployeeNumber string
	Manager        string
	Active         Tristate
	Entries        []Entry // multi-valued and custom attributes, each once, sorted
	// Display is what others see of the resource: its displayName, else its userName, as it was sent.
	Display string
}

// Tristate is a boolean that may be unassigned.
type Tristate uint8

// The values of a Tristate.
const (
	Absent Tristate = 0
	False  Tristate = 1
	True   Tristate = 2
)

// Entry is one key of one attribute of a resource.
type Entry struct {
	Attr string // path in standard notation: "emails.value"
	Key  string
}
