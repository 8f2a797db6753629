package postgres

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// dialect makes of a statement of package relational one of PostgreSQL. There are a few hundred; each is translated once.
type dialect struct {
	mu    sync.RWMutex
	known map[string]string
}

// maxKnown bounds the statements that are kept: filters have shapes, and somebody may play with them.
const maxKnown = 1024

func (d *dialect) translate(query string) string {
	d.mu.RLock()
	text, ok := d.known[query]
	d.mu.RUnlock()
	if ok {
		return text
	}
	text = translate(query)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil || len(d.known) >= maxKnown {
		d.known = map[string]string{}
	}
	d.known[query] = text
	return text
}

// rewrites are in order. Those that have arguments come before these get numbers, and keep their order.
var rewrites = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`\s+INDEXED BY \w+`), ""},
	{regexp.MustCompile(`CROSS JOIN (\w+ \w+)\s+ON`), "JOIN $1 ON"},
	{regexp.MustCompile(`IN \(SELECT k\.value FROM numbers\(\?\) k\)`), "= ANY(?::bigint[])"},
	{regexp.MustCompile(`numbers\(\?\) (\w+)`), "unnest(?::bigint[]) $1(value)"},
	{regexp.MustCompile(`texts\(\?\) (\w+)`), "unnest(?::text[]) $1(value)"},
	{regexp.MustCompile(`\bmax\((\w+), \?\)`), "greatest($1, ?)"},
	{regexp.MustCompile(`\? = x''`), "?::bytea = ''"},
	{regexp.MustCompile(`= x''`), "= ''"},
	{regexp.MustCompile(`CAST\(([\w.]+) AS BLOB\)`), "convert_to($1, 'UTF8')"},
	{regexp.MustCompile(`instr\(((?:[^()]|\([^()]*\))+), \?\)`), "position(?::bytea in $1)"},
	{regexp.MustCompile(`substr\(((?:[^()]|\([^()]*\))+), \?\) = \?`), "substring($1 from greatest(octet_length($1) + 1 + ?::int, 1)) = ?::bytea"},
	{regexp.MustCompile(`\bnow_ms\(\)`), "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"},
	{regexp.MustCompile(`json_group_array\(([^()]+)\)`), "coalesce(json_agg($1)::text, '[]')"},
	{regexp.MustCompile(`coalesce\(sum\((\w+)\), 0\)`), "coalesce(sum($1), 0)::bigint"},
}

// joined is a list that a table is joined to. It is the first argument of its statement.
var joined = regexp.MustCompile(`FROM (numbers|texts)\(\?\) k\s+CROSS JOIN `)

// translate takes such a join for a condition on a column: the planner cannot know how many rows the rest of the key has, and
// would read all members of a group to find one.
func translate(query string) string {
	n := 0
	if m := joined.FindStringSubmatch(query); m != nil {
		of := map[string]string{"numbers": "bigint", "texts": "text"}[m[1]]
		query = strings.ReplaceAll(joined.ReplaceAllString(query, "FROM "), "k.value", "ANY($1::"+of+"[])")
		n = 1
	}
	for _, r := range rewrites {
		query = r.from.ReplaceAllString(query, r.to)
	}
	var b strings.Builder
	for _, part := range strings.SplitAfter(query, "?") {
		if before, found := strings.CutSuffix(part, "?"); found {
			n++
			b.WriteString(before + "$" + strconv.Itoa(n))
			continue
		}
		b.WriteString(part)
	}
	return b.String()
}
