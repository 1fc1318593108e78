package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/squadron-edge/squadron/cmd/exit"
)

// Every command tells how it is used, with an example that begins with its name.
func TestEveryCommandHasAnExample(t *testing.T) {
	parser, err := kong.New(new(commands), kong.Name("squadron"))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Leaves(false) {
		words := strings.Fields(command.Path())
		help, _ := squadron(t, exit.Done, append(words, "--help")...)
		if _, example, _ := strings.Cut(help, "Example"); !strings.Contains(example, "squadron "+words[0]) {
			t.Errorf("squadron %s --help has no example:\n%s", command.Path(), help)
		}
	}
}
