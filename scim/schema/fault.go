package schema

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/muster-id/muster/scim"
)

// A fault is what is wrong with a value and where it stands. The functions that
// read values return *fault, and the exported ones make an error of it.
type fault struct {
	typ  scim.ErrorType
	path string // in standard notation, relative to what the function was given
	text string
}

// invalid returns a fault of type invalidValue at the value itself.
func invalid(format string, args ...any) *fault {
	return &fault{typ: scim.InvalidValue, text: fmt.Sprintf(format, args...)}
}

// undeclared returns a fault of a body that does not say which schemas it follows.
func undeclared(format string, args ...any) *fault {
	return &fault{typ: scim.InvalidSyntax, text: fmt.Sprintf(format, args...)}
}

func readOnlyFault() *fault {
	return &fault{typ: scim.Mutability, text: "is readOnly"}
}

// mistyped returns the fault of a value that is not what it should be.
func mistyped(want string, got any) *fault {
	return invalid("must be %s, not %s", want, kind(got))
}

// kind names the JSON type of a parsed value.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case Number, int64, float64:
		return "a number"
	case []any:
		return "an array"
	default:
		return "an object"
	}
}

// in puts name in front of the path.
func (f *fault) in(name string) *fault {
	switch {
	case f.path == "":
		f.path = name
	case strings.HasPrefix(f.path, "["):
		f.path = name + f.path
	case strings.Contains(name, ":"):
		f.path = name + ":" + f.path
	default:
		f.path = name + "." + f.path
	}
	return f
}

// at puts an element's index in front of the path.
func (f *fault) at(i int) *fault { return f.in(fmt.Sprintf("[%d]", i)) }

// err returns the error that the client sees; nil for a nil fault.
func (f *fault) err() error {
	switch {
	case f == nil:
		return nil
	case f.path == "":
		return scim.BadRequest(f.typ, "%s", f.text)
	default:
		return scim.BadRequest(f.typ, "%s %s", f.path, f.text)
	}
}

// place says for a detail where in a body something stands.
func place(in jsontext.Pointer, offset int64) string {
	if in == "" {
		return fmt.Sprintf(", at offset %d", offset)
	}
	return fmt.Sprintf(", at offset %d in %s", offset, scim.Quote(string(in)))
}
