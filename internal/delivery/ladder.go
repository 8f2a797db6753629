package delivery

import "time"

// ladder is how long after its n-th failure a resource is tried again (R31).
var ladder = [...]time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

const (
	// refusedTries is how often an answer that will not change by itself is asked for on the ladder (R34).
	refusedTries = 3
	// conflictTries is how often the first rung is taken for a name that another of our resources is about to
	// give up: its own change is on the way.
	conflictTries = 6
	// maxWait is the last rung, and the most that a Retry-After may ask for (R32).
	maxWait = 24 * time.Hour
)

// rung returns the wait after the n-th failure, from 1.
func rung(n int, retry bool) time.Duration {
	if n > len(ladder) || !retry && n >= refusedTries {
		return maxWait
	}
	return ladder[max(n, 1)-1]
}

// jitter spreads a wait by 20 % either way, so that what failed together does not come back together. r
// is from [0, 1).
func jitter(d time.Duration, r float64) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*r))
}
