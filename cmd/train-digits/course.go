package main

import (
	"context"
	"fmt"
	"math"

	"github.com/squadron-edge/squadron/cmd/train-digits/convnet"
	"github.com/squadron-edge/squadron/cmd/train-digits/photo"
)

// firstRate is Adam's learning rate at the first step; it falls to nothing by
// half a cosine (Loshchilov and Hutter 2016, "SGDR", without restarts).
const firstRate = 0.003

// course is one training, from the first weights to the last. No picture is
// shown twice.
type course struct {
	seed     uint64
	epochs   int
	steps    int // in an epoch
	faces    []*photo.Face
	progress func(epoch int, loss float32) // after each epoch; its mean loss
}

// train returns the weights after the first epoch and after the last.
func (c course) train(ctx context.Context) (early, final convnet.Weights, err error) {
	t, err := convnet.NewTrainer(convnet.NewWeights(c.seed, convnet.Hidden))
	if err != nil {
		return early, final, err
	}
	defer func() {
		if closed := t.Close(); err == nil {
			err = closed
		}
	}()
	for epoch := range c.epochs {
		loss, err := c.epoch(ctx, t, epoch)
		if err != nil {
			return early, final, fmt.Errorf("train epoch %d: %w", epoch+1, err)
		}
		if epoch == 0 {
			early = t.Weights()
		}
		c.progress(epoch+1, loss)
	}
	return early, t.Weights(), nil
}

// epoch trains on the epoch's pictures and returns the mean loss.
func (c course) epoch(ctx context.Context, t *convnet.Trainer, epoch int) (loss float32, err error) {
	series := photo.Series{Seed: c.seed, Name: "train", Faces: c.faces}
	for i := range c.steps {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		step := epoch*c.steps + i
		batch := series.Samples(step*convnet.Batch, (step+1)*convnet.Batch)
		l, err := t.Step(examples(batch), c.rate(step))
		if err != nil {
			return 0, err
		}
		loss += l / float32(c.steps)
	}
	return loss, nil
}

func (c course) rate(step int) float64 {
	return firstRate / 2 * (1 + math.Cos(math.Pi*float64(step)/float64(c.epochs*c.steps)))
}
