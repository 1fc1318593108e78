//go:build race

package trust_test

// stride is how many places of a file a thief's changes go on by: the race
// detector slows each, and finds races in a few.
const stride = 20
