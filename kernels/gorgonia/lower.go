package gorgonia

import (
	"fmt"
	"sync"

	"gorgonia.org/gorgonia"
	gtensor "gorgonia.org/tensor"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// construction is held while a graph or machine is built, because Gorgonia
// counts nodes in unguarded globals.
var construction sync.Mutex

// lowering is a Gorgonia graph that grows from a plan.
type lowering struct {
	plan    *ir.Plan
	shared  workspace // of all steps
	graph   *gorgonia.ExprGraph
	storage [][]float32      // of each value: arena, own buffer or weights
	nodes   []*gorgonia.Node // of each value, once it is lowered
	fixed   []*tensor.Tensor // of each value that is a copy of a constant
}

// lower makes one Gorgonia node for each value and step of the plan that is
// there at run time. The caller holds construction.
func lower(plan *ir.Plan) (*lowering, error) {
	l := &lowering{
		plan:    plan,
		graph:   gorgonia.NewGraph(gorgonia.WithGraphName(plan.Graph.Name)),
		storage: make([][]float32, len(plan.Graph.Values)),
		nodes:   make([]*gorgonia.Node, len(plan.Graph.Values)),
		fixed:   make([]*tensor.Tensor, len(plan.Graph.Values)),
	}
	l.allot()
	for i, n := range plan.Graph.Nodes {
		if err := l.step(i, n); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// allot gives each float32 value its storage: constants their own elements,
// which programs share and only read; intermediate values their place in one
// arena; inputs and outputs a buffer of their own.
func (l *lowering) allot() {
	arena := make([]float32, l.plan.ArenaBytes/tensor.Float32.Size())
	for id, v := range l.plan.Graph.Values {
		place := l.plan.Place[id]
		switch {
		case v.DType != tensor.Float32:
		case v.Const != nil:
			l.storage[id] = tensor.Data[float32](v.Const)
		case place.InArena():
			l.storage[id] = arena[place.Offset/tensor.Float32.Size():][:place.Bytes/tensor.Float32.Size()]
		default:
			l.storage[id] = make([]float32, size(v.Shape))
		}
	}
}

// step adds the Gorgonia node of one node of the plan.
func (l *lowering) step(index int, n ir.Node) error {
	site := site{l.plan.Graph, n, &l.shared}
	if c := site.copied(); c != nil {
		l.fixed[n.Outputs[0]] = c
		return nil
	}
	operands, err := site.operands()
	if err != nil {
		return err
	}
	k, err := fit(site)
	if err != nil {
		return err
	}
	y := n.Outputs[0]
	s := &step{
		index: index, label: l.plan.Graph.Label(n), kernel: k, shared: &l.shared,
		operands: make([][]float32, len(operands)),
		out:      l.dense(y), elements: len(l.storage[y]),
	}
	for _, id := range operands {
		s.sizes = append(s.sizes, len(l.storage[id]))
	}
	children := l.children(operands)
	for _, c := range children {
		s.types = append(s.types, typeOf(c.Dims()))
	}
	node, err := gorgonia.ApplyOp(s, children...)
	if err != nil {
		return fmt.Errorf("add %s to the graph: %w", s.label, err)
	}
	l.nodes[y] = node
	return nil
}

// children are the nodes that a step reads.
func (l *lowering) children(operands []ir.ValueID) []*gorgonia.Node {
	nodes := make([]*gorgonia.Node, len(operands))
	for i, id := range operands {
		if l.nodes[id] == nil {
			l.nodes[id] = l.leaf(id)
		}
		nodes[i] = l.nodes[id]
	}
	return nodes
}

// leaf adds the node of an input or a weight, bound to its storage.
func (l *lowering) leaf(id ir.ValueID) *gorgonia.Node {
	d := l.dense(id)
	name := fmt.Sprintf("%d %s", id, l.plan.Graph.Values[id].Name) // Gorgonia merges leaves of one name
	return gorgonia.NewTensor(l.graph, gtensor.Float32, d.Dims(), gorgonia.WithShape(d.Shape()...),
		gorgonia.WithName(name), gorgonia.WithValue(d))
}

// dense wraps a value's storage. Gorgonia knows no empty tensors and takes
// scalars for another type; both are given one dimension of extent 1, and the
// steps, which know the sizes, do not read what is not there.
func (l *lowering) dense(id ir.ValueID) *gtensor.Dense {
	shape, data := l.plan.Graph.Values[id].Shape, l.storage[id]
	if len(data) == 0 {
		shape, data = tensor.Shape{1}, make([]float32, 1)
	}
	if len(shape) == 0 {
		shape = tensor.Shape{1}
	}
	return gtensor.New(gtensor.WithShape(shape...), gtensor.WithBacking(data))
}
