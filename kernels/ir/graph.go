// Package ir is the typed graph between a model file and an engine: what the
// model computes, with every attribute decoded, every shape inferred and every
// buffer placed, before any engine sees it.
//
// It owns the vocabulary of operators (one Go type each, normalised to the
// newest ONNX form, so that engines never see a file's version), shape
// inference, the rewrites that make a graph smaller (Fold, Fuse) and the memory
// plan. It refuses I/O, clocks, randomness and goroutines: the same graph in
// gives the same plan out.
//
// Vocabulary: a Value is mostly one tensor, named by its index (ValueID); a Node
// applies one Operator to values; a Graph is single-assignment and its nodes
// stand in topological order; a Body is a graph that an operator runs; a Plan is a
// Graph with a place in one arena for each intermediate value whose shape is
// known. What is not known before the run, such as how many boxes a detector
// finds, is left to the run: the engine makes room for it then.
//
//	g, err := onnx.Read(data, onnx.DefaultLimits)   // file → Graph
//	g, err = ir.Specialise(g, signature)            // all shapes known
//	g, err = ir.Fold(g, reference.Eval)             // constants computed once
//	g = ir.Fuse(g, engine.Fusions())                // epilogues into their producers
//	plan, err := ir.NewPlan(g)                      // one arena
package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// ValueID is the index of a value in its graph.
type ValueID int

// NoValue stands for an optional input or output that is absent.
const NoValue ValueID = -1

// Unknown is a dimension that only a run's inputs decide.
const Unknown = -1

// Info is what is known of a value before it is computed.
type Info struct {
	DType tensor.DType
	// Shape is nil while even the rank is unknown; a dimension is Unknown
	// until the graph is specialised.
	Shape tensor.Shape
	// Const holds the elements of a value that no input influences.
	Const *tensor.Tensor
	// Compound is the type of a value that is no tensor; DType and Shape say
	// nothing then.
	Compound *tensor.Type
}

// Type is the type of the value, as far as it is known.
func (i Info) Type() tensor.Type {
	if i.Compound != nil {
		return *i.Compound
	}
	return tensor.Type{DType: i.DType}
}

// Known reports whether the value is a tensor of which the type and each
// dimension are known.
func (i Info) Known() bool {
	if i.DType == tensor.Invalid || i.Shape == nil {
		return false
	}
	for _, d := range i.Shape {
		if d == Unknown {
			return false
		}
	}
	return true
}

// Value is one tensor of the graph.
type Value struct {
	Name string
	Info
}

// Node applies an operator. Absent optional inputs are NoValue.
type Node struct {
	Name    string
	Op      Operator
	Inputs  []ValueID
	Outputs []ValueID
}

// Graph is a dataflow graph in single-assignment form. Each value is either an
// input, a constant, or the output of exactly one node that stands before all
// its readers.
type Graph struct {
	Name    string
	Values  []Value
	Inputs  []ValueID
	Outputs []ValueID
	Nodes   []Node

	indices int // constant ones that inference has checked so far
}

// Operator is one operation with its attributes decoded. Implementations are
// the plain structs of this package; an engine switches over their type.
type Operator interface {
	// Type is the operator's ONNX name, such as "Conv".
	Type() string
	// Infer gives the outputs' types and shapes from the inputs', which are
	// all known; an absent input is the zero Info. An output's Shape is nil
	// where it follows from elements that are not known yet (Reshape), or is
	// only found by computing it (NonZero), and its Const is given where that
	// needs shapes only (Shape). Errors name the attribute or input at fault.
	//
	// An input that is no tensor is not looked at by others than the operators
	// that take it, whose outputs' shapes stay unknown.
	Infer(in []Info) ([]Info, error)
}

// Control is an operator that runs graphs of its own: If, Loop, Scan and their
// like. The last inputs of a body are those of its captures, which are values of
// the graph around it; they are the last inputs of the node too, in the order of
// the bodies.
type Control interface {
	Operator
	Bodies() []Body
	// WithBodies is the operator with others in place of its bodies.
	WithBodies(bodies []Body) Operator
}

// Body is a graph that an operator runs.
type Body struct {
	Graph *Graph
	// Captures is how many of the graph's inputs, at the end, are captured.
	Captures int
}

// Own are the body's inputs that are not captured.
func (b Body) Own() []ValueID { return b.Graph.Inputs[:len(b.Graph.Inputs)-b.Captures] }

// Label names a node for a message: its operator, and its name or, lacking
// one, the name of its first output.
func (g *Graph) Label(n Node) string {
	name := n.Name
	if name == "" && len(n.Outputs) > 0 && n.Outputs[0] != NoValue {
		name = g.Values[n.Outputs[0]].Name
	}
	return fmt.Sprintf("%s %q", n.Op.Type(), name)
}
