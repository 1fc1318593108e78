package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// operands are the inputs of one operator under inference; its methods name
// the input at fault.
type operands []Info

// parameter describes one input of an operator.
type parameter struct {
	name     string
	dtype    tensor.DType // Invalid admits every type of the class
	class    class        // the zero class admits every type
	optional bool
}

// class is a set of element types that operators share.
type class struct {
	name string
	has  func(tensor.DType) bool
}

// The classes that the parameters of operators name.
var (
	realNumbers = class{"a float type", tensor.DType.IsFloat}
	integers    = class{"an integer type", tensor.DType.IsInteger}
	numbers     = class{"a type of numbers", func(d tensor.DType) bool { return d.IsFloat() || d.IsInteger() }}
	indices     = class{"int64 or int32", func(d tensor.DType) bool { return d == tensor.Int64 || d == tensor.Int32 }}
)

// match checks the inputs against the operator's parameters.
func (in operands) match(want ...parameter) error {
	if len(in) > len(want) {
		return fmt.Errorf("%d inputs, want at most %d", len(in), len(want))
	}
	for i, p := range want {
		given := i < len(in) && in[i].DType != tensor.Invalid
		switch {
		case !given && !p.optional:
			return fmt.Errorf("input %d (%s) is missing", i, p.name)
		case given && p.dtype != tensor.Invalid && in[i].DType != p.dtype:
			return fmt.Errorf("input %d (%s) is %v; supported is %v", i, p.name, in[i].DType, p.dtype)
		case given && p.class.has != nil && !p.class.has(in[i].DType):
			return fmt.Errorf("input %d (%s) is %v; supported is %s", i, p.name, in[i].DType, p.class.name)
		}
	}
	return nil
}

// at is input i, or the zero Info if it is absent.
func (in operands) at(i int) Info {
	if i < len(in) {
		return in[i]
	}
	return Info{}
}

// has reports whether an optional input is there.
func (in operands) has(i int) bool { return in.at(i).DType != tensor.Invalid }

// axes reads input i as a list of axes, if its elements are known. A scalar is one
// axis: the specification asks for a vector, and exporters write both.
func (in operands) axes(i int) (list []int64, known bool, err error) {
	if v := in.at(i); v.Shape != nil && len(v.Shape) == 0 {
		if v.Const == nil {
			return nil, false, nil
		}
		return tensor.Data[int64](v.Const), true, nil
	}
	return in.vector(i, "axes")
}

// vector reads input i as a list of dimensions, if its elements are known.
func (in operands) vector(i int, name string) (list []int64, known bool, err error) {
	v := in.at(i)
	if len(v.Shape) != 1 {
		return nil, false, fmt.Errorf("input %d (%s) has shape %v, want a vector", i, name, v.Shape)
	}
	if v.Shape[0] > MaxRank {
		return nil, false, fmt.Errorf("input %d (%s) has %d elements, more than the limit of %d dimensions", i, name, v.Shape[0], MaxRank)
	}
	if v.Const == nil {
		return nil, false, nil
	}
	return tensor.Data[int64](v.Const), true, nil
}

// result is an operator's single output.
func result(dtype tensor.DType, shape tensor.Shape) ([]Info, error) {
	return []Info{{DType: dtype, Shape: shape}}, nil
}

// MaxValueBytes is the largest value that a graph may hold: what a file asks
// for is refused before anything is allocated for it.
const MaxValueBytes = 1 << 30

// MaxRank is the most dimensions that a value may have. Networks have at most
// 8; what a message prints and a graph stores grows with it.
const MaxRank = 16

// infer gives the outputs' types and shapes of a node whose inputs' are known.
func (g *Graph) infer(n Node) ([]Info, error) {
	in := make([]Info, len(n.Inputs))
	for i, id := range n.Inputs {
		if id != NoValue {
			in[i] = g.Values[id].Info
		}
	}
	if err := g.checkable(n, in); err != nil {
		return nil, fmt.Errorf("%s: %w", g.Label(n), err)
	}
	out, err := n.Op.Infer(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", g.Label(n), err)
	}
	if len(out) < len(n.Outputs) {
		return nil, fmt.Errorf("%s: %d outputs, want at most %d", g.Label(n), len(n.Outputs), len(out))
	}
	for _, o := range out {
		if err := o.Check(); err != nil {
			return nil, fmt.Errorf("%s: its output: %w", g.Label(n), err)
		}
	}
	return out[:len(n.Outputs)], nil
}

// maxIndices bounds the time that inference takes to check Gather's constant
// indices, since many nodes can read one list: a few tenths of a second.
const maxIndices = 1 << 28

// checkable charges the constant indices that a node's inference will check.
func (g *Graph) checkable(n Node, in []Info) error {
	if _, ok := n.Op.(Gather); !ok || operands(in).at(1).Const == nil {
		return nil
	}
	if g.indices += in[1].Const.Len(); g.indices > maxIndices {
		return fmt.Errorf("with the nodes before it, it reads %d constant indices, more than the limit of %d", g.indices, maxIndices)
	}
	return nil
}

// Check refuses a known shape of too many dimensions or too large. An extent of 0
// counts as 1: nothing is stored, but loops run over the other extents.
func (i Info) Check() error {
	if i.Shape == nil {
		return nil
	}
	if len(i.Shape) > MaxRank {
		return fmt.Errorf("it has %d dimensions, more than the limit of %d", len(i.Shape), MaxRank)
	}
	if _, err := i.Shape.Elements(); err != nil {
		return err
	}
	bytes := i.DType.Size()
	for _, d := range i.Shape {
		if d > 1 && bytes > MaxValueBytes/d {
			return fmt.Errorf("%v%v takes more than the limit of %d bytes", i.DType, i.Shape, MaxValueBytes)
		}
		bytes *= max(d, 1)
	}
	return nil
}
