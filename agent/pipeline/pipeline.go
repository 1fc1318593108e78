// Package pipeline leads from a picture to labels as a bundle's manifest says:
// picture → tensor → model → scores → labels.
//
// It owns the reading of pictures from untrusted bytes (Decode), the way pixels
// become a model's input, and the way scores become labels. It refuses every
// picture format but PNG and JPEG, pictures that are too large for a small
// board, models whose input or output does not fit the manifest, and scores
// that are not numbers. It knows no engine: whatever has a session's three
// methods will do.
//
// Vocabulary: scores are the model's first output as it stands, before any
// softmax; a label is a class's name with its probability; a picture is upright
// once its EXIF orientation has been applied.
//
//	m, err := pipeline.Bind(manifest.Pipeline, session)
//	if err != nil {
//		return err // the model does not fit the manifest
//	}
//	picture, err := pipeline.Decode(body)
//	if err != nil {
//		return err
//	}
//	labels, err := m.Read(ctx, picture) // labels[0] is the best
package pipeline

import (
	"fmt"
	"image"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// maxInputSide bounds a model's input: with the bound on a picture's sides it
// keeps the resizing's working memory (32 bytes × input width × picture height)
// below 1 GiB, and its size within the 32 bits that the resizer counts in.
const maxInputSide = 4096

// Pipeline makes tensors of pictures and labels of scores. It is safe for
// concurrent use.
type Pipeline struct {
	spec     bundle.Pipeline
	channels int
}

// New checks what the conversions rely on; the whole of a manifest is checked
// by package bundle.
func New(spec bundle.Pipeline) (*Pipeline, error) {
	in := spec.Input
	channels := 3
	if in.Color == "gray" {
		channels = 1
	}
	switch {
	case in.Color != "gray" && in.Color != "rgb" && in.Color != "bgr":
		return nil, fmt.Errorf("pipeline: color %q: want gray, rgb or bgr", in.Color)
	case in.Fit != "stretch" && in.Fit != "crop":
		return nil, fmt.Errorf("pipeline: fit %q: want stretch or crop", in.Fit)
	case spec.Scores != "logits" && spec.Scores != "probabilities":
		return nil, fmt.Errorf("pipeline: scores %q: want logits or probabilities", spec.Scores)
	case min(in.Width, in.Height) < 1 || max(in.Width, in.Height) > maxInputSide:
		return nil, fmt.Errorf("pipeline: input of %d×%d pixels: each side must be 1 to %d", in.Width, in.Height, maxInputSide)
	case len(in.Mean) != channels || len(in.Std) != channels:
		return nil, fmt.Errorf("pipeline: %d means and %d deviations for %d channels", len(in.Mean), len(in.Std), channels)
	case len(spec.Labels) == 0:
		return nil, fmt.Errorf("pipeline: it names no labels")
	}
	return &Pipeline{spec: spec, channels: channels}, nil
}

// Shape is that of the tensors that Tensor makes: [1, channels, height, width].
func (p *Pipeline) Shape() tensor.Shape {
	return tensor.Shape{1, p.channels, p.spec.Input.Height, p.spec.Input.Width}
}

// Tensor makes the model's input of a picture: float32
// [1×channels×height×width], each element (x·Scale − Mean[c]) / Std[c] with x
// in 0…255. What is transparent shows white, as a viewer would show it; gray is
// the luminance of ITU-R BT.601.
func (p *Pipeline) Tensor(picture image.Image) (*tensor.Tensor, error) {
	pixels, err := p.resize(picture)
	if err != nil {
		return nil, err
	}
	t, err := tensor.New(tensor.Float32, p.Shape()...)
	if err != nil {
		return nil, err
	}
	in, data := p.spec.Input, tensor.Data[float32](t)
	plane := in.Width * in.Height
	for i := range plane {
		x := p.intensities(pixels, i)
		for c := range p.channels {
			data[c*plane+i] = (x[c]*in.Scale - in.Mean[c]) / in.Std[c]
		}
	}
	return t, nil
}

// intensities are the i-th pixel's channels in the model's order, each 0…255.
func (p *Pipeline) intensities(pixels *image.RGBA64, i int) [3]float32 {
	px := pixels.RGBA64At(i%p.spec.Input.Width, i/p.spec.Input.Width)
	white := 0xffff - uint32(px.A) // shines through: the colours are premultiplied
	r, g, b := uint32(px.R)+white, uint32(px.G)+white, uint32(px.B)+white
	switch p.spec.Input.Color {
	case "gray":
		return [3]float32{intensity((19595*r + 38470*g + 7471*b + 1<<15) >> 16)}
	case "bgr":
		return [3]float32{intensity(b), intensity(g), intensity(r)}
	}
	return [3]float32{intensity(r), intensity(g), intensity(b)}
}

// intensity is exact for what came from 8 bits: those were multiplied by 257.
func intensity(v uint32) float32 { return float32(v) / 257 }
