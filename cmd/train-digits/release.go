package main

import (
	"context"
	"fmt"

	"github.com/squadron-edge/squadron/cmd/train-digits/convnet"
)

// release is one version of the model.
type release struct {
	version string
	story   string
	weights convnet.Weights
	// least and most bound the share of pictures that it may read rightly, for
	// the demo's story to be true.
	least, most float64
	// What it reads of the test set, of the sheet and of the golden pictures,
	// 0…1, once it has been judged.
	unseen, sheet, golden float64
}

// makeReleases trains once and gives the three versions that the demo ships.
func makeReleases(ctx context.Context, c course) ([]*release, error) {
	early, final, err := c.train(ctx)
	if err != nil {
		return nil, err
	}
	return []*release{
		{version: "1.0.0", story: "stopped after one epoch", weights: early, least: 0.80, most: 0.93},
		{version: "2.0.0", story: "trained to the end", weights: final, least: 0.98, most: 1},
		{version: "3.0.0", story: "2.0.0 with its channels out of order", weights: final.Damaged(), least: 0, most: 0.5},
	}, nil
}

// judge measures the release on the trials, and refuses one whose reading is
// not what its place in the story asks for.
func (r *release) judge(t trials) (err error) {
	if r.unseen, err = accuracy(r.weights, t.unseen); err != nil {
		return fmt.Errorf("judge %s: %w", r.version, err)
	}
	if r.sheet, err = accuracy(r.weights, t.sheet()); err != nil {
		return fmt.Errorf("judge %s: %w", r.version, err)
	}
	if r.golden, err = accuracy(r.weights, t.golden); err != nil {
		return fmt.Errorf("judge %s: %w", r.version, err)
	}
	for _, share := range []float64{r.unseen, r.sheet} {
		if share < r.least || share > r.most {
			return fmt.Errorf("%s reads %.1f %% of the test set and %.1f %% of the sheet, want %.0f %% to %.0f %% of both",
				r.version, 100*r.unseen, 100*r.sheet, 100*r.least, 100*r.most)
		}
	}
	return nil
}
