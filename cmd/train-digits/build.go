package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/squadron-edge/squadron/cmd/train-digits/photo"
)

// The training that the demo's models had.
const (
	defaultEpochs = 10
	epochSteps    = 150
)

// build draws, trains, judges and writes every artefact. It writes nothing
// before all of them are made, and says what it does on out.
func build(ctx context.Context, f flags, out io.Writer) error {
	seen, err := photo.LoadFrom(f.Fonts, photo.Seen...)
	if err != nil {
		return err
	}
	unseen, err := photo.LoadFrom(f.Fonts, photo.Unseen...)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Learning from %d typefaces, to be judged on %d others, seed %d.\n", len(seen), len(unseen), f.Seed)
	start := time.Now()
	releases, err := makeReleases(ctx, course{
		seed: f.Seed, epochs: f.Epochs, steps: epochSteps, faces: slices.Concat(seen, photo.WithoutFeet(seen)),
		progress: func(epoch int, loss float32) {
			fmt.Fprintf(out, "Epoch %d of %d: mean loss %.4f, %.0f s.\n", epoch, f.Epochs, loss, time.Since(start).Seconds())
		},
	})
	if err != nil {
		return err
	}
	t := drawTrials(f.Seed, unseen)
	for _, r := range releases {
		if err := r.judge(t); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s, %s: reads %.1f %% of %d pictures in unseen typefaces, %.1f %% of the sheet, %.1f %% of the golden pictures.\n",
			r.version, r.story, 100*r.unseen, len(t.unseen), 100*r.sheet, 100*r.golden)
	}
	files, err := artefacts(releases, t)
	if err != nil {
		return err
	}
	return write(out, f.Out, files)
}

func write(out io.Writer, dir string, files []artefact) error {
	for _, file := range files {
		if err := file.writeTo(dir); err != nil {
			return err
		}
		fmt.Fprintf(out, "Wrote %s, %d bytes.\n", file.name, len(file.data))
	}
	return nil
}
