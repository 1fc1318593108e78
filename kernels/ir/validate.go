package ir

import (
	"errors"
	"fmt"
)

// Validate checks that the graph is in single-assignment form and topological
// order: each value has one source, which stands before its readers. No
// constant may be larger than a value may be.
func (g *Graph) Validate() error {
	v := validation{g: g, defined: make([]bool, len(g.Values))}
	for _, id := range g.Inputs {
		if err := v.define(id); err != nil {
			return fmt.Errorf("graph %q: input: %w", g.Name, err)
		}
	}
	for id, value := range g.Values {
		if value.Const == nil {
			continue
		}
		if err := v.define(ValueID(id)); err != nil {
			return fmt.Errorf("graph %q: constant: %w", g.Name, err)
		}
		if value.DType != value.Const.DType() || !value.Shape.Equal(value.Const.Shape()) {
			return fmt.Errorf("graph %q: constant %q is %v, declared %v%v", g.Name, value.Name, value.Const, value.DType, value.Shape)
		}
		if err := value.Check(); err != nil {
			return fmt.Errorf("graph %q: constant %q: %w", g.Name, value.Name, err)
		}
	}
	for _, n := range g.Nodes {
		if n.Op == nil {
			return fmt.Errorf("graph %q: node %q has no operator", g.Name, n.Name)
		}
		if err := v.node(n); err != nil {
			return fmt.Errorf("graph %q: %s: %w", g.Name, n.Op.Type(), err)
		}
	}
	if len(g.Outputs) == 0 {
		return fmt.Errorf("graph %q has no outputs", g.Name)
	}
	for _, id := range g.Outputs {
		if err := v.read(id); err != nil {
			return fmt.Errorf("graph %q: output: %w", g.Name, err)
		}
	}
	return nil
}

type validation struct {
	g       *Graph
	defined []bool
}

func (v *validation) define(id ValueID) error {
	if id < 0 || int(id) >= len(v.g.Values) {
		return fmt.Errorf("there is no value %d", id)
	}
	if v.defined[id] {
		return fmt.Errorf("value %q has two sources", v.g.Values[id].Name)
	}
	v.defined[id] = true
	return nil
}

func (v *validation) read(id ValueID) error {
	if id < 0 || int(id) >= len(v.g.Values) {
		return fmt.Errorf("there is no value %d", id)
	}
	if !v.defined[id] {
		return fmt.Errorf("value %q is read before anything gives it", v.g.Values[id].Name)
	}
	return nil
}

func (v *validation) node(n Node) error {
	if len(n.Outputs) == 0 {
		return errors.New("it has no outputs")
	}
	for _, id := range n.Inputs {
		if id == NoValue {
			continue
		}
		if err := v.read(id); err != nil {
			return err
		}
	}
	for _, id := range n.Outputs {
		if id == NoValue {
			continue
		}
		if err := v.define(id); err != nil {
			return err
		}
	}
	return nil
}
