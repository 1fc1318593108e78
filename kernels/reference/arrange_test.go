package reference_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// these are elements of any type as a tensor.
func these[T tensor.Element](shape []int, v ...T) *tensor.Tensor {
	return must(tensor.Of(append([]T{}, v...), shape...))
}

// inFull writes shape and elements of any type; strings are quoted.
func inFull(t *tensor.Tensor) string {
	if s := tensor.Data[string](t); s != nil {
		return fmt.Sprintf("%v %q", t, s)
	}
	if c := tensor.Data[complex64](t); c != nil {
		return fmt.Sprintf("%v %v", t, c)
	}
	if b := tensor.Data[bool](t); b != nil {
		return fmt.Sprintf("%v %v", t, b)
	}
	raw, err := t.Bytes()
	if err != nil {
		return err.Error()
	}
	switch t.DType() {
	case tensor.Float32:
		return fmt.Sprintf("%v %v", t, tensor.Data[float32](t))
	case tensor.Float64:
		return fmt.Sprintf("%v %v", t, tensor.Data[float64](t))
	case tensor.Int64:
		return fmt.Sprintf("%v %v", t, tensor.Data[int64](t))
	}
	return fmt.Sprintf("%v %x", t, raw)
}

type moved struct {
	name string
	op   ir.Operator
	in   []*tensor.Tensor
	want []*tensor.Tensor
}

func checkMoved(t *testing.T, cases []moved) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := reference.Eval(c.op, c.in)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) < len(c.want) {
				t.Fatalf("%d outputs, want %d", len(got), len(c.want))
			}
			for i := range c.want {
				if got, want := inFull(got[i]), inFull(c.want[i]); got != want {
					t.Errorf("output %d:\ngot  %s\nwant %s", i, got, want)
				}
			}
		})
	}
}

type tensors = []*tensor.Tensor

const least, most = math.MinInt64, math.MaxInt64

func TestArrangingByHand(t *testing.T) {
	x := count(2, 3) // [1 2 3; 4 5 6]
	half := func(shape []int, v ...tensor.F16) *tensor.Tensor { return these(shape, v...) }
	checkMoved(t, []moved{
		{"transpose reverses", ir.Transpose{}, tensors{x}, tensors{of([]int{3, 2}, 1, 4, 2, 5, 3, 6)}},
		{"transpose of a scalar", ir.Transpose{}, tensors{of(nil, 7)}, tensors{of(nil, 7)}},
		{"transpose of strings", ir.Transpose{Perm: []int{1, 0}}, tensors{these([]int{1, 2}, "a", "b")}, tensors{these([]int{2, 1}, "a", "b")}},
		{"transpose of int4", ir.Transpose{}, tensors{these([]int{2, 2}, tensor.I4(-8), 1, 2, 7)}, tensors{these([]int{2, 2}, tensor.I4(-8), 2, 1, 7)}},
		{"transpose of nothing", ir.Transpose{}, tensors{of([]int{0, 3})}, tensors{of([]int{3, 0})}},
		// The i-th dimension of the output is Perm[i] of the input.
		{"transpose in a circle", ir.Transpose{Perm: []int{2, 0, 1}}, tensors{count(1, 2, 3)}, tensors{of([]int{3, 1, 2}, 1, 4, 2, 5, 3, 6)}},

		{"slice", ir.Slice{}, tensors{x, ints([]int{2}, 0, 1), ints([]int{2}, 2, 3)}, tensors{of([]int{2, 2}, 2, 3, 5, 6)}},
		{"slice to the largest end", ir.Slice{}, tensors{x, ints([]int{1}, 1), ints([]int{1}, most), ints([]int{1}, 1)}, tensors{of([]int{2, 2}, 2, 3, 5, 6)}},
		{"slice backwards to the smallest end", ir.Slice{}, tensors{x, ints([]int{1}, most), ints([]int{1}, least), ints([]int{1}, -1), ints([]int{1}, -1)},
			tensors{of([]int{2, 3}, 3, 2, 1, 6, 5, 4)}},
		{"slice backwards by two", ir.Slice{}, tensors{count(5), ints([]int{1}, -1), ints([]int{1}, 0), ints([]int{1}, 0), ints([]int{1}, -2)}, tensors{of([]int{2}, 5, 3)}},
		{"slice by the longest steps", ir.Slice{}, tensors{x, ints([]int{2}, 0, 2), ints([]int{2}, 2, least), ints([]int{2}, 0, 1), ints([]int{2}, most, least)}, tensors{of([]int{1, 1}, 3)}},
		{"slice by int32", ir.Slice{}, tensors{x, these([]int{1}, int32(-1)), these([]int{1}, int32(9)), these([]int{1}, int32(0))}, tensors{of([]int{1, 3}, 4, 5, 6)}},
		{"slice of nothing", ir.Slice{}, tensors{x, ints([]int{1}, 2), ints([]int{1}, 1), ints([]int{1}, 1)}, tensors{of([]int{2, 0})}},
		{"slice of an empty axis backwards", ir.Slice{}, tensors{of([]int{0}), ints([]int{1}, -1), ints([]int{1}, least), ints([]int{1}, 0), ints([]int{1}, -1)}, tensors{of([]int{0})}},

		{"split evenly", ir.Split{Axis: 1, Parts: 3}, tensors{x}, tensors{of([]int{2, 1}, 1, 4), of([]int{2, 1}, 2, 5), of([]int{2, 1}, 3, 6)}},
		{"split with a smaller last part", ir.Split{Parts: 2}, tensors{count(5)}, tensors{count(3), of([]int{2}, 4, 5)}},
		{"split by sizes, one of them 0", ir.Split{Axis: -1, Parts: 3}, tensors{x, ints([]int{3}, 1, 0, 2)}, tensors{of([]int{2, 1}, 1, 4), of([]int{2, 0}), of([]int{2, 2}, 2, 3, 5, 6)}},
		{"split of nothing", ir.Split{Parts: 2}, tensors{of([]int{0})}, tensors{of([]int{0}), of([]int{0})}},

		{"tile", ir.Tile{}, tensors{of([]int{1, 2}, 1, 2), ints([]int{2}, 2, 2)}, tensors{of([]int{2, 4}, 1, 2, 1, 2, 1, 2, 1, 2)}},
		{"tile none", ir.Tile{}, tensors{x, ints([]int{2}, 0, 1)}, tensors{of([]int{0, 3})}},
		{"tile of a scalar", ir.Tile{}, tensors{of(nil, 3), ints([]int{0})}, tensors{of(nil, 3)}},
		{"tile along one axis, by floats", ir.TileAlong{}, tensors{of([]int{2, 1}, 1, 2), of([]int{1}, 2), of([]int{1}, 1)}, tensors{of([]int{2, 2}, 1, 1, 2, 2)}},
		{"expand both ways", ir.Expand{}, tensors{of([]int{3, 1}, 1, 2, 3), ints([]int{3}, 2, 1, 2)}, tensors{of([]int{2, 3, 2}, 1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3)}},
		{"expand to nothing", ir.Expand{}, tensors{of([]int{1}, 1), ints([]int{2}, 0, 1)}, tensors{of([]int{0, 1})}},
		{"expand bools", ir.Expand{}, tensors{these(nil, true), ints([]int{1}, 2)}, tensors{these([]int{2}, true, true)}},

		// Channels 0 to 7 of one pixel. DCR: block 0 is channels 0 and 1, the depths.
		{"depth to space", ir.DepthToSpace{Block: 2}, tensors{count(1, 8, 1, 1)}, tensors{of([]int{1, 2, 2, 2}, 1, 3, 5, 7, 2, 4, 6, 8)}},
		{"depth to space, column row", ir.DepthToSpace{Block: 2, ColumnRow: true}, tensors{count(1, 8, 1, 1)}, tensors{of([]int{1, 2, 2, 2}, 1, 2, 3, 4, 5, 6, 7, 8)}},
		{"space to depth", ir.SpaceToDepth{Block: 2}, tensors{of([]int{1, 2, 2, 2}, 1, 3, 5, 7, 2, 4, 6, 8)}, tensors{count(1, 8, 1, 1)}},
		{"reverse along time", ir.ReverseSequence{BatchAxis: 1}, tensors{of([]int{3, 2}, 1, 10, 2, 20, 3, 30), ints([]int{2}, 3, 1)}, tensors{of([]int{3, 2}, 3, 10, 2, 20, 1, 30)}},
		{"reverse none and two", ir.ReverseSequence{TimeAxis: 1}, tensors{of([]int{2, 3}, 1, 2, 3, 4, 5, 6), ints([]int{2}, 0, 2)}, tensors{of([]int{2, 3}, 1, 2, 3, 5, 4, 6)}},
		{"size", ir.Size{}, tensors{x}, tensors{ints(nil, 6)}},
		{"size of nothing", ir.Size{}, tensors{of([]int{3, 0})}, tensors{ints(nil, 0)}},

		{"pad with a value", ir.Pad{}, tensors{count(2), ints([]int{2}, 1, 2), of(nil, 9)}, tensors{of([]int{5}, 9, 1, 2, 9, 9)}},
		{"pad strings with nothing", ir.Pad{}, tensors{these([]int{1}, "a"), ints([]int{2}, 1, 0)}, tensors{these([]int{2}, "", "a")}},
		{"pad half floats with a float", ir.Pad{}, tensors{half([]int{1}, 0x3c00), ints([]int{2}, 0, 1), of(nil, 2)}, tensors{half([]int{2}, 0x3c00, 0x4000)}},
		{"pad and crop", ir.Pad{}, tensors{count(3), ints([]int{2}, -1, 1), of(nil, 0)}, tensors{of([]int{3}, 2, 3, 0)}},
		{"pad one of two axes", ir.Pad{}, tensors{x, ints([]int{2}, 0, 1), nil, ints([]int{1}, -1)}, tensors{of([]int{2, 4}, 1, 2, 3, 0, 4, 5, 6, 0)}},
		{"pad an empty tensor", ir.Pad{}, tensors{of([]int{0}), ints([]int{2}, 1, 1), of(nil, 4)}, tensors{of([]int{2}, 4, 4)}},
		{"reflect", ir.Pad{Mode: ir.PadReflect}, tensors{count(3), ints([]int{2}, 2, 1)}, tensors{of([]int{6}, 3, 2, 1, 2, 3, 2)}},
		// Past one length it goes to and fro, as numpy does.
		{"reflect far", ir.Pad{Mode: ir.PadReflect}, tensors{count(3), ints([]int{2}, 0, 5)}, tensors{of([]int{8}, 1, 2, 3, 2, 1, 2, 3, 2)}},
		{"reflect one element", ir.Pad{Mode: ir.PadReflect}, tensors{count(1), ints([]int{2}, 1, 1)}, tensors{of([]int{3}, 1, 1, 1)}},
		{"edge", ir.Pad{Mode: ir.PadEdge}, tensors{x, ints([]int{4}, 0, 1, 1, 0)}, tensors{of([]int{3, 4}, 1, 1, 2, 3, 4, 4, 5, 6, 4, 4, 5, 6)}},
		{"wrap", ir.Pad{Mode: ir.PadWrap}, tensors{count(3), ints([]int{2}, 4, 2)}, tensors{of([]int{9}, 3, 1, 2, 3, 1, 2, 3, 1, 2)}},
		// What is cut off first is not wrapped to.
		{"wrap what is left", ir.Pad{Mode: ir.PadWrap}, tensors{count(3), ints([]int{2}, -1, 1)}, tensors{of([]int{3}, 2, 3, 2)}},

		{"crop an odd number to the left", ir.CenterCropPad{}, tensors{count(5), ints([]int{1}, 2)}, tensors{of([]int{2}, 2, 3)}},
		{"pad an odd number at the end", ir.CenterCropPad{Axes: []int64{-1}}, tensors{count(1, 2), these([]int{1}, int32(5))}, tensors{of([]int{1, 5}, 0, 1, 2, 0, 0)}},
		{"crop and pad", ir.CenterCropPad{}, tensors{count(3, 1), ints([]int{2}, 1, 2)}, tensors{of([]int{1, 2}, 2, 0)}},
	})
}

func TestIndexingByHand(t *testing.T) {
	x := count(2, 3)
	checkMoved(t, []moved{
		{"gather by int32", ir.Gather{Axis: 1}, tensors{x, these([]int{2}, int32(-1), 0)}, tensors{of([]int{2, 2}, 3, 1, 6, 4)}},
		{"gather elements", ir.GatherElements{Axis: 1}, tensors{x, ints([]int{2, 2}, 0, -1, 1, 1)}, tensors{of([]int{2, 2}, 1, 3, 5, 5)}},
		{"gather elements of fewer columns", ir.GatherElements{}, tensors{x, ints([]int{1, 2}, 1, 0)}, tensors{of([]int{1, 2}, 4, 2)}},
		{"gather no elements", ir.GatherElements{}, tensors{x, ints([]int{0, 3})}, tensors{of([]int{0, 3})}},
		{"gather nd of elements", ir.GatherND{}, tensors{x, ints([]int{2, 2}, 0, 0, -1, -1)}, tensors{of([]int{2}, 1, 6)}},
		{"gather nd of rows", ir.GatherND{}, tensors{x, ints([]int{1, 1, 1}, 1)}, tensors{of([]int{1, 1, 3}, 4, 5, 6)}},
		{"gather nd in batches", ir.GatherND{BatchDims: 1}, tensors{count(2, 2, 2), ints([]int{2, 1}, 1, 0)}, tensors{of([]int{2, 2}, 3, 4, 5, 6)}},
		{"gather nd of strings", ir.GatherND{}, tensors{these([]int{2}, "a", "b"), ints([]int{1, 1}, 1)}, tensors{these([]int{1}, "b")}},

		{"scatter elements", ir.ScatterElements{Axis: 1}, tensors{x, ints([]int{1, 2}, -1, 0), of([]int{1, 2}, 10, 20)}, tensors{of([]int{2, 3}, 20, 2, 10, 4, 5, 6)}},
		{"scatter the last of two", ir.ScatterElements{}, tensors{count(2), ints([]int{2}, 1, 1), of([]int{2}, 8, 9)}, tensors{of([]int{2}, 1, 9)}},
		{"scatter a sum", ir.ScatterElements{Reduction: ir.ScatterAdd}, tensors{count(2), ints([]int{2}, 1, 1), of([]int{2}, 8, 9)}, tensors{of([]int{2}, 1, 19)}},
		{"scatter a product of int32", ir.ScatterElements{Reduction: ir.ScatterMul}, tensors{these([]int{2}, int32(2), 3), these([]int{2}, int32(0), 0), these([]int{2}, int32(5), 7)}, tensors{these([]int{2}, int32(70), 3)}},
		{"scatter the largest uint64", ir.ScatterElements{Reduction: ir.ScatterMax}, tensors{these([]int{1}, uint64(1)), ints([]int{1}, 0), these([]int{1}, uint64(1<<63))}, tensors{these([]int{1}, uint64(1<<63))}},
		{"scatter the smallest half float", ir.ScatterElements{Reduction: ir.ScatterMin}, tensors{these([]int{1}, tensor.F16(0x3c00)), ints([]int{1}, 0), these([]int{1}, tensor.F16(0xbc00))}, tensors{these([]int{1}, tensor.F16(0xbc00))}},
		{"scatter true into bools", ir.ScatterElements{Reduction: ir.ScatterAdd}, tensors{these([]int{2}, true, false), ints([]int{1}, 0), these([]int{1}, true)}, tensors{these([]int{2}, true, false)}},
		{"scatter nothing", ir.ScatterElements{}, tensors{count(2), ints([]int{0}), of([]int{0})}, tensors{count(2)}},
		{"scatter rows", ir.ScatterND{}, tensors{x, ints([]int{1, 1}, -1), of([]int{1, 3}, 7, 8, 9)}, tensors{of([]int{2, 3}, 1, 2, 3, 7, 8, 9)}},
		{"scatter the largest of rows", ir.ScatterND{Reduction: ir.ScatterMax}, tensors{x, ints([]int{2, 1}, 0, 0), of([]int{2, 3}, 0, 9, 0, 7, 0, 0)}, tensors{of([]int{2, 3}, 7, 9, 3, 4, 5, 6)}},
		{"scatter one element", ir.ScatterND{}, tensors{x, ints([]int{2}, 1, 2), of(nil, 0)}, tensors{of([]int{2, 3}, 1, 2, 3, 4, 5, 0)}},

		// The cache [2×1×3×1] keeps what lies before and after.
		{"write into a cache", ir.TensorScatter{Axis: -2}, tensors{count(2, 1, 3, 1), of([]int{2, 1, 1, 1}, 10, 20), ints([]int{2}, 0, 2)}, tensors{of([]int{2, 1, 3, 1}, 10, 2, 3, 4, 5, 20)}},
		{"write at the front", ir.TensorScatter{Axis: 1}, tensors{count(1, 3), of([]int{1, 2}, 10, 20)}, tensors{of([]int{1, 3}, 10, 20, 3)}},
		{"write round the end", ir.TensorScatter{Axis: 1, Circular: true}, tensors{count(1, 3), of([]int{1, 2}, 10, 20), ints([]int{1}, 5)}, tensors{of([]int{1, 3}, 20, 2, 10)}},

		{"compress elements", ir.Compress{}, tensors{x, these([]int{5}, false, true, false, false, true)}, tensors{of([]int{2}, 2, 5)}},
		{"compress columns", ir.Compress{Axis: -1, HasAxis: true}, tensors{x, these([]int{2}, false, true)}, tensors{of([]int{2, 1}, 2, 5)}},
		{"compress to nothing", ir.Compress{HasAxis: true}, tensors{x, these([]int{0}, []bool{}...)}, tensors{of([]int{0, 3})}},
	})
}

func TestFillingByHand(t *testing.T) {
	checkMoved(t, []moved{
		{"one hot", ir.OneHot{Axis: -1}, tensors{ints([]int{2}, 1, -1), ints(nil, 3), of([]int{2}, 0, 5)}, tensors{of([]int{2, 3}, 0, 5, 0, 0, 0, 5)}},
		{"one hot in front", ir.OneHot{Axis: 0}, tensors{of([]int{2}, 1, 3), of([]int{1}, 2), these([]int{2}, "off", "on")}, tensors{these([]int{2, 2}, "off", "off", "on", "off")}},
		{"one hot before opset 11", ir.OneHot{Axis: -1, PositiveOnly: true}, tensors{ints([]int{1}, -1), ints(nil, 2), of([]int{2}, 0, 1)}, tensors{of([]int{1, 2}, 0, 0)}},
		{"one hot of a scalar", ir.OneHot{Axis: 0}, tensors{these(nil, uint8(1)), these(nil, int32(2)), these([]int{2}, false, true)}, tensors{these([]int{2}, false, true)}},
		{"upper triangle", ir.Trilu{Upper: true}, tensors{count(2, 3), ints(nil, 1)}, tensors{of([]int{2, 3}, 0, 2, 3, 0, 0, 6)}},
		{"lower triangle", ir.Trilu{}, tensors{count(2, 2)}, tensors{of([]int{2, 2}, 1, 0, 3, 4)}},
		{"triangle far above", ir.Trilu{}, tensors{count(2, 2), ints(nil, most)}, tensors{count(2, 2)}},
		{"triangle far below", ir.Trilu{}, tensors{count(2, 2), ints(nil, least)}, tensors{of([]int{2, 2}, 0, 0, 0, 0)}},
		{"eye", ir.EyeLike{DType: tensor.Int64, K: -1}, tensors{count(2, 3)}, tensors{ints([]int{2, 3}, 0, 0, 0, 1, 0, 0)}},
		{"eye far away", ir.EyeLike{K: math.MinInt}, tensors{count(1, 2)}, tensors{of([]int{1, 2}, 0, 0)}},
		{"eye of half floats", ir.EyeLike{DType: tensor.Float16}, tensors{count(1, 1)}, tensors{these([]int{1, 1}, tensor.F16(0x3c00))}},
		{"range", ir.Range{}, tensors{of(nil, 1), of(nil, 2), of(nil, 0.25)}, tensors{of([]int{4}, 1, 1.25, 1.5, 1.75)}},
		{"range downwards", ir.Range{}, tensors{these(nil, int16(5)), these(nil, int16(0)), these(nil, int16(-2))}, tensors{these([]int{3}, int16(5), 3, 1)}},
		{"range over all integers", ir.Range{}, tensors{ints(nil, least), ints(nil, most), ints(nil, most)}, tensors{ints([]int{3}, least, -1, most-1)}},
		{"range of nothing", ir.Range{}, tensors{ints(nil, 1), ints(nil, 1), ints(nil, -1)}, tensors{ints([]int{0})}},
		{"constant of shape", ir.ConstantOfShape{Value: these([]int{1}, "x")}, tensors{ints([]int{2}, 1, 2)}, tensors{these([]int{1, 2}, "x", "x")}},
		{"constant of no shape", ir.ConstantOfShape{Value: of([]int{1}, 3)}, tensors{ints([]int{0})}, tensors{of(nil, 3)}},
		{"non zero", ir.NonZero{}, tensors{of([]int{2, 2}, 0, 1, float32(math.NaN()), float32(math.Copysign(0, -1)))}, tensors{ints([]int{2, 2}, 0, 1, 1, 0)}},
		{"non zero of a scalar", ir.NonZero{}, tensors{these(nil, true)}, tensors{ints([]int{0, 1})}},
		{"non zero of nothing", ir.NonZero{}, tensors{of([]int{0, 2})}, tensors{ints([]int{2, 0})}},
		{"unique", ir.Unique{Sorted: true}, tensors{of([]int{5}, 2, 1, 1, 3, 2)},
			tensors{of([]int{3}, 1, 2, 3), ints([]int{3}, 1, 0, 3), ints([]int{5}, 1, 0, 0, 2, 1), ints([]int{3}, 2, 2, 1)}},
		{"unique in order", ir.Unique{}, tensors{these([]int{4}, "b", "a", "b", "c")},
			tensors{these([]int{3}, "b", "a", "c"), ints([]int{3}, 0, 1, 3), ints([]int{4}, 0, 1, 0, 2), ints([]int{3}, 2, 1, 1)}},
		{"unique rows", ir.Unique{HasAxis: true, Sorted: true}, tensors{of([]int{3, 2}, 1, 0, 0, 5, 1, 0)},
			tensors{of([]int{2, 2}, 0, 5, 1, 0), ints([]int{2}, 1, 0), ints([]int{3}, 1, 0, 1), ints([]int{2}, 1, 2)}},
		{"unique columns", ir.Unique{HasAxis: true, Axis: -1, Sorted: true}, tensors{of([]int{2, 3}, 2, 1, 2, 0, 0, 0)}, tensors{of([]int{2, 2}, 1, 2, 0, 0)}},
		{"unique has NaN last", ir.Unique{Sorted: true}, tensors{these([]int{3}, math.NaN(), 1, math.Inf(1))}, tensors{these([]int{3}, 1, math.Inf(1), math.NaN())}},
		{"unique large uint64", ir.Unique{Sorted: true}, tensors{these([]int{2}, uint64(1<<63), 1)}, tensors{these([]int{2}, uint64(1), 1<<63)}},
		{"unique of nothing", ir.Unique{Sorted: true}, tensors{of([]int{0})}, tensors{of([]int{0}), ints([]int{0}), ints([]int{0}), ints([]int{0})}},
		{"unique of one", ir.Unique{Sorted: true}, tensors{of(nil, 4)}, tensors{of([]int{1}, 4), ints([]int{1}, 0), ints([]int{1}, 0), ints([]int{1}, 1)}},
	})
}

func TestTextByHand(t *testing.T) {
	days := these([]int{3}, "Monday", "tuesday", "İ")
	grams := ir.TfIdfVectorizer{
		MinGram: 1, MaxGram: 2, MaxSkip: 1, Counts: []int64{0, 2}, Indexes: []int64{0, 1, 3, 2}, Weights: []float32{2, 3, 5, 7},
		Pool: []string{"a", "b", "a", "b", "b", "a"},
	}
	with := func(mode ir.TfIdfMode, from, skip int) ir.Operator {
		op := grams
		op.Mode, op.MinGram, op.MaxSkip = mode, from, skip
		return op
	}
	text := these([]int{4}, "a", "b", "b", "a")
	checkMoved(t, []moved{
		{"stopwords of any case", ir.StringNormalizer{Stopwords: []string{"MONDAY"}, Case: ir.UpperCase}, tensors{days}, tensors{these([]int{2}, "TUESDAY", "İ")}},
		{"stopwords of one case", ir.StringNormalizer{Stopwords: []string{"monday"}, CaseSensitive: true}, tensors{days}, tensors{days}},
		{"no words left", ir.StringNormalizer{Stopwords: []string{"a"}}, tensors{these([]int{1, 1}, "a")}, tensors{these([]int{1, 1}, "")}},
		{"Turkish letters", ir.StringNormalizer{Case: ir.LowerCase, Locale: "tr_TR"}, tensors{these([]int{1}, "Iİ")}, tensors{these([]int{1}, "ıi")}},

		// 1-grams a: 2, b: 2. 2-grams ab: once at 0-1, once at 0-2; ba: at 2-3 and at 1-3.
		{"counts", with(ir.TermFrequency, 1, 1), tensors{text}, tensors{of([]int{4}, 2, 2, 2, 2)}},
		{"counts without skips", with(ir.TermFrequency, 1, 0), tensors{text}, tensors{of([]int{4}, 2, 2, 1, 1)}},
		{"counts of pairs", with(ir.TermFrequency, 2, 1), tensors{text}, tensors{of([]int{4}, 0, 0, 2, 2)}},
		{"weights of what is there", with(ir.TermPresence, 1, 0), tensors{these([]int{1, 2}, "a", "b")}, tensors{of([]int{1, 4}, 2, 3, 0, 5)}},
		{"weighted counts", with(ir.TermWeighted, 1, 0), tensors{text}, tensors{of([]int{4}, 4, 6, 7, 5)}},
		{"skips past the end", with(ir.TermFrequency, 1, math.MaxInt), tensors{text}, tensors{of([]int{4}, 2, 2, 2, 2)}},
		{"grams of numbers", ir.TfIdfVectorizer{MinGram: 1, MaxGram: 1, Counts: []int64{0}, Indexes: []int64{0}, Numbers: []int64{7}}, tensors{these([]int{2, 2}, int32(7), 7, 1, 7)}, tensors{of([]int{2, 1}, 2, 1)}},

		{"concat strings", ir.StringConcat{}, tensors{these([]int{2, 1}, "a", "b"), these([]int{2}, "1", "")}, tensors{these([]int{2, 2}, "a1", "a", "b1", "b")}},
		{"concat no strings", ir.StringConcat{}, tensors{these([]int{0}, []string{}...), these([]int{1}, "a")}, tensors{these([]int{0}, []string{}...)}},
		{"split at a delimiter", ir.StringSplit{Delimiter: "--", MaxSplit: -1}, tensors{these([]int{2}, "a----b", "")}, tensors{these([]int{2, 3}, "a", "", "b", "", "", ""), ints([]int{2}, 3, 1)}},
		{"split between words", ir.StringSplit{MaxSplit: -1}, tensors{these([]int{2}, " a  b ", "")}, tensors{these([]int{2, 2}, "a", "b", "", ""), ints([]int{2}, 2, 0)}},
		{"split once", ir.StringSplit{Delimiter: ".", MaxSplit: 1}, tensors{these(nil, "a.b.c")}, tensors{these([]int{2}, "a", "b.c"), ints(nil, 2)}},
		{"split between words once", ir.StringSplit{MaxSplit: 1}, tensors{these([]int{1}, " a  b c ")}, tensors{these([]int{1, 2}, "a", "b c"), ints([]int{1}, 2)}},
		{"split no strings", ir.StringSplit{MaxSplit: -1}, tensors{these([]int{0}, []string{}...)}, tensors{these([]int{0, 0}, []string{}...), ints([]int{0})}},
		{"a full match", ir.RegexFullMatch{Pattern: "a|ab"}, tensors{these([]int{4}, "ab", "a", "abc", "xa")}, tensors{these([]int{4}, true, true, false, false)}},
		{"a match of lines", ir.RegexFullMatch{Pattern: "(?m)^a$"}, tensors{these([]int{2}, "a\na", "a")}, tensors{these([]int{2}, false, true)}},
	})
}

func TestMovementRefusesWhatDoesNotFit(t *testing.T) {
	x, list := count(2, 3), ints([]int{1}, 0)
	for _, c := range []struct {
		name  string
		op    ir.Operator
		in    tensors
		wants string
	}{
		{"an order of other dimensions", ir.Transpose{Perm: []int{0, 0}}, tensors{x}, "perm"},
		{"a step of 0", ir.Slice{}, tensors{x, list, list, list, list}, "steps"},
		{"axes twice", ir.Slice{}, tensors{x, ints([]int{2}, 0, 0), ints([]int{2}, 1, 1), ints([]int{2}, 0, -2)}, "twice"},
		{"more starts than ends", ir.Slice{}, tensors{x, ints([]int{2}, 0, 0), list}, "lengths"},
		{"sizes that leave some", ir.Split{Axis: 1, Parts: 2}, tensors{x, ints([]int{2}, 1, 1)}, "leave 1"},
		{"sizes below 0", ir.Split{Axis: 1, Parts: 2}, tensors{x, ints([]int{2}, -1, 4)}, "split"},
		{"pads past the limit", ir.Pad{}, tensors{count(1), ints([]int{2}, most, most)}, "limit"},
		{"pads that take all and more", ir.Pad{}, tensors{count(1), ints([]int{2}, -1, -1)}, "more than there is"},
		{"reflection of nothing", ir.Pad{Mode: ir.PadReflect}, tensors{count(0), ints([]int{2}, 1, 0)}, "nothing to repeat"},
		{"a value of another type", ir.Pad{}, tensors{count(1), ints([]int{2}, 1, 0), ints(nil, 1)}, "constant_value"},
		{"repeats that overflow", ir.Tile{}, tensors{x, ints([]int{2}, most, most)}, "repeats"},
		{"repeats below 0", ir.Tile{}, tensors{x, ints([]int{2}, -1, 1)}, "repeats"},
		{"a shape that does not broadcast", ir.Expand{}, tensors{x, ints([]int{1}, 2)}, "broadcast"},
		{"blocks that channels do not fill", ir.DepthToSpace{Block: 2}, tensors{count(1, 2, 1, 1)}, "channels"},
		{"blocks of nothing", ir.SpaceToDepth{}, tensors{count(1, 1, 1, 1)}, "blocksize"},
		{"a sequence longer than time", ir.ReverseSequence{BatchAxis: 1}, tensors{count(1, 1), ints([]int{1}, 2)}, "sequence_lens"},
		{"an element past the end", ir.GatherElements{}, tensors{count(2), ints([]int{1}, 2)}, "indices"},
		{"a slice past the end", ir.GatherND{}, tensors{x, ints([]int{1, 2}, 0, -4)}, "indices"},
		{"vectors longer than the rank", ir.GatherND{}, tensors{count(2), ints([]int{1, 2}, 0, 0)}, "indices"},
		{"an update past the end", ir.ScatterElements{}, tensors{count(2), ints([]int{1}, -3), count(1)}, "indices"},
		{"a slice of updates past the end", ir.ScatterND{}, tensors{count(2), ints([]int{1, 1}, 2), count(1)}, "indices"},
		{"sums of strings", ir.ScatterND{Reduction: ir.ScatterAdd}, tensors{these([]int{1}, "a"), ints([]int{1, 1}, 0), these([]int{1}, "b")}, "reduction"},
		{"a write past the cache", ir.TensorScatter{Axis: 1}, tensors{count(1, 2), count(1, 2), ints([]int{1}, 1)}, "write_indices"},
		{"a write along the batch", ir.TensorScatter{Axis: 0}, tensors{count(1, 2), count(1, 2)}, "batch"},
		{"a depth below 0", ir.OneHot{}, tensors{list, ints(nil, -1), count(2)}, "depth"},
		{"a range that never ends", ir.Range{}, tensors{ints(nil, 0), ints(nil, 1), ints(nil, 0)}, "limit"},
		{"a range of NaN", ir.Range{}, tensors{of(nil, 0), of(nil, float32(math.NaN())), of(nil, 1)}, "limit"},
		{"a range of too many", ir.Range{}, tensors{ints(nil, least), ints(nil, most), ints(nil, 1)}, "limit"},
		{"a shape past the limit", ir.ConstantOfShape{Value: count(1)}, tensors{ints([]int{2}, 1<<20, 1<<20)}, "limit"},
		{"a condition past the end", ir.Compress{HasAxis: true}, tensors{count(1), these([]int{2}, true, true)}, "condition"},
		{"n-grams that the pool lacks", ir.TfIdfVectorizer{MinGram: 1, MaxGram: 2, Counts: []int64{0}, Pool: []string{}}, tensors{these([]int{1}, "a")}, "gram"},
		{"a pool of numbers for strings", ir.TfIdfVectorizer{MinGram: 1, MaxGram: 1, Counts: []int64{0}, Numbers: []int64{}}, tensors{these([]int{1}, "a")}, "pool"},
		{"a pattern that ends its group", ir.RegexFullMatch{Pattern: "a)|(b"}, tensors{these([]int{1}, "a")}, "pattern"},
		{"no place in a sequence", ir.SequenceAt{}, tensors{x, list}, "sequence"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := reference.Eval(c.op, c.in)
			if err == nil {
				t.Fatalf("gave %v", out)
			}
			if !strings.Contains(err.Error(), c.wants) {
				t.Errorf("%q does not say %q", err, c.wants)
			}
		})
	}
}
