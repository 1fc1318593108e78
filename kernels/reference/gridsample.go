package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// gridSample samples each channel of X at the places in the grid (ONNX
// GridSample-22). X is [N×C×spatial…], grid [N×out…×D], Y [N×C×out…].
func gridSample(watch *ir.Watch, op ir.GridSample, xt, gridt, yt *tensor.Tensor) error {
	xs, ys := xt.Shape(), yt.Shape()
	g := grid{op: op, extents: xs[2:]}
	taps, reach := linearTaps, 2
	if op.Mode == "cubic" {
		taps, reach = cubicTaps(-0.75), 4
	}
	coordinates := reals(gridt)
	n, area, out := len(g.extents), size(xs[2:]), size(ys[2:])
	var x []float64
	if op.Mode != "nearest" {
		x = reals(xt)
	}
	y, to := make([]float64, yt.Len()), make([]float64, n)
	work := int(math.Pow(float64(reach), float64(n)))
	for i := range y {
		if watch.Over(work) {
			return nil
		}
		channel, picture := i/out, i/out/ys[1]
		for d := range to {
			to[d] = g.at(d, coordinates[(picture*out+i%out)*n+n-1-d])
		}
		if op.Mode != "nearest" {
			y[i] = blend(x[channel*area:][:area], g.extents, to, taps, g.beyond)
			continue
		}
		if from, ok := g.nearest(to); ok {
			if err := tensor.Copy(yt, i, xt, channel*area+from, 1); err != nil {
				return err
			}
		}
	}
	if op.Mode != "nearest" {
		putNearest(yt, y)
	}
	return nil
}

// grid turns coordinates of -1 to 1 into elements.
type grid struct {
	op      ir.GridSample
	extents []int
}

// at is where coordinate v of dimension d lies, in elements, rounded to float32 as
// ONNX's own reference does; of nearest, it is whole. What is not a number lies outside.
func (g grid) at(d int, v float64) float64 {
	n := float64(g.extents[d])
	x := ((v+1)*n - 1) / 2
	if g.op.AlignCorners {
		x = (v + 1) / 2 * (n - 1)
	}
	x = float64(float32(x))
	if g.op.Mode == "nearest" {
		x = g.round(x)
	}
	low, high := g.border(d)
	switch {
	case x != x:
		return -4 * (n + 1)
	case x >= low && x <= high:
	case g.op.Padding == "border":
		x = max(0, min(x, n-1))
	case g.op.Padding == "reflection":
		x = reflect(x, low, high)
	}
	return max(-4*(n+1), min(x, 4*(n+1))) // beyond, all is outside
}

// round is to the nearest element; of a half, to the even one, or in volumes away
// from zero.
func (g grid) round(x float64) float64 {
	if len(g.extents) == 3 {
		return math.Round(x)
	}
	return math.RoundToEven(x)
}

// border is where coordinates -1 and 1 of a dimension lie.
func (g grid) border(d int) (low, high float64) {
	if g.op.AlignCorners {
		return 0, float64(g.extents[d] - 1)
	}
	return -0.5, float64(g.extents[d]) - 0.5
}

// reflect mirrors x at the borders until it lies between them.
func reflect(x, low, high float64) float64 {
	span := high - low
	if span <= 0 || math.IsInf(x, 0) {
		return low
	}
	far := math.Abs(x - low)
	if r := math.Mod(far, 2*span); r <= span {
		return low + r
	} else {
		return high - (r - span)
	}
}

// beyond is the element that stands for one outside.
func (g grid) beyond(d, i, n int) (int, bool) {
	switch g.op.Padding {
	case "border":
		return min(max(i, 0), n-1), true
	case "reflection":
		if low, high := g.border(d); float64(i) < low || float64(i) > high {
			i = int(reflect(float64(i), low, high))
		}
		return min(max(i, 0), n-1), true
	}
	return zeroOutside(d, i, n)
}

// nearest is the element at a place.
func (g grid) nearest(to []float64) (at int, ok bool) {
	for d, n := range g.extents {
		i, ok := g.beyond(d, int(to[d]), n)
		if !ok {
			return 0, false
		}
		at = at*n + i
	}
	return at, true
}

// affineGrid transforms the coordinates of each element of a picture (ONNX
// AffineGrid-20): theta · (x, y, 1), or (x, y, z, 1). theta is [N×D×(D+1)], Y
// [N×spatial…×D].
func affineGrid(watch *ir.Watch, op ir.AffineGrid, thetat, yt *tensor.Tensor) error {
	theta, ys := reals(thetat), yt.Shape()
	n := len(ys) - 2
	spatial := ys[1 : 1+n]
	y, at, x := make([]float64, yt.Len()), make([]int, n), make([]float64, n+1)
	for i := range len(y) / n {
		if watch.Over(n * n) {
			return nil
		}
		windowAt(i%size(spatial), spatial, at)
		for d := range at {
			x[n-1-d] = coordinate(at[d], spatial[d], op.AlignCorners)
		}
		x[n] = 1
		row := theta[i/size(spatial)*n*(n+1):]
		for d := range n {
			for k, v := range x {
				y[i*n+d] += row[d*(n+1)+k] * v
			}
		}
	}
	putReals(yt, y)
	return nil
}

// coordinate is where element i of n lies between -1 and 1.
func coordinate(i, n int, corners bool) float64 {
	if !corners {
		return (2*float64(i)+1)/float64(n) - 1
	}
	if n == 1 {
		return -1
	}
	return 2*float64(i)/float64(n-1) - 1
}
