package photo

import (
	"image"
	"math"
	"math/rand/v2"

	"golang.org/x/image/math/f64"
	"golang.org/x/image/vector"
)

// Scene is everything that makes one picture, except the noise of its pixels.
// Lengths are in pixels, brightness runs from 0 (black) to 1 (white).
type Scene struct {
	Digit int
	Face  *Face

	Height         float64 // of the digit
	Stretch        float64 // of the digit's width, 1 as designed
	Slant          float64 // to the right, 0 as designed, 1 is 45°
	ShiftX, ShiftY float64 // of the digit's centre from the picture's
	Rotation       float64 // of the camera, in radians
	Pitch          float64 // from one digit of the wheel to the next

	Wheel, Ink, Gap   float64 // brightness of the wheel, its digits, the gap beside it
	GapLeft, GapRight float64 // width of the gaps

	Exposure           float64
	Curvature          float64 // share of light lost at the top and bottom edge
	LightFrom          float64 // direction of the light, in radians
	LightSlope         float64 // share of light gained at the edge that faces it
	Glare, GlareRadius float64
	GlareX, GlareY     float64 // −1…1 across the picture
	Blur               float64 // standard deviation
	Noise              float64 // standard deviation, brightness
}

// drawScene chooses a scene by chance. The ranges are those of a hand-held
// telephone in a cellar: the digit fills half to three quarters of the height,
// a wheel that is still turning shows a slice of the next or the last digit.
func drawScene(chance *rand.Rand, digit int, face *Face) Scene {
	between := func(lo, hi float64) float64 { return lo + (hi-lo)*chance.Float64() }
	s := Scene{
		Digit: digit, Face: face,
		Height: between(16, 23), Stretch: between(0.75, 1.2), Slant: between(-0.12, 0.12),
		ShiftX: between(-3, 3), ShiftY: between(-3, 3),
		Rotation: between(-0.21, 0.21),
		GapLeft:  between(-2, 3), GapRight: between(-2, 3), Gap: between(0, 0.15),
		Exposure: between(0.75, 1.1), Curvature: between(0.1, 0.6),
		LightFrom: between(0, 2*math.Pi), LightSlope: between(0, 0.45),
		Glare: math.Max(0, between(-0.3, 0.3)), GlareRadius: between(0.2, 0.8),
		GlareX: between(-1, 1), GlareY: between(-1, 1),
		Blur: between(0.45, 1.2), Noise: between(0.01, 0.05),
	}
	s.Pitch = s.Height * between(1.25, 1.6)
	s.Wheel, s.Ink = between(0.05, 0.25), between(0.7, 0.95)
	if chance.IntN(3) == 0 { // the decimal wheels of many meters are white
		s.Wheel, s.Ink = between(0.65, 0.95), between(0.05, 0.3)
	}
	return s
}

// ink is how much of each pixel the wheel's digits cover, 0…1: the scene's
// digit, the one before it above and the one after it below.
func (s Scene) ink() *plane {
	raster := vector.NewRasterizer(Side, Side)
	scale := s.Height / s.Face.height
	sin, cos := math.Sincos(s.Rotation)
	for _, step := range []int{-1, 0, 1} {
		g := &s.Face.glyphs[(s.Digit+step+10)%10]
		down := float64(step) * s.Pitch
		sx, sy := scale*s.Stretch, scale
		place := f64.Aff3{
			cos * sx, -(sin + s.Slant*cos) * sy, Side/2 + s.ShiftX - sin*down,
			sin * sx, (cos - s.Slant*sin) * sy, Side/2 + s.ShiftY + cos*down,
		}
		g.addTo(raster, place)
	}
	mask := image.NewAlpha(image.Rect(0, 0, Side, Side))
	raster.Draw(mask, mask.Bounds(), image.Opaque, image.Point{})
	p := new(plane)
	for i, a := range mask.Pix {
		p[i] = float64(a) / 255
	}
	return p
}
