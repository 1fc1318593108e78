package reference

import (
	"cmp"
	"math"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func reductions(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.Reduce:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return reduce(w, op, in[0], in[1], y) })
	case ir.ArgExtreme:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return argExtreme(w, op, in[0], y) })
	case ir.TopK:
		return kernel{needs: 2, run: func(w *ir.Watch, in, out args) error { return topK(w, op, in[0], out[0], out[1]) }}, true
	case ir.CumSum:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return cumSum(w, op, in[0], in[1], y) })
	case ir.Softmax:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error {
			return eachLine(w, in[0], y, op.Axis, op.Flatten, softmax)
		})
	case ir.LogSoftmax:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error {
			return eachLine(w, in[0], y, op.Axis, op.Flatten, logSoftmax)
		})
	case ir.Hardmax:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error {
			return eachLine(w, in[0], y, op.Axis, op.Flatten, hardmax)
		})
	}
	return kernel{}, false
}

// reduce makes one element of those along axes (ONNX ReduceSum-13 and its like): all
// of them if axes is absent or empty, unless NoopWithEmptyAxes. Y has X's shape with
// the reduced extents 1, or without them unless KeepDims.
func reduce(w *ir.Watch, op ir.Reduce, xt, axes, yt *tensor.Tensor) error {
	var list []int64
	if axes != nil {
		list = tensor.Data[int64](axes)
	}
	reduced, err := op.Reduced(list, len(xt.Shape()))
	if err != nil {
		return err
	}
	kept := xt.Shape().Clone()
	for i, gone := range reduced {
		if gone {
			kept[i] = 1
		}
	}
	r := reducing{watch: w, shape: xt.Shape(), to: strides(kept, xt.Shape()), outputs: yt.Len()}
	if xt.DType().IsFloat() || op.By == ir.ReduceL2 || op.By == ir.ReduceLogSum || op.By == ir.ReduceLogSumExp {
		return r.reals(op.By, reals(xt), yt)
	}
	return r.wholes(op.By, xt, yt)
}

// reducing is a reduction under way.
type reducing struct {
	watch   *ir.Watch
	shape   tensor.Shape
	to      []int // strides of the outputs over shape
	outputs int
}

// accumulate adds each element to the output that it belongs to.
func accumulate[T sum](r reducing, x []T, start T, add func(o int, sum, v T) T) []T {
	sums := make([]T, r.outputs)
	for o := range sums {
		sums[o] = start
	}
	for i, v := range x {
		if r.watch.Over(1) {
			return make([]T, r.outputs)
		}
		o := offset(i, r.shape, r.to)
		sums[o] = add(o, sums[o], v)
	}
	return sums
}

// reals reduces real numbers, and integers of which that makes real ones.
func (r reducing) reals(by ir.Reduction, x []float64, yt *tensor.Tensor) error {
	start, add := 0.0, func(_ int, sum, v float64) float64 { return sum + v }
	finish := func(_ int, sum float64) float64 { return sum }
	switch by {
	case ir.ReduceMean:
		n := float64(len(x)) / float64(r.outputs)
		finish = func(_ int, sum float64) float64 { return sum / n }
	case ir.ReduceMax:
		start, add = math.Inf(-1), func(_ int, sum, v float64) float64 { return max(sum, v) }
	case ir.ReduceMin:
		start, add = math.Inf(1), func(_ int, sum, v float64) float64 { return min(sum, v) }
	case ir.ReduceProd:
		start, add = 1, func(_ int, sum, v float64) float64 { return sum * v }
	case ir.ReduceL1:
		add = func(_ int, sum, v float64) float64 { return sum + math.Abs(v) }
	case ir.ReduceL2:
		add = func(_ int, sum, v float64) float64 { return sum + v*v }
		finish = func(_ int, sum float64) float64 { return math.Sqrt(sum) }
	case ir.ReduceSumSquare:
		add = func(_ int, sum, v float64) float64 { return sum + v*v }
	case ir.ReduceLogSum:
		finish = func(_ int, sum float64) float64 { return math.Log(sum) }
	case ir.ReduceLogSumExp: // the largest is subtracted first, so that nothing overflows
		largest := accumulate(r, x, math.Inf(-1), func(_ int, sum, v float64) float64 { return max(sum, v) })
		for o, v := range largest {
			if math.IsInf(v, 0) {
				largest[o] = 0
			}
		}
		add = func(o int, sum, v float64) float64 { return sum + math.Exp(v-largest[o]) }
		finish = func(o int, sum float64) float64 { return math.Log(sum) + largest[o] }
	}
	y := accumulate(r, x, start, add)
	for o, v := range y {
		y[o] = finish(o, v)
	}
	if yt.DType().IsFloat() {
		putReals(yt, y)
		return nil
	}
	whole := make([]int64, len(y))
	for o, v := range y {
		whole[o] = int64(v)
	}
	putWholes(yt, whole)
	return nil
}

// wholes reduces integers and bools.
func (r reducing) wholes(by ir.Reduction, xt, yt *tensor.Tensor) error {
	less := func(a, b int64) bool { return a < b }
	if xt.DType() == tensor.Uint64 {
		less = func(a, b int64) bool { return uint64(a) < uint64(b) }
	}
	start, add := int64(0), func(_ int, sum, v int64) int64 { return sum + v }
	switch by {
	case ir.ReduceMax, ir.ReduceMin:
		smallest, largest := bounds(xt.DType())
		start = smallest
		if by == ir.ReduceMin {
			start = largest
		}
		add = func(_ int, sum, v int64) int64 {
			if less(sum, v) == (by == ir.ReduceMax) {
				return v
			}
			return sum
		}
	case ir.ReduceProd:
		start, add = 1, func(_ int, sum, v int64) int64 { return sum * v }
	case ir.ReduceL1:
		add = func(_ int, sum, v int64) int64 {
			if v < 0 && xt.DType() != tensor.Uint64 {
				v = -v
			}
			return sum + v
		}
	case ir.ReduceSumSquare:
		add = func(_ int, sum, v int64) int64 { return sum + v*v }
	}
	y := accumulate(r, wholes(xt), start, add)
	if n := int64(xt.Len() / r.outputs); by == ir.ReduceMean {
		for o, v := range y {
			if y[o] = v / n; xt.DType() == tensor.Uint64 {
				y[o] = int64(uint64(v) / uint64(n))
			}
		}
	}
	putWholes(yt, y)
	return nil
}

// bounds are the extremes of a type of whole numbers, of a uint64 as its bits.
func bounds(d tensor.DType) (smallest, largest int64) {
	switch {
	case d == tensor.Bool:
		return 0, 1
	case d == tensor.Uint64:
		return 0, -1
	case d.IsUnsigned():
		return 0, 1<<d.Bits() - 1
	}
	return -1 << (d.Bits() - 1), 1<<(d.Bits()-1) - 1
}

// argExtreme finds the largest or smallest element of each line (ONNX ArgMax-13);
// like numpy, it takes NaN for both.
func argExtreme(w *ir.Watch, op ir.ArgExtreme, xt, yt *tensor.Tensor) error {
	o := orderOf(xt)
	y := tensor.Data[int64](yt)
	lines(xt.Shape(), axisOf(op.Axis, len(xt.Shape())), func(i int, l line) bool {
		if w.Over(l.length) {
			return false
		}
		best := 0
		for k := range l.length {
			c := o.compare(l.at(k), l.at(best))
			if op.Min && !o.isNaN(l.at(k)) && !o.isNaN(l.at(best)) {
				c = -c
			}
			if c > 0 || c == 0 && op.SelectLast {
				best = k
			}
		}
		y[i] = int64(best)
		return true
	})
	return nil
}

// topK sorts the elements of each line, equal ones by their index, and takes the
// first (ONNX TopK-24).
func topK(w *ir.Watch, op ir.TopK, xt, values, where *tensor.Tensor) error {
	o := orderOf(xt)
	axis := axisOf(op.Axis, len(xt.Shape()))
	k := values.Shape()[axis]
	y := tensor.Data[int64](where)
	var err error
	lines(xt.Shape(), axis, func(i int, l line) bool {
		if w.Over(l.length) {
			return false
		}
		index := make([]int, l.length)
		for n := range index {
			index[n] = n
		}
		slices.SortStableFunc(index, func(a, b int) int {
			if op.Smallest {
				return o.compare(l.at(a), l.at(b))
			}
			return o.compare(l.at(b), l.at(a))
		})
		for n, from := range index[:k] {
			to := (i/l.step*k+n)*l.step + i%l.step
			y[to] = int64(from)
			if e := tensor.Copy(values, to, xt, l.at(from), 1); e != nil {
				err = e
			}
		}
		return true
	})
	return err
}

// order compares the elements of a tensor of numbers; NaN is larger than all others.
type order struct {
	compare func(i, j int) int
	isNaN   func(i int) bool
}

func orderOf(t *tensor.Tensor) order {
	never := func(int) bool { return false }
	switch {
	case t.DType() == tensor.Uint64:
		v := tensor.Data[uint64](t)
		return order{func(i, j int) int { return cmp.Compare(v[i], v[j]) }, never}
	case !t.DType().IsFloat():
		v := wholes(t)
		return order{func(i, j int) int { return cmp.Compare(v[i], v[j]) }, never}
	}
	v := reals(t)
	return order{
		compare: func(i, j int) int {
			if math.IsNaN(v[i]) || math.IsNaN(v[j]) {
				return cmp.Compare(v[j], v[i]) // which takes it for the smallest
			}
			return cmp.Compare(v[i], v[j])
		},
		isNaN: func(i int) bool { return math.IsNaN(v[i]) },
	}
}

// cumSum adds up each line (ONNX CumSum-14).
func cumSum(w *ir.Watch, op ir.CumSum, xt, axis, yt *tensor.Tensor) error {
	along, err := ir.Axis(int(wholes(axis)[0]), len(xt.Shape()))
	if err != nil {
		return err
	}
	if xt.DType().IsFloat() {
		y := reals(xt)
		cumulate(w, op, y, xt.Shape(), along)
		putReals(yt, y)
		return nil
	}
	y := wholes(xt)
	cumulate(w, op, y, xt.Shape(), along)
	putWholes(yt, y)
	return nil
}

// cumulate adds up lines in place.
func cumulate[T sum](w *ir.Watch, op ir.CumSum, y []T, shape tensor.Shape, axis int) {
	lines(shape, axis, func(_ int, l line) bool {
		var total T
		for k := range l.length {
			if op.Reverse {
				k = l.length - 1 - k
			}
			v := y[l.at(k)]
			if op.Exclusive {
				y[l.at(k)] = total
			}
			if total += v; !op.Exclusive {
				y[l.at(k)] = total
			}
		}
		return !w.Over(l.length)
	})
}
