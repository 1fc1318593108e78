package kernels

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// A signature is the shapes of a run's inputs, in order: what a plan is made
// for.

// firstSignature gives the shapes that a model is planned for at load.
func firstSignature(g *ir.Graph, given map[string]tensor.Shape) (map[string]tensor.Shape, error) {
	shapes := maps.Clone(given)
	if shapes == nil {
		shapes = map[string]tensor.Shape{}
	}
	for _, id := range g.Inputs {
		v := g.Values[id]
		if _, ok := shapes[v.Name]; ok {
			continue
		}
		shape := slices.Clone(v.Shape)
		if len(shape) > 0 && shape[0] == ir.Unknown {
			shape[0] = 1
		}
		if shape == nil || slices.Contains(shape, ir.Unknown) {
			return nil, fmt.Errorf("load model %q: the file leaves the shape of input %q open, %s: say it in Options.Inputs", g.Name, v.Name, ir.FormatShape(v.Shape))
		}
		shapes[v.Name] = shape
	}
	return shapes, nil
}

// fold specialises a graph and computes its constants with the reference
// engine, whatever engine runs the rest.
func fold(g *ir.Graph, shapes map[string]tensor.Shape) (*ir.Graph, error) {
	special, err := ir.Specialise(g, shapes)
	if err != nil {
		return nil, err
	}
	return ir.Fold(special, reference.Eval)
}

func signatureOf(plan *ir.Plan) string {
	shapes := make([]tensor.Shape, len(plan.Graph.Inputs))
	for i, id := range plan.Graph.Inputs {
		shapes[i] = plan.Graph.Values[id].Shape
	}
	return signature(shapes)
}

func signatureOfTensors(in []*tensor.Tensor) string {
	shapes := make([]tensor.Shape, len(in))
	for i, t := range in {
		shapes[i] = t.Shape()
	}
	return signature(shapes)
}

func signature(shapes []tensor.Shape) string {
	parts := make([]string, len(shapes))
	for i, s := range shapes {
		parts[i] = s.String()
	}
	return strings.Join(parts, " ")
}

// arrange puts a run's inputs in the graph's order and checks each against its
// declaration.
func (s *Session) arrange(inputs map[string]*tensor.Tensor) ([]*tensor.Tensor, error) {
	in := make([]*tensor.Tensor, len(s.inputs))
	for i, v := range s.inputs {
		t := inputs[v.Name]
		switch {
		case t == nil:
			return nil, fmt.Errorf("input %q is missing; the inputs are %s", v.Name, s.wanted())
		case t.DType() != v.DType || !v.Admits(t.Shape()):
			return nil, fmt.Errorf("input %q is %v, want %v%s", v.Name, t, v.DType, ir.FormatShape(v.Shape))
		}
		in[i] = t
	}
	if len(inputs) > len(in) {
		return nil, fmt.Errorf("there is no input %q; the inputs are %s", s.superfluous(inputs), s.wanted())
	}
	return in, nil
}

// superfluous is the first name that no input has.
func (s *Session) superfluous(inputs map[string]*tensor.Tensor) string {
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		if !slices.ContainsFunc(s.inputs, func(v ir.Value) bool { return v.Name == name }) {
			return name
		}
	}
	return ""
}

// wanted lists the inputs for a message.
func (s *Session) wanted() string {
	parts := make([]string, len(s.inputs))
	for i, v := range s.inputs {
		parts[i] = fmt.Sprintf("%q %v%s", v.Name, v.DType, ir.FormatShape(v.Shape))
	}
	return strings.Join(parts, ", ")
}
