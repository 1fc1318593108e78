package ir

import (
	"fmt"
	"maps"
	"slices"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Specialise gives the graph for inputs of these shapes, by name, with every
// shape inferred that does not hang on elements still to be folded. An input
// that is not named keeps its own shape; what depends on one that leaves a
// dimension open is left to the run.
func Specialise(g *Graph, inputs map[string]tensor.Shape) (*Graph, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	out := g.clone()
	wanted := maps.Clone(inputs)
	for _, id := range out.Inputs {
		v := &out.Values[id]
		if shape := inputs[v.Name]; v.Compound != nil && shape != nil {
			return nil, fmt.Errorf("specialise graph %q: input %q is a %v, which has no shape", g.Name, v.Name, v.Compound)
		}
		if err := v.fix(inputs[v.Name]); err != nil {
			return nil, fmt.Errorf("specialise graph %q: input %q: %w", g.Name, v.Name, err)
		}
		delete(wanted, v.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		return nil, fmt.Errorf("specialise graph %q: it has no input %q", g.Name, name)
	}
	for _, n := range out.Nodes {
		if err := out.settle(n); err != nil {
			return nil, fmt.Errorf("specialise graph %q: %w", g.Name, err)
		}
	}
	return out, nil
}

// fix gives an input the shape, if any, that its declaration admits.
func (v *Value) fix(shape tensor.Shape) error {
	if shape == nil {
		shape = v.Shape
	}
	if !v.Admits(shape) {
		return fmt.Errorf("it has shape %s, want %s", FormatShape(shape), FormatShape(v.Shape))
	}
	if shape == nil {
		return nil
	}
	v.Shape = shape.Clone()
	if !v.Known() {
		return nil
	}
	return v.Check()
}

// Admits reports whether a tensor of the shape fits the declared one.
func (i Info) Admits(shape tensor.Shape) bool {
	if i.Shape == nil {
		return true
	}
	if len(shape) != len(i.Shape) {
		return false
	}
	for axis, d := range i.Shape {
		if d != Unknown && d != shape[axis] {
			return false
		}
	}
	return true
}

// FormatShape writes a shape with "?" for what is unknown, such as [?×3×224×224].
func FormatShape(s tensor.Shape) string {
	if s == nil {
		return "[…]"
	}
	text := "["
	for i, d := range s {
		if i > 0 {
			text += "×"
		}
		if d == Unknown {
			text += "?"
		} else {
			text += fmt.Sprint(d)
		}
	}
	return text + "]"
}

// settle writes down what can be known of a node's outputs.
func (g *Graph) settle(n Node) error {
	known := true
	for _, id := range n.Inputs {
		known = known && (id == NoValue || g.Values[id].Known())
	}
	infos := make([]Info, len(n.Outputs))
	if known {
		var err error
		if infos, err = g.infer(n); err != nil {
			return err
		}
	}
	for i, id := range n.Outputs {
		if id != NoValue {
			infos[i].Const = nil // only Fold turns an output into a constant
			g.Values[id].Info = infos[i]
		}
	}
	return nil
}

// clone copies all of the graph that a rewrite may change.
func (g *Graph) clone() *Graph {
	out := *g
	out.Values = slices.Clone(g.Values)
	out.Inputs = slices.Clone(g.Inputs)
	out.Outputs = slices.Clone(g.Outputs)
	out.Nodes = slices.Clone(g.Nodes)
	for i := range out.Nodes {
		out.Nodes[i].Inputs = slices.Clone(out.Nodes[i].Inputs)
		out.Nodes[i].Outputs = slices.Clone(out.Nodes[i].Outputs)
	}
	return &out
}
