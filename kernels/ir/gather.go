package ir

import (
	"fmt"
	"slices"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// GatherElements takes for each index the element of X at the index's own place,
// but along Axis where the index says. Inputs: X, indices of X's rank, int64 or
// int32, which may be negative. (ONNX GatherElements-13.)
type GatherElements struct{ Axis int }

// Type is "GatherElements".
func (GatherElements) Type() string { return "GatherElements" }

// Infer gives the indices' shape.
func (op GatherElements) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "data"}, parameter{name: "indices", class: indices}); err != nil {
		return nil, err
	}
	if err := alongside(in[0].Shape, in[1].Shape, op.Axis); err != nil {
		return nil, err
	}
	return result(in[0].DType, in[1].Shape.Clone())
}

// alongside checks that indices stand beside a tensor's elements along an axis.
func alongside(x, at tensor.Shape, attribute int) error {
	axis, err := axisAttribute(attribute, len(x))
	if err != nil {
		return err
	}
	if len(at) != len(x) {
		return fmt.Errorf("input 1 (indices) has shape %v for data of rank %d", at, len(x))
	}
	for i, d := range at {
		if i != axis && d > x[i] {
			return fmt.Errorf("input 1 (indices) has shape %v, which reaches past data %v in dimension %d", at, x, i)
		}
	}
	return nil
}

// GatherND takes for each vector of indices the slice of X that it leads to.
// Inputs: X, int64 indices [batch…×any…×k]: the first BatchDims dimensions are
// X's too, and k indices select in the dimensions that follow. An index may be
// negative. (ONNX GatherND-13.)
type GatherND struct{ BatchDims int }

// Type is "GatherND".
func (GatherND) Type() string { return "GatherND" }

// Infer puts the slice's shape in place of the vectors.
func (op GatherND) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "data"}, parameter{name: "indices", dtype: tensor.Int64}); err != nil {
		return nil, err
	}
	x, at, b := in[0].Shape, in[1].Shape, op.BatchDims
	if b < 0 || b >= len(x) || b >= len(at) {
		return nil, fmt.Errorf("attribute batch_dims is %d for data %v and indices %v", b, x, at)
	}
	if !x[:b].Equal(at[:b]) {
		return nil, fmt.Errorf("inputs data %v and indices %v differ in their first %d dimensions", x, at, b)
	}
	k := at[len(at)-1]
	if k < 1 || k > len(x)-b {
		return nil, fmt.Errorf("input 1 (indices) has shape %v: vectors of %d do not lead into data %v", at, k, x)
	}
	return result(in[0].DType, append(at[:len(at)-1].Clone(), x[b+k:]...))
}

// Compress keeps the slices along Axis for which a condition is true, or without
// HasAxis the elements of X as one vector. Inputs: X, bool condition, a vector that
// may be shorter: what it does not reach is left out. (ONNX Compress-11.)
type Compress struct {
	Axis    int
	HasAxis bool
}

// Type is "Compress".
func (Compress) Type() string { return "Compress" }

// Infer leaves the shape to the run.
func (op Compress) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}, parameter{name: "condition", dtype: tensor.Bool}); err != nil {
		return nil, err
	}
	if len(in[1].Shape) != 1 {
		return nil, fmt.Errorf("input 1 (condition) has shape %v, want a vector", in[1].Shape)
	}
	if op.HasAxis {
		if _, err := axisAttribute(op.Axis, len(in[0].Shape)); err != nil {
			return nil, err
		}
	}
	return open(in[0].DType)
}

// Scattering says how a scattered element meets what is there.
type Scattering uint8

// The reductions of ScatterElements and ScatterND. Several elements for one place
// are taken in their order.
const (
	ScatterReplace Scattering = iota
	ScatterAdd
	ScatterMul
	ScatterMax
	ScatterMin
)

func (r Scattering) check(d tensor.DType) error {
	if r != ScatterReplace && !d.IsFloat() && !d.IsInteger() && d != tensor.Bool {
		return fmt.Errorf("attribute reduction: %v is not reduced", d)
	}
	return nil
}

// ScatterElements is X with each update at its own place, but along Axis where its
// index says. Inputs: X, indices of X's rank, int64 or int32, updates of their
// shape. (ONNX ScatterElements-18.)
type ScatterElements struct {
	Axis      int
	Reduction Scattering
}

// Type is "ScatterElements".
func (ScatterElements) Type() string { return "ScatterElements" }

// Infer keeps the shape.
func (op ScatterElements) Infer(in []Info) ([]Info, error) {
	if err := scattered(in, op.Reduction, indices); err != nil {
		return nil, err
	}
	if err := alongside(in[0].Shape, in[1].Shape, op.Axis); err != nil {
		return nil, err
	}
	if !in[2].Shape.Equal(in[1].Shape) {
		return nil, fmt.Errorf("input 2 (updates) has shape %v, want that of the indices, %v", in[2].Shape, in[1].Shape)
	}
	return result(in[0].DType, in[0].Shape.Clone())
}

func scattered(in []Info, r Scattering, c class) error {
	if err := operands(in).match(parameter{name: "data"}, parameter{name: "indices", class: c}, parameter{name: "updates"}); err != nil {
		return err
	}
	if in[2].DType != in[0].DType {
		return fmt.Errorf("input 2 (updates) is %v and the data %v", in[2].DType, in[0].DType)
	}
	return r.check(in[0].DType)
}

// ScatterND is X with slices of updates at the places that vectors of indices lead
// to. Inputs: X, int64 indices [any…×k], updates [any…×slice…]. (ONNX
// ScatterND-18.)
type ScatterND struct{ Reduction Scattering }

// Type is "ScatterND".
func (ScatterND) Type() string { return "ScatterND" }

// Infer keeps the shape.
func (op ScatterND) Infer(in []Info) ([]Info, error) {
	if err := scattered(in, op.Reduction, class{"int64", func(d tensor.DType) bool { return d == tensor.Int64 }}); err != nil {
		return nil, err
	}
	x, at := in[0].Shape, in[1].Shape
	if len(at) == 0 || at[len(at)-1] < 1 || at[len(at)-1] > len(x) {
		return nil, fmt.Errorf("input 1 (indices) has shape %v, whose vectors do not lead into data %v", at, x)
	}
	if want := slices.Concat(at[:len(at)-1], x[at[len(at)-1]:]); !in[2].Shape.Equal(want) {
		return nil, fmt.Errorf("input 2 (updates) has shape %v, want %v", in[2].Shape, want)
	}
	return result(in[0].DType, x.Clone())
}

// TensorScatter writes updates into a cache along Axis, for each element of the
// first dimension from its own index on. Inputs: the cache, update (its shape, but
// shorter along Axis), optional int64 write_indices [batch] (absent: 0). Circular
// goes on at the front after the end. (ONNX TensorScatter-24.)
type TensorScatter struct {
	Axis     int
	Circular bool
}

// Type is "TensorScatter".
func (TensorScatter) Type() string { return "TensorScatter" }

// Infer keeps the cache's shape.
func (op TensorScatter) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "past_cache"}, parameter{name: "update"},
		parameter{name: "write_indices", dtype: tensor.Int64, optional: true}); err != nil {
		return nil, err
	}
	if in[1].DType != in[0].DType {
		return nil, fmt.Errorf("input 1 (update) is %v and the cache %v", in[1].DType, in[0].DType)
	}
	x, update := in[0].Shape, in[1].Shape
	axis, err := axisAttribute(op.Axis, len(x))
	if err != nil {
		return nil, err
	}
	if axis == 0 {
		return nil, fmt.Errorf("attribute axis names the dimension of the batch")
	}
	if !joins(x, update, axis) || update[axis] > x[axis] {
		return nil, fmt.Errorf("input 1 (update) has shape %v, which does not fit into the cache %v along axis %d", update, x, axis)
	}
	if operands(in).has(2) && !in[2].Shape.Equal(tensor.Shape{x[0]}) {
		return nil, fmt.Errorf("input 2 (write_indices) has shape %v, want %v", in[2].Shape, tensor.Shape{x[0]})
	}
	return result(in[0].DType, x.Clone())
}
