package reference

import (
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// spatial finds the loops of an operator that looks at pictures: windows that
// slide, samples between elements, boxes.
func spatial(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.Conv:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return conv(w, op, in[0], in[1], in[2], y) })
	case ir.ConvTranspose:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error {
			return convTranspose(w, op, in[0], in[1], in[2], y)
		})
	case ir.DeformConv:
		return one(3, func(w *ir.Watch, in args, y *tensor.Tensor) error { return deformConv(w, op, in, y) })
	case ir.ConvInteger:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return convInteger(w, op, in, y) })
	case ir.QLinearConv:
		return one(8, func(w *ir.Watch, in args, y *tensor.Tensor) error { return qLinearConv(w, op, in, y) })
	case ir.Col2Im:
		return one(3, func(w *ir.Watch, in args, y *tensor.Tensor) error { return col2Im(w, op, in[0], in[1], in[2], y) })
	case ir.MaxUnpool:
		return one(2, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return maxUnpool(op, in[0], in[1], y) })
	case ir.ImageDecoder:
		return kernel{needs: 1, give: func(_ *ir.Watch, in []tensor.Value) ([]tensor.Value, error) { return decodeImage(op, in) }}, true
	}
	return pooling(op)
}

func pooling(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.MaxPool:
		return kernel{needs: 1, run: func(w *ir.Watch, in, out args) error { return maxPool(w, op, in[0], out) }}, true
	case ir.AveragePool:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return averagePool(w, op, in[0], y) })
	case ir.LpPool:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return lpPool(w, op, in[0], y) })
	case ir.GlobalAveragePool:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return globalPool(w, in[0], y, meanOf) })
	case ir.GlobalMaxPool:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return globalPool(w, in[0], y, largestOf) })
	case ir.GlobalLpPool:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error {
			return globalPool(w, in[0], y, func(v []float64) float64 { return pNorm(v, op.P) })
		})
	}
	return sampling(op)
}

func sampling(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.Resize:
		return one(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return resize(w, op, in, y) })
	case ir.GridSample:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return gridSample(w, op, in[0], in[1], y) })
	case ir.AffineGrid:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return affineGrid(w, op, in[0], y) })
	case ir.RoiAlign:
		return one(3, func(w *ir.Watch, in args, y *tensor.Tensor) error { return roiAlign(w, op, in[0], in[1], in[2], y) })
	case ir.MaxRoiPool:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return maxRoiPool(w, op, in[0], in[1], y) })
	case ir.NonMaxSuppression:
		return kernel{needs: 2, give: func(w *ir.Watch, in []tensor.Value) ([]tensor.Value, error) { return nonMaxSuppression(w, op, in) }}, true
	}
	return kernel{}, false
}

// inferred is what an operator that gives its outputs itself checks first: that
// the inputs are tensors that it takes.
func inferred(op ir.Operator, in []tensor.Value) (args, error) {
	tensors, err := tensorsOf(in)
	if err != nil {
		return nil, err
	}
	known := make([]ir.Info, len(tensors))
	for i, t := range tensors {
		if t != nil {
			known[i] = ir.Info{DType: t.DType(), Shape: t.Shape(), Const: t}
		}
	}
	_, err = op.Infer(known)
	return pad(tensors), err
}
