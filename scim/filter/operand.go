package filter

import (
	"math"
	"strconv"
)

// integer reads a JSON number that has an integral value within int64.
func integer(s string) (any, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64) // 5.0, 1e3
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return nil, false
	}
	return int64(f), true
}

// decimal reads a JSON number within float64.
func decimal(s string) (any, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}
