package conformance

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Options say what is checked and how.
type Options struct {
	URL   string // base URL of the provider
	Token string // bearer token
	// OtherURL and OtherToken are of a second tenant of the same provider, for the checks that nothing passes between two.
	OtherURL, OtherToken string
	Client               *http.Client
	// ReadOnly leaves out every check that writes.
	ReadOnly bool
	// Only and Skip choose checks by name, or groups by the part before the slash.
	Only, Skip []string
	// Quick leaves out the groups that take long: every operator, every form of PATCH, concurrency and limits.
	Quick bool
	// Rate is how many requests a second are sent at most. Defaults to as many as are answered.
	Rate float64
	// Settle is how long a read may lag behind a write, for providers that promise no more. Defaults to 2 s.
	Settle time.Duration
	// Progress, if set, is told of every result as it comes.
	Progress func(Result)
}

// Report is what a run came to.
type Report struct {
	URL     string
	Results []Result
	// Left are the locations of resources that the run made and could not remove.
	Left []string
	Took time.Duration
}

// Count returns how many results have the verdict.
func (r *Report) Count(v Verdict) int {
	n := 0
	for _, res := range r.Results {
		if res.Verdict == v {
			n++
		}
	}
	return n
}

// Run runs the checks. The error is that of a provider that cannot be reached at all; what single checks meet is in the
// report.
func Run(ctx context.Context, o Options) (*Report, error) {
	began := time.Now()
	s := newSession(o)
	if err := s.learn(ctx); err != nil {
		return nil, err
	}
	r := &Report{URL: s.URL}
	for _, c := range All() {
		res := Result{Check: c, Verdict: Skipped}
		if chosen(c, o) {
			var left []string
			res, left = s.run(ctx, c)
			r.Left = append(r.Left, left...)
		}
		r.Results = append(r.Results, res)
		if o.Progress != nil {
			o.Progress(res)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if !o.ReadOnly {
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
		defer cancel()
		s.sweep(after, r)
		r.Left = slices.DeleteFunc(slices.Compact(sorted(r.Left)), func(path string) bool { return s.remove(after, path) })
	}
	r.Took = time.Since(began)
	return r, ctx.Err()
}

// cleanTime bounds the last cleaning, for a provider that has died.
const cleanTime = 30 * time.Second

// sweep removes what the names of this run are still found in: a create whose answer was lost was not noted.
func (s *session) sweep(ctx context.Context, r *Report) {
	for _, typ := range []string{"User", "Group"} {
		endpoint := s.endpoints[typ]
		if endpoint == "" {
			continue
		}
		name := map[string]string{"User": "userName", "Group": "displayName"}[typ]
		t := &T{ctx: ctx, s: s}
		t.guard(func(t *T) {
			if yes, _ := t.Config("filter/supported").(bool); !yes {
				return
			}
			a := t.Get(endpoint + Query("filter", name+` sw "`+s.marker+`"`, "attributes", name, "count", "100"))
			for _, e := range a.Elements("Resources") {
				id, _ := e["id"].(string)
				if shown, _ := e[name].(string); id == "" || !strings.HasPrefix(strings.ToLower(shown), s.marker) {
					continue // not ours, whatever the filter says
				}
				if d := t.Delete(endpoint + "/" + id); d.Status >= 300 && d.Status != http.StatusNotFound {
					r.Left = append(r.Left, endpoint+"/"+id)
				}
			}
		})
	}
}

// quickGroups are enough to see whether a provider works at all.
var quickGroups = []string{"discovery", "create", "read", "put", "delete", "errors", "lifecycle"}

func chosen(c *Check, o Options) bool {
	named := func(list []string) bool {
		return slices.ContainsFunc(list, func(n string) bool { return n == c.Name || strings.TrimSuffix(n, "/") == c.Group() })
	}
	quick := !o.Quick || slices.Contains(quickGroups, c.Group())
	return quick && !named(o.Skip) && (len(o.Only) == 0 || named(o.Only)) && (c.Reads || !o.ReadOnly)
}

// run runs one check and removes what it made. left is what could not be removed.
func (s *session) run(ctx context.Context, c *Check) (res Result, left []string) {
	began := time.Now()
	t := &T{ctx: ctx, s: s, verdict: Pass}
	t.guard(c.Run)
	res = Result{Check: c, Verdict: t.verdict, Findings: t.findings, Blocked: t.blocked, typeless: t.typeless, Exchanges: t.exchanges, Took: time.Since(began)}
	for _, path := range slices.Backward(t.made) {
		if !s.remove(context.WithoutCancel(ctx), path) { // also after an interruption
			left = append(left, path)
		}
	}
	return res, left
}

// remove deletes what the run made, and reports whether it is gone.
func (s *session) remove(ctx context.Context, path string) (gone bool) {
	clean := &T{ctx: ctx, s: s}
	clean.guard(func(t *T) {
		a := t.Delete(path)
		gone = a.Status < 300 || a.Status == http.StatusNotFound
	})
	return gone
}

// guard runs a check up to its end, however it ends.
func (t *T) guard(run func(*T)) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(ended); !ok {
				panic(p)
			}
		}
	}()
	run(t)
}

// Test runs the checks as subtests. Warnings are logged; what is not offered is no failure.
func Test(t *testing.T, o Options) {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatalf("%s cannot be checked: %v", o.URL, err)
	}
	for _, res := range r.Results {
		t.Run(res.Check.Name, func(t *testing.T) {
			for _, f := range res.Findings {
				if res.Verdict == Fail || res.Verdict == Broken {
					t.Errorf("%s\n%s\n%s", res.Check.Title, f, res.Check.Fix)
				} else {
					t.Logf("%s: %s", res.Verdict, f)
				}
			}
		})
	}
	for _, path := range r.Left {
		t.Errorf("%s was made by the checks and could not be removed", path)
	}
}
