package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// call writes a function out in place of the node that calls it.
func (im *importer) call(fn *Function, n *Node) error {
	inner, err := im.scope(fn, n)
	if err != nil {
		return err
	}
	if err := inner.importNodes(fn.Nodes); err != nil {
		return fmt.Errorf("function %s: %w", fn.Name, err)
	}
	if len(n.Outputs) > len(fn.Outputs) {
		return fmt.Errorf("%d outputs; function %s gives %d", len(n.Outputs), fn.Name, len(fn.Outputs))
	}
	for i, name := range n.Outputs {
		if name == "" {
			continue
		}
		from, err := inner.value(fn.Outputs[i])
		if err != nil {
			return fmt.Errorf("function %s: output %q: %w", fn.Name, fn.Outputs[i], err)
		}
		to, err := im.give(name, ir.Info{})
		if err != nil {
			return err
		}
		im.graph.Nodes = append(im.graph.Nodes, ir.Node{Name: n.Name, Op: ir.Identity{}, Inputs: []ir.ValueID{from}, Outputs: []ir.ValueID{to}})
	}
	return nil
}

// scope gives a function's parameters the values and attributes of a call.
func (im *importer) scope(fn *Function, n *Node) (*importer, error) {
	opsets := im.opsets
	if len(fn.Opsets) > 0 {
		var err error
		if opsets, err = versions(fn.Opsets); err != nil {
			return nil, fmt.Errorf("function %s: %w", fn.Name, err)
		}
	}
	inner := newImporter(im.file, opsets, im.graph)
	if inner.depth = im.depth + 1; inner.depth > im.file.limits.Depth {
		return nil, fmt.Errorf("function %s is called within more than the limit of %d others", fn.Name, im.file.limits.Depth)
	}
	if len(n.Inputs) > len(fn.Inputs) {
		return nil, fmt.Errorf("%d inputs; function %s takes %d", len(n.Inputs), fn.Name, len(fn.Inputs))
	}
	for i, name := range fn.Inputs {
		inner.values[name] = ir.NoValue
		if i < len(n.Inputs) {
			id, err := im.value(n.Inputs[i])
			if err != nil {
				return nil, fmt.Errorf("input %d: %w", i, err)
			}
			inner.values[name] = id
		}
	}
	for _, name := range fn.Outputs {
		inner.read[name] = true
	}
	inner.attributes = map[string]Attribute{}
	for _, a := range fn.Defaults {
		inner.attributes[a.Name] = a
	}
	for _, a := range n.Attributes {
		if _, given := im.attributes[a.Reference]; a.Reference != "" && !given {
			continue // the call around left it out, and so does this one
		}
		a, err := im.resolved(a)
		if err != nil {
			return nil, err
		}
		inner.attributes[a.Name] = a
	}
	return inner, nil
}

// resolved is an attribute, or the one of the call that it stands for.
func (im *importer) resolved(a Attribute) (Attribute, error) {
	if a.Reference == "" {
		return a, nil
	}
	given, ok := im.attributes[a.Reference]
	if !ok {
		return a, fmt.Errorf("attribute %q stands for %q, which the call does not give", a.Name, a.Reference)
	}
	given.Name = a.Name
	return given, nil
}
