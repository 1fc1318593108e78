package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// control are the operators that run graphs of their own.
var control = family{
	"If":          branch,
	"Loop":        loop,
	"Scan":        scan,
	"SequenceMap": sequenceMap,
}

// branch is If.
func branch(r *reading) ir.Operator {
	return ir.If{Then: r.body("then_branch"), Else: r.body("else_branch")}
}

func loop(r *reading) ir.Operator {
	op := ir.Loop{}
	op.Body, op.Outputs = r.repeated()
	if own := op.Body.Own(); len(own) < 2 || len(op.Outputs) < len(own)-1 {
		r.fail(fmt.Errorf("attribute %q has %d inputs and %d outputs; it reads a trip number, a condition and values, and gives a condition, the values and slices", "body", len(own), len(op.Outputs)))
	}
	if given, want := max(len(r.node.Inputs)-2, 0), len(op.Body.Own())-2; r.err == nil && given != want {
		r.fail(fmt.Errorf("%d values are given to a body that takes %d", given, want))
	}
	return op
}

// scan: since 9 there is no batch, and axes and directions may be chosen.
func scan(r *reading) ir.Operator {
	r.required("num_scan_inputs")
	op := ir.Scan{Batch: r.opset < 9}
	op.Body, op.Outputs = r.repeated()
	own := len(op.Body.Own())
	slices := r.int("num_scan_inputs", 0)
	given := len(r.node.Inputs)
	if op.Batch {
		given--
	}
	if states := own - slices; slices < 1 || states < 0 || len(op.Outputs) < states || given != own {
		r.fail(fmt.Errorf("%d inputs, %d of them scanned, for a body of %d inputs and %d outputs", given, slices, own, len(op.Outputs)))
		return op
	}
	stacks := len(op.Outputs) - (own - slices)
	if op.Batch {
		op.InputAxes, op.OutputAxes = make([]int, slices), make([]int, stacks)
		op.InputReverse, op.OutputReverse = r.directions("directions", slices), make([]bool, stacks)
		return op
	}
	op.InputAxes, op.OutputAxes = r.axesOf("scan_input_axes", slices), r.axesOf("scan_output_axes", stacks)
	op.InputReverse, op.OutputReverse = r.directions("scan_input_directions", slices), r.directions("scan_output_directions", stacks)
	return op
}

func sequenceMap(r *reading) ir.Operator {
	op := ir.SequenceMap{}
	op.Body, op.Outputs = r.repeated()
	if own := len(op.Body.Own()); own < 1 || own != len(r.node.Inputs) {
		r.fail(fmt.Errorf("%d inputs for a body of %d", len(r.node.Inputs), own))
	}
	return op
}

// repeated imports a body that runs for each trip or slice, with the declared
// types of its outputs. Of its own inputs only the types are kept: shapes may
// change from one trip to the next, whatever the file says.
func (r *reading) repeated() (ir.Body, []ir.Info) {
	body := r.body("body")
	for _, id := range body.Own() {
		body.Graph.Values[id].Shape = nil
	}
	a := r.attribute("body", GraphAttribute)
	if a == nil || a.Graph == nil {
		return body, nil
	}
	outputs := make([]ir.Info, len(a.Graph.Outputs))
	for i, v := range a.Graph.Outputs {
		var err error
		if outputs[i], err = v.info(); err != nil {
			r.fail(fmt.Errorf("attribute %q: output %q: %w", "body", v.Name, err))
		}
	}
	return body, outputs
}

// axesOf reads one axis for each of n things; absent ones are 0.
func (r *reading) axesOf(name string, n int) []int {
	axes := r.list(name)
	if axes == nil {
		return make([]int, n)
	}
	if len(axes) != n {
		r.fail(fmt.Errorf("attribute %q is %v, want %d elements", name, axes, n))
	}
	return axes
}

// directions reads for each of n things whether it is reversed.
func (r *reading) directions(name string, n int) []bool {
	out := make([]bool, n)
	for i, d := range r.axesOf(name, n) {
		if d != 0 && d != 1 {
			r.fail(fmt.Errorf("attribute %q holds %d, want 0 or 1", name, d))
		}
		if i < n {
			out[i] = d == 1
		}
	}
	return out
}
