package sentence_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/squadron-edge/squadron/deploy/sentence"
)

func TestAttackTextThatSteersATerminal(t *testing.T) {
	for text, want := range map[string]string{
		"the disk is full":        "the disk is full",
		"größer, 世界, 🙂":           "größer, 世界, 🙂",
		"one\ntwo\tthree":         "one; two three",
		"\x1b]0;owned\a\x1b[2J":   `\u{1b}]0;owned\u{7}\u{1b}[2J`,
		"\rgone":                  `\u{d}gone`,
		"\u009b2J":                `\u{9b}2J`,
		"\x9b2J":                  "\ufffd2J",
		"bqs.\u202egpj":           `bqs.\u{202e}gpj`,
		"another\u2028line\u007f": `another\u{2028}line\u{7f}`,
	} {
		if got := sentence.Line(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestTheCauseIsStillFound(t *testing.T) {
	err := sentence.Of(fmt.Errorf("open \x1b: %w", fs.ErrNotExist))
	if err.Error() != `open \u{1b}: file does not exist` || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if sentence.Of(fs.ErrNotExist) != fs.ErrNotExist || sentence.Of(nil) != nil {
		t.Error("what is one line was changed")
	}
}
