// Package photo draws what a camera sees of one digit of a utility meter: a
// numbered wheel behind its window, under uneven light, out of focus, with
// noise.
//
// It owns the look of the pictures, the typefaces that the digits are drawn in
// and the split of those typefaces into the ones that a model learns from and
// the ones that it is judged on. It refuses to know what reads the pictures.
//
// Vocabulary: a Face is one typeface's ten digits; a Family is the faces that
// share a design and a Debian package; a Scene is every choice that makes one
// picture; a Sample is a picture with the digit that it shows.
//
//	faces, err := photo.Load(photo.GoFamily)
//	if err != nil {
//		return err
//	}
//	series := photo.Series{Seed: 1, Name: "train", Faces: faces}
//	for _, s := range series.Samples(0, 64) {
//		learn(s.Picture, s.Digit)
//	}
package photo

import (
	"image"
	"math"
	"math/rand/v2"
)

// Side is the width and height of a picture in pixels.
const Side = 32

// Picture photographs the scene; noise is drawn from chance.
func (s Scene) Picture(chance *rand.Rand) *image.Gray {
	p := s.wheel()
	s.light(p)
	p.blur(s.Blur)
	for i := range p {
		p[i] += s.Noise * chance.NormFloat64()
	}
	return p.gray()
}

// wheel is the scene in even light: the wheel, its digits, and the dark gaps to
// the wheels beside it.
func (s Scene) wheel() *plane {
	p := s.ink()
	for y := range Side {
		for x := range Side {
			at := &p[y*Side+x]
			*at = s.Wheel + (s.Ink-s.Wheel)**at
			edge := math.Min(float64(x)+0.5-s.GapLeft, Side-s.GapRight-float64(x)-0.5)
			*at = s.Gap + (*at-s.Gap)*clamp(edge+0.5)
		}
	}
	return p
}

// light darkens the wheel where it curves away from the window, slopes the
// light across the picture and adds the lamp's reflection in the glass.
func (s Scene) light(p *plane) {
	dx, dy := math.Cos(s.LightFrom), math.Sin(s.LightFrom)
	for y := range Side {
		v := (float64(y)+0.5)/Side*2 - 1
		curve := 1 - s.Curvature*v*v
		for x := range Side {
			u := (float64(x)+0.5)/Side*2 - 1
			slope := s.Exposure * (1 + s.LightSlope*(u*dx+v*dy))
			r := math.Hypot(u-s.GlareX, v-s.GlareY) / s.GlareRadius
			at := &p[y*Side+x]
			*at = *at*curve*slope + s.Glare*math.Exp(-r*r)
		}
	}
}

// plane is a picture in linear brightness, 0 black to 1 white.
type plane [Side * Side]float64

// blur is a Gaussian of the given standard deviation in pixels; the borders
// repeat their last pixel.
func (p *plane) blur(sigma float64) {
	const reach = 4
	var kernel [2*reach + 1]float64
	sum := 0.0
	for i := range kernel {
		d := float64(i-reach) / sigma
		kernel[i] = math.Exp(-d * d / 2)
		sum += kernel[i]
	}
	pass := func(step, line int) {
		for l := range Side {
			var out [Side]float64
			for i := range out {
				for k, weight := range kernel {
					j := min(max(i+k-reach, 0), Side-1)
					out[i] += p[l*line+j*step] * weight / sum
				}
			}
			for i, v := range out {
				p[l*line+i*step] = v
			}
		}
	}
	pass(1, Side)
	pass(Side, 1)
}

func (p *plane) gray() *image.Gray {
	g := image.NewGray(image.Rect(0, 0, Side, Side))
	for i, v := range p {
		g.Pix[i] = uint8(math.Round(255 * clamp(v)))
	}
	return g
}

func clamp(v float64) float64 { return math.Min(math.Max(v, 0), 1) }
