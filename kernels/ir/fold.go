package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// What Fold may compute ahead: a larger value costs more memory than time.
const (
	maxFoldedBytes    = 16 << 20 // for one value
	maxFoldedBytesAll = 128 << 20
)

// Fold computes with eval what no input influences, infers the shapes that
// follow from it, and drops what is not needed any more.
func Fold(g *Graph, eval func(op Operator, in []*tensor.Tensor) ([]*tensor.Tensor, error)) (*Graph, error) {
	f := folding{g: g.clone(), eval: eval}
	nodes := f.g.Nodes
	f.g.Nodes = nil
	for _, n := range nodes {
		if err := f.node(n); err != nil {
			return nil, fmt.Errorf("fold graph %q: %w", g.Name, err)
		}
	}
	return f.g.prune(), nil
}

type folding struct {
	g     *Graph
	eval  func(Operator, []*tensor.Tensor) ([]*tensor.Tensor, error)
	bytes int // folded so far
}

// node replaces the node by constants, or keeps it.
func (f *folding) node(n Node) error {
	if err := f.g.settle(n); err != nil {
		return err
	}
	values, err := f.values(n)
	if err != nil {
		return err
	}
	if values == nil {
		f.g.Nodes = append(f.g.Nodes, n)
		return nil
	}
	for i, id := range n.Outputs {
		if id == NoValue {
			continue
		}
		v := &f.g.Values[id]
		if values[i].DType() != v.DType || !values[i].Shape().Equal(v.Shape) {
			return fmt.Errorf("%s: it was computed as %v, want %v%v", f.g.Label(n), values[i], v.DType, v.Shape)
		}
		v.Const = values[i]
	}
	return nil
}

// values are the node's outputs, or nil if they are not to be folded.
func (f *folding) values(n Node) ([]*tensor.Tensor, error) {
	if shape, ok := n.Op.(Shape); ok {
		return f.extents(shape, n)
	}
	in := make([]*tensor.Tensor, len(n.Inputs))
	for i, id := range n.Inputs {
		if id == NoValue {
			continue
		}
		if in[i] = f.g.Values[id].Const; in[i] == nil {
			return nil, nil
		}
	}
	if !f.affords(n) {
		return nil, nil
	}
	out, err := f.eval(n.Op, in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.g.Label(n), err)
	}
	if len(out) < len(n.Outputs) {
		return nil, fmt.Errorf("%s: it was computed with %d outputs, want %d", f.g.Label(n), len(out), len(n.Outputs))
	}
	return out, nil
}

// extents folds Shape, which needs no elements.
func (f *folding) extents(op Shape, n Node) ([]*tensor.Tensor, error) {
	if x := n.first(); x == NoValue || !f.g.Values[x].known() {
		return nil, nil
	}
	out, err := op.Infer([]Info{f.g.Values[n.Inputs[0]].Info})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.g.Label(n), err)
	}
	return []*tensor.Tensor{out[0].Const}, nil
}

// affords charges the node's outputs, if their sizes are known and small.
func (f *folding) affords(n Node) bool {
	bytes := 0
	for _, id := range n.Outputs {
		if id == NoValue {
			continue
		}
		v := f.g.Values[id]
		if !v.known() {
			return false
		}
		bytes += v.bytes()
	}
	if bytes > maxFoldedBytes || f.bytes+bytes > maxFoldedBytesAll {
		return false
	}
	f.bytes += bytes
	return true
}

// bytes is the storage of a known value; check has bounded it.
func (i Info) bytes() int {
	n := i.DType.Size()
	for _, d := range i.Shape {
		n *= d
	}
	return n
}
