package main

import (
	"github.com/squadron-edge/squadron/cmd/train-digits/convnet"
	"github.com/squadron-edge/squadron/cmd/train-digits/photo"
)

// How many pictures judge a release.
const (
	unseenPictures = 2400
	sheetPictures  = 200
	goldenPictures = 60
)

// trials are the pictures that judge a release, all in typefaces that training
// never saw.
type trials struct {
	seed   uint64
	unseen []photo.Sample // the test set
	golden []photo.Sample // for a bundle's self-test; none of them is in the test set
}

func drawTrials(seed uint64, faces []*photo.Face) trials {
	test := photo.Series{Seed: seed, Name: "test", Faces: faces}
	golden := photo.Series{Seed: seed, Name: "golden", Faces: faces}
	return trials{seed: seed, unseen: test.Samples(0, unseenPictures), golden: golden.Samples(0, goldenPictures)}
}

// sheet is the part of the test set that the demo carries.
func (t trials) sheet() []photo.Sample { return t.unseen[:sheetPictures] }

// accuracy is the share of samples whose highest logit is their digit's.
func accuracy(w convnet.Weights, samples []photo.Sample) (float64, error) {
	e := examples(samples)
	logits, err := convnet.Logits(w, e.Images)
	if err != nil {
		return 0, err
	}
	right := 0
	for i, digit := range e.Digits {
		if highest(logits[i*convnet.Digits:(i+1)*convnet.Digits]) == digit {
			right++
		}
	}
	return float64(right) / float64(len(samples)), nil
}

func highest(scores []float32) int {
	best := 0
	for i, s := range scores {
		if s > scores[best] {
			best = i
		}
	}
	return best
}
