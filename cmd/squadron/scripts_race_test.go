//go:build race

package main

// scripts are few under the race detector: each command is a process of its own
// that does one thing after another, and takes eight times as long.
var scripts = []string{"testdata/script/usage.txtar", "testdata/script/badmodel.txtar"}
