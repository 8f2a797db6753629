package clientcheck

import (
	"fmt"
	"slices"

	"github.com/muster-id/muster/scim/conformance"
)

// maxFindings is how many requests are quoted of a check that fails again and again.
const maxFindings = 5

// definition is a check and how it begins.
type definition struct {
	conformance.Check
	level conformance.Verdict // what it comes to if the client gets it wrong: Fail or Warn
	scene bool
	begin func(c *Checker, t *tally) act
}

// act is what a check does with each request. Each part may be missing.
type act struct {
	watch  func(x *exchange)      // before it is answered
	before func(x *exchange) bool // a scene: may answer it instead of the provider, or change something; true: it has played
	look   func(x *exchange)      // as the provider has answered it
	after  func(x *exchange) bool // a scene: may alter the answer; true: it has played
}

// tally is what has been seen of a check.
type tally struct {
	*conformance.Check
	c     *Checker
	level conformance.Verdict
	act   act

	good, bad int
	findings  []string
	exchanges []conformance.Exchange
	pending   string // what is wrong if nothing more comes
}

// see notes a request that did it right.
func (t *tally) see() {
	if t.good++; t.good == 1 && t.bad == 0 {
		t.c.tell(Event{Check: t.Check, Verdict: conformance.Pass, Text: t.Title})
	}
}

// wrong notes a request that did it wrong.
func (t *tally) wrong(x *exchange, format string, args ...any) {
	t.bad++
	finding := x.name() + ": " + short(fmt.Sprintf(format, args...), 300)
	if t.bad == 1 {
		t.c.tell(Event{Check: t.Check, Verdict: t.level, Text: finding})
	}
	if len(t.findings) < maxFindings {
		t.findings = append(t.findings, finding)
		t.exchanges = append(t.exchanges, x.shown(t.c.base))
	}
}

// open says what is wrong if nothing more comes.
func (t *tally) open(x *exchange, text string) { t.pending = x.name() + ": " + text }

// close says that it came.
func (t *tally) close() { t.pending = "" }

func (t *tally) result() conformance.Result {
	res := conformance.Result{Check: t.Check, Verdict: conformance.NotSeen, Findings: t.findings, Exchanges: t.exchanges}
	if t.bad > len(t.findings) {
		res.Findings = append(slices.Clip(res.Findings), fmt.Sprintf("and %d more", t.bad-len(t.findings)))
	}
	switch {
	case t.bad > 0:
		res.Verdict = t.level
	case t.pending != "":
		res.Verdict, res.Findings = t.level, []string{t.pending}
	case t.good > 0:
		res.Verdict, res.Findings = conformance.Pass, []string{fmt.Sprintf("seen in %d requests", t.good)}
	}
	return res
}

// rule is a check of every request: seen is whether it is about the request, problem what is wrong with it.
func rule(f func(c *Checker, x *exchange) (seen bool, problem string)) func(*Checker, *tally) act {
	return func(c *Checker, t *tally) act {
		return act{look: func(x *exchange) {
			switch seen, problem := f(c, x); {
			case problem != "":
				t.wrong(x, "%s", problem)
			case seen:
				t.see()
			}
		}}
	}
}
