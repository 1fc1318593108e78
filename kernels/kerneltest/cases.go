package kerneltest

import (
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// cases is every operator at shapes where kernels go wrong: extents of 1 and
// primes, uneven padding, windows past the edge, nothing at all.
func cases() []testCase {
	return slices.Concat(convCases(), poolCases(), linearCases(), pointwiseCases(), reductionCases(), movementCases())
}

func pointwiseCases() []testCase {
	relu6 := ir.Activation{Clip: true, Min: 0, Max: 6}
	return []testCase{
		{"relu", ir.Relu{}, []argument{input(2, 3, 5, 7)}},
		{"relu of a scalar", ir.Relu{}, []argument{input()}},
		{"relu of nothing", ir.Relu{}, []argument{input(2, 0, 3)}},
		{"clip between", ir.Clip{}, []argument{input(3, 11), scalar(-0.5), scalar(0.25)}},
		{"clip below only", ir.Clip{}, []argument{input(3, 11), scalar(-0.5)}},
		{"clip above only", ir.Clip{}, []argument{input(3, 11), absent, scalar(0.25)}},
		{"clip without limits", ir.Clip{}, []argument{input(3, 11)}},
		{"clip where above lies under below", ir.Clip{}, []argument{input(13), scalar(1), scalar(-1)}},
		{"clip with limits known at run time", ir.Clip{}, []argument{input(13), input(), input()}},
		{"add of one shape", ir.Add{}, []argument{input(1, 3, 5, 7), input(1, 3, 5, 7)}},
		{"add of a channel's bias", ir.Add{}, []argument{input(2, 3, 5, 7), weight(3, 1, 1)}},
		{"add of a row", ir.Add{}, []argument{input(5, 7), weight(7)}},
		{"add to a scalar", ir.Add{}, []argument{input(), input(3, 4)}},
		{"add of scalars", ir.Add{}, []argument{input(), input()}},
		{"add both broadcast", ir.Add{}, []argument{input(4, 1, 5), input(3, 1)}},
		{"add with inner extents of 1", ir.Add{}, []argument{input(1, 3, 1, 5, 1), input(2, 1, 7, 1, 1)}},
		{"add of nothing", ir.Add{}, []argument{input(0, 3), input(1, 3)}},
		{"add then relu6", ir.Add{Act: relu6}, []argument{input(2, 3, 5), input(3, 1)}},
		{"batch normalization of pictures", ir.BatchNormalization{Epsilon: 1e-5}, []argument{input(2, 5, 3, 7), weight(5), weight(5), weight(5), variance(5)}},
		{"batch normalization of vectors", ir.BatchNormalization{Epsilon: 1e-3}, []argument{input(3, 7), weight(7), weight(7), weight(7), variance(7)}},
	}
}

func linearCases() []testCase {
	return []testCase{
		{"gemm", ir.Gemm{Alpha: 1, Beta: 1}, []argument{input(5, 7), weight(7, 11), weight(11)}},
		{"gemm of a classifier", ir.Gemm{Alpha: 1, Beta: 1, TransB: true}, []argument{input(1, 67), weight(13, 67), weight(13)}},
		{"gemm with A transposed", ir.Gemm{Alpha: 1, Beta: 1, TransA: true}, []argument{input(7, 5), weight(7, 3), weight(5, 1)}},
		{"gemm with both transposed", ir.Gemm{Alpha: 1, Beta: 1, TransA: true, TransB: true}, []argument{input(7, 5), weight(3, 7), weight(5, 3)}},
		{"gemm scaled", ir.Gemm{Alpha: 0.5, Beta: -2}, []argument{input(2, 3), weight(3, 2), weight(1, 2)}},
		{"gemm with a scalar C", ir.Gemm{Alpha: 1, Beta: 3}, []argument{input(3, 2), weight(2, 5), scalar(0.7)}},
		{"gemm without C", ir.Gemm{Alpha: 2, Beta: 1}, []argument{input(3, 2), weight(2, 5)}},
		{"gemm of extents of 1", ir.Gemm{Alpha: 1, Beta: 1}, []argument{input(1, 1), weight(1, 1), weight(1)}},
		{"gemm of no rows", ir.Gemm{Alpha: 1, Beta: 1}, []argument{input(0, 3), weight(3, 2), weight(2)}},
		{"gemm over nothing", ir.Gemm{Alpha: 1, Beta: 1}, []argument{input(2, 0), weight(0, 3), weight(3)}},
		{"gemm deeper than a panel", ir.Gemm{Alpha: 1, Beta: 1, TransB: true}, []argument{input(3, 22003), weight(5, 22003), weight(5)}},
		{"gemm deeper than a panel with A transposed", ir.Gemm{Alpha: 1, Beta: 1, TransA: true}, []argument{input(22003, 3), weight(22003, 5)}},
		{"gemm of two inputs", ir.Gemm{Alpha: 1, Beta: 1}, []argument{input(3, 5), input(5, 2), input(2)}},
		{"gemm then relu", ir.Gemm{Alpha: 1, Beta: 1, TransB: true, Act: ir.Activation{Clip: true, Max: infinity}}, []argument{input(3, 17), weight(9, 17), weight(9)}},
		{"matmul", ir.MatMul{}, []argument{input(5, 7), weight(7, 3)}},
		{"matmul of batches", ir.MatMul{}, []argument{input(2, 3, 5, 7), input(2, 3, 7, 4)}},
		{"matmul with batches broadcast", ir.MatMul{}, []argument{input(2, 1, 5, 7), input(3, 7, 4)}},
		{"matmul of a row", ir.MatMul{}, []argument{input(7), weight(2, 7, 4)}},
		{"matmul with a column", ir.MatMul{}, []argument{input(2, 5, 7), weight(7)}},
		{"matmul of vectors", ir.MatMul{}, []argument{input(7), weight(7)}},
	}
}

func reductionCases() []testCase {
	return []testCase{
		{"global average pool", ir.GlobalAveragePool{}, []argument{input(2, 5, 7, 3)}},
		{"global average pool of a signal", ir.GlobalAveragePool{}, []argument{input(1, 3, 11)}},
		{"global average pool of one pixel", ir.GlobalAveragePool{}, []argument{input(1, 3, 1, 1)}},
		{"mean over space", ir.Reduce{By: ir.ReduceMean, KeepDims: true}, []argument{input(2, 3, 5, 7), list(2, 3)}},
		{"mean over space dropped", ir.Reduce{By: ir.ReduceMean}, []argument{input(2, 3, 5, 7), list(-1, -2)}},
		{"mean over a middle axis", ir.Reduce{By: ir.ReduceMean, KeepDims: true}, []argument{input(2, 3, 5), list(1)}},
		{"mean over the outer axis", ir.Reduce{By: ir.ReduceMean}, []argument{input(5, 3), list(0)}},
		{"mean over all", ir.Reduce{By: ir.ReduceMean}, []argument{input(2, 3, 5)}},
		{"mean over no axes", ir.Reduce{By: ir.ReduceMean, KeepDims: true, NoopWithEmptyAxes: true}, []argument{input(2, 3)}},
		{"softmax of rows", ir.Softmax{Axis: -1}, []argument{input(3, 7)}},
		{"softmax of channels", ir.Softmax{Axis: 1}, []argument{input(2, 5, 3, 2)}},
		{"softmax of columns", ir.Softmax{Axis: 0}, []argument{input(5, 3)}},
		{"softmax flattened", ir.Softmax{Axis: 1, Flatten: true}, []argument{input(2, 3, 5)}},
		{"softmax flattened from the front", ir.Softmax{Axis: 0, Flatten: true}, []argument{input(2, 3)}},
		{"softmax of one", ir.Softmax{Axis: 1}, []argument{input(3, 1)}},
	}
}

func movementCases() []testCase {
	return []testCase{
		{"concat of channels", ir.Concat{Axis: 1}, []argument{input(2, 3, 5), input(2, 1, 5), input(2, 7, 5)}},
		{"concat along the last axis", ir.Concat{Axis: -1}, []argument{input(2, 3), weight(2, 5)}},
		{"concat of one", ir.Concat{Axis: 0}, []argument{input(2, 3)}},
		{"concat with nothing", ir.Concat{Axis: 1}, []argument{input(2, 3), input(2, 0), input(2, 1)}},
		{"flatten", ir.Flatten{Axis: 1}, []argument{input(2, 3, 5, 7)}},
		{"flatten at the front", ir.Flatten{Axis: 0}, []argument{input(2, 3)}},
		{"flatten at the end", ir.Flatten{Axis: 2}, []argument{input(2, 3)}},
		{"flatten from the back", ir.Flatten{Axis: -1}, []argument{input(2, 3, 5)}},
		{"reshape with a rest", ir.Reshape{}, []argument{input(2, 3, 5), list(0, -1)}},
		{"reshape to a scalar", ir.Reshape{}, []argument{input(1, 1), list()}},
		{"reshape of nothing", ir.Reshape{AllowZero: true}, []argument{input(0, 3), list(3, 0, 2)}},
		{"squeeze all", ir.Squeeze{}, []argument{input(1, 3, 1, 5)}},
		{"squeeze one", ir.Squeeze{}, []argument{input(1, 3, 1, 5), list(-2)}},
		{"unsqueeze", ir.Unsqueeze{}, []argument{input(3, 5), list(0, -1)}},
		{"shape", ir.Shape{}, []argument{input(2, 3, 5)}},
		{"shape of the last two", ir.Shape{Start: -2}, []argument{input(2, 3, 5)}},
		{"gather rows", ir.Gather{Axis: 0}, []argument{input(5, 3), integers([]int64{4, -5, 2, 2}, 2, 2)}},
		{"gather one column", ir.Gather{Axis: 1}, []argument{input(2, 3, 5), integers([]int64{-1})}},
		{"gather nothing", ir.Gather{Axis: 1}, []argument{input(2, 3), integers(nil, 0)}},
		{"identity", ir.Identity{}, []argument{input(3, 5)}},
		{"identity of a constant", ir.Identity{}, []argument{weight(3, 5)}},
	}
}
