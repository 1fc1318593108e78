package onnx

import (
	"fmt"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// An operator that is a few others in a row is read as those: the last is the
// node's own, and the others stand before it, under its name.

// before adds a node before the one that is read, and gives its output.
func (r *reading) before(op ir.Operator, in ...ir.ValueID) ir.ValueID {
	return r.beforeAll(1, op, in...)[0]
}

// beforeAll is before for a node of more outputs.
func (r *reading) beforeAll(outputs int, op ir.Operator, in ...ir.ValueID) []ir.ValueID {
	ids := make([]ir.ValueID, outputs)
	for i := range ids {
		ids[i] = ir.ValueID(len(r.graph.Values))
		r.graph.Values = append(r.graph.Values, ir.Value{Name: fmt.Sprintf("%s %s %d", r.node.label(), op.Type(), ids[i])})
	}
	if r.file.nodes++; r.file.nodes > r.file.limits.Nodes {
		r.fail(fmt.Errorf("with what its operators stand for, the model has more than the limit of %d nodes", r.file.limits.Nodes))
	}
	r.graph.Nodes = append(r.graph.Nodes, ir.Node{Name: r.node.Name, Op: op, Inputs: slices.Clone(in), Outputs: ids})
	return ids
}

// padded are the node's inputs, of which there may be n; those that are absent
// are NoValue.
func (r *reading) padded(n int) []ir.ValueID {
	if len(r.node.Inputs) > n {
		r.fail(fmt.Errorf("%d inputs, want at most %d", len(r.node.Inputs), n))
	}
	in, err := r.values(r.node.Inputs)
	r.fail(err)
	for len(in) < n {
		in = append(in, ir.NoValue)
	}
	return in[:n]
}

// constant is a value that the node does not read itself.
func (r *reading) constant(name string, data any, shape ...int) ir.ValueID {
	var t *tensor.Tensor
	var err error
	switch data := data.(type) {
	case []float32:
		t, err = tensor.Of(data, shape...)
	case []int64:
		t, err = tensor.Of(data, shape...)
	case []bool:
		t, err = tensor.Of(data, shape...)
	default:
		err = fmt.Errorf("%T is no data of a constant", data)
	}
	if r.fail(err); err != nil {
		return ir.NoValue
	}
	id := ir.ValueID(len(r.graph.Values))
	r.graph.Values = append(r.graph.Values, ir.Value{
		Name: r.node.label() + " " + name,
		Info: ir.Info{DType: t.DType(), Shape: t.Shape(), Const: t},
	})
	return id
}

// named reports whether the node gives its output i a name.
func (r *reading) named(i int) bool { return len(r.node.Outputs) > i && r.node.Outputs[i] != "" }
