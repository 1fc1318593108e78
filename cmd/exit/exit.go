// Package exit gives an exit status of our programs one meaning, so that a
// script can tell a refusal from an unreachable controller.
//
//	os.Exit(exit.Report(os.Stderr, "squadron", err))
package exit

import (
	"errors"
	"fmt"
	"io"
)

// The statuses of every command.
const (
	Done        = 0 // it did what was asked
	Failed      = 1 // it was refused, or failed
	Usage       = 2 // the command line or the configuration is wrong
	Unreachable = 3 // the other side could not be reached
)

// coded is an error with its status.
type coded struct {
	status int
	err    error
}

func (c coded) Error() string { return c.err.Error() }
func (c coded) Unwrap() error { return c.err }

// AsUsage marks an error of the command line or configuration.
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

// Report prints err, if any, as one line and gives its status.
func Report(w io.Writer, program string, err error) int {
	if err != nil {
		fmt.Fprintf(w, "%s: %v\n", program, err)
	}
	return Status(err)
}
