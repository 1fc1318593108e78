// Package exit gives an exit status of our programs one meaning, so that a
// script can tell a refusal from an unreachable controller.
//
// The rule, for every command:
//
//   - Done: it did what was asked.
//   - Usage: what the person typed or named is malformed, so that the same
//     command can never work: a flag, a name, a version, a list of waves, an
//     address, a path that leads nowhere; a configuration, key, trust, pipeline
//     or labels file that is not one. It is found before anything is sent or
//     written.
//   - Unreachable: the other side did not answer; the same command may work later.
//   - Failed: all else. Something well-formed was judged and refused (a key that
//     is not trusted, a model that fails its golden pictures, a damaged bundle or
//     model file), or the machine could not do it (a full disk, a port in use).
//
// A failure is one sentence on the error stream. For programs it is one line of
// JSON, {"error": "the sentence", "exit": 2}.
//
//	os.Exit(exit.Report(os.Stderr, "squadron", err, asJSON))
package exit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/squadron-edge/squadron/deploy/sentence"
)

// The statuses of every command.
const (
	Done        = 0
	Failed      = 1
	Usage       = 2
	Unreachable = 3
)

// Meaning tells people the statuses.
const Meaning = "0 done, 1 refused or failed, 2 usage, 3 unreachable."

// coded is an error with its status.
type coded struct {
	status int
	err    error
}

func (c coded) Error() string { return c.err.Error() }
func (c coded) Unwrap() error { return c.err }

// AsUsage marks an error of what the person typed or named.
func AsUsage(err error) error { return coded{Usage, err} }

// AsUnreachable marks an error of reaching the other side.
func AsUnreachable(err error) error { return coded{Unreachable, err} }

// Status is the status that err ends a program with.
func Status(err error) int {
	var c coded
	switch {
	case err == nil:
		return Done
	case errors.As(err, &c):
		return c.status
	}
	return Failed
}

// failure is an error as a program reads it.
type failure struct {
	Error string `json:"error"`
	Exit  int    `json:"exit"`
}

// Report prints err, if any, as one line, and gives its status.
func Report(w io.Writer, program string, err error, asJSON bool) int {
	status := Status(err)
	if err == nil {
		return status
	}
	line := sentence.Line(err.Error())
	if !asJSON {
		fmt.Fprintf(w, "%s: %s\n", program, line)
		return status
	}
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false) // a person may read it too
	if err := lines.Encode(failure{line, status}); err != nil {
		return Failed // where errors go, nobody reads any more
	}
	return status
}
