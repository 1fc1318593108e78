// Package reference computes every operator of package ir with slow, obvious
// loops. It is the oracle: the other engines must agree with it, and constants
// are folded with it.
//
// It owns one definition of each operator, written to be checked by eye against
// the ONNX specification, which each kernel names. Sums are kept in float64, so
// that a faster engine is compared with something better than itself. It
// refuses to be clever: no blocking, no reuse of buffers, no fusion of its own
// (an epilogue that Fuse put into an operator is applied). It imports only
// packages ir and tensor.
//
// Vocabulary: a kernel computes the one output of an operator; an axis is one
// spatial dimension of a sliding window.
//
//	sum, err := reference.Eval(ir.Add{}, []*tensor.Tensor{a, b})
//	if err != nil {
//		return err
//	}
//	fmt.Println(tensor.Data[float32](sum[0]))
package reference

import (
	"fmt"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Eval applies op to in and gives its outputs, newly allocated. An absent
// optional input is nil or left off the end.
//
// Shapes and element types that the operator does not take are an error, never
// a panic.
func Eval(op ir.Operator, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	return evaluate(new(ir.Watch), op, in)
}

// evaluate is Eval under a watch: the elements are unfinished if that is over.
func evaluate(w *ir.Watch, op ir.Operator, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	k, err := kernelOf(op)
	if err != nil {
		return nil, err
	}
	for i := range k.needs {
		if i >= len(in) || in[i] == nil {
			return nil, fmt.Errorf("%s: input %d is missing", op.Type(), i)
		}
	}
	y, err := result(op, in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op.Type(), err)
	}
	if y.Len() == 0 {
		return []*tensor.Tensor{y}, nil
	}
	if err := k.run(w, pad(in), y); err != nil {
		return nil, fmt.Errorf("%s: %w", op.Type(), err)
	}
	return []*tensor.Tensor{y}, nil
}

// kernel computes the one output of an operator. One that takes longer than
// moving elements asks the watch on the way whether to go on.
type kernel struct {
	needs int // inputs that must be there
	run   func(w *ir.Watch, in args, y *tensor.Tensor) error
}

// args are an operator's inputs; those that are absent are nil. Concat alone
// takes more than its operator names and reads the slice.
type args []*tensor.Tensor

// mostInputs is the largest number of inputs that an operator names.
const mostInputs = 5

// pad gives in a nil for each input left off the end.
func pad(in []*tensor.Tensor) args {
	return append(slices.Clone(in), make(args, max(0, mostInputs-len(in)))...)
}

// kernelOf finds the loops of an operator.
func kernelOf(op ir.Operator) (kernel, error) {
	switch op := op.(type) {
	case ir.Conv:
		return floats(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return conv(w, op, in[0], in[1], in[2], y) }), nil
	case ir.BatchNormalization:
		return floats(5, func(w *ir.Watch, in args, y *tensor.Tensor) error { return batchNormalization(w, op, in, y) }), nil
	case ir.Relu:
		return floats(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return relu(in[0], y) }), nil
	case ir.Clip:
		return floats(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return clip(in[0], in[1], in[2], y) }), nil
	case ir.Add:
		return floats(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return add(w, op, in[0], in[1], y) }), nil
	case ir.Gemm:
		return floats(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return gemm(w, op, in[0], in[1], in[2], y) }), nil
	case ir.MatMul:
		return floats(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return matMul(w, in[0], in[1], y) }), nil
	case ir.MaxPool:
		return floats(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return maxPool(w, op, in[0], y) }), nil
	case ir.AveragePool:
		return floats(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return averagePool(w, op, in[0], y) }), nil
	case ir.GlobalAveragePool:
		return floats(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return globalAveragePool(in[0], y) }), nil
	case ir.ReduceMean:
		return kernel{1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return reduceMean(w, op, in[0], in[1], y) }}, nil
	case ir.Softmax:
		return floats(1, func(w *ir.Watch, in args, y *tensor.Tensor) error { return softmax(w, op, in[0], y) }), nil
	}
	return movement(op)
}

// movement finds the loops of an operator that only moves elements, whatever
// their type.
func movement(op ir.Operator) (kernel, error) {
	switch op := op.(type) {
	case ir.Concat:
		return kernel{1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return concat(op, in, y) }}, nil
	case ir.Gather:
		return kernel{2, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return gather(op, in[0], in[1], y) }}, nil
	case ir.Shape:
		return kernel{1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return shape(op, in[0], y) }}, nil
	case ir.Reshape, ir.Unsqueeze:
		return kernel{2, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return copyElements(in[0], y) }}, nil
	case ir.Flatten, ir.Squeeze, ir.Identity:
		return kernel{1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return copyElements(in[0], y) }}, nil
	}
	return kernel{}, fmt.Errorf("%s is not an operator of the reference engine", op.Type())
}

// floats is a kernel all of whose inputs must be float32.
func floats(needs int, run func(*ir.Watch, args, *tensor.Tensor) error) kernel {
	return kernel{needs, func(w *ir.Watch, in args, y *tensor.Tensor) error {
		for i, t := range in {
			if t != nil && t.DType() != tensor.Float32 {
				return fmt.Errorf("input %d is %v; only float32 is supported", i, t)
			}
		}
		return run(w, in, y)
	}}
}

// result allocates the output that op infers for in.
func result(op ir.Operator, in []*tensor.Tensor) (*tensor.Tensor, error) {
	known := make([]ir.Info, len(in))
	for i, t := range in {
		if t != nil {
			known[i] = ir.Info{DType: t.DType(), Shape: t.Shape(), Const: t}
		}
	}
	infos, err := op.Infer(known)
	if err != nil {
		return nil, err
	}
	if len(infos) != 1 {
		return nil, fmt.Errorf("%d outputs were inferred; the reference engine gives 1", len(infos))
	}
	return tensor.New(infos[0].DType, infos[0].Shape...)
}
