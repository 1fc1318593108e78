package reference

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Drive computes an operator that runs graphs, whichever engine compiled them: in
// are the node's inputs, with the captures of the bodies in order at the end.
func Drive(w *ir.Watch, op ir.Control, in []tensor.Value, bodies []ir.BodyProgram) ([]tensor.Value, error) {
	d := driving{watch: w}
	own := len(in)
	for _, b := range op.Bodies() {
		own -= b.Captures
	}
	if own < 0 {
		return nil, fmt.Errorf("%d inputs are fewer than its bodies capture", len(in))
	}
	at := own
	for i, b := range op.Bodies() {
		d.bodies = append(d.bodies, body{bodies[i], in[at:][:b.Captures]})
		at += b.Captures
	}
	switch op := op.(type) {
	case ir.If:
		return d.branch(op, in[:own])
	case ir.Loop:
		return d.loop(op, in[:own:own])
	case ir.Scan:
		return d.scan(op, in[:own:own])
	case ir.SequenceMap:
		return d.sequenceMap(op, in[:own:own])
	}
	return nil, fmt.Errorf("it is not an operator of the reference engine")
}

// driving is a control operator under way.
type driving struct {
	watch  *ir.Watch
	bodies []body
}

// body is a compiled graph and the values that it captures.
type body struct {
	program  ir.BodyProgram
	captures []tensor.Value
}

// run computes a body's outputs from its own inputs.
func (d *driving) run(b body, in ...tensor.Value) ([]tensor.Value, error) {
	if err := d.watch.Cause(); err != nil {
		return nil, err
	}
	return b.program.Outputs(d.watch.Context(), append(in, b.captures...))
}

// branch runs one of two graphs, as the condition says (ONNX If-19).
func (d *driving) branch(_ ir.If, in []tensor.Value) ([]tensor.Value, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("%d inputs, want 1", len(in))
	}
	then, err := truth(in[0], "cond")
	if err != nil {
		return nil, err
	}
	if then {
		return d.run(d.bodies[0])
	}
	return d.run(d.bodies[1])
}

// truth is a condition: a bool tensor of one element.
func truth(v tensor.Value, name string) (bool, error) {
	t, ok := v.(*tensor.Tensor)
	if !ok || t.DType() != tensor.Bool || t.Len() != 1 {
		return false, fmt.Errorf("input %s is %v, want a bool", name, v)
	}
	return tensor.Data[bool](t)[0], nil
}
