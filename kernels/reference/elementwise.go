package reference

import (
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// activate applies the epilogue that Fuse moved into a producer. NaN stays NaN.
func activate(a ir.Activation, v float32) float32 {
	if !a.Clip {
		return v
	}
	return min(max(v, a.Min), a.Max)
}

// relu is max(x, 0) for each element (ONNX Relu-14). X and Y have one shape.
func relu(xt, yt *tensor.Tensor) error {
	y := tensor.Data[float32](yt)
	for i, x := range tensor.Data[float32](xt) {
		y[i] = max(x, 0)
	}
	return nil
}

// clip limits each element to [lo, hi]; where lo > hi, hi wins (ONNX Clip-13).
// X and Y have one shape, lo and hi are scalars or absent.
func clip(xt, lo, hi, yt *tensor.Tensor) error {
	a := ir.Activation{Clip: true, Min: float32(math.Inf(-1)), Max: float32(math.Inf(1))}
	if lo != nil {
		a.Min = tensor.Data[float32](lo)[0]
	}
	if hi != nil {
		a.Max = tensor.Data[float32](hi)[0]
	}
	y := tensor.Data[float32](yt)
	for i, x := range tensor.Data[float32](xt) {
		y[i] = activate(a, x)
	}
	return nil
}

// add is act(A + B) (ONNX Add-14). A and B are broadcast to Y's shape: aligned at
// the last dimension, an extent of 1 is repeated.
func add(w *ir.Watch, op ir.Add, at, bt, yt *tensor.Tensor) error {
	a, b, y := tensor.Data[float32](at), tensor.Data[float32](bt), tensor.Data[float32](yt)
	as, bs := strides(at.Shape(), yt.Shape()), strides(bt.Shape(), yt.Shape())
	for i := range y {
		if w.Over(1) {
			return nil
		}
		y[i] = activate(op.Act, a[offset(i, yt.Shape(), as)]+b[offset(i, yt.Shape(), bs)])
	}
	return nil
}

// batchNormalization is scale·(x − mean)/√(variance + ε) + bias for each
// channel (ONNX BatchNormalization-15, inference). X and Y are [N×C×…]; in[1:]
// are scale, bias, mean and variance, each [C].
func batchNormalization(w *ir.Watch, op ir.BatchNormalization, in args, yt *tensor.Tensor) error {
	x, y := tensor.Data[float32](in[0]), tensor.Data[float32](yt)
	parameter := func(i, c int) float64 { return float64(tensor.Data[float32](in[i])[c]) }
	channels, inner := yt.Shape()[1], size(yt.Shape()[2:])
	for i := range y {
		if w.Over(1) {
			return nil
		}
		c := i / inner % channels
		slope := parameter(1, c) / math.Sqrt(parameter(4, c)+float64(op.Epsilon))
		y[i] = float32((float64(x[i])-parameter(3, c))*slope + parameter(2, c))
	}
	return nil
}
