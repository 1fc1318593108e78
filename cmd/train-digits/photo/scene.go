package photo

import (
	"image"
	"math"
	"math/rand/v2"

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
	Swell          float64 // of the paint beyond the design's outline
	ShiftX, ShiftY float64 // of the digit's centre from the picture's
	Rotation       float64 // of the camera, in radians
	Pitch          float64 // along the wheel, from one digit to the next
	Radius         float64 // of the wheel
	Keystone       float64 // share by which the bottom edge is nearer than the middle

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
		Height: between(16, 23), Stretch: between(0.75, 1.2), Slant: between(-0.15, 0.15),
		Swell:  math.Max(0, between(-0.6, 0.6)),
		ShiftX: between(-2.5, 2.5), ShiftY: between(-2.5, 2.5),
		Rotation: between(-0.15, 0.15), Keystone: between(-0.15, 0.15),
		GapLeft: between(-2, 3), GapRight: between(-2, 3), Gap: between(0, 0.15),
		Exposure: between(0.75, 1.1), Curvature: between(0.1, 0.6),
		LightFrom: between(0, 2*math.Pi), LightSlope: between(0, 0.45),
		Glare: math.Max(0, between(-0.3, 0.3)), GlareRadius: between(0.2, 0.8),
		GlareX: between(-1, 1), GlareY: between(-1, 1),
		Blur: between(0.45, 1.1), Noise: between(0.01, 0.045),
	}
	s.Pitch, s.Radius = s.Height*between(1.25, 1.6), s.Height*between(0.9, 2)
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
	for _, step := range []int{-1, 0, 1} {
		g := s.Face.glyphs[(s.Digit+step+10)%10]
		for _, edge := range s.edges() {
			g.addTo(raster, func(p point) point { return s.place(p, step, edge) })
		}
	}
	mask := image.NewAlpha(image.Rect(0, 0, Side, Side))
	raster.Draw(mask, mask.Bounds(), image.Opaque, image.Point{})
	p := new(plane)
	for i, a := range mask.Pix {
		p[i] = float64(a) / 255
	}
	return p
}

// edges are the offsets at which an outline is drawn: together they cover what
// the swollen paint does.
func (s Scene) edges() []point {
	if s.Swell == 0 {
		return []point{{}}
	}
	return []point{{s.Swell, 0}, {-s.Swell, 0}, {0, s.Swell}, {0, -s.Swell}}
}

// place is where the camera sees a point of the outline of the digit that
// stands step places below the scene's, in pixels.
func (s Scene) place(p point, step int, edge point) point {
	scale := s.Height / s.Face.height
	x := (p.x*s.Stretch-p.y*s.Slant)*scale + edge.x
	along := p.y*scale + edge.y + float64(step)*s.Pitch

	turn := math.Min(math.Max(along/s.Radius, -math.Pi/2), math.Pi/2)
	y := s.Radius * math.Sin(turn)
	x *= 1 + s.Keystone*y/(Side/2)

	sin, cos := math.Sincos(s.Rotation)
	return point{Side/2 + s.ShiftX + cos*x - sin*y, Side/2 + s.ShiftY + sin*x + cos*y}
}
