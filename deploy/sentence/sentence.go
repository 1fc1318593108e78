// Package sentence makes one line of what went wrong, fit for a log, a device's
// state and a terminal.
//
// An error may quote what a stranger wrote: a file that nobody signed, or another
// side's answer. It owns that none of it moves a cursor, sets a title or hides
// what follows; it refuses to judge what a sentence says.
//
//	return sentence.Of(err) // "… \u{1b}[2J": errors.Is still finds the cause
package sentence

import (
	"fmt"
	"strings"
	"unicode"
)

// Of is err, with a text of one line.
func Of(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if one := Line(text); one != text {
		return line{one, err}
	}
	return err
}

type line struct {
	text string
	error
}

func (l line) Error() string { return l.text }
func (l line) Unwrap() error { return l.error }

// Line makes one line of a text. What would steer a terminal is spelled out, and
// bytes that are not UTF-8 are replaced.
func Line(text string) string {
	var b strings.Builder
	for _, r := range strings.ReplaceAll(text, "\n", "; ") {
		switch {
		case r == '\t':
			b.WriteByte(' ')
		case unicode.In(r, unicode.C, unicode.Zl, unicode.Zp):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
