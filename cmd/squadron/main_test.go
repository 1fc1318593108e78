package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"squadron": main})
}

// TestScripts runs the program as its users do: testdata/script/*.txtar.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": statusOf, "cut": cut},
	})
}

// statusOf runs a program and wants an exit status: status 2 squadron pack.
func statusOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM ARGS…")
	}
	got, err := 0, ts.Exec(args[1], args[2:]...)
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%v: exit status %d, want %s", args[1:], got, args[0])
	}
}

// cut writes the first half of a file as another: cut FROM TO.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cut FROM TO")
	}
	whole := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(whole[:len(whole)/2]), 0o644))
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
