package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Read gives the typed graph of a file whose weights are all in it. The operators
// are normalised to their newest form, so that the graph does not know the file's
// operator-set version, functions are written out, and initializers that are also
// listed as inputs are constants. Weights are parts of data where that is
// possible: data must not change while the graph is used.
func Read(data []byte, limits Limits) (*ir.Graph, error) {
	return ReadFrom(data, Folder{}, limits)
}

// ReadFrom is Read of a file that may have weights in others.
func ReadFrom(data []byte, folder Folder, limits Limits) (*ir.Graph, error) {
	model, err := Unmarshal(data, limits)
	if err != nil {
		return nil, err
	}
	graph, err := importModel(model, folder, limits)
	if err != nil {
		return nil, fmt.Errorf("read ONNX model %q: %w", model.Graph.Name, err)
	}
	return graph, nil
}

// file is what all graphs of a model share.
type file struct {
	functions map[operatorKey]*Function
	folder    Folder
	limits    Limits
	nodes     int // imported so far; a function's count at each call
}

func importModel(m *Model, folder Folder, limits Limits) (*ir.Graph, error) {
	opsets, err := versions(m.Opsets)
	if err != nil {
		return nil, err
	}
	f := &file{functions: map[operatorKey]*Function{}, folder: folder, limits: limits}
	for i := range m.Functions {
		fn := &m.Functions[i]
		key := operatorKey{fn.Domain, fn.Name, fn.Overload}
		if f.functions[key] != nil {
			return nil, fmt.Errorf("function %v is given twice", key)
		}
		f.functions[key] = fn
	}
	im := newImporter(f, opsets, &ir.Graph{Name: m.Graph.Name})
	if err := im.importGraph(&m.Graph); err != nil {
		return nil, err
	}
	return im.graph, im.graph.Validate()
}

// importer turns names into values, node by node: those of a graph, or of the call
// of a function, whose nodes go to the same graph.
type importer struct {
	file       *file
	opsets     map[string]int64
	graph      *ir.Graph
	constants  map[string]*Tensor // decoded when first read
	sparse     map[string]*SparseTensor
	values     map[string]ir.ValueID // what has been given so far
	read       map[string]bool       // names that a node or the graph reads
	outer      *importer             // of the graph around a body
	captures   []ir.ValueID          // of the graph around, in the order of the body's inputs for them
	attributes map[string]Attribute  // of a function's call
	depth      int                   // of calls within each other
}

func newImporter(f *file, opsets map[string]int64, graph *ir.Graph) *importer {
	return &importer{
		file: f, opsets: opsets, graph: graph, constants: map[string]*Tensor{}, sparse: map[string]*SparseTensor{},
		values: map[string]ir.ValueID{}, read: map[string]bool{},
	}
}

func (im *importer) importGraph(g *Graph) error {
	if err := im.initializers(g); err != nil {
		return err
	}
	if err := im.inputs(g.Inputs); err != nil {
		return err
	}
	for _, v := range g.Outputs {
		im.read[v.Name] = true
	}
	if err := im.importNodes(g.Nodes); err != nil {
		return err
	}
	return im.outputs(g.Outputs)
}

func (im *importer) importNodes(nodes []Node) error {
	order, err := inOrder(nodes)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		for name := range n.reads() {
			im.read[name] = true
		}
	}
	for _, i := range order {
		if im.file.nodes++; im.file.nodes > im.file.limits.Nodes {
			return fmt.Errorf("with its functions written out, it has more than the limit of %d nodes", im.file.limits.Nodes)
		}
		if err := im.node(&nodes[i]); err != nil {
			return fmt.Errorf("node %d (%s): %w", i, nodes[i].label(), err)
		}
	}
	return nil
}

func (im *importer) initializers(g *Graph) error {
	for i := range g.Initializers {
		name := g.Initializers[i].Name
		if name == "" || im.constants[name] != nil {
			return fmt.Errorf("initializer %d: its name %q is empty or taken", i, name)
		}
		im.constants[name] = &g.Initializers[i]
	}
	for i := range g.Sparse {
		name := g.Sparse[i].Values.Name
		if name == "" || im.constants[name] != nil || im.sparse[name] != nil {
			return fmt.Errorf("sparse initializer %d: its name %q is empty or taken", i, name)
		}
		im.sparse[name] = &g.Sparse[i]
	}
	return nil
}

func (im *importer) inputs(list []ValueInfo) error {
	for _, v := range list {
		if im.constants[v.Name] != nil || im.sparse[v.Name] != nil {
			continue
		}
		info, err := v.info()
		if err != nil {
			return fmt.Errorf("input %q: %w", v.Name, err)
		}
		if info.DType == tensor.Invalid && info.Compound == nil && im.outer == nil {
			return fmt.Errorf("input %q: its type is missing", v.Name)
		}
		id, err := im.give(v.Name, info)
		if err != nil {
			return fmt.Errorf("input: %w", err)
		}
		im.graph.Inputs = append(im.graph.Inputs, id)
	}
	return nil
}

// outputs keeps the declared types until inference knows better.
func (im *importer) outputs(list []ValueInfo) error {
	listed := map[string]bool{}
	for i, v := range list {
		if v.Name == "" {
			return fmt.Errorf("output %d has no name", i)
		}
		if listed[v.Name] && im.outer == nil {
			return fmt.Errorf("output %q is listed twice", v.Name)
		}
		listed[v.Name] = true
		id, err := im.value(v.Name)
		if err != nil {
			return fmt.Errorf("output: %w", err)
		}
		info, err := v.info()
		if err != nil {
			return fmt.Errorf("output %q: %w", v.Name, err)
		}
		if to := &im.graph.Values[id]; to.DType == tensor.Invalid && to.Compound == nil {
			to.Info = info
		}
		im.graph.Outputs = append(im.graph.Outputs, id)
	}
	return nil
}

// node imports one node whose inputs are all given.
func (im *importer) node(n *Node) error {
	domain := canonical(n.Domain)
	if fn := im.file.functions[operatorKey{n.Domain, n.OpType, n.Overload}]; fn != nil {
		return im.call(fn, n)
	}
	if domain == "" && n.OpType == "Constant" {
		return im.constant(n)
	}
	if _, ok := im.opsets[domain]; !ok {
		return fmt.Errorf("the model imports no operator set of domain %q", n.Domain)
	}
	r := reading{importer: im, node: n, opset: im.opsets[domain]}
	op, err := r.operator()
	if err != nil {
		return err
	}
	outputs, err := im.nodeOutputs(n)
	if err != nil {
		return err
	}
	im.graph.Nodes = append(im.graph.Nodes, ir.Node{Name: n.Name, Op: op, Inputs: r.inputs, Outputs: outputs})
	return nil
}

// nodeOutputs gives each output that is read a value, and at least one.
func (im *importer) nodeOutputs(n *Node) ([]ir.ValueID, error) {
	if len(n.Outputs) == 0 {
		return nil, fmt.Errorf("it has no outputs")
	}
	last := 0
	for i, name := range n.Outputs {
		if name != "" && im.read[name] {
			last = i
		}
	}
	ids := make([]ir.ValueID, last+1)
	for i, name := range n.Outputs[:last+1] {
		ids[i] = ir.NoValue
		if name == "" {
			continue
		}
		var err error
		if ids[i], err = im.give(name, ir.Info{}); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// give makes a value that is not a constant.
func (im *importer) give(name string, info ir.Info) (ir.ValueID, error) {
	if name == "" {
		return ir.NoValue, fmt.Errorf("it has no name")
	}
	if _, taken := im.values[name]; taken || im.constants[name] != nil || im.sparse[name] != nil {
		return ir.NoValue, fmt.Errorf("%q is given twice", name)
	}
	return im.add(name, info), nil
}

func (im *importer) add(name string, info ir.Info) ir.ValueID {
	id := ir.ValueID(len(im.graph.Values))
	im.graph.Values = append(im.graph.Values, ir.Value{Name: name, Info: info})
	im.values[name] = id
	return id
}

// value is what a name stands for; "" is an absent input.
func (im *importer) value(name string) (ir.ValueID, error) {
	if name == "" {
		return ir.NoValue, nil
	}
	if id, ok := im.values[name]; ok {
		return id, nil
	}
	var t *tensor.Tensor
	var err error
	switch {
	case im.constants[name] != nil:
		t, err = im.decoded(im.constants[name])
	case im.sparse[name] != nil:
		t, err = im.sparse[name].dense()
	case im.outer != nil:
		return im.capture(name)
	default:
		return ir.NoValue, fmt.Errorf("it reads %q, which nothing gives", name)
	}
	if err != nil {
		return ir.NoValue, err
	}
	return im.add(name, ir.Info{DType: t.DType(), Shape: t.Shape(), Const: t}), nil
}

// label names a node as ir.Graph.Label does.
func (n *Node) label() string {
	name := n.Name
	if name == "" && len(n.Outputs) > 0 {
		name = n.Outputs[0]
	}
	return fmt.Sprintf("%s %q", n.OpType, name)
}
