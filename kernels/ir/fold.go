package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// What Fold may compute ahead. A larger value costs more memory than time, and
// what is read counts as what is written, or many means of one large constant
// would cost nothing: MaxFoldedElements take the reference engine a second, or at
// the worst, with MaxRank dimensions, a few. Past a bound, nodes are left to the
// run.
const (
	maxFoldedBytes    = 16 << 20 // for one value
	maxFoldedBytesAll = 128 << 20
	MaxFoldedElements = 32 << 20 // read and written by all nodes together
)

// Fold computes with eval what no input influences, infers the shapes that
// follow from it, writes out the branch that a constant condition chooses, and drops
// what is not needed any more. Bodies are folded too, with what is known of the
// values that they capture.
func Fold(g *Graph, eval func(op Operator, in []*tensor.Tensor) ([]*tensor.Tensor, error)) (*Graph, error) {
	return fold(g, &folding{eval: eval})
}

func fold(g *Graph, around *folding) (*Graph, error) {
	f := folding{g: g.clone(), eval: around.eval, bytes: around.bytes, elements: around.elements, senseless: around.senseless}
	defer func() { around.bytes, around.elements, around.senseless = f.bytes, f.elements, f.senseless }()
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
	g    *Graph
	eval func(Operator, []*tensor.Tensor) ([]*tensor.Tensor, error)
	// So far, with the bodies:
	bytes    int // folded
	elements int // read and written
	// senseless counts the bodies that could not be folded.
	senseless int
}

// node replaces the node by constants, or keeps it.
func (f *folding) node(n Node) error {
	if control, ok := n.Op.(Control); ok {
		if body, captures, ok := f.chosen(n); ok {
			return f.inline(n, body, captures)
		}
		n = f.bodies(n, control)
	}
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
	switch n.Op.(type) {
	case Shape, Size:
		return f.extents(n)
	}
	if _, ok := n.Op.(Control); ok {
		return nil, nil
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
	if !linear(n.Op) || !f.affords(n) {
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

// linear reports whether the operator takes time in proportion to its inputs
// and outputs, so that no file can make Fold slow, and always gives the same.
// Constants of the others do not occur in networks, and an engine computes them
// as well.
func linear(op Operator) bool {
	switch op.(type) {
	case Conv, MaxPool, AveragePool, Gemm, MatMul, heavy,
		ConvTranspose, DeformConv, ConvInteger, QLinearConv, LpPool, Resize, GridSample, RoiAlign, MaxRoiPool, NonMaxSuppression, Col2Im,
		ImageDecoder, TreeEnsemble, SVM, LinearModel:
		return false
	case StringConcat, TfIdfVectorizer, RegexFullMatch: // in proportion to the text
		return false
	case MatMulInteger, QLinearMatMul, QGemm:
		return false
	case Random, RandomLike, Bernoulli, Multinomial, Dropout: // draw anew in each run
		return false
	}
	return true
}

// extents folds Shape and Size, which need no elements.
func (f *folding) extents(n Node) ([]*tensor.Tensor, error) {
	if x := n.first(); x == NoValue || !f.g.Values[x].Known() {
		return nil, nil
	}
	out, err := n.Op.Infer([]Info{f.g.Values[n.Inputs[0]].Info})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.g.Label(n), err)
	}
	return []*tensor.Tensor{out[0].Const}, nil
}

// affords charges what the node reads and writes, if its outputs' sizes are known
// and small.
func (f *folding) affords(n Node) bool {
	bytes, elements := 0, f.reads(n)
	for _, id := range n.Outputs {
		if id == NoValue {
			continue
		}
		v := f.g.Values[id]
		if !v.Known() {
			return false
		}
		bytes += v.bytes()
		elements += times(1, v.Shape...)
	}
	if bytes > maxFoldedBytes || f.bytes+bytes > maxFoldedBytesAll || f.elements+elements > MaxFoldedElements {
		return false
	}
	f.bytes += bytes
	f.elements += elements
	return true
}

// reads counts the elements of the node's constant inputs that eval touches: of
// what Gather takes slices of, those that it takes.
func (f *folding) reads(n Node) int {
	sum := 0
	for i, id := range n.Inputs {
		if _, sliced := n.Op.(Gather); id == NoValue || sliced && i == 0 {
			continue
		}
		sum += f.g.Values[id].Const.Len()
	}
	return sum
}

// bytes is the storage of a known value; check has bounded it.
func (i Info) bytes() int {
	n := i.DType.Size()
	for _, d := range i.Shape {
		n *= d
	}
	return n
}
