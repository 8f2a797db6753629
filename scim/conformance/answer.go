package conformance

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Answer is what a provider answered. Its methods that check end the check where it does not hold.
type Answer struct {
	t           *T
	what        string // method and path
	Status      int
	Header      http.Header
	Body        Object // nil: none, or no JSON object
	Raw         string
	invalidJSON error
	tooLong     bool // longer than maxAnswer: Body is what it begins with
}

// Is checks the status.
func (a *Answer) Is(statuses ...int) *Answer {
	if !slices.Contains(statuses, a.Status) {
		a.t.Failf("%s was answered with status %d, want %s%s", a.what, a.Status, oneOf(statuses), a.detail())
	}
	if a.tooLong {
		a.t.Failf("%s was answered with more than %d bytes", a.what, maxAnswer)
	}
	if a.Raw != "" && a.Body == nil {
		a.t.Failf("%s was answered with a body that is no JSON object", a.what)
	}
	return a
}

func (a *Answer) detail() string {
	if d, ok := a.At("detail").(string); ok {
		return " (it says: " + short(d, 120) + ")"
	}
	return ""
}

func oneOf(statuses []int) string {
	parts := make([]string, len(statuses))
	for i, s := range statuses {
		parts[i] = strconv.Itoa(s)
	}
	return strings.Join(parts, " or ")
}

// Refused checks that the answer is an error of one of the statuses with a SCIM body, and of the scimType if one is given.
func (a *Answer) Refused(scimType string, statuses ...int) *Answer {
	if !slices.Contains(statuses, a.Status) {
		a.t.Failf("%s was answered with status %d, want the error %s%s", a.what, a.Status, oneOf(statuses), a.detail())
	}
	if !slices.Contains(a.Strings("schemas"), errorURN) {
		a.t.Failf("%s was refused with %d, but without the body of a SCIM error", a.what, a.Status)
	}
	if got, _ := a.At("scimType").(string); scimType != "" && got != scimType {
		a.t.Errorf("%s was refused with scimType %q, want %q", a.what, got, scimType)
	}
	return a
}

// List checks that the answer is a ListResponse.
func (a *Answer) List() *Answer {
	a.Is(200)
	if !slices.Contains(a.Strings("schemas"), listURN) {
		a.t.Failf("%s was not answered with a ListResponse", a.what)
	}
	return a
}

// At returns the value at a path of names and indexes, separated by slashes; nil: there is none.
func (a *Answer) At(path string) any { return at(a.Body, path) }

func at(v any, path string) any {
	for name := range strings.SplitSeq(path, "/") {
		switch w := v.(type) {
		case Object:
			v = w[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(w) {
				return nil
			}
			v = w[i]
		default:
			return nil
		}
	}
	return v
}

// Has checks the value at a path; numbers are compared as float64.
func (a *Answer) Has(path string, want any) *Answer {
	if n, ok := want.(int); ok {
		want = float64(n)
	}
	if got := a.At(path); got != want {
		a.t.Failf("%s: %s is %v, want %v", a.what, path, show(got), show(want))
	}
	return a
}

// Lacks checks that there is nothing at a path; null and an empty list are nothing (RFC 7643 §2.5).
func (a *Answer) Lacks(path string) *Answer {
	switch v := a.At(path).(type) {
	case nil:
		return a
	case []any:
		if len(v) == 0 {
			return a
		}
	}
	a.t.Failf("%s: %s is %s, want none", a.what, path, show(a.At(path)))
	return a
}

// Text returns a string, which has to be there.
func (a *Answer) Text(path string) string {
	s, ok := a.At(path).(string)
	if !ok || s == "" {
		a.t.Failf("%s: %s is %s, want a string", a.what, path, show(a.At(path)))
	}
	return s
}

// Int returns an integer, which has to be there.
func (a *Answer) Int(path string) int {
	n, ok := a.At(path).(float64)
	if !ok || n != float64(int(n)) {
		a.t.Failf("%s: %s is %s, want an integer", a.what, path, show(a.At(path)))
	}
	return int(n)
}

// Strings returns the strings of a list; nil if it is none.
func (a *Answer) Strings(path string) []string { return texts(a.At(path)) }

func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Elements returns the objects of a list.
func (a *Answer) Elements(path string) []Object { return elements(a.At(path)) }

// Values returns one sub-attribute of each element of a list, sorted.
func (a *Answer) Values(path, name string) []string {
	var out []string
	for _, e := range a.Elements(path) {
		s, _ := e[name].(string)
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// IDs returns the ids of the resources of a list in order.
func (a *Answer) IDs() []string {
	var out []string
	for _, e := range a.Elements("Resources") {
		s, _ := e["id"].(string)
		out = append(out, s)
	}
	return out
}

// Finds checks that a list has exactly these resources, in any order.
func (a *Answer) Finds(ids ...string) *Answer {
	got, want := slices.Sorted(slices.Values(a.IDs())), slices.Sorted(slices.Values(ids))
	if !slices.Equal(got, want) {
		a.t.Failf("%s found %d resources, %q, want %d, %q", a.what, len(got), got, len(want), want)
	}
	return a
}

// ID is the id of a resource, which has to be there.
func (a *Answer) ID() string { return a.Text("id") }

// Path is where the resource is, below the base.
func (a *Answer) Path() string {
	endpoint, _, _ := strings.Cut(strings.TrimPrefix(a.what[strings.Index(a.what, " ")+1:], "/"), "/")
	endpoint, _, _ = strings.Cut(endpoint, "?")
	return "/" + endpoint + "/" + a.ID()
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "absent"
	case string:
		return strconv.Quote(short(v, 80))
	}
	return short(encode(v), 80)
}

func short(s string, n int) string {
	seen := 0
	for i := range s {
		if seen == n {
			return strings.Clone(s[:i]) + "…" // the rest may be megabytes
		}
		seen++
	}
	return s
}
