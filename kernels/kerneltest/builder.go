package kerneltest

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// builder grows a graph.
type builder struct{ g *ir.Graph }

func newBuilder(name string) builder { return builder{&ir.Graph{Name: name}} }

// value adds one and names it by its index.
func (b builder) value(info ir.Info) ir.ValueID {
	id := ir.ValueID(len(b.g.Values))
	b.g.Values = append(b.g.Values, ir.Value{Name: fmt.Sprintf("v%d", id), Info: info})
	return id
}

func (b builder) input(dtype tensor.DType, shape tensor.Shape) ir.ValueID {
	id := b.value(ir.Info{DType: dtype, Shape: shape})
	b.g.Inputs = append(b.g.Inputs, id)
	return id
}

func (b builder) constant(t *tensor.Tensor) ir.ValueID {
	return b.value(ir.Info{DType: t.DType(), Shape: t.Shape(), Const: t})
}

// node applies op and gives its one output.
func (b builder) node(op ir.Operator, in ...ir.ValueID) ir.ValueID {
	out := b.value(ir.Info{})
	b.g.Nodes = append(b.g.Nodes, ir.Node{Op: op, Inputs: in, Outputs: []ir.ValueID{out}})
	return out
}

func (b builder) graph(outputs ...ir.ValueID) *ir.Graph {
	b.g.Outputs = outputs
	return b.g
}
