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

// A signature is the shapes of a run's tensors among the inputs, in order: what a
// plan is made for.

// firstSignature gives the shapes that a model is planned for at load.
func firstSignature(g *ir.Graph, given map[string]tensor.Shape) map[string]tensor.Shape {
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
		if shape != nil && !slices.Contains(shape, ir.Unknown) {
			shapes[v.Name] = shape
		}
	}
	return shapes
}

// leavesOpen reports whether runs may differ in their inputs' shapes.
func leavesOpen(g *ir.Graph) bool {
	return slices.ContainsFunc(g.Inputs, func(id ir.ValueID) bool {
		v := g.Values[id]
		return v.Compound == nil && !v.Known()
	})
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
	parts := make([]string, len(plan.Graph.Inputs))
	for i, id := range plan.Graph.Inputs {
		if v := plan.Graph.Values[id]; v.Compound == nil {
			parts[i] = ir.FormatShape(v.Shape)
		}
	}
	return strings.Join(parts, " ")
}

func signatureOfValues(in []tensor.Value) string {
	parts := make([]string, len(in))
	for i, v := range in {
		if t, ok := v.(*tensor.Tensor); ok {
			parts[i] = ir.FormatShape(t.Shape())
		}
	}
	return strings.Join(parts, " ")
}

// arrange puts a run's inputs in the graph's order and checks each against its
// declaration.
func (s *Session) arrange(inputs map[string]tensor.Value) ([]tensor.Value, error) {
	in := make([]tensor.Value, len(s.inputs))
	for i, v := range s.inputs {
		in[i] = inputs[v.Name]
		if in[i] == nil {
			return nil, fmt.Errorf("input %q is missing; the inputs are %s", v.Name, s.wanted())
		}
		if v.Fits(in[i]) != nil {
			return nil, fmt.Errorf("input %q is %v, want %v%s", v.Name, in[i], v.Type(), ir.FormatShape(v.Shape))
		}
	}
	if len(inputs) > len(in) {
		return nil, fmt.Errorf("there is no input %q; the inputs are %s", s.superfluous(inputs), s.wanted())
	}
	return in, nil
}

// superfluous is the first name that no input has.
func (s *Session) superfluous(inputs map[string]tensor.Value) string {
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
		parts[i] = fmt.Sprintf("%q %v%s", v.Name, v.Type(), ir.FormatShape(v.Shape))
	}
	return strings.Join(parts, ", ")
}
