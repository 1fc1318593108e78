//go:build race

package networks_test

// raceEnabled reports whether the race detector slows this build.
const raceEnabled = true
