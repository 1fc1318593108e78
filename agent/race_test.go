//go:build race

package agent

// stride is how many steps of a device's way its cuts and faults go on by: the
// race detector slows each of them, and finds races in a few.
const stride = 20
