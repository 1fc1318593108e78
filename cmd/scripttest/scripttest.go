// Package scripttest runs a program as its users do: testscript files that may
// also ask for an exit status.
//
//	func TestScripts(t *testing.T) { scripttest.Run(t, "") }
//
//	# testdata/script/usage.txtar
//	status 2 squadron pack
package scripttest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Run runs testdata/script/*.txtar, or only some of them. The test's own TestMain names the programs.
// Each script begins with a copy of the folder at start, if there is one; keys
// are sealed with the passphrase in the script's file passphrase.
func Run(t *testing.T, start string, only ...string) {
	p := testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("SQUADRON_PASSPHRASE_FILE", filepath.Join(e.WorkDir, "passphrase"))
			if start == "" {
				return nil
			}
			return os.CopyFS(e.WorkDir, os.DirFS(start))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": statusOf, "cut": cut},
	}
	if len(only) > 0 {
		p.Dir, p.Files = "", only
	}
	testscript.Run(t, p)
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
