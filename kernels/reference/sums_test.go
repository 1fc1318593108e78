package reference_test

import (
	"math"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

const (
	f16 = tensor.Float16
	b16 = tensor.BFloat16
	f64 = tensor.Float64
	i64 = tensor.Int64
	i32 = tensor.Int32
	i8  = tensor.Int8
	u8  = tensor.Uint8
	u64 = tensor.Uint64
)

func TestProductsOfEveryType(t *testing.T) {
	gemm := ir.Gemm{Alpha: 1, Beta: 1}
	checkAll(t, []worked{
		// [1 2; 3 4]·[5; 6] = 17, 39.
		{"gemm of float16", gemm, []*tensor.Tensor{typed(f16, []int{2, 2}, 1, 2, 3, 4), typed(f16, []int{2, 1}, 5, 6), typed(f16, nil, 1)},
			[]string{"float16[2×1] [18 40]"}},
		{"gemm of float64", ir.Gemm{Alpha: 0.5, Beta: 2}, []*tensor.Tensor{typed(f64, []int{2, 2}, 1, 2, 3, 4), typed(f64, []int{2, 1}, 5, 6), typed(f64, []int{2, 1}, 1, 2)},
			[]string{"float64[2×1] [10.5 23.5]"}},
		{"gemm of int32", ir.Gemm{Alpha: 2, Beta: -1}, []*tensor.Tensor{typed(i32, []int{1, 2}, 1, 2), typed(i32, []int{2, 1}, 5, 6), typed(i32, []int{1}, 4)},
			[]string{"int32[1×1] [30]"}},
		{"gemm of int32 by a fraction truncates", ir.Gemm{Alpha: 0.5}, []*tensor.Tensor{typed(i32, []int{1, 1}, -1), typed(i32, []int{1, 1}, 5)},
			[]string{"int32[1×1] [-2]"}},
		// 2^60·3 + 1·1 + 1; float64 would lose the ones.
		{"gemm of int64 is exact", gemm, []*tensor.Tensor{typed(i64, []int{1, 2}, 1<<60, 1), typed(i64, []int{2, 1}, 3, 1), typed(i64, []int{1}, 1)},
			[]string{"int64[1×1] [3458764513820540930]"}},
		{"matmul of uint64 wraps", ir.MatMul{}, []*tensor.Tensor{typed(u64, []int{2}, 1<<63, 1), typed(u64, []int{2}, 2, 7)},
			[]string{"uint64[] [7]"}},
		{"matmul of bfloat16", ir.MatMul{}, []*tensor.Tensor{typed(b16, []int{1, 2}, 1, 2), typed(b16, []int{2, 1}, 3, 4)},
			[]string{"bfloat16[1×1] [11]"}},
		{"a product of nothing", ir.MatMul{}, []*tensor.Tensor{typed(i32, []int{2, 0}), typed(i32, []int{0, 1})}, []string{"int32[2×1] [0 0]"}},
	})
}

func TestEinsumByHand(t *testing.T) {
	x := count(2, 2) // [1 2; 3 4]
	checkAll(t, []worked{
		{"a product", ir.Einsum{Equation: "ij, jk -> ik"}, []*tensor.Tensor{x, x}, []string{"float32[2×2] [7 10 15 22]"}},
		{"the output implied, in alphabetical order", ir.Einsum{Equation: "ba"}, []*tensor.Tensor{count(1, 3)}, []string{"float32[3×1] [1 2 3]"}},
		{"upper case comes first", ir.Einsum{Equation: "aB"}, []*tensor.Tensor{count(1, 3)}, []string{"float32[3×1] [1 2 3]"}},
		{"a trace", ir.Einsum{Equation: "ii"}, []*tensor.Tensor{x}, []string{"float32[] [5]"}},
		{"a diagonal", ir.Einsum{Equation: "...ii->...i"}, []*tensor.Tensor{count(2, 2, 2)}, []string{"float32[2×2] [1 4 5 8]"}},
		{"batches by ellipsis", ir.Einsum{Equation: "...ij,...jk"}, []*tensor.Tensor{count(2, 1, 2), x}, []string{"float32[2×1×2] [7 10 15 22]"}},
		{"an ellipsis of two ranks", ir.Einsum{Equation: "...,...->..."}, []*tensor.Tensor{x, count(2)}, []string{"float32[2×2] [1 4 3 8]"}},
		{"an ellipsis at the end", ir.Einsum{Equation: "i...->...i"}, []*tensor.Tensor{count(2, 3)}, []string{"float32[3×2] [1 4 2 5 3 6]"}},
		{"three inputs of integers", ir.Einsum{Equation: "i,i,->"}, []*tensor.Tensor{ints([]int{2}, 1, 2), ints([]int{2}, 3, 4), ints(nil, 10)}, []string{"int64[] [110]"}},
		{"sums of nothing", ir.Einsum{Equation: "ij->i"}, []*tensor.Tensor{count(2, 0)}, []string{"float32[2] [0 0]"}},
		{"determinants", ir.Det{}, []*tensor.Tensor{of([]int{2, 2, 2}, 0, 2, 3, 4, 1, 2, 2, 4)}, []string{"float32[2] [-6 0]"}},
		{"the determinant of nothing", ir.Det{}, []*tensor.Tensor{count(0, 0)}, []string{"float32[] [1]"}},
		{"a determinant of float64", ir.Det{}, []*tensor.Tensor{typed(f64, []int{3, 3}, 2, 0, 0, 0, 0, 3, 0, 1, 4)}, []string{"float64[] [-6]"}},
	})
}

func TestReductionsByHand(t *testing.T) {
	x := of([]int{2, 2}, 1, -2, 3, 4)
	rows := ints([]int{1}, -1)
	by := func(r ir.Reduction) ir.Reduce { return ir.Reduce{By: r} }
	huge := float32(math.Inf(1))
	checkAll(t, []worked{
		{"sum", by(ir.ReduceSum), []*tensor.Tensor{x, rows}, []string{"float32[2] [-1 7]"}},
		{"product", by(ir.ReduceProd), []*tensor.Tensor{x, rows}, []string{"float32[2] [-2 12]"}},
		{"largest", by(ir.ReduceMax), []*tensor.Tensor{x, rows}, []string{"float32[2] [1 4]"}},
		{"smallest", by(ir.ReduceMin), []*tensor.Tensor{x, rows}, []string{"float32[2] [-2 3]"}},
		{"L1", by(ir.ReduceL1), []*tensor.Tensor{x, rows}, []string{"float32[2] [3 7]"}},
		{"L2", by(ir.ReduceL2), []*tensor.Tensor{x, rows}, []string{"float32[2] [2.2361 5]"}},
		{"squares", by(ir.ReduceSumSquare), []*tensor.Tensor{x, rows}, []string{"float32[2] [5 25]"}},
		{"logarithm of a sum", by(ir.ReduceLogSum), []*tensor.Tensor{x, rows}, []string{"float32[2] [NaN 1.9459]"}},
		{"logarithm of exponentials", by(ir.ReduceLogSumExp), []*tensor.Tensor{of([]int{2}, 1000, 1000)}, []string{"float32[] [1000.7]"}},
		{"of infinities", by(ir.ReduceLogSumExp), []*tensor.Tensor{of([]int{2, 2}, huge, 0, -huge, -huge), rows}, []string{"float32[2] [+Inf -Inf]"}},
		{"NaN is the largest", by(ir.ReduceMax), []*tensor.Tensor{of([]int{2}, 1, float32(math.NaN()))}, []string{"float32[] [NaN]"}},
		{"no axes are all", ir.Reduce{By: ir.ReduceSum, KeepDims: true}, []*tensor.Tensor{x, ints([]int{0})}, []string{"float32[1×1] [6]"}},
		{"or none", ir.Reduce{By: ir.ReduceSumSquare, NoopWithEmptyAxes: true}, []*tensor.Tensor{x}, []string{"float32[2×2] [1 4 9 16]"}},
		{"a scalar", by(ir.ReduceSum), []*tensor.Tensor{of(nil, 3)}, []string{"float32[] [3]"}},
		{"float16", by(ir.ReduceMean), []*tensor.Tensor{typed(f16, []int{2}, 1, 2)}, []string{"float16[] [1.5]"}},
		{"float16 beyond its range on the way", by(ir.ReduceMean), []*tensor.Tensor{typed(f16, []int{2}, 60000, 60000)}, []string{"float16[] [60000]"}},
		{"int32 wraps", by(ir.ReduceSum), []*tensor.Tensor{typed(i32, []int{2}, math.MaxInt32, 1)}, []string{"int32[] [-2147483648]"}},
		{"int64 is exact", by(ir.ReduceSum), []*tensor.Tensor{typed(i64, []int{2}, 1<<60, 1)}, []string{"int64[] [1152921504606846977]"}},
		{"a mean of integers truncates", by(ir.ReduceMean), []*tensor.Tensor{ints([]int{2}, -1, -2)}, []string{"int64[] [-1]"}},
		{"a root of integers truncates", by(ir.ReduceL2), []*tensor.Tensor{ints([]int{2}, 1, 2)}, []string{"int64[] [2]"}},
		{"L1 of integers", by(ir.ReduceL1), []*tensor.Tensor{typed(i8, []int{2}, -3, 4)}, []string{"int8[] [7]"}},
		{"a mean of uint64", by(ir.ReduceMean), []*tensor.Tensor{typed(u64, []int{1}, 1<<63)}, []string{"uint64[] [9223372036854775808]"}},
		{"the largest uint64", by(ir.ReduceMax), []*tensor.Tensor{typed(u64, []int{2}, 1, 1<<63)}, []string{"uint64[] [9223372036854775808]"}},
		{"the smallest uint64", by(ir.ReduceMin), []*tensor.Tensor{typed(u64, []int{2}, 1<<63, 1)}, []string{"uint64[] [1]"}},
		{"any", by(ir.ReduceMax), []*tensor.Tensor{typed(tensor.Bool, []int{2, 2}, 0, 0, 1, 0), rows}, []string{"bool[2] [false true]"}},
		{"every", by(ir.ReduceMin), []*tensor.Tensor{typed(tensor.Bool, []int{2, 2}, 1, 0, 1, 1), rows}, []string{"bool[2] [false true]"}},
		{"a sum of nothing", by(ir.ReduceSum), []*tensor.Tensor{count(2, 0), rows}, []string{"float32[2] [0 0]"}},
		{"a product of nothing", by(ir.ReduceProd), []*tensor.Tensor{typed(i32, []int{0})}, []string{"int32[] [1]"}},
		{"the largest of nothing", by(ir.ReduceMax), []*tensor.Tensor{count(0)}, []string{"float32[] [-Inf]"}},
		{"the largest int8 of nothing", by(ir.ReduceMax), []*tensor.Tensor{typed(i8, []int{0})}, []string{"int8[] [-128]"}},
		{"the smallest uint8 of nothing", by(ir.ReduceMin), []*tensor.Tensor{typed(u8, []int{0})}, []string{"uint8[] [255]"}},
		{"the smallest int64 of nothing", by(ir.ReduceMin), []*tensor.Tensor{ints([]int{0})}, []string{"int64[] [9223372036854775807]"}},
		{"the smallest uint64 of nothing", by(ir.ReduceMin), []*tensor.Tensor{typed(u64, []int{0})}, []string{"uint64[] [18446744073709551615]"}},
		{"every one of none", by(ir.ReduceMin), []*tensor.Tensor{typed(tensor.Bool, []int{0})}, []string{"bool[] [true]"}},
		{"logarithms of nothing", by(ir.ReduceLogSumExp), []*tensor.Tensor{count(0)}, []string{"float32[] [-Inf]"}},
		{"nothing is left", by(ir.ReduceSum), []*tensor.Tensor{count(2, 0, 3), rows}, []string{"float32[2×0] []"}},
	})
}

func TestExtremesByHand(t *testing.T) {
	nan := float32(math.NaN())
	x := of([]int{2, 3}, 2, 7, 7, 3, 1, 1)
	k := ints([]int{1}, 2)
	checkAll(t, []worked{
		{"argmax takes the first", ir.ArgExtreme{Axis: 1, KeepDims: true}, []*tensor.Tensor{x}, []string{"int64[2×1] [1 0]"}},
		{"or the last", ir.ArgExtreme{Axis: -1, SelectLast: true}, []*tensor.Tensor{x}, []string{"int64[2] [2 0]"}},
		{"argmin", ir.ArgExtreme{Min: true, Axis: 1}, []*tensor.Tensor{x}, []string{"int64[2] [0 1]"}},
		{"argmin takes the last", ir.ArgExtreme{Min: true, Axis: 1, SelectLast: true}, []*tensor.Tensor{x}, []string{"int64[2] [0 2]"}},
		{"argmax of columns", ir.ArgExtreme{}, []*tensor.Tensor{x}, []string{"int64[3] [1 0 0]"}},
		{"argmax takes NaN", ir.ArgExtreme{}, []*tensor.Tensor{of([]int{3}, 1, nan, 9)}, []string{"int64[] [1]"}},
		{"argmin takes NaN", ir.ArgExtreme{Min: true}, []*tensor.Tensor{of([]int{3}, 1, nan, 9)}, []string{"int64[] [1]"}},
		{"argmax of uint64", ir.ArgExtreme{}, []*tensor.Tensor{typed(u64, []int{2}, 1, 1<<63)}, []string{"int64[] [1]"}},
		{"argmin of int8", ir.ArgExtreme{Min: true}, []*tensor.Tensor{typed(i8, []int{2}, 1, -1)}, []string{"int64[] [1]"}},
		{"argmax of nothing left", ir.ArgExtreme{Axis: 1}, []*tensor.Tensor{count(0, 3)}, []string{"int64[0] []"}},
		{"the largest, equal ones in order", ir.TopK{Axis: -1}, []*tensor.Tensor{x, k}, []string{"float32[2×2] [7 7 3 1]", "int64[2×2] [1 2 0 1]"}},
		{"the smallest", ir.TopK{Axis: 1, Smallest: true}, []*tensor.Tensor{x, k}, []string{"float32[2×2] [2 7 1 1]", "int64[2×2] [0 1 1 2]"}},
		{"of columns", ir.TopK{Axis: 0}, []*tensor.Tensor{x, ints([]int{1}, 1)}, []string{"float32[1×3] [3 7 7]", "int64[1×3] [1 0 0]"}},
		{"NaN first", ir.TopK{}, []*tensor.Tensor{of([]int{3}, 1, nan, 9), k}, []string{"float32[2] [NaN 9]", "int64[2] [1 2]"}},
		{"NaN last", ir.TopK{Smallest: true}, []*tensor.Tensor{of([]int{3}, nan, 9, 1), k}, []string{"float32[2] [1 9]", "int64[2] [2 1]"}},
		{"of none", ir.TopK{}, []*tensor.Tensor{x, ints([]int{1}, 0)}, []string{"float32[0×3] []", "int64[0×3] []"}},
		{"of uint64", ir.TopK{}, []*tensor.Tensor{typed(u64, []int{3}, 1, 1<<63, 2), k}, []string{"uint64[2] [9223372036854775808 2]", "int64[2] [1 2]"}},
		{"of bfloat16", ir.TopK{}, []*tensor.Tensor{typed(b16, []int{3}, 1, 3, 2), k}, []string{"bfloat16[2] [3 2]", "int64[2] [1 2]"}},
	})
}

func TestCumulativeSumsByHand(t *testing.T) {
	x, rows := count(2, 3), ints(nil, 1)
	checkAll(t, []worked{
		{"rows", ir.CumSum{}, []*tensor.Tensor{x, rows}, []string{"float32[2×3] [1 3 6 4 9 15]"}},
		{"columns, by an int32", ir.CumSum{}, []*tensor.Tensor{x, typed(i32, []int{1}, -2)}, []string{"float32[2×3] [1 2 3 5 7 9]"}},
		{"exclusive", ir.CumSum{Exclusive: true}, []*tensor.Tensor{x, rows}, []string{"float32[2×3] [0 1 3 0 4 9]"}},
		{"reverse", ir.CumSum{Reverse: true}, []*tensor.Tensor{x, rows}, []string{"float32[2×3] [6 5 3 15 11 6]"}},
		{"both", ir.CumSum{Exclusive: true, Reverse: true}, []*tensor.Tensor{x, rows}, []string{"float32[2×3] [5 3 0 11 6 0]"}},
		{"int64 is exact", ir.CumSum{}, []*tensor.Tensor{typed(i64, []int{2}, 1<<60, 1), ints(nil, 0)}, []string{"int64[2] [1152921504606846976 1152921504606846977]"}},
	})
}

func TestSoftmaxByHand(t *testing.T) {
	ln3 := math.Log(3)
	x := typed(f64, []int{2, 1, 2}, 0, ln3, 7, 7)
	checkAll(t, []worked{
		{"float64", ir.Softmax{Axis: -1}, []*tensor.Tensor{x}, []string{"float64[2×1×2] [0.25 0.75 0.5 0.5]"}},
		{"float16", ir.Softmax{Axis: -1}, []*tensor.Tensor{typed(f16, []int{2}, 1, 1)}, []string{"float16[2] [0.5 0.5]"}},
		{"logarithms", ir.LogSoftmax{Axis: -1}, []*tensor.Tensor{x}, []string{"float64[2×1×2] [-1.3863 -0.28768 -0.69315 -0.69315]"}},
		{"logarithms of what exponentials would not hold", ir.LogSoftmax{}, []*tensor.Tensor{of([]int{2}, 0, 1000)}, []string{"float32[2] [-1000 0]"}},
		{"logarithms, flattened", ir.LogSoftmax{Axis: 1, Flatten: true}, []*tensor.Tensor{of([]int{1, 2, 2}, 1, 1, 1, 1)}, []string{"float32[1×2×2] [-1.3863 -1.3863 -1.3863 -1.3863]"}},
		{"the first of the largest", ir.Hardmax{Axis: -1}, []*tensor.Tensor{of([]int{2, 3}, 1, 3, 3, 2, 1, 0)}, []string{"float32[2×3] [0 1 0 1 0 0]"}},
		{"of columns", ir.Hardmax{Axis: 0}, []*tensor.Tensor{of([]int{2, 2}, 1, 3, 2, 1)}, []string{"float32[2×2] [0 1 1 0]"}},
		{"of all, flattened", ir.Hardmax{Axis: 0, Flatten: true}, []*tensor.Tensor{of([]int{2, 2}, 1, 3, 2, 1)}, []string{"float32[2×2] [0 1 0 0]"}},
		{"nothing", ir.Softmax{Axis: 1}, []*tensor.Tensor{count(2, 0)}, []string{"float32[2×0] []"}},
	})
}
