package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// ErrNotSCIM and its like say why a run could not begin, each in a sentence with the cause behind it.
var (
	ErrNotSCIM     = errors.New("there is no SCIM service provider at this address")
	ErrCredential  = errors.New("the token is not accepted")
	ErrUnreachable = errors.New("the address cannot be reached")
)

// usualPaths is where service providers are found that are not where one was told.
var usualPaths = []string{"/scim/v2", "/scim", "/v2", "/api/scim/v2", "/api/scim", "/scim2", "/api/v2/scim"}

// Probe finds the base URL of a service provider: the one that is given, or one of the usual paths below its host. found
// is the URL that answered. The error wraps ErrNotSCIM, ErrCredential or ErrUnreachable, and says what was met instead.
func Probe(ctx context.Context, o Options) (found string, err error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%w: %q is no http or https URL", ErrNotSCIM, o.URL)
	}
	s := newSession(o)
	first := s.recognise(ctx, s.URL)
	if first == nil {
		return s.URL, nil
	}
	if errors.Is(first, ErrUnreachable) || errors.Is(first, ErrCredential) {
		return "", first
	}
	host := u.Scheme + "://" + u.Host
	candidates := []string{}
	for _, path := range usualPaths {
		candidates = append(candidates, s.URL+path, host+path)
	}
	for _, c := range slices.Compact(candidates) {
		if err := s.recognise(ctx, c); err == nil {
			return c, nil
		}
	}
	return "", fmt.Errorf("%w; the usual paths below it were tried too", first)
}

// recognise says why a URL is not the base of a service provider; nil: it is one.
func (s *session) recognise(ctx context.Context, base string) error {
	other := *s
	other.URL = strings.TrimRight(base, "/")
	t := &T{ctx: ctx, s: &other}
	var a *Answer
	for _, path := range []string{"/ServiceProviderConfig", "/Users?count=1"} {
		t.guard(func(t *T) { a = t.Get(path) })
		if a == nil {
			return fmt.Errorf("%w: %s", ErrUnreachable, strings.Join(t.findings, "; "))
		}
		switch {
		case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden && len(a.Strings("schemas")) > 0:
			return fmt.Errorf("%w: %s is answered with status %d", ErrCredential, base+path, a.Status)
		case a.Status == http.StatusOK && len(a.Strings("schemas")) > 0:
			return nil
		}
	}
	return fmt.Errorf("%w: %s", ErrNotSCIM, what(base, a))
}

// what says what an answer is that is not SCIM.
func what(base string, a *Answer) string {
	switch location := a.Header.Get("Location"); {
	case a.Status >= 300 && a.Status < 400 && location != "":
		if strings.Contains(strings.ToLower(location), "login") || strings.Contains(strings.ToLower(location), "signin") {
			return fmt.Sprintf("%s redirects to a login page", base)
		}
		return fmt.Sprintf("%s redirects elsewhere", base)
	case strings.Contains(strings.ToLower(a.Header.Get("Content-Type")), "html") || strings.HasPrefix(strings.TrimSpace(a.Raw), "<"):
		return fmt.Sprintf("%s answers with a page for people (HTML, status %d)", base, a.Status)
	case a.Raw != "" && json.Unmarshal([]byte(a.Raw), new(any)) != nil:
		return fmt.Sprintf("%s answers with status %d and no JSON", base, a.Status)
	default:
		return fmt.Sprintf("%s answers with status %d and nothing of SCIM", base, a.Status)
	}
}
