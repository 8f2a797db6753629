package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/muster-id/muster/scim"
)

// tag returns the entity tag of a version: weak, because representations of one
// version differ by projection and derived values (RFC 7643 §3.1, meta.version).
func tag(version string) string { return `W/"` + version + `"` }

// condition reads If-Match (RFC 7644 §3.14). Tags compare weakly: no strong comparison
// with a weak tag would ever succeed (AMB-31). What cannot be read is refused, never
// taken for no condition.
func condition(h http.Header, f Features) (Cond, error) {
	lines := h["If-Match"]
	if len(lines) == 0 || !f.Versions {
		return Cond{}, nil
	}
	any, versions, ok := parseTags(lines)
	if !ok {
		return Cond{}, scim.Errorf(http.StatusBadRequest, "If-Match is not a list of entity tags")
	}
	return Cond{Any: any, IfMatch: versions}, nil
}

// notModified reports whether If-None-Match names the version, so that 304 is the answer.
// What cannot be read is taken for no condition: the answer is then whole and right.
func notModified(h http.Header, version string) bool {
	lines := h["If-None-Match"]
	if len(lines) == 0 {
		return false
	}
	any, versions, ok := parseTags(lines)
	return ok && (any || slices.Contains(versions, version))
}

// parseTags reads a list of entity tags (RFC 9110 §8.8.3) and returns what stands in the
// quotes, weak or not.
func parseTags(lines []string) (any bool, versions []string, ok bool) {
	s := strings.TrimSpace(strings.Join(lines, ","))
	if s == "*" {
		return true, nil, true
	}
	for {
		s = strings.TrimLeft(s, ", \t") // empty elements are legal
		if s == "" {
			return false, versions, len(versions) > 0
		}
		s = strings.TrimPrefix(s, "W/")
		if !strings.HasPrefix(s, `"`) {
			return false, nil, false
		}
		version, rest, closed := strings.Cut(s[1:], `"`)
		if rest = strings.TrimLeft(rest, " \t"); !closed || rest != "" && rest[0] != ',' {
			return false, nil, false
		}
		versions, s = append(versions, version), rest
	}
}
