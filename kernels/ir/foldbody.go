package ir

import (
	"slices"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// chosen is the branch of an If whose condition is constant, and the values that
// it captures.
func (f *folding) chosen(n Node) (body Body, captures []ValueID, ok bool) {
	op, isIf := n.Op.(If)
	if !isIf || n.first() == NoValue || len(n.Inputs) != 1+op.Then.Captures+op.Else.Captures {
		return Body{}, nil, false
	}
	cond := f.g.Values[n.first()].Const
	if cond == nil || cond.DType() != tensor.Bool || cond.Len() != 1 {
		return Body{}, nil, false
	}
	body, captures = op.Else, n.Inputs[1+op.Then.Captures:]
	if tensor.Data[bool](cond)[0] {
		body, captures = op.Then, n.Inputs[1:][:op.Then.Captures]
	}
	return body, captures, len(captures) == len(body.Graph.Inputs)
}

// inline folds a branch's nodes in the node's place.
func (f *folding) inline(n Node, body Body, captures []ValueID) error {
	as := make([]ValueID, len(body.Graph.Values)) // of the branch's values here
	for id := range as {
		as[id] = NoValue
	}
	for i, id := range body.Graph.Inputs {
		as[id] = captures[i]
	}
	for id, v := range body.Graph.Values {
		if as[id] != NoValue {
			continue
		}
		as[id] = ValueID(len(f.g.Values))
		f.g.Values = append(f.g.Values, v)
	}
	for _, inner := range body.Graph.Nodes {
		inner.Inputs, inner.Outputs = slices.Clone(inner.Inputs), slices.Clone(inner.Outputs)
		replace(inner.Inputs, as)
		replace(inner.Outputs, as)
		if err := f.node(inner); err != nil {
			return err
		}
	}
	for i, id := range n.Outputs {
		if id == NoValue || i >= len(body.Graph.Outputs) {
			continue
		}
		pass := Node{Name: n.Name, Op: Identity{}, Inputs: []ValueID{as[body.Graph.Outputs[i]]}, Outputs: []ValueID{id}}
		if err := f.node(pass); err != nil {
			return err
		}
	}
	return nil
}

// bodies folds the bodies of a control node. A captured value that is constant
// becomes the body's own, and what is known of the others is known inside. A body
// that then makes no sense, as the branch for other shapes than these, is left as it
// is: a run that comes to it says so.
func (f *folding) bodies(n Node, op Control) Node {
	bodies := slices.Clone(op.Bodies())
	own := len(n.Inputs)
	for _, b := range bodies {
		own -= b.Captures
	}
	if own < 0 {
		return n
	}
	inputs, captured := slices.Clone(n.Inputs[:own]), n.Inputs[own:]
	for i, b := range bodies {
		body, kept := f.bind(b, captured[:b.Captures])
		captured = captured[b.Captures:]
		inputs = append(inputs, kept...)
		body.Graph = f.inside(body.Graph)
		bodies[i] = body
	}
	n.Op, n.Inputs = op.WithBodies(bodies), inputs
	return n
}

// maxSenseless bounds the bodies that are folded for nothing: more are left as they
// are.
const maxSenseless = 64

// inside folds a body's graph, within what is left of the bounds. One that makes no
// sense is given back with nothing known of what its nodes give.
func (f *folding) inside(g *Graph) *Graph {
	if f.senseless < maxSenseless {
		if folded, err := f.specialised(g); err == nil {
			return folded
		}
		f.senseless++
	}
	for _, n := range g.Nodes {
		for _, id := range n.Outputs {
			if id != NoValue {
				g.Values[id].Info = Info{}
			}
		}
	}
	return g
}

func (f *folding) specialised(g *Graph) (*Graph, error) {
	g.indices = f.g.indices
	defer func() { f.g.indices = g.indices }()
	specialised, err := Specialise(g, nil)
	if err != nil {
		return nil, err
	}
	folded, err := fold(specialised, f)
	if err != nil {
		return nil, err
	}
	g.indices = folded.indices
	return folded, nil
}

// bind gives a body what is known of the values that it captures, and those that
// it still does.
func (f *folding) bind(b Body, captures []ValueID) (Body, []ValueID) {
	g := b.Graph.clone()
	own := len(b.Own())
	inputs, kept := g.Inputs[:own:own], []ValueID{}
	for i, inner := range g.Inputs[own:] {
		info := Info{}
		if captures[i] != NoValue {
			info = f.g.Values[captures[i]].Info
		}
		if v := &g.Values[inner]; info.Const != nil || info.Known() {
			v.Info = info
		}
		if info.Const == nil {
			inputs, kept = append(inputs, inner), append(kept, captures[i])
		}
	}
	g.Inputs = inputs
	return Body{Graph: g, Captures: len(kept)}, kept
}
