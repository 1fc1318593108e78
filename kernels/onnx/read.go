package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Read gives the typed graph of a file. The operators are normalised to their
// newest form, so that the graph does not know the file's operator-set
// version, and initializers that are also listed as inputs are constants.
// Weights are parts of data where that is possible: data must not change while
// the graph is used.
func Read(data []byte, limits Limits) (*ir.Graph, error) {
	model, err := Unmarshal(data, limits)
	if err != nil {
		return nil, err
	}
	graph, err := importModel(model)
	if err != nil {
		return nil, fmt.Errorf("read ONNX model %q: %w", model.Graph.Name, err)
	}
	return graph, nil
}

func importModel(m *Model) (*ir.Graph, error) {
	opset, err := m.opset()
	if err != nil {
		return nil, err
	}
	im := importer{
		opset:     opset,
		graph:     &ir.Graph{Name: m.Graph.Name},
		constants: map[string]*Tensor{},
		values:    map[string]ir.ValueID{},
		read:      map[string]bool{},
	}
	if err := im.importGraph(&m.Graph); err != nil {
		return nil, err
	}
	return im.graph, im.graph.Validate()
}

// The versions of ONNX's own operators that the importer knows.
const (
	oldestOpset = 7
	newestOpset = 21
)

// opset is the version of ONNX's own operators. Other domains may be imported
// as long as no node uses them.
func (m *Model) opset() (int64, error) {
	version := int64(0)
	for _, o := range m.Opsets {
		if !own(o.Domain) {
			continue
		}
		if version != 0 {
			return 0, fmt.Errorf("it imports operator sets %d and %d of ONNX", version, o.Version)
		}
		version = o.Version
	}
	if version < oldestOpset || version > newestOpset {
		return 0, fmt.Errorf("it speaks ONNX operator set %d; supported are %d to %d", version, oldestOpset, newestOpset)
	}
	return version, nil
}

// own reports whether the domain is ONNX's own.
func own(domain string) bool { return domain == "" || domain == "ai.onnx" }

// importer turns names into values, node by node.
type importer struct {
	opset     int64
	graph     *ir.Graph
	constants map[string]*Tensor    // decoded when first read
	values    map[string]ir.ValueID // what has been given so far
	read      map[string]bool       // names that a node or the graph reads
}

func (im *importer) importGraph(g *Graph) error {
	if err := im.initializers(g.Initializers); err != nil {
		return err
	}
	if err := im.inputs(g.Inputs); err != nil {
		return err
	}
	order, err := g.order()
	if err != nil {
		return err
	}
	im.noteReads(g)
	for _, i := range order {
		if err := im.node(&g.Nodes[i]); err != nil {
			return fmt.Errorf("node %d (%s): %w", i, g.Nodes[i].label(), err)
		}
	}
	return im.outputs(g.Outputs)
}

func (im *importer) initializers(list []Tensor) error {
	for i := range list {
		name := list[i].Name
		if name == "" || im.constants[name] != nil {
			return fmt.Errorf("initializer %d: its name %q is empty or taken", i, name)
		}
		im.constants[name] = &list[i]
	}
	return nil
}

func (im *importer) inputs(list []ValueInfo) error {
	for _, v := range list {
		if im.constants[v.Name] != nil {
			continue
		}
		info, err := v.info()
		if err != nil {
			return fmt.Errorf("input %q: %w", v.Name, err)
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
	for _, v := range list {
		if listed[v.Name] {
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
		if to := &im.graph.Values[id]; to.DType == tensor.Invalid {
			to.Info = info
		}
		im.graph.Outputs = append(im.graph.Outputs, id)
	}
	return nil
}

// noteReads remembers each name that is read, so that an unread optional
// output can be left out.
func (im *importer) noteReads(g *Graph) {
	for _, n := range g.Nodes {
		for _, name := range n.Inputs {
			im.read[name] = true
		}
	}
	for _, v := range g.Outputs {
		im.read[v.Name] = true
	}
}

// node imports one node whose inputs are all given.
func (im *importer) node(n *Node) error {
	if !own(n.Domain) {
		return fmt.Errorf("domain %q is not supported; supported is ONNX's own", n.Domain)
	}
	if n.OpType == "Constant" {
		return im.constant(n)
	}
	r := reading{importer: im, node: n}
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

// nodeOutputs gives the first output a value; the operators of this project
// have no other, so that one must be unread.
func (im *importer) nodeOutputs(n *Node) ([]ir.ValueID, error) {
	if len(n.Outputs) == 0 || n.Outputs[0] == "" {
		return nil, fmt.Errorf("it has no first output")
	}
	for i, name := range n.Outputs[1:] {
		if name != "" && im.read[name] {
			return nil, fmt.Errorf("output %d (%q) is read; supported is only the first output of %s", i+1, name, n.OpType)
		}
	}
	id, err := im.give(n.Outputs[0], ir.Info{})
	if err != nil {
		return nil, err
	}
	return []ir.ValueID{id}, nil
}

// give makes a value that is not a constant.
func (im *importer) give(name string, info ir.Info) (ir.ValueID, error) {
	if name == "" {
		return ir.NoValue, fmt.Errorf("it has no name")
	}
	if _, taken := im.values[name]; taken || im.constants[name] != nil {
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
	constant, ok := im.constants[name]
	if !ok {
		return ir.NoValue, fmt.Errorf("it reads %q, which nothing gives", name)
	}
	t, err := constant.Decode()
	if err != nil {
		return ir.NoValue, err
	}
	return im.add(name, ir.Info{DType: t.DType(), Shape: t.Shape(), Const: t}), nil
}

// info is the declared type of an input or output.
func (v *ValueInfo) info() (ir.Info, error) {
	dtype, err := v.Type.dtype()
	if err != nil {
		return ir.Info{}, err
	}
	info := ir.Info{DType: dtype}
	if v.Shape == nil {
		return info, nil
	}
	info.Shape = tensor.Shape{}
	for i, d := range v.Shape {
		switch {
		case d.Value < 0 || d.Value > ir.MaxValueBytes:
			return ir.Info{}, fmt.Errorf("dimension %d is %d", i, d.Value)
		case d.Value == 0:
			info.Shape = append(info.Shape, ir.Unknown)
		default:
			info.Shape = append(info.Shape, int(d.Value))
		}
	}
	return info, nil
}

// label names a node as ir.Graph.Label does.
func (n *Node) label() string {
	name := n.Name
	if name == "" && len(n.Outputs) > 0 {
		name = n.Outputs[0]
	}
	return fmt.Sprintf("%s %q", n.OpType, name)
}
