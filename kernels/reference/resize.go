package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// resize samples X where Y's elements lie (ONNX Resize-19). Dimensions are
// independent: an element of Y is a sum over the elements around its place in
// each.
func resize(watch *ir.Watch, op ir.Resize, in args, yt *tensor.Tensor) error {
	infos := make([]ir.Info, 4)
	for i, t := range in[:4] {
		if t != nil {
			infos[i] = ir.Info{DType: t.DType(), Shape: t.Shape(), Const: t}
		}
	}
	scales, ys, err := op.Fit(infos)
	if err != nil {
		return err
	}
	xs := in[0].Shape()
	starts, ends := regions(op, in[1], len(xs))
	table := make([][]sampled, len(xs))
	for d := range table {
		line := resizing{op: op, in: xs[d], out: ys[d], scale: scales[d], start: starts[d], end: ends[d]}
		if table[d], err = line.samples(watch); err != nil {
			return err
		}
	}
	if op.Mode == "nearest" {
		return resizeNearest(watch, op, table, in[0], yt)
	}
	x, y := reals(in[0]), make([]float64, yt.Len())
	for i, at := 0, make([]int, len(ys)); i < len(y); i++ {
		windowAt(i, ys, at)
		work, none := 1, false
		for d := range at {
			work *= max(len(table[d][at[d]].weights), 1)
			none = none || table[d][at[d]].outside
		}
		if watch.Over(work) {
			return nil
		}
		y[i] = op.Extrapolation
		if !none {
			y[i] = weighed(x, xs, table, at, 0)
		}
	}
	putNearest(yt, y)
	return nil
}

// putNearest stores real numbers; in integers, their whole parts within the
// type's range.
func putNearest(yt *tensor.Tensor, y []float64) {
	if yt.DType().IsFloat() {
		putReals(yt, y)
		return
	}
	least, most := 0.0, math.Ldexp(1, yt.DType().Bits())-1
	if yt.DType() == tensor.Bool {
		most = 1
	}
	if yt.DType().IsSigned() {
		least, most = -math.Ldexp(1, yt.DType().Bits()-1), math.Ldexp(1, yt.DType().Bits()-1)-1
	}
	whole := make([]int64, len(y))
	for i, v := range y {
		v = math.Trunc(max(least, min(v, most)))
		switch {
		case v >= math.Ldexp(1, 63) && yt.DType().IsSigned():
			whole[i] = math.MaxInt64
		case v >= math.Ldexp(1, 64):
			whole[i] = -1
		case v >= math.Ldexp(1, 63):
			whole[i] = int64(uint64(v))
		default:
			whole[i] = int64(v)
		}
	}
	putWholes(yt, whole)
}

// weighed sums over the dimensions from d on.
func weighed(x []float64, xs []int, table [][]sampled, at []int, d int) float64 {
	if d == len(xs) {
		return x[0]
	}
	s, step, sum := table[d][at[d]], size(xs[d+1:]), 0.0
	for k, w := range s.weights {
		if i := min(max(s.first+k, 0), xs[d]-1); w != 0 {
			sum += w * weighed(x[i*step:], xs, table, at, d+1)
		}
	}
	return sum
}

// resizeNearest moves elements of any type.
func resizeNearest(watch *ir.Watch, op ir.Resize, table [][]sampled, xt, yt *tensor.Tensor) error {
	outside, err := tensor.New(yt.DType(), 1)
	if err != nil {
		return err
	}
	if yt.DType() != tensor.String && (yt.DType().IsFloat() || yt.DType().IsInteger() || yt.DType() == tensor.Bool) {
		putNearest(outside, []float64{op.Extrapolation})
	}
	xs, ys := xt.Shape(), yt.Shape()
	for i, at := 0, make([]int, len(ys)); i < yt.Len(); i++ {
		if watch.Over(len(ys) + 1) {
			return nil
		}
		windowAt(i, ys, at)
		from, fromTensor := 0, xt
		for d := range at {
			s := table[d][at[d]]
			from = from*xs[d] + min(max(s.first, 0), xs[d]-1)
			if s.outside {
				fromTensor = outside
			}
		}
		if fromTensor == outside {
			from = 0
		}
		if err := tensor.Copy(yt, i, fromTensor, from, 1); err != nil {
			return err
		}
	}
	return nil
}

// regions are where the roi starts and ends in each dimension, as parts of it.
func regions(op ir.Resize, roi *tensor.Tensor, rank int) (starts, ends []float64) {
	starts, ends = make([]float64, rank), make([]float64, rank)
	fill(ends, 1)
	if op.Coordinates != "tf_crop_and_resize" {
		return starts, ends
	}
	list := reals(roi)
	half := len(list) / 2
	for i := range half {
		d := i
		if op.Axes != nil {
			d = axisOf(op.Axes[i], rank)
		}
		starts[d], ends[d] = list[i], list[half+i]
	}
	return starts, ends
}

// sampled are the elements along one dimension that an element of the result is
// made of. Those before the first and after the last element stand for these.
type sampled struct {
	first   int
	weights []float64
	outside bool // of the roi's picture
}

// resizing is one dimension of a resize.
type resizing struct {
	op         ir.Resize
	in, out    int
	scale      float64
	start, end float64 // of the roi
}

// samples are those of each element of the result.
func (r resizing) samples(watch *ir.Watch) ([]sampled, error) {
	all := make([]sampled, r.out)
	for o := range all {
		x := r.original(float64(o))
		if r.op.Coordinates == "tf_crop_and_resize" && !(x >= 0 && x <= float64(r.in-1)) {
			all[o].outside = true
			continue
		}
		if r.op.Mode == "nearest" {
			all[o].first = r.nearest(x)
			continue
		}
		all[o].first, all[o].weights = r.taps(x)
		if watch.Over(len(all[o].weights)) {
			return all, nil
		}
		r.exclude(&all[o])
	}
	return all, nil
}

// original is where element x of the result lies in the input.
func (r resizing) original(x float64) float64 {
	in := float64(r.in)
	out := r.scale * in // not rounded
	switch r.op.Coordinates {
	case "align_corners":
		if out == 1 {
			return 0
		}
		return x * (in - 1) / (out - 1)
	case "asymmetric":
		return x / r.scale
	case "tf_crop_and_resize":
		if out == 1 {
			return (r.start + r.end) * (in - 1) / 2
		}
		return r.start*(in-1) + x*(r.end-r.start)*(in-1)/(out-1)
	case "pytorch_half_pixel":
		if out == 1 {
			return -0.5
		}
	case "tf_half_pixel_for_nn":
		return (x + 0.5) / r.scale
	case "half_pixel_symmetric":
		return in/2*(1-float64(r.out)/out) + (x+0.5)/r.scale - 0.5
	}
	return (x+0.5)/r.scale - 0.5
}

// nearest is the element nearest to x.
func (r resizing) nearest(x float64) int {
	switch r.op.Nearest {
	case "round_prefer_ceil":
		return int(math.Floor(x + 0.5))
	case "floor":
		return int(math.Floor(x))
	case "ceil":
		return int(math.Ceil(x))
	case "simple":
		if r.scale < 1 {
			return int(math.Ceil(x))
		}
		return int(math.Floor(x))
	}
	return int(math.Ceil(x - 0.5))
}

// taps are the elements around x. With antialias, the kernel is as much wider as
// the result is smaller.
func (r resizing) taps(x float64) (int, []float64) {
	radius, kernel := 1.0, func(x float64) float64 { return max(1-math.Abs(x), 0) }
	if r.op.Mode == "cubic" {
		radius, kernel = 2, func(x float64) float64 { return keys(r.op.CubicA, x) }
	}
	scale := 1.0
	if r.op.Antialias {
		scale = min(r.scale, 1)
	}
	first := int(math.Floor(x-radius/scale)) + 1
	last := int(math.Ceil(x+radius/scale)) - 1
	weights, sum := make([]float64, last-first+1), 0.0
	for k := range weights {
		weights[k] = kernel(scale * (float64(first+k) - x))
		sum += weights[k]
	}
	if r.op.Antialias {
		for k := range weights {
			weights[k] /= sum
		}
	}
	return first, weights
}

// exclude makes the others of the elements outside the input none, if asked.
func (r resizing) exclude(s *sampled) {
	if !r.op.ExcludeOutside {
		return
	}
	sum := 0.0
	for k := range s.weights {
		if i := s.first + k; i < 0 || i >= r.in {
			s.weights[k] = 0
		}
		sum += s.weights[k]
	}
	for k := range s.weights {
		s.weights[k] /= sum
	}
}
