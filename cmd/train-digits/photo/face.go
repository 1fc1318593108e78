package photo

import (
	"fmt"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// Face is the outlines of one typeface's ten digits.
type Face struct {
	Family string // such as "FreeFont"
	Name   string // such as "FreeSansBold"

	glyphs [10]glyph
	height float64 // of the tallest digit, in the outlines' units
}

// glyph is an outline around its own centre, y downwards.
type glyph []segment

type segment struct {
	op   sfnt.SegmentOp
	args [3]point
}

type point struct{ x, y float64 }

// outlineSize is the scale at which outlines are read: fine enough that the
// fixed-point coordinates lose nothing that a picture of Side pixels can show.
const outlineSize = 1024

// parseFace reads the digits of a TrueType or OpenType font.
func parseFace(family, name string, font []byte) (*Face, error) {
	f, err := opentype.Parse(font)
	if err != nil {
		return nil, fmt.Errorf("parse typeface %s: %w", name, err)
	}
	face := &Face{Family: family, Name: name}
	for d := range face.glyphs {
		height, err := face.glyphs[d].read(f, rune('0'+d))
		if err != nil {
			return nil, fmt.Errorf("read digit %d of typeface %s: %w", d, name, err)
		}
		face.height = math.Max(face.height, height)
	}
	return face, nil
}

// read takes the outline of r, centres it and returns its height.
func (g *glyph) read(f *opentype.Font, r rune) (height float64, err error) {
	var buf sfnt.Buffer
	index, err := f.GlyphIndex(&buf, r)
	if err != nil {
		return 0, err
	}
	if index == 0 {
		return 0, fmt.Errorf("the typeface has no such glyph")
	}
	bounds, _, err := f.GlyphBounds(&buf, index, fixed.I(outlineSize), font.HintingNone)
	if err != nil {
		return 0, err
	}
	segments, err := f.LoadGlyph(&buf, index, fixed.I(outlineSize), nil)
	if err != nil {
		return 0, err
	}
	centre := bounds.Min.Add(bounds.Max).Div(fixed.I(2))
	for _, s := range segments {
		out := segment{op: s.Op}
		for i, a := range s.Args {
			out.args[i] = point{toFloat(a.X - centre.X), toFloat(a.Y - centre.Y)}
		}
		*g = append(*g, out)
	}
	return toFloat(bounds.Max.Y - bounds.Min.Y), nil
}

func toFloat(v fixed.Int26_6) float64 { return float64(v) / 64 }

// addTo fills the outline into raster where place puts its points.
func (g glyph) addTo(raster *vector.Rasterizer, place func(point) point) {
	at := func(p point) (x, y float32) {
		q := place(p)
		return float32(q.x), float32(q.y)
	}
	for i, s := range g {
		ax, ay := at(s.args[0])
		bx, by := at(s.args[1])
		cx, cy := at(s.args[2])
		switch s.op {
		case sfnt.SegmentOpMoveTo:
			if i > 0 {
				raster.ClosePath()
			}
			raster.MoveTo(ax, ay)
		case sfnt.SegmentOpLineTo:
			raster.LineTo(ax, ay)
		case sfnt.SegmentOpQuadTo:
			raster.QuadTo(ax, ay, bx, by)
		case sfnt.SegmentOpCubeTo:
			raster.CubeTo(ax, ay, bx, by, cx, cy)
		}
	}
	raster.ClosePath()
}
