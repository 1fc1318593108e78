package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/squadron-edge/squadron/cmd/scripttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"squadron-agent": main})
}

// TestScripts runs the program as its users do: testdata/script/*.txtar.
func TestScripts(t *testing.T) {
	scripttest.Run(t, "")
}
