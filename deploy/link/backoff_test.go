package link

import (
	"testing"
	"time"
)

func TestBackoffGrowsToAMinuteAndSpreads(t *testing.T) {
	for _, c := range []struct {
		tries  int
		chance float64
		want   time.Duration
	}{
		{0, 0, 100 * time.Millisecond},
		{0, 1, time.Second},
		{1, 1, 2 * time.Second},
		{5, 1, 32 * time.Second},
		{6, 1, time.Minute},
		{1 << 40, 1, time.Minute},
		{1 << 40, 0, 100 * time.Millisecond},
		{6, 0.5, 30050 * time.Millisecond},
	} {
		if got := backoff(c.tries, c.chance); got != c.want {
			t.Errorf("after %d tries, chance %v: got %s, want %s", c.tries, c.chance, got, c.want)
		}
	}
}
