package serve

import (
	"math"
	"slices"
	"sync"
	"time"
)

// window is how many of the newest inferences the percentiles are of.
const window = 512

// counts keeps account of one model's inferences. The zero value is ready.
type counts struct {
	mu         sync.Mutex
	inferences int64
	errors     int64
	panics     int64
	latencies  [window]time.Duration // of the newest that succeeded, a ring
	succeeded  int64
}

// success counts an inference that ended well, or was given up.
func (c *counts) success(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inferences++
	c.latencies[c.succeeded%window] = took
	c.succeeded++
}

// failure counts one that the model or its engine failed on.
func (c *counts) failure(panicked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inferences++
	c.errors++
	if panicked {
		c.panics++
	}
}

// snapshot is the account so far; percentiles are exact for the window, and 0
// before the first success.
func (c *counts) snapshot() Status {
	c.mu.Lock()
	newest := slices.Clone(c.latencies[:min(c.succeeded, window)])
	s := Status{Panics: c.panics}
	s.Inferences, s.Errors = c.inferences, c.errors
	c.mu.Unlock()
	slices.Sort(newest)
	s.P50ms, s.P95ms, s.P99ms = percentile(newest, 50), percentile(newest, 95), percentile(newest, 99)
	return s
}

// percentile is the smallest value that at least p of 100 do not exceed (the
// nearest rank), in milliseconds.
func percentile(sorted []time.Duration, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return milliseconds(sorted[rank-1])
}

// milliseconds keeps three decimals.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}
