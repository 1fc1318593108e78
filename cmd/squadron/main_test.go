package main

import (
	"bytes"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/squadron-edge/squadron/cmd/scripttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"squadron": main})
}

// TestScripts runs the program as its users do: testdata/script/*.txtar.
func TestScripts(t *testing.T) {
	scripttest.Run(t)
}

// squadron runs a command in this process, which must end with the status, and
// gives what it printed and what it complained of.
func squadron(t *testing.T, status int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, complaints bytes.Buffer
	if got := self.Run(t.Context(), new(commands), args, &out, &complaints); got != status {
		t.Fatalf("squadron %q: exit status %d, want %d\n%s%s", args, got, status, &out, &complaints)
	}
	return out.String(), complaints.String()
}
