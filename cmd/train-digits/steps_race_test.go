//go:build race

package main

// retrainSteps is fewer under the race detector, which slows Gorgonia's loops
// tenfold; every kind of memory access of a step has happened by the second.
const retrainSteps = 4
