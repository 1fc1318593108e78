package link

import (
	"context"
	"time"
)

const (
	minBackoff   = 100 * time.Millisecond
	firstBackoff = time.Second
	maxBackoff   = time.Minute
)

// backoff is how long to wait after the given number of failed tries: any time
// up to a bound that doubles from a second to a minute. chance is uniform in
// 0…1 and spreads a fleet over the whole of it.
func backoff(tries int, chance float64) time.Duration {
	bound := min(firstBackoff<<min(tries, 6), maxBackoff)
	return minBackoff + time.Duration(chance*float64(bound-minBackoff))
}

// pause waits, and reports whether ctx let it.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
