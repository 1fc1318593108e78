package onnx

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// body imports the graph in an attribute, whose nodes may read values of the graph
// around it.
func (r *reading) body(name string) ir.Body {
	a := r.attribute(name, GraphAttribute)
	if a == nil || a.Graph == nil {
		r.fail(fmt.Errorf("attribute %q is missing", name))
		return ir.Body{Graph: &ir.Graph{}}
	}
	inner := newImporter(r.file, r.opsets, &ir.Graph{Name: a.Graph.Name})
	inner.outer, inner.attributes, inner.depth = r.importer, r.attributes, r.depth
	err := inner.importGraph(a.Graph)
	if err == nil {
		err = inner.graph.Validate()
	}
	if err != nil {
		r.fail(fmt.Errorf("attribute %q: %w", name, err))
	}
	r.captured = append(r.captured, inner.captures...)
	return ir.Body{Graph: inner.graph, Captures: len(inner.captures)}
}

// capture makes a value of the graph around an input of this one, unless it is a
// constant, which both share.
func (im *importer) capture(name string) (ir.ValueID, error) {
	outer, err := im.outer.value(name)
	if err != nil {
		return ir.NoValue, err
	}
	if v := im.outer.graph.Values[outer]; v.Const != nil {
		return im.add(name, v.Info), nil
	}
	id := im.add(name, ir.Info{})
	im.graph.Inputs = append(im.graph.Inputs, id)
	im.captures = append(im.captures, outer)
	return id, nil
}

// reads are the names that a node reads, those that its bodies take from around
// them among them. A name may come twice.
func (n *Node) reads() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, name := range n.Inputs {
			if name != "" && !yield(name) {
				return
			}
		}
		for i := range n.Attributes {
			for name := range n.Attributes[i].captures() {
				if !yield(name) {
					return
				}
			}
		}
	}
}

// captures are the names that an attribute's graph reads and does not give.
func (a *Attribute) captures() iter.Seq[string] {
	if a.Graph == nil {
		return func(func(string) bool) {}
	}
	read, given := map[string]bool{}, map[string]bool{}
	for _, v := range a.Graph.Outputs {
		read[v.Name] = true
	}
	for i := range a.Graph.Nodes {
		n := &a.Graph.Nodes[i]
		for name := range n.reads() {
			read[name] = true
		}
		for _, name := range n.Outputs {
			given[name] = true
		}
	}
	for _, v := range a.Graph.Inputs {
		given[v.Name] = true
	}
	for i := range a.Graph.Initializers {
		given[a.Graph.Initializers[i].Name] = true
	}
	maps.DeleteFunc(read, func(name string, _ bool) bool { return given[name] })
	return slices.Values(slices.Sorted(maps.Keys(read)))
}
