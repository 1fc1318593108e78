package reference

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func losses(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.NegativeLogLikelihoodLoss:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error {
			l := losing{op.Averaging, op.Ignoring, "target"}
			return l.run(w, reals(in[0]), in[0].Shape(), in[1], in[2], y)
		})
	case ir.SoftmaxCrossEntropyLoss:
		return kernel{needs: 2, run: func(w *ir.Watch, in, out args) error {
			if err := eachLine(w, in[0], out[1], 1, false, logSoftmax); err != nil {
				return err
			}
			l := losing{op.Averaging, op.Ignoring, "labels"}
			return l.run(w, reals(out[1]), in[0].Shape(), in[1], in[2], out[0])
		}}, true
	}
	return kernel{}, false
}

// losing computes a loss from the logarithms of probabilities.
type losing struct {
	averaging ir.Averaging
	ignoring  ir.Ignoring
	labels    string // the name of that input
}

// run takes −weight·x of each element's own class (ONNX
// NegativeLogLikelihoodLoss-22). x is [N×C×…].
func (l losing) run(w *ir.Watch, x []float64, s tensor.Shape, labels, weights, yt *tensor.Tensor) error {
	classes, inner := s[1], size(s[2:])
	weight := realsOf(weights)
	each := make([]float64, labels.Len())
	total, count := 0.0, 0.0
	for i, label := range wholes(labels) {
		if w.Over(1) {
			return nil
		}
		if l.ignoring.Set && label == int64(l.ignoring.Label) {
			continue
		}
		if label < 0 || label >= int64(classes) {
			return fmt.Errorf("input 1 (%s): element %d is %d, want one of %d classes", l.labels, i, label, classes)
		}
		factor := 1.0
		if weight != nil {
			factor = weight[label]
		}
		each[i] = -factor * x[(i/inner*classes+int(label))*inner+i%inner]
		total += each[i]
		count += factor
	}
	switch l.averaging {
	case ir.LossEach:
		putReals(yt, each)
	case ir.LossSum:
		putReals(yt, []float64{total})
	default:
		putReals(yt, []float64{total / count})
	}
	return nil
}
