package schema

// names finds attributes by name. It holds each under the name as it is defined,
// which is how most clients write it, and under the folded name.
type names map[string]*Attribute

func (n names) add(a *Attribute) {
	n[a.Name] = a
	n[fold(a.Name)] = a
}

// find returns the attribute of that name, compared without case, or nil.
func (n names) find(name string) *Attribute {
	if a := n[name]; a != nil {
		return a
	}
	var buf [64]byte // a name in an array of bytes is looked up without a copy
	if len(name) > len(buf) {
		return n[fold(name)]
	}
	b := buf[:len(name)]
	for i := range b {
		b[i] = lower(name[i])
	}
	return n[string(b)]
}

// fold maps a name to the form in which names are compared: ASCII letters only,
// so that no other letter ever stands for one of them (U+017F, U+212A).
func fold(s string) string {
	for i := range len(s) {
		if isUpper(s[i]) {
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = lower(b[i])
			}
			return string(b)
		}
	}
	return s
}

// equalFold reports whether two names are equal under fold.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func lower(c byte) byte {
	if isUpper(c) {
		return c + 'a' - 'A'
	}
	return c
}
