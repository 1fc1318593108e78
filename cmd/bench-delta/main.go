// Command bench-delta measures package delta on weights of 10 to 100 MiB that
// changed in known ways, and on a really fine-tuned model if it is given one,
// beside zstd's own patches, and writes what it measured as a table.
//
//	make bench-delta
//
// Exit status: 0 done, 1 failed, 2 usage.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"github.com/squadron-edge/squadron/cmd/exit"
)

const description = `Measure what an update costs, and write docs/benchmarks/delta.md.

Example:

    go run ./cmd/train-digits pair --out .cache/delta-pair
    go run ./cmd/bench-delta run --pair .cache/delta-pair --out docs/benchmarks/delta.md`

type commands struct {
	Run   runCommand   `cmd:"" help:"Measure everything."`
	Apply applyCommand `cmd:"" hidden:"" help:"Apply one delta, in a process whose memory is measured."`
	Time  timeCommand  `cmd:"" hidden:"" help:"Run a program and print what it took."`
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main with its surroundings as values.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c commands
	answered := false // --help
	parser, err := kong.New(&c,
		kong.Name("bench-delta"), kong.Description(description),
		kong.Writers(stdout, stderr), kong.Exit(func(int) { answered = true }),
	)
	if err != nil {
		return exit.Report(stderr, "bench-delta", fmt.Errorf("set up the command line: %w", err), false)
	}
	parsed, err := parser.Parse(args)
	if answered {
		return exit.Done
	}
	if err != nil {
		return exit.Report(stderr, "bench-delta", exit.AsUsage(fmt.Errorf("%w (see bench-delta --help)", err)), false)
	}
	return exit.Report(stderr, "bench-delta", parsed.Run(streams{stdin, stdout}), false)
}

// streams is where a command listens and speaks.
type streams struct {
	in  io.Reader
	out io.Writer
}
