package photo

import (
	"math"

	"golang.org/x/image/font/sfnt"
)

// WithoutFeet are the faces with the foot of their 1 cut off. Every 1 of the
// families in Seen stands on a foot, those of many meters and of the sans-serif
// faces in Unseen do not: a model that never saw one reads it as 4 or 7.
func WithoutFeet(faces []*Face) []*Face {
	var cut []*Face
	for _, f := range faces {
		bare := *f
		bare.Name += " without a foot"
		bare.glyphs[1] = f.glyphs[1].withoutFoot()
		cut = append(cut, &bare)
	}
	return cut
}

// withoutFoot narrows the lower half of a 1 to the width of its stem.
func (g glyph) withoutFoot() glyph {
	left, right, ok := g.stem()
	if !ok {
		return g
	}
	cut := make(glyph, len(g))
	for i, s := range g {
		for j, p := range s.args {
			if p.y > 0 {
				p.x = math.Min(math.Max(p.x, left.at(p.y)), right.at(p.y))
			}
			s.args[j] = p
		}
		cut[i] = s
	}
	return cut.centred()
}

// centred moves the glyph sideways until its middle is at 0.
func (g glyph) centred() glyph {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, s := range g {
		for _, p := range s.args[:arguments(s.op)] {
			lo, hi = math.Min(lo, p.x), math.Max(hi, p.x)
		}
	}
	for i := range g {
		for j := range g[i].args {
			g[i].args[j].x -= (lo + hi) / 2
		}
	}
	return g
}

// arguments is how many points a segment has.
func arguments(op sfnt.SegmentOp) int {
	switch op {
	case sfnt.SegmentOpQuadTo:
		return 2
	case sfnt.SegmentOpCubeTo:
		return 3
	}
	return 1
}

// stem is the two straight edges of the outline that cross the middle of its
// height, extended; it fails for an outline that has none there.
func (g glyph) stem() (left, right edge, ok bool) {
	left.middle, right.middle = math.Inf(1), math.Inf(-1)
	each := func(a, b point) {
		if (a.y > 0) == (b.y > 0) {
			return
		}
		e := edge{lean: (b.x - a.x) / (b.y - a.y)}
		e.middle = a.x - a.y*e.lean
		if e.middle < left.middle {
			left = e
		}
		if e.middle > right.middle {
			right = e
		}
	}
	var start, at point
	for _, s := range g {
		switch s.op {
		case sfnt.SegmentOpMoveTo:
			each(at, start)
			start, at = s.args[0], s.args[0]
		case sfnt.SegmentOpLineTo:
			each(at, s.args[0])
			at = s.args[0]
		case sfnt.SegmentOpQuadTo:
			at = s.args[1]
		case sfnt.SegmentOpCubeTo:
			at = s.args[2]
		}
	}
	each(at, start)
	return left, right, left.middle < right.middle
}

// edge is a straight line that runs down a glyph.
type edge struct {
	middle float64 // x where y is 0
	lean   float64 // of x, for each step down
}

func (e edge) at(y float64) float64 { return e.middle + e.lean*y }
