//go:build !race

package main

// retrainSteps is how long the test of determinism trains.
const retrainSteps = 50
