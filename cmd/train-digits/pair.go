package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/cmd/train-digits/convnet"
	"github.com/squadron-edge/squadron/cmd/train-digits/photo"
)

// pairFlags are what a person who measures updates may choose.
type pairFlags struct {
	Out  string `help:"Folder to write the two models to." placeholder:"DIR" required:""`
	Seed uint64 `help:"Seed of the weights and of every picture." default:"1"`
}

// Run is called by kong.
func (f pairFlags) Run(ctx context.Context, s program.Streams) error { return buildPair(ctx, f, s.Out) }

// pairHidden makes fc1 so wide that the file has 10.6 MB.
const pairHidden = 2560

// The large network learns the digits of one family, and is then tuned for
// meters whose 1 has no foot: few steps, at a rate at which one changes an
// average weight by about a thousandth.
var pairStages = []stage{
	{name: "base", series: "pair", steps: 100, rate: 0.001},
	{name: "tuned", series: "pair without feet", steps: 40, rate: 0.00003},
}

// stage is a part of a training, at the end of which a model is written.
type stage struct {
	name, series string
	steps        int
	rate         float64
}

// buildPair trains base.onnx and, from it, tuned.onnx. It needs no typefaces but
// those that are compiled in.
func buildPair(ctx context.Context, f pairFlags, out io.Writer) error {
	faces, err := photo.Load(photo.GoFamily)
	if err != nil {
		return err
	}
	files, err := trainStages(ctx, f.Seed, pairHidden, pairStages, [][]*photo.Face{faces, photo.WithoutFeet(faces)}, out)
	if err != nil {
		return err
	}
	return write(out, f.Out, files)
}

// trainStages trains one network through all stages, each on faces of its own.
func trainStages(ctx context.Context, seed uint64, hidden int, stages []stage, faces [][]*photo.Face, out io.Writer) (files []artefact, err error) {
	t, err := convnet.NewTrainer(convnet.NewWeights(seed, hidden))
	if err != nil {
		return nil, err
	}
	defer func() {
		if closed := t.Close(); err == nil {
			err = closed
		}
	}()
	start := time.Now()
	for i, s := range stages {
		loss, err := s.train(ctx, t, photo.Series{Seed: seed, Name: s.series, Faces: faces[i]})
		if err != nil {
			return nil, fmt.Errorf("train the %s model: %w", s.name, err)
		}
		fmt.Fprintf(out, "The %s model: %d steps at a rate of %g, mean loss %.4f, %.0f s.\n", s.name, s.steps, s.rate, loss, time.Since(start).Seconds())
		model, err := convnet.Export(t.Weights())
		if err != nil {
			return nil, fmt.Errorf("export the %s model: %w", s.name, err)
		}
		files = append(files, artefact{s.name + ".onnx", model})
	}
	return files, nil
}

// train returns the mean loss of the stage's steps.
func (s stage) train(ctx context.Context, t *convnet.Trainer, series photo.Series) (loss float32, err error) {
	for step := range s.steps {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		l, err := t.Step(examples(series.Samples(step*convnet.Batch, (step+1)*convnet.Batch)), s.rate)
		if err != nil {
			return 0, err
		}
		loss += l / float32(s.steps)
	}
	return loss, nil
}
