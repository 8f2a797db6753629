package schema

// Equal reports whether two canonical values are the same. The order of elements counts.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case Object:
		b, ok := b.(Object)
		if !ok || len(a) != len(b) {
			return false
		}
		for n, v := range a {
			if w, ok := b[n]; !ok || !Equal(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	}
	switch b.(type) {
	case Object, []any:
		return false // and == would panic on them
	}
	return a == b
}

// Clone returns a deep copy of a canonical value.
func Clone[T any](v T) T {
	c, _ := clone(v).(T) // fails only for a nil interface, whose copy is the zero T
	return c
}

func clone(v any) any {
	switch v := v.(type) {
	case Object:
		if v == nil {
			return v
		}
		c := make(Object, len(v))
		for n, e := range v {
			c[n] = clone(e)
		}
		return c
	case []any:
		if v == nil {
			return v
		}
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = clone(e)
		}
		return c
	default:
		return v
	}
}
