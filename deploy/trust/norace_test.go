//go:build !race

package trust_test

// stride is how many places of a file a thief's changes go on by.
const stride = 1
