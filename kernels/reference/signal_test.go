package reference_test

import (
	"math"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestTransformsByHand(t *testing.T) {
	signal := of([]int{1, 4, 1}, 1, 2, 3, 4) // 10, −2+2i, −2, −2−2i
	axis := ints(nil, 1)
	half := of([]int{1, 3, 2}, 10, 0, -2, 2, -2, 0)
	checkAll(t, []worked{
		{"real", ir.DFT{}, []*tensor.Tensor{signal, nil, axis}, []string{"float32[1×4×2] [10 0 -2 2 -2 0 -2 -2]"}},
		{"one side", ir.DFT{OneSided: true}, []*tensor.Tensor{signal, nil, ints(nil, -2)}, []string{"float32[1×3×2] [10 0 -2 2 -2 0]"}},
		{"cut", ir.DFT{}, []*tensor.Tensor{signal, ints(nil, 2)}, []string{"float32[1×2×2] [3 0 -1 0]"}},
		{"filled up", ir.DFT{}, []*tensor.Tensor{of([]int{1, 1, 1}, 5), ints(nil, 2)}, []string{"float32[1×2×2] [5 0 5 0]"}},
		{"inverse", ir.DFT{Inverse: true}, []*tensor.Tensor{of([]int{1, 2, 2}, 3, 0, -1, 0)}, []string{"float32[1×2×2] [1 0 2 0]"}},
		{"inverse of one side", ir.DFT{Inverse: true, OneSided: true}, []*tensor.Tensor{half}, []string{"float32[1×4×1] [1 2 3 4]"}},
		// (10 + 2·Re((−2+2i)·e^(2πik/3)))/3.
		{"inverse of one side, odd", ir.DFT{Inverse: true, OneSided: true}, []*tensor.Tensor{half, ints(nil, 3)}, []string{"float32[1×3×1] [2 2.8453 5.1547]"}},
		{"imaginary", ir.DFT{}, []*tensor.Tensor{typed(f64, []int{2, 2}, 0, 1, 0, 3)}, []string{"float64[2×2] [0 4 0 -2]"}},
		{"an outer axis", ir.DFT{}, []*tensor.Tensor{of([]int{2, 2, 1}, 1, 10, 2, 20), nil, ints(nil, 0)}, []string{"float32[2×2×2] [3 0 30 0 -1 0 -10 0]"}},
		// Frames 1 2, 2 3, 3 4 of step 1.
		{"frames", ir.STFT{OneSided: true}, []*tensor.Tensor{signal, ints(nil, 1), nil, ints(nil, 2)}, []string{"float32[1×3×2×2] [3 0 -1 0 5 0 -1 0 7 0 -1 0]"}},
		{"frames under a window", ir.STFT{}, []*tensor.Tensor{signal, ints(nil, 2), of([]int{2}, 1, 10)}, []string{"float32[1×2×2×2] [21 0 -19 0 43 0 -37 0]"}},
		{"Hann", ir.CosineWindow{Name: ir.Hann, Periodic: true, DType: tensor.Float32}, []*tensor.Tensor{ints(nil, 4)}, []string{"float32[4] [0 0.5 1 0.5]"}},
		{"Hann, symmetric", ir.CosineWindow{Name: ir.Hann, DType: f16}, []*tensor.Tensor{ints(nil, 3)}, []string{"float16[3] [0 1 0]"}},
		{"Hamming", ir.CosineWindow{Name: ir.Hamming, Periodic: true, DType: f64}, []*tensor.Tensor{typed(i32, nil, 2)}, []string{"float64[2] [0.086957 1]"}},
		{"Blackman", ir.CosineWindow{Name: ir.Blackman, Periodic: true, DType: f64}, []*tensor.Tensor{ints([]int{1}, 4)}, []string{"float64[4] [0 0.34 1 0.34]"}},
		{"a window of one", ir.CosineWindow{Name: ir.Blackman, DType: i32}, []*tensor.Tensor{ints(nil, 1)}, []string{"int32[1] [1]"}},
		{"a window of none", ir.CosineWindow{Name: ir.Hann, DType: tensor.Float32}, []*tensor.Tensor{ints(nil, 0)}, []string{"float32[0] []"}},
	})
	refused(t, []misuse{
		{ir.DFT{}, []*tensor.Tensor{count(1, 4, 3)}, "real […×1] or complex"},
		{ir.DFT{}, []*tensor.Tensor{signal, nil, ints(nil, 2)}, "holds the complex parts"},
		{ir.DFT{}, []*tensor.Tensor{signal, ints(nil, 0)}, "transform of 0"},
		{ir.DFT{OneSided: true}, []*tensor.Tensor{half}, "one side"},
		{ir.DFT{}, []*tensor.Tensor{signal, ints(nil, math.MaxInt64)}, "no extent"},
		{ir.STFT{}, []*tensor.Tensor{signal, ints(nil, 0)}, "frame_step) is 0"},
		{ir.STFT{}, []*tensor.Tensor{signal, ints(nil, 1), nil, ints(nil, 5)}, "no frame of 5"},
		{ir.STFT{}, []*tensor.Tensor{signal, ints(nil, 1), count(2), ints(nil, 3)}, "for frames of 3"},
		{ir.CosineWindow{Name: ir.Hann, DType: tensor.Bool}, []*tensor.Tensor{ints(nil, 3)}, "output_datatype is bool"},
		{ir.CosineWindow{Name: ir.Hann, DType: tensor.Float32}, []*tensor.Tensor{ints(nil, -1)}, "no extent"},
		{ir.MelWeightMatrix{DType: tensor.Float32}, []*tensor.Tensor{ints(nil, 2), ints(nil, 8), ints(nil, 0), of(nil, 0), of(nil, 1)}, "sample_rate"},
	})
}

// The transform of an element after the first is all roots in turn.
func TestALongTransformKeepsNoRoots(t *testing.T) {
	const n = 1 << 17
	out, err := reference.Eval(ir.DFT{}, []*tensor.Tensor{of([]int{1, 2, 1}, 0, 1), ints(nil, n)})
	if err != nil {
		t.Fatal(err)
	}
	y := tensor.Data[float32](out[0])
	if v := y[2*(n/4):][:2]; math.Abs(float64(v[0])) > 1e-6 || v[1] != -1 {
		t.Errorf("a quarter turn is %v, want [0 -1]", v)
	}
}
