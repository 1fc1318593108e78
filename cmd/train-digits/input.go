package main

import (
	"github.com/squadron-edge/squadron/cmd/train-digits/convnet"
	"github.com/squadron-edge/squadron/cmd/train-digits/photo"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

// input is how the network wants its pictures, as a bundle says it: gray, from
// −1 to 1.
var input = bundle.Input{
	Width: photo.Side, Height: photo.Side, Color: "gray", Fit: "stretch",
	Scale: 1.0 / 255, Mean: []float32{0.5}, Std: []float32{0.5},
}

// The network reads what package photo draws, pixel for pixel.
var _ [convnet.Side]struct{} = [photo.Side]struct{}{}

// examples are the samples as the network's input and its answers.
func examples(samples []photo.Sample) convnet.Examples {
	e := convnet.Examples{Images: make([]float32, 0, len(samples)*photo.Side*photo.Side)}
	for _, s := range samples {
		for _, p := range s.Picture.Pix {
			e.Images = append(e.Images, (float32(p)*input.Scale-input.Mean[0])/input.Std[0])
		}
		e.Digits = append(e.Digits, s.Digit)
	}
	return e
}
