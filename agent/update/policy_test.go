package update

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones, wherever the test runs
)

// window reads "22:00", "04:00" and the name of a zone.
func window(t *testing.T, from, to, zone string, days ...time.Weekday) Window {
	t.Helper()
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	w := Window{Zone: z, Days: days}
	for text, minutes := range map[string]*int{from: &w.From, to: &w.To} {
		at, err := time.Parse("15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		*minutes = at.Hour()*60 + at.Minute()
	}
	return w
}

// TestTheWindowFollowsTheWallClock: over midnight, on chosen days, and through
// both changes of daylight saving in Berlin in 2026 (29 March and 25 October).
func TestTheWindowFollowsTheWallClock(t *testing.T) {
	night := window(t, "22:00", "04:00", "Europe/Berlin")
	friday := window(t, "22:00", "04:00", "Europe/Berlin", time.Friday)
	lost := window(t, "02:15", "02:45", "Europe/Berlin")
	for _, c := range []struct {
		why     string
		w       Window
		at, due string // UTC; due is when it opens
	}{
		{"no window is always open", Window{}, "2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z"},
		{"a minute before", night, "2026-01-01T20:59:59Z", "2026-01-01T21:00:00Z"},
		{"after midnight", night, "2026-01-02T02:59:59Z", "2026-01-02T02:59:59Z"},
		{"its end is outside", night, "2026-01-02T03:00:00Z", "2026-01-02T21:00:00Z"},
		{"an hour earlier in summer", night, "2026-07-01T12:00:00Z", "2026-07-01T20:00:00Z"},
		{"Saturday morning is Friday's window", friday, "2026-01-03T02:00:00Z", "2026-01-03T02:00:00Z"},
		{"Friday morning is Thursday's", friday, "2026-01-02T02:00:00Z", "2026-01-02T21:00:00Z"},
		{"Saturday waits for Friday", friday, "2026-01-03T12:00:00Z", "2026-01-09T21:00:00Z"},
		{"the night of the lost hour ends an hour earlier", night, "2026-03-29T02:00:00Z", "2026-03-29T20:00:00Z"},
		{"a window in the lost hour opens the day after", lost, "2026-03-28T12:00:00Z", "2026-03-30T00:15:00Z"},
		{"the hour that comes twice opens it once", lost, "2026-10-25T00:00:00Z", "2026-10-25T00:15:00Z"},
		{"and again", lost, "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.w.Next(at).UTC().Format(time.RFC3339); got != c.due {
			t.Errorf("%s: from %s on it opens at %s, want %s", c.why, c.at, got, c.due)
		}
	}
}

// TestJitterSpreadsAFleet: over the whole span, and the same at each look.
func TestJitterSpreadsAFleet(t *testing.T) {
	tenths := map[time.Duration]int{}
	for i := range 1000 {
		r := Rules{Device: string(rune('a'+i%26)) + "/" + time.Duration(i).String(), Jitter: 10 * time.Minute}
		s := r.share(State{Order: order("2.0.0")})
		if s < 0 || s >= r.Jitter || s != r.share(State{Order: order("2.0.0")}) {
			t.Fatalf("device %s waits %s", r.Device, s)
		}
		tenths[s/time.Minute]++
	}
	for tenth := range time.Duration(10) {
		if tenths[tenth] < 50 {
			t.Errorf("%d of 1000 devices begin in minute %d", tenths[tenth], tenth)
		}
	}
}
