package serve

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestPercentilesAreExactForTheWindow(t *testing.T) {
	var c counts
	for range 1000 { // older than the window: must not show
		c.success(time.Hour)
	}
	order := rand.New(rand.NewPCG(1, 2)).Perm(window)
	for _, i := range order {
		c.success(time.Duration(i+1) * time.Millisecond)
	}
	s := c.snapshot()
	// Of 1…512 ms: ranks ⌈256⌉, ⌈486.4⌉ and ⌈506.88⌉.
	if s.P50ms != 256 || s.P95ms != 487 || s.P99ms != 507 || s.Inferences != 1000+window {
		t.Errorf("got %+v", s)
	}
}

func TestPercentilesOfAFew(t *testing.T) {
	var c counts
	if s := c.snapshot(); s.P50ms != 0 || s.P99ms != 0 {
		t.Errorf("of none: got %+v", s)
	}
	c.success(3 * time.Millisecond)
	c.success(1500 * time.Microsecond)
	c.failure(false)
	c.failure(true)
	if s := c.snapshot(); s.P50ms != 1.5 || s.P95ms != 3 || s.P99ms != 3 || s.Inferences != 4 || s.Errors != 2 || s.Panics != 1 {
		t.Errorf("of two, and two failures: got %+v", s)
	}
}
