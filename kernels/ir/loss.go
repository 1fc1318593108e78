package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Averaging is how losses of elements become one.
type Averaging uint8

// The ways of ONNX's attribute reduction.
const (
	LossMean Averaging = iota // weighted, over what is not ignored
	LossSum
	LossEach // "none": they stay
)

// Ignoring is the label of elements that no loss is counted for.
type Ignoring struct {
	Label int
	Set   bool
}

// NegativeLogLikelihoodLoss is −weight·x of each element's own class. Inputs: x
// [N×C×…], target, int64 or int32 [N×…], optional weight [C]. Output: a scalar, or
// with LossEach [N×…]. (ONNX NegativeLogLikelihoodLoss-22.)
type NegativeLogLikelihoodLoss struct {
	Averaging Averaging
	Ignoring  Ignoring
}

// SoftmaxCrossEntropyLoss is NegativeLogLikelihoodLoss of the logarithm of softmax
// over the classes. Inputs: scores [N×C×…], labels, int64 or int32 [N×…], optional
// weights [C]. Outputs: the loss, and the logarithms. (ONNX
// SoftmaxCrossEntropyLoss-13.)
type SoftmaxCrossEntropyLoss struct {
	Averaging Averaging
	Ignoring  Ignoring
}

// Type is "NegativeLogLikelihoodLoss".
func (NegativeLogLikelihoodLoss) Type() string { return "NegativeLogLikelihoodLoss" }

// Infer gives a scalar or removes the classes.
func (op NegativeLogLikelihoodLoss) Infer(in []Info) ([]Info, error) {
	return classified(in, op.Averaging, "input", "target", "weight")
}

// Type is "SoftmaxCrossEntropyLoss".
func (SoftmaxCrossEntropyLoss) Type() string { return "SoftmaxCrossEntropyLoss" }

// Infer gives a scalar or removes the classes, and keeps them for the logarithms.
func (op SoftmaxCrossEntropyLoss) Infer(in []Info) ([]Info, error) {
	out, err := classified(in, op.Averaging, "scores", "labels", "weights")
	if err != nil {
		return nil, err
	}
	return append(out, Info{DType: in[0].DType, Shape: in[0].Shape.Clone()}), nil
}

func classified(in operands, by Averaging, scores, labels, weights string) ([]Info, error) {
	if err := in.match(
		parameter{name: scores, class: realNumbers},
		parameter{name: labels, class: indices},
		parameter{name: weights, dtype: in.dtypeOf(0), optional: true},
	); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) < 2 {
		return nil, fmt.Errorf("input 0 (%s) has shape %v, want at least N×C", scores, x)
	}
	each := append(x[:1:1].Clone(), x[2:]...)
	if err := in.is(1, labels, each); err != nil {
		return nil, err
	}
	if err := in.is(2, weights, x[1:2]); err != nil {
		return nil, err
	}
	if by == LossEach {
		return result(in[0].DType, each)
	}
	return result(in[0].DType, tensor.Shape{})
}
