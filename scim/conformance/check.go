package conformance

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Check is one thing that a service provider owes.
type Check struct {
	Name  string   // group and a word or two: "patch/remove-member"; stays from version to version
	Rows  []string // ids of the requirements
	Title string   // the requirement in a sentence
	Fix   string   // what to change where it fails
	// Reads says that the check changes nothing, so that it also runs against a directory that must not be touched.
	Reads bool
	// For names the identity providers that do what the check does: it decides whether they would work.
	For []string
	Run func(t *T)
}

// Group is the first part of the name.
func (c *Check) Group() string {
	group, _, _ := strings.Cut(c.Name, "/")
	return group
}

// Verdict is what a check came to.
type Verdict string

// The verdicts.
const (
	Pass       Verdict = "pass"
	Fail       Verdict = "fail"
	Warn       Verdict = "warn"        // allowed, but clients will stumble over it
	NotOffered Verdict = "not offered" // the provider says that it lacks the feature
	Skipped    Verdict = "skipped"     // not run: by choice, or because it writes
	Broken     Verdict = "broken"      // the check could not be carried out: the connection failed
	NotSeen    Verdict = "not seen"    // a client never did what the check is about, see package clientcheck
)

// Exchange is a request and its answer. The token is not in it.
type Exchange struct {
	Method, URL    string
	RequestBody    string
	Status         int
	ResponseHeader http.Header
	ResponseBody   string
	Took           time.Duration
}

// Result is a check that was run.
type Result struct {
	Check   *Check
	Verdict Verdict
	// Findings say what was wrong, a sentence each.
	Findings []string
	// Blocked says that an identity provider of Check.For would not get on, although the RFC allows the answer.
	Blocked bool
	// typeless says that the provider lacks the resource type that the check is about.
	typeless  bool
	Exchanges []Exchange
	Took      time.Duration
}

// All returns every check, group by group.
func All() []*Check {
	return slices.Concat(discoveryChecks, createChecks, readChecks, schemaChecks, rulesChecks, filterChecks, filterTable(), sortChecks, pageChecks,
		cursorChecks, projectionChecks, queryMore, replaceChecks, patchChecks, patchTable(), groupChecks, deleteChecks, etagChecks, errorChecks, writeMore, bulkChecks, valueChecks, limitChecks, securityChecks,
		concurrencyChecks, tenantChecks, lifecycleChecks)
}
