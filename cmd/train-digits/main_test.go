package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/exit"
)

func TestHelpShowsAnExample(t *testing.T) {
	var out, errs bytes.Buffer
	if code := self.Run(t.Context(), new(flags), []string{"--help"}, &out, &errs); code != exit.Done {
		t.Errorf("exit %d: %s", code, &errs)
	}
	if !strings.Contains(out.String(), "go run ./cmd/train-digits --out cmd/squadron/demo/testdata") {
		t.Errorf("no example in:\n%s", &out)
	}
}

func TestAWrongCommandLineIsAUsageError(t *testing.T) {
	for name, args := range map[string][]string{
		"no folder":        {},
		"an unknown flag":  {"--out", "x", "--epoch", "3"},
		"no epochs":        {"--out", "x", "--epochs", "0"},
		"a seed in words":  {"--out", "x", "--seed", "one"},
		"a stray argument": {"--out", "x", "y"},
	} {
		var out, errs bytes.Buffer
		code := self.Run(t.Context(), new(flags), args, &out, &errs)
		if code != exit.Usage || strings.Count(errs.String(), "\n") != 1 || out.Len() > 0 {
			t.Errorf("%s: exit %d, said %q and %q", name, code, &out, &errs)
		}
	}
}

func TestMissingTypefacesAreOneSentenceAndNothingIsWritten(t *testing.T) {
	dir := t.TempDir()
	var out, errs bytes.Buffer
	code := self.Run(t.Context(), new(flags), []string{"--out", dir, "--fonts", t.TempDir()}, &out, &errs)
	if code != exit.Failed || strings.Count(errs.String(), "\n") != 1 || !strings.Contains(errs.String(), "apt-get install fonts-dejavu-core") {
		t.Errorf("exit %d, said %q", code, &errs)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}
