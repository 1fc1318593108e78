package program_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
)

// commands are of a program that greets, and has a --version of its own in one
// command.
type commands struct {
	Greet greetCommand `cmd:"" help:"Greet somebody."`
	program.Shared
}

type greetCommand struct {
	Name    string `arg:"" help:"Whom."`
	Version string `help:"Of the greeting."`
	From    string `type:"existingfile" help:"A letter."`
	In      string `type:"existingdir" help:"A folder of letters."`
}

func (c greetCommand) Run(ctx context.Context, s program.Streams) error {
	if c.Name == "nobody" {
		return errors.New("greet nobody: there is none")
	}
	return s.Print(map[string]string{"greeted": c.Name}, func(w io.Writer) { fmt.Fprintf(w, "Hello, %s.\n", c.Name) })
}

var self = program.Program{Name: "greeter", About: "Greets people."}

func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, complaints strings.Builder
	status = self.Run(t.Context(), new(commands), args, &out, &complaints)
	return status, out.String(), complaints.String()
}

func TestACommandAnswersPeopleOrPrograms(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"greet ann", "Hello, ann.\n"},
		{"greet ann --json", "{\n  \"greeted\": \"ann\"\n}\n"},
		{"--json greet ann --version 2", "{\n  \"greeted\": \"ann\"\n}\n"},
	} {
		if status, out, complaint := run(t, strings.Fields(c.args)...); status != exit.Done || out != c.want || complaint != "" {
			t.Errorf("%s: status %d, printed %q and %q", c.args, status, out, complaint)
		}
	}
}

func TestAnErrorIsOneSentenceOrOneLineOfJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "letter")
	for _, c := range []struct {
		args   string
		status int
		why    string
	}{
		{"greet nobody", exit.Failed, "greet nobody: there is none"},
		{"frobnicate", exit.Usage, "unexpected argument frobnicate (see greeter --help)"},
		{"greet", exit.Usage, `expected "<name>" (see greeter greet --help)`},
		{"greet ann --form letter", exit.Usage, "unknown flag --form"},
		{"greet ann --from " + file, exit.Usage, file + ": no such file or directory"},
		{"greet ann --from " + filepath.Dir(file), exit.Usage, "is a directory, and a file is needed"},
		{"greet ann --in program_test.go", exit.Usage, "is a file, and a directory is needed"},
		{"greet ann --in program_test.go/x", exit.Usage, "not a directory"},
	} {
		args := strings.Fields(c.args)
		status, out, complaint := run(t, args...)
		if status != c.status || out != "" || !strings.HasPrefix(complaint, "greeter: ") || !strings.Contains(complaint, c.why) || strings.Count(complaint, "\n") != 1 {
			t.Errorf("%s: status %d, printed %q and complained %q; want %d and %q", c.args, status, out, complaint, c.status, c.why)
		}
		var failure struct {
			Error string
			Exit  int
		}
		status, out, complaint = run(t, append(args, "--json")...)
		err := json.Unmarshal([]byte(complaint), &failure)
		if err != nil || status != c.status || failure.Exit != c.status || out != "" || !strings.Contains(failure.Error, c.why) || strings.Count(complaint, "\n") != 1 {
			t.Errorf("%s --json: status %d, printed %q and complained %q", c.args, status, out, complaint)
		}
	}
}

func TestTheVersionIsAFlagAndACommand(t *testing.T) {
	for _, args := range []string{"version", "--version"} {
		if status, out, _ := run(t, args); status != exit.Done || !strings.HasPrefix(out, "greeter ") {
			t.Errorf("%s: status %d, printed %q", args, status, out)
		}
	}
	for _, args := range []string{"version --json", "--version --json", "--json --version", "--json version"} {
		var v struct{ Program, Version, Go string }
		status, out, _ := run(t, strings.Fields(args)...)
		if err := json.Unmarshal([]byte(out), &v); err != nil || status != exit.Done || v.Program != "greeter" || v.Version == "" || v.Go == "" {
			t.Errorf("%s: status %d, printed %q", args, status, out)
		}
	}
}

func TestHelpIsShownWhereItIsAskedFor(t *testing.T) {
	for args, want := range map[string]string{"": exit.Meaning, "--help": "Greet somebody.", "greet --help": "A folder of letters.", "version --help": "Example:\n\n    greeter version --json"} {
		if status, out, complaint := run(t, strings.Fields(args)...); status != exit.Done || !strings.Contains(out, want) || complaint != "" {
			t.Errorf("%q: status %d, printed %q and %q", args, status, out, complaint)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAnAnswerThatCannotBePrintedIsAFailure(t *testing.T) {
	for _, args := range [][]string{{"greet", "ann"}, {"greet", "ann", "--json"}, {"version"}, {"--help"}, {"greet", "--help"}, {}} {
		var complaints strings.Builder
		status := self.Run(t.Context(), new(commands), args, full{}, &complaints)
		if status != exit.Failed || !strings.Contains(complaints.String(), "print the answer: no space left on device") {
			t.Errorf("%v: status %d, complained %q", args, status, &complaints)
		}
	}
}

// What is printed may be a stranger's words: it does not steer a terminal.
func TestNoControlCharacterIsPrinted(t *testing.T) {
	_, out, _ := run(t, "greet", "\x1b]0;owned\a\u009b2J\u202eada")
	if strings.ContainsAny(out, "\x1b\a\u009b\u202e") || !strings.HasPrefix(out, "Hello, ") || !strings.HasSuffix(out, "ada.\n") {
		t.Errorf("it printed %q", out)
	}
}
