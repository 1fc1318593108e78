package main

import (
	"bytes"
	"context"
	"errors"
	"math"
	"runtime"
	"testing"

	"github.com/squadron-edge/squadron/cmd/train-digits/convnet"
	"github.com/squadron-edge/squadron/cmd/train-digits/photo"
)

func TestRetrainingGivesTheSameBytesOnAnyNumberOfCores(t *testing.T) {
	first := retrain(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if !bytes.Equal(first, retrain(t)) {
		t.Error("the same seed gave two different models")
	}
}

// retrain trains for retrainSteps steps on the typefaces that need no package.
func retrain(t *testing.T) []byte {
	t.Helper()
	c := course{seed: 1, epochs: 2, steps: retrainSteps / 2, faces: goFaces(t), progress: func(_ int, loss float32) {
		if math.IsNaN(float64(loss)) {
			t.Fatal("the loss is not a number")
		}
	}}
	_, final, err := c.train(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	model, err := convnet.Export(final)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func TestTrainingStopsWhenItsContextDoes(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	c := course{seed: 1, epochs: 3, steps: 1, faces: goFaces(t), progress: func(epoch int, _ float32) {
		if epoch > 1 {
			t.Errorf("epoch %d was trained after the end", epoch)
		}
		stop()
	}}
	if _, _, err := c.train(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTheRateFallsFromTheFirstStepToTheLast(t *testing.T) {
	c := course{epochs: 2, steps: 10}
	if c.rate(0) != firstRate || c.rate(19) > firstRate/50 || c.rate(5) <= c.rate(6) {
		t.Errorf("rates %v, %v, %v, %v", c.rate(0), c.rate(5), c.rate(6), c.rate(19))
	}
}

func goFaces(t *testing.T) []*photo.Face {
	t.Helper()
	faces, err := photo.Load(photo.GoFamily)
	if err != nil {
		t.Fatal(err)
	}
	return faces
}
