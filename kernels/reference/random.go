package reference

import (
	"fmt"
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// chance finds the loops of the operators that draw numbers.
func chance(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.Random:
		return one(0, func(w *ir.Watch, _ args, y *tensor.Tensor) error { return random(w, op, y) })
	case ir.RandomLike:
		return one(1, func(w *ir.Watch, _ args, y *tensor.Tensor) error { return random(w, op.Random, y) })
	case ir.Bernoulli:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return bernoulli(w, op, in[0], y) })
	case ir.Multinomial:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return multinomial(w, op, in[0], y) })
	case ir.Dropout:
		return kernel{needs: 1, run: func(w *ir.Watch, in, out args) error { return dropout(w, op, in, out) }}, true
	}
	return kernel{}, false
}

// random draws every element (ONNX RandomUniform-22, RandomNormal-22).
func random(w *ir.Watch, op ir.Random, yt *tensor.Tensor) error {
	t, put := newTwister(op.Seed), realTo(yt, false)
	low, high := float64(op.Low), float64(op.High)
	return each(w, yt, func(i int) {
		if op.Normal {
			put(i, low+high*t.normal())
		} else {
			put(i, low+(high-low)*t.uniform())
		}
	})
}

// bernoulli draws 1 with the probability x (ONNX Bernoulli-22).
func bernoulli(w *ir.Watch, op ir.Bernoulli, xt, yt *tensor.Tensor) error {
	t, x := newTwister(op.Seed), realAt(xt)
	put := castTo(ir.Casting{}, yt)
	return each(w, yt, func(i int) {
		v := 0.0
		if t.uniform() < x(i) {
			v = 1
		}
		put(i, v)
	})
}

// multinomial draws classes by the logarithms of their weights (ONNX
// Multinomial-22): the first whose weight, with those before it, exceeds a uniform
// share of all.
func multinomial(w *ir.Watch, op ir.Multinomial, xt, yt *tensor.Tensor) error {
	t, x, put := newTwister(op.Seed), realAt(xt), wholeTo(yt)
	classes := xt.Shape()[1]
	sums := make([]float64, classes)
	for row := range xt.Shape()[0] {
		if w.Over(2 * classes) {
			return nil
		}
		largest := math.Inf(-1)
		for c := range classes {
			largest = max(largest, x(row*classes+c))
		}
		sum := 0.0
		for c := range classes {
			sum += math.Exp(x(row*classes+c) - largest)
			sums[c] = sum
		}
		if !(sum > 0) || math.IsInf(sum, 0) {
			return fmt.Errorf("input 0 (input): row %d gives no probabilities", row)
		}
		for s := range op.Samples {
			if w.Over(1) {
				return nil
			}
			put(row*op.Samples+s, int64(firstAbove(sums, sum*t.uniform())))
		}
	}
	return nil
}

// firstAbove is the first of rising numbers that exceeds v.
func firstAbove(rising []float64, v float64) int {
	lo, hi := 0, len(rising)-1
	for lo < hi {
		if mid := (lo + hi) / 2; rising[mid] > v {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// dropout keeps an element where a uniform number is not below the ratio (ONNX
// Dropout-22).
func dropout(w *ir.Watch, op ir.Dropout, in, out args) error {
	ratio := 0.5
	if in[1] != nil {
		ratio = realAt(in[1])(0)
	}
	training := in[2] != nil && tensor.Data[bool](in[2])[0] && ratio != 0
	if training && !(ratio >= 0 && ratio < 1) {
		return fmt.Errorf("input 1 (ratio) is %v, want at least 0 and less than 1", ratio)
	}
	x, y := realAt(in[0]), realTo(out[0], false)
	mask := castTo(ir.Casting{}, out[1])
	t := newTwister(op.Seed)
	return each(w, out[0], func(i int) {
		switch {
		case !training:
			y(i, x(i))
			mask(i, 1)
		case t.uniform() >= ratio:
			y(i, x(i)/(1-ratio))
			mask(i, 1)
		default:
			y(i, 0)
			mask(i, 0)
		}
	})
}
