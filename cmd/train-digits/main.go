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

	"github.com/alecthomas/kong"

	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/cmd/train-digits/convnet"
	"github.com/squadron-edge/squadron/cmd/train-digits/photo"
)

const description = `Train the meter readers of "squadron demo" and write them with their test pictures.

Example:

    go run ./cmd/train-digits --out cmd/squadron/demo/testdata

--version prints its version. It needs the typefaces of the Debian packages fonts-dejavu-core, fonts-liberation, fonts-freefont-ttf and fonts-noto-core.`

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

// Run is called by kong.
func (f flags) Run(ctx context.Context, s program.Streams) error { return build(ctx, f, s.Out) }

// self is this program.
var self = program.Program{
	Name: "train-digits", About: description,
	Vars: kong.Vars{"pictures": fmt.Sprint(epochSteps * convnet.Batch), "epochs": fmt.Sprint(defaultEpochs), "fonts": photo.FontDir},
}

func main() { self.Main(new(commands)) }
