package postgres

import (
	"testing"

	"github.com/muster-id/muster/internal/assert"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"SELECT a FROM t INDEXED BY i WHERE x = ? AND y = ?":                                            "SELECT a FROM t WHERE x = $1 AND y = $2",
		"SELECT a FROM t x CROSS JOIN u y INDEXED BY i ON y.n = x.n WHERE z = ?":                        "SELECT a FROM t x JOIN u y ON y.n = x.n WHERE z = $1",
		"SELECT e.c FROM numbers(?) k CROSS JOIN edge e\n\tWHERE e.t = ? AND e.c = k.value AND e.d = ?": "SELECT e.c FROM edge e\n\tWHERE e.t = $2 AND e.c = ANY($1::bigint[]) AND e.d = $3",
		"SELECT c.k FROM texts(?) k CROSS JOIN claim c WHERE c.k = k.value":                             "SELECT c.k FROM claim c WHERE c.k = ANY($1::text[])",
		"DELETE FROM e WHERE t = ? AND c IN (SELECT k.value FROM numbers(?) k)":                         "DELETE FROM e WHERE t = $1 AND c = ANY($2::bigint[])",
		"INSERT INTO e SELECT ?, k.value, ? FROM numbers(?) k":                                          "INSERT INTO e SELECT $1, k.value, $2 FROM unnest($3::bigint[]) k(value)",
		"UPDATE r SET m = max(m, ?), k = x'' WHERE n = ?":                                               "UPDATE r SET m = greatest(m, $1), k = '' WHERE n = $2",
		"SELECT max(n) FROM t WHERE CAST(r.name AS BLOB) = ?":                                           "SELECT max(n) FROM t WHERE convert_to(r.name, 'UTF8') = $1",
		"WHERE instr(CAST(r.name AS BLOB), ?) > 0":                                                      "WHERE position($1::bytea in convert_to(r.name, 'UTF8')) > 0",
		"WHERE (? = x'' OR instr(body, ?) > 0) LIMIT ?":                                                 "WHERE ($1::bytea = '' OR position($2::bytea in body) > 0) LIMIT $3",
		"WHERE substr(CAST(r.name AS BLOB), ?) = ?":                                                     "WHERE substring(convert_to(r.name, 'UTF8') from greatest(octet_length(convert_to(r.name, 'UTF8')) + 1 + $1::int, 1)) = $2::bytea",
		"SELECT coalesce(sum(n), 0), json_group_array(h.x ORDER BY h.x)":                                "SELECT coalesce(sum(n), 0)::bigint, coalesce(json_agg(h.x ORDER BY h.x)::text, '[]')",
	} {
		assert.Equal(t, translate(from), want)
	}
}
