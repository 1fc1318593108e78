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
// Vocabulary: a kernel computes the outputs of an operator; a family is the
// operators of one kind; an axis is one spatial dimension of a sliding window.
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

// Eval applies op to tensors and gives its outputs, newly allocated. An absent
// optional input is nil or left off the end.
//
// Shapes and element types that the operator does not take are an error, never
// a panic, and so are outputs that are no tensors, and operators that run graphs.
func Eval(op ir.Operator, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	out, err := Evaluate(new(ir.Watch), op, tensor.Values(in))
	if err != nil {
		return nil, err
	}
	tensors := make([]*tensor.Tensor, len(out))
	for i, v := range out {
		t, ok := v.(*tensor.Tensor)
		if !ok && v != nil {
			return nil, fmt.Errorf("%s: output %d is %v, not a tensor", op.Type(), i, v)
		}
		tensors[i] = t
	}
	return tensors, nil
}

// Evaluate is Eval for values of every kind, under a watch: once that is over, the
// outputs are unfinished.
func Evaluate(w *ir.Watch, op ir.Operator, in []tensor.Value) ([]tensor.Value, error) {
	k, err := kernelOf(op)
	if err != nil {
		return nil, err
	}
	for i := range k.needs {
		if i >= len(in) || in[i] == nil {
			return nil, fmt.Errorf("%s: input %d is missing", op.Type(), i)
		}
	}
	var out []tensor.Value
	if k.give != nil {
		out, err = k.give(w, in)
	} else {
		out, err = k.fill(w, op, in)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op.Type(), err)
	}
	return out, nil
}

// kernel computes the outputs of an operator. One that takes longer than
// moving elements asks the watch on the way whether to go on.
type kernel struct {
	needs int // inputs that must be there
	// run computes tensors whose shapes follow from the inputs, into out. It is
	// not called if all are empty.
	run func(w *ir.Watch, in, out args) error
	// give, in place of run, makes outputs that only computing them tells, or
	// that are no tensors. An absent input is nil or left off the end.
	give func(w *ir.Watch, in []tensor.Value) ([]tensor.Value, error)
}

// fill runs a kernel on newly allocated outputs.
func (k kernel) fill(w *ir.Watch, op ir.Operator, in []tensor.Value) ([]tensor.Value, error) {
	tensors, err := tensorsOf(in)
	if err != nil {
		return nil, err
	}
	out, err := results(op, tensors)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(out, func(t *tensor.Tensor) bool { return t.Len() > 0 }) {
		err = k.run(w, pad(tensors), out)
	}
	return tensor.Values(out), err
}

// args are an operator's inputs; those that are absent are nil. An operator of any
// number of inputs reads the slice, whose end may then be nils.
type args []*tensor.Tensor

// mostInputs is the largest number of inputs that an operator names.
const mostInputs = 16

// pad gives in a nil for each input left off the end.
func pad(in []*tensor.Tensor) args {
	return append(slices.Clone(in), make(args, max(0, mostInputs-len(in)))...)
}

// tensorsOf are an operator's inputs, which must all be tensors.
func tensorsOf(in []tensor.Value) (args, error) {
	tensors := make(args, len(in))
	for i, v := range in {
		t, ok := v.(*tensor.Tensor)
		if !ok && v != nil {
			return nil, fmt.Errorf("input %d is a %v, not a tensor", i, v.Type())
		}
		tensors[i] = t
	}
	return tensors, nil
}

// Supports says what is missing if Evaluate does not know an operator.
func Supports(op ir.Operator) error {
	_, err := kernelOf(op)
	return err
}

// kernelOf finds the loops of an operator: each family knows its own.
func kernelOf(op ir.Operator) (kernel, error) {
	for _, family := range families {
		if k, ok := family(op); ok {
			return k, nil
		}
	}
	return kernel{}, fmt.Errorf("%s is not an operator of the reference engine", op.Type())
}

var families = []func(ir.Operator) (kernel, bool){
	spatial, linear, reductions, movement,
	unary, binary, casts, batches, chance, quantization,
	arranging, indexing, filling, choosing, texts, sequential,
	normalizations, losses, attentions, recurrents, signals, optimizers,
	classical,
}

// one is a kernel with one output.
func one(needs int, run func(w *ir.Watch, in args, y *tensor.Tensor) error) (kernel, bool) {
	return kernel{needs: needs, run: func(w *ir.Watch, in, out args) error { return run(w, in, out[0]) }}, true
}

// movement finds the loops of an operator that only moves elements, whatever
// their type.
func movement(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.Concat:
		return one(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return concat(op, in, y) })
	case ir.Gather:
		return one(2, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return gather(op, in[0], in[1], y) })
	case ir.Shape:
		return one(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return shape(op, in[0], y) })
	case ir.Reshape, ir.Unsqueeze:
		return one(2, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return copyElements(in[0], y) })
	case ir.Identity:
		return kernel{needs: 1, give: func(_ *ir.Watch, in []tensor.Value) ([]tensor.Value, error) {
			return []tensor.Value{tensor.Clone(in[0])}, nil
		}}, true
	case ir.Flatten, ir.Squeeze:
		return one(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return copyElements(in[0], y) })
	}
	return kernel{}, false
}

// known is what inference is told of tensors: all.
func known(in []*tensor.Tensor) []ir.Info {
	infos := make([]ir.Info, len(in))
	for i, t := range in {
		if t != nil {
			infos[i] = ir.Info{DType: t.DType(), Shape: t.Shape(), Const: t}
		}
	}
	return infos
}

// results allocates the outputs that op infers for in.
func results(op ir.Operator, in []*tensor.Tensor) (args, error) {
	infos, err := op.Infer(known(in))
	if err != nil {
		return nil, err
	}
	out := make(args, len(infos))
	for i, info := range infos {
		if !info.Known() {
			return nil, fmt.Errorf("output %d: its shape does not follow from the inputs", i)
		}
		if err := info.Check(); err != nil && !slices.Contains(info.Shape, 0) {
			return nil, fmt.Errorf("output %d: %w", i, err)
		}
		if out[i], err = tensor.New(info.DType, info.Shape...); err != nil {
			return nil, err
		}
	}
	return out, nil
}
