package pipeline

import (
	"image"
	"image/color"
)

// orientation is EXIF's tag 0x0112: how a picture must be turned or mirrored to
// stand upright (Exif 2.32, 4.6.4 A). From 5 on it swaps width and height.
type orientation int

const (
	upright           orientation = 1
	mirrored          orientation = 2
	upsideDown        orientation = 3
	flipped           orientation = 4
	transposed        orientation = 5
	turnedClockwise   orientation = 6 // a quarter, to stand upright
	transversed       orientation = 7
	turnedCounterwise orientation = 8
)

// source is the pixel of a w×h picture that stands at x, y once it is upright.
func (o orientation) source(x, y, w, h int) (int, int) {
	switch o {
	case mirrored:
		return w - 1 - x, y
	case upsideDown:
		return w - 1 - x, h - 1 - y
	case flipped:
		return x, h - 1 - y
	case transposed:
		return y, x
	case turnedClockwise:
		return y, h - 1 - x
	case transversed:
		return w - 1 - y, h - 1 - x
	case turnedCounterwise:
		return w - 1 - y, x
	}
	return x, y
}

// bounds swaps the sides of r where the orientation does; it is its own
// inverse.
func (o orientation) bounds(r image.Rectangle) image.Rectangle {
	if o >= transposed {
		return image.Rect(0, 0, r.Dy(), r.Dx())
	}
	return image.Rect(0, 0, r.Dx(), r.Dy())
}

// rectangle finds, within a picture's own bounds, the part that is r once the
// picture is upright.
func (o orientation) rectangle(r, bounds image.Rectangle) image.Rectangle {
	x0, y0 := o.source(r.Min.X, r.Min.Y, bounds.Dx(), bounds.Dy())
	x1, y1 := o.source(r.Max.X-1, r.Max.Y-1, bounds.Dx(), bounds.Dy())
	found := image.Rect(min(x0, x1), min(y0, y1), max(x0, x1)+1, max(y0, y1)+1)
	return found.Add(bounds.Min)
}

// apply makes the upright picture with the given bounds.
func (o orientation) apply(from *image.RGBA64, to image.Rectangle) *image.RGBA64 {
	if o == upright {
		return from
	}
	out := image.NewRGBA64(to)
	for y := range to.Dy() {
		for x := range to.Dx() {
			sx, sy := o.source(x, y, from.Rect.Dx(), from.Rect.Dy())
			out.SetRGBA64(x, y, from.RGBA64At(sx, sy))
		}
	}
	return out
}

// turned is a picture that stands upright without being copied.
type turned struct {
	flat image.Image
	turn orientation
}

// ColorModel implements image.Image.
func (t turned) ColorModel() color.Model { return t.flat.ColorModel() }

// Bounds implements image.Image; the corner is at 0, 0.
func (t turned) Bounds() image.Rectangle { return t.turn.bounds(t.flat.Bounds()) }

// At implements image.Image.
func (t turned) At(x, y int) color.Color {
	b := t.flat.Bounds()
	sx, sy := t.turn.source(x, y, b.Dx(), b.Dy())
	return t.flat.At(b.Min.X+sx, b.Min.Y+sy)
}
