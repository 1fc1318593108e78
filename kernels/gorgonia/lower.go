package gorgonia

import (
	"fmt"
	"sync"
	"unsafe"

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
	storage [][]float32      // of each float32 value that is known: arena, own buffer or weights
	tensors []*tensor.Tensor // of each value that is known, over its storage
	boxes   []*box           // of each value that is not a known float32 tensor
	nodes   []*gorgonia.Node // of each value, once it is lowered
	leaves  map[*gorgonia.Node]gorgonia.Value
	ends    map[int][]*box   // what the plan does not know and nothing needs after a node
	bodies  []ir.BodyProgram // of all control operators
}

// lower makes one Gorgonia node for each value and step of the plan that is
// there at run time. The caller holds construction.
func lower(plan *ir.Plan) (*lowering, error) {
	l := &lowering{
		plan:    plan,
		graph:   gorgonia.NewGraph(gorgonia.WithGraphName(plan.Graph.Name)),
		storage: make([][]float32, len(plan.Graph.Values)),
		nodes:   make([]*gorgonia.Node, len(plan.Graph.Values)),
		tensors: make([]*tensor.Tensor, len(plan.Graph.Values)),
		boxes:   make([]*box, len(plan.Graph.Values)),
		leaves:  map[*gorgonia.Node]gorgonia.Value{},
		ends:    map[int][]*box{},
	}
	if err := l.allot(); err != nil {
		return nil, err
	}
	for i, n := range plan.Graph.Nodes {
		if err := l.step(i, n); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// allot gives each value that is known its storage: constants their own elements,
// which programs share and only read; intermediate values their place in one
// arena; inputs and outputs a buffer of their own. Float32 is what kernels read;
// other values travel in boxes.
func (l *lowering) allot() error {
	words := make([]uint64, (l.plan.ArenaBytes+7)/8) // in line for every type
	arena := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), l.plan.ArenaBytes)
	for id, v := range l.plan.Graph.Values {
		place := l.plan.Place[id]
		var err error
		switch {
		case v.Const != nil:
			l.tensors[id] = v.Const
		case !v.Known():
		case place.InArena():
			l.tensors[id], err = tensor.Over(arena[place.Offset:][:place.Bytes], v.DType, v.Shape...)
		default:
			l.tensors[id], err = tensor.New(v.DType, v.Shape...)
		}
		if err != nil {
			return err
		}
		if t := l.tensors[id]; t != nil && t.DType() == tensor.Float32 {
			l.storage[id] = tensor.Data[float32](t)
			continue
		}
		l.boxes[id] = &box{}
		if t := l.tensors[id]; t != nil {
			l.boxes[id].value = t
		} else if last := l.plan.LastUse[id]; last >= 0 {
			l.ends[last] = append(l.ends[last], l.boxes[id])
		}
	}
	return nil
}

// step adds the Gorgonia node of one node of the plan.
func (l *lowering) step(index int, n ir.Node) error {
	site := site{l.plan.Graph, n, &l.shared}
	if n := len(n.Inputs); n > mostOperands {
		return site.refuse("reads %d inputs; at most %d are supported", n, mostOperands)
	}
	operands, fast := site.operands()
	if !fast {
		return l.general(index, n)
	}
	k, err := fit(site)
	if err != nil { // such as a window over a volume
		return l.general(index, n)
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
		s.types = append(s.types, c.Type())
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
	if b := l.boxes[id]; b != nil {
		return l.boxed(fmt.Sprintf("%d %s", id, l.plan.Graph.Values[id].Name), b)
	}
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
