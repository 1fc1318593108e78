package gorgonia

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// site is a node of the plan, where a kernel is fitted.
type site struct {
	graph  *ir.Graph
	node   ir.Node
	shared *workspace // of the program's steps
}

// value is what the plan knows of a value; the zero Info if it is absent.
func (s site) value(id ir.ValueID) ir.Info {
	if id == ir.NoValue {
		return ir.Info{}
	}
	return s.graph.Values[id].Info
}

// input is what the plan knows of input i; the zero Info if it is absent.
func (s site) input(i int) ir.Info {
	if i >= len(s.node.Inputs) {
		return ir.Info{}
	}
	return s.value(s.node.Inputs[i])
}

// has reports whether optional input i is there.
func (s site) has(i int) bool { return s.input(i).DType != tensor.Invalid }

// shape is input i's shape.
func (s site) shape(i int) tensor.Shape { return s.input(i).Shape }

// output is the shape of the one output.
func (s site) output() tensor.Shape { return s.value(s.node.Outputs[0]).Shape }

// integers are the elements of an int64 input, which is constant.
func (s site) integers(i int) []int64 {
	if !s.has(i) {
		return nil
	}
	return tensor.Data[int64](s.input(i).Const)
}

// mostOperands a step may have: Gorgonia compares the types of all with all, which
// took three minutes for as many as a file may give one Concat. Networks join a
// few dozen.
const mostOperands = 1 << 10

// operands are the float32 inputs in order, which a kernel reads at run time. It
// reports false if the node is nothing for a kernel: one that has another output
// than one float32 tensor of a known shape, or reads anything else than that and
// constant integers, which the plan's shapes depend on already.
func (s site) operands() (ids []ir.ValueID, ok bool) {
	if len(s.node.Outputs) != 1 || !s.value(s.node.Outputs[0]).Known() || s.value(s.node.Outputs[0]).DType != tensor.Float32 {
		return nil, false
	}
	for _, id := range s.node.Inputs {
		v := s.value(id)
		switch {
		case id == ir.NoValue:
		case v.Known() && v.DType == tensor.Float32:
			ids = append(ids, id)
		case v.Const == nil || v.DType != tensor.Int64:
			return nil, false
		}
	}
	return ids, len(ids) > 0
}

// refuse says why the engine does not take the node.
func (s site) refuse(format string, args ...any) error {
	return fmt.Errorf("%s "+format, append([]any{s.graph.Label(s.node)}, args...)...)
}
