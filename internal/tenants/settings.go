package tenants

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/muster-id/muster/internal/store"
)

// Settings are what a tenant decides for itself, a section for each feature. The zero value of a key is the server's
// default. Nothing in here reaches the limits of the server or the guard of outbound calls (B12).
type Settings struct {
	// Title is what people call the tenant.
	Title string `json:"title,omitzero"`
	// Audit is how long the tenant's audit is kept.
	Audit AuditSettings `json:"audit,omitzero"`
	// Limits says how fast the tenant's requests may come.
	Limits Limits `json:"limits,omitzero"`
	// Guard says from where on what a source does is held.
	Guard Guard `json:"guard,omitzero"`
}

// AuditSettings are the section audit.
type AuditSettings struct {
	// Days is how long records are kept. Defaults to 400; fewer than 90 only with Short.
	Days int `json:"days,omitzero"`
	// Short says that fewer than 90 days are meant.
	Short bool `json:"short,omitzero"`
	// Hold keeps every record, however old, until it is taken back: a legal hold.
	Hold bool `json:"hold,omitzero"`
}

const leastAuditDays = 90

func (s *AuditSettings) check() error {
	if s.Days > 0 && s.Days < leastAuditDays && !s.Short {
		return fmt.Errorf("audit.days: at least %d; if the law wants less, set audit.short=yes before it", leastAuditDays)
	}
	return nil
}

// Limits are how fast requests may come. A request that comes too soon waits for up to 2 s, and is refused with 429 beyond.
type Limits struct {
	// Requests is how many requests a second the whole tenant may send. Defaults to no limit.
	Requests float64 `json:"requests_per_second,omitzero"`
	// TokenRequests is how many requests a second each token may send. Defaults to 50; to no limit in the tenant default.
	TokenRequests float64 `json:"token_requests_per_second,omitzero"`
	// TokenBurst is how many may come at once. Defaults to 100, or twice TokenRequests if that is set.
	TokenBurst float64 `json:"token_burst,omitzero"`
}

// Guard are the limits of the mass-change guard; see store.GuardLimits.
type Guard struct {
	// People is how many people may be deactivated, deleted or renamed in 24 hours. Defaults to 10.
	People int64 `json:"people,omitzero"`
	// Percent of the active people may be, if that is more. Defaults to 5.
	Percent int64 `json:"percent,omitzero"`
	// GroupPercent of a group's members may be removed. Defaults to 20.
	GroupPercent int64 `json:"group_percent,omitzero"`
	// GroupSize is up to which size a group may lose any of its members. Defaults to 20.
	GroupSize int64 `json:"group_size,omitzero"`
	// Off holds nothing but what is protected.
	Off bool `json:"off,omitzero"`
}

// Limits returns the limits that the store is to keep.
func (g Guard) Limits() store.GuardLimits {
	l := store.DefaultGuard
	for _, set := range []struct {
		value int64
		limit *int64
	}{{g.People, &l.People}, {g.Percent, &l.Percent}, {g.GroupPercent, &l.GroupPercent}, {g.GroupSize, &l.GroupSize}} {
		if set.value > 0 {
			*set.limit = set.value
		}
	}
	l.Off = g.Off
	return l
}

// check says which value cannot be.
func (s *Settings) check() error {
	if len(s.Title) > 200 {
		return errors.New("title: at most 200 bytes")
	}
	if s.Guard.Percent > 100 || s.Guard.GroupPercent > 100 {
		return errors.New("a percentage of the guard is at most 100")
	}
	return s.Audit.check()
}

// Decode reads stored settings. Keys that this version does not know are those of a newer one, and are ignored.
func Decode(stored []byte) (s Settings, err error) {
	if len(stored) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(stored, &s); err != nil {
		return s, fmt.Errorf("stored settings: %w", err)
	}
	return s, nil
}

// Encode is the inverse of Decode.
func (s *Settings) Encode() ([]byte, error) {
	b, err := json.Marshal(s, json.Deterministic(true))
	if err != nil || string(b) == "{}" {
		return nil, err
	}
	return b, nil
}

// Setting is one key with its value, as people see it.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"` // empty: the server's default
	Kind  string `json:"kind"`  // what it takes: text, number, yes or no, list
}

// List returns all keys in order.
func (s *Settings) List() []Setting {
	var all []Setting
	walk(reflect.ValueOf(s).Elem(), "", func(key string, v reflect.Value) {
		all = append(all, Setting{key, show(v), kindOf(v)})
	})
	return all
}

// Set alters one key. An empty value puts the server's default back.
func (s *Settings) Set(key, value string) error {
	var found reflect.Value
	var keys []string
	walk(reflect.ValueOf(s).Elem(), "", func(k string, v reflect.Value) {
		if keys = append(keys, k); k == key {
			found = v
		}
	})
	if !found.IsValid() {
		return fmt.Errorf("there is no setting %q; there are %s", key, strings.Join(keys, ", "))
	}
	if err := parse(found, value); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return s.check()
}

// walk visits the keys of a section, and of those in it.
func walk(section reflect.Value, prefix string, visit func(string, reflect.Value)) {
	for i := range section.NumField() {
		name, _, _ := strings.Cut(section.Type().Field(i).Tag.Get("json"), ",")
		if v := section.Field(i); v.Kind() == reflect.Struct {
			walk(v, prefix+name+".", visit)
		} else {
			visit(prefix+name, v)
		}
	}
}

func kindOf(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.String:
		return "text"
	case v.Kind() == reflect.Bool:
		return "yes or no"
	case v.Kind() == reflect.Slice:
		return "list"
	}
	return "number"
}

func show(v reflect.Value) string {
	switch {
	case v.IsZero():
		return ""
	case v.Kind() == reflect.Bool:
		return "yes"
	case v.Kind() == reflect.Slice:
		return strings.Join(v.Interface().([]string), ",")
	}
	return fmt.Sprint(v.Interface())
}

func parse(v reflect.Value, text string) error {
	text = strings.TrimSpace(text)
	if text == "" {
		v.SetZero()
		return nil
	}
	switch kindOf(v) {
	case "text":
		v.SetString(text)
	case "yes or no":
		switch text {
		case "yes", "true":
			v.SetBool(true)
		case "no", "false":
			v.SetBool(false)
		default:
			return fmt.Errorf("%q is neither yes nor no", text)
		}
	case "list":
		list := strings.Split(text, ",")
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
		v.Set(reflect.ValueOf(slices.DeleteFunc(list, func(s string) bool { return s == "" })))
	default:
		if v.Kind() == reflect.Float64 {
			f, err := strconv.ParseFloat(text, 64)
			if err != nil || f < 0 {
				return fmt.Errorf("%q is no number of at least 0", text)
			}
			v.SetFloat(f)
			return nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is no whole number of at least 0", text)
		}
		v.SetInt(n)
	}
	return nil
}
