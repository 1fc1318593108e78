package kerneltest

import (
	"math"
	"slices"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Distance is max|got−want| ÷ max|want|, or the largest difference itself
// where want is all zeros. Infinities and NaN must stand in the same places;
// it is +Inf where they do not, where types or shapes differ, and where
// integers differ at all.
func Distance(got, want *tensor.Tensor) float64 {
	if got.DType() != want.DType() || !got.Shape().Equal(want.Shape()) {
		return math.Inf(1)
	}
	if !slices.Equal(tensor.Data[int64](got), tensor.Data[int64](want)) {
		return math.Inf(1)
	}
	largest, scale := 0.0, 0.0
	a, b := tensor.Data[float32](got), tensor.Data[float32](want)
	for i := range b {
		x, y := float64(a[i]), float64(b[i])
		switch {
		case finite(x) && finite(y):
			largest, scale = max(largest, math.Abs(x-y)), max(scale, math.Abs(y))
		case x != y && !(math.IsNaN(x) && math.IsNaN(y)):
			return math.Inf(1)
		}
	}
	if scale == 0 {
		return largest
	}
	return largest / scale
}

func finite(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }

// Identical reports whether two tensors agree in type, shape and every bit.
func Identical(a, b *tensor.Tensor) bool {
	return a.DType() == b.DType() && a.Shape().Equal(b.Shape()) &&
		slices.Equal(tensor.Data[int64](a), tensor.Data[int64](b)) &&
		slices.EqualFunc(tensor.Data[float32](a), tensor.Data[float32](b), func(x, y float32) bool {
			return math.Float32bits(x) == math.Float32bits(y)
		})
}
