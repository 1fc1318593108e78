package onnx

import (
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

var reductions = family{
	"ReduceSum":       reduce(ir.ReduceSum, 13),
	"ReduceMean":      reduce(ir.ReduceMean, 18),
	"ReduceMax":       reduce(ir.ReduceMax, 18),
	"ReduceMin":       reduce(ir.ReduceMin, 18),
	"ReduceProd":      reduce(ir.ReduceProd, 18),
	"ReduceL1":        reduce(ir.ReduceL1, 18),
	"ReduceL2":        reduce(ir.ReduceL2, 18),
	"ReduceLogSum":    reduce(ir.ReduceLogSum, 18),
	"ReduceLogSumExp": reduce(ir.ReduceLogSumExp, 18),
	"ReduceSumSquare": reduce(ir.ReduceSumSquare, 18),
	"ArgMax":          argExtreme(false),
	"ArgMin":          argExtreme(true),
	"TopK":            topK,
	"CumSum":          cumSum,
	"Softmax": alongAxis(func(axis int, flatten bool) ir.Operator {
		return ir.Softmax{Axis: axis, Flatten: flatten}
	}),
	"LogSoftmax": alongAxis(func(axis int, flatten bool) ir.Operator {
		return ir.LogSoftmax{Axis: axis, Flatten: flatten}
	}),
	"Hardmax": alongAxis(func(axis int, flatten bool) ir.Operator {
		return ir.Hardmax{Axis: axis, Flatten: flatten}
	}),
}

// reduce reads a reduction whose axes are an input since an operator set.
func reduce(by ir.Reduction, since int64) func(*reading) ir.Operator {
	return func(r *reading) ir.Operator {
		op := ir.Reduce{By: by, KeepDims: r.flag("keepdims", true)}
		if r.opset < since {
			r.axesInput()
			return op
		}
		op.NoopWithEmptyAxes = r.flag("noop_with_empty_axes", false)
		return op
	}
}

// argExtreme: since 12 it may select the last of equals.
func argExtreme(smallest bool) func(*reading) ir.Operator {
	return func(r *reading) ir.Operator {
		op := ir.ArgExtreme{Min: smallest, Axis: r.int("axis", 0), KeepDims: r.flag("keepdims", true)}
		if r.opset >= 12 {
			op.SelectLast = r.flag("select_last_index", false)
		}
		return op
	}
}

// topK: since 10 K is an input, since 11 the smallest may be wanted.
func topK(r *reading) ir.Operator {
	op := ir.TopK{Axis: r.int("axis", -1)}
	if r.opset < 10 {
		r.required("k")
		r.exactly(1)
		t, err := tensor.Of([]int64{int64(r.int("k", 0))}, 1)
		r.constantInput("k", t, err)
	}
	if r.opset >= 11 {
		op.Smallest = !r.flag("largest", true)
		r.flag("sorted", true)
	}
	return op
}

func cumSum(r *reading) ir.Operator {
	return ir.CumSum{Exclusive: r.flag("exclusive", false), Reverse: r.flag("reverse", false)}
}

// alongAxis: since 13 it works along one axis, by default the last; before, on
// the input as a matrix.
func alongAxis(make func(axis int, flatten bool) ir.Operator) func(*reading) ir.Operator {
	return func(r *reading) ir.Operator {
		if r.opset < 13 {
			return make(r.int("axis", 1), true)
		}
		return make(r.int("axis", -1), false)
	}
}
