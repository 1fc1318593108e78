// Command train-digits makes the models and pictures that `squadron demo`
// ships: it draws photographs of meter digits, trains a small convolutional
// network on them, measures it on typefaces that it never saw, and writes three
// releases of it as ONNX files with the pictures to try them on.
//
//	go run ./cmd/train-digits --out cmd/squadron/demo/testdata
//
// With "pair" it trains a large network and its fine-tuned version instead, to
// measure what an update of a real model costs.
//
// The same seed on the same type of machine gives the same bytes, if the font
// packages are the same. Exit status: 0 done, 1 failed, 2 usage.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/train-digits/convnet"
	"github.com/squadron-edge/squadron/cmd/train-digits/photo"
)

const description = `Train the meter readers of "squadron demo" and write them with their test pictures.

Example:

    go run ./cmd/train-digits --out cmd/squadron/demo/testdata

It needs the typefaces of the Debian packages fonts-dejavu-core, fonts-liberation, fonts-freefont-ttf and fonts-noto-core.`

// commands is the whole command line; without a command it trains the demo's
// models.
type commands struct {
	Demo flags     `cmd:"" default:"withargs" help:"Train the models of the demo."`
	Pair pairFlags `cmd:"" help:"Train a large model and fine-tune it, to measure updates with."`
}

// flags are what a person who trains the models may choose.
type flags struct {
	Out    string `help:"Folder to write the models and pictures to." placeholder:"DIR" required:""`
	Seed   uint64 `help:"Seed of the weights and of every picture." default:"1"`
	Epochs int    `help:"Rounds of training, each on ${pictures} new pictures." default:"${epochs}"`
	Fonts  string `help:"Folder of the Debian font packages." default:"${fonts}"`
}

// Validate is called by kong.
func (f flags) Validate() error {
	if f.Epochs < 1 {
		return fmt.Errorf("--epochs=%d: want at least 1", f.Epochs)
	}
	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings as values.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	answered := false // --help
	parser, err := kong.New(&c,
		kong.Name("train-digits"),
		kong.Description(description),
		kong.Vars{"pictures": fmt.Sprint(epochSteps * convnet.Batch), "epochs": fmt.Sprint(defaultEpochs), "fonts": photo.FontDir},
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { answered = true }),
	)
	if err != nil {
		return exit.Report(stderr, "train-digits", fmt.Errorf("set up the command line: %w", err))
	}
	parsed, err := parser.Parse(args)
	if answered {
		return exit.Done
	}
	if err != nil {
		return exit.Report(stderr, "train-digits", exit.AsUsage(fmt.Errorf("%w (see train-digits --help)", err)))
	}
	if parsed.Command() == "pair" {
		return exit.Report(stderr, "train-digits", buildPair(ctx, c.Pair, stdout))
	}
	return exit.Report(stderr, "train-digits", build(ctx, c.Demo, stdout))
}
