//go:build !race

package agent

// stride is how many steps of a device's way its cuts and faults go on by.
const stride = 1
