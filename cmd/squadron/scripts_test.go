//go:build !race

package main

// scripts are all of testdata/script.
var scripts []string
