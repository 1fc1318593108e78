package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/squadron-edge/squadron/kernels/ir"
)

var recurrent = family{
	"RNN":  func(r *reading) ir.Operator { return r.recurrent(ir.RNN, "Tanh") },
	"GRU":  func(r *reading) ir.Operator { return r.recurrent(ir.GRU, "Sigmoid", "Tanh") },
	"LSTM": func(r *reading) ir.Operator { return r.recurrent(ir.LSTM, "Sigmoid", "Tanh", "Tanh") },
}

// recurrent reads a layer whose cells have functions by default. Before 7 a graph
// could say that it does not want all H; that it has no such output says so too.
func (r *reading) recurrent(cell ir.Cell, functions ...string) ir.Operator {
	r.required("hidden_size")
	op := ir.Recurrent{Cell: cell, Hidden: r.int("hidden_size", 1), Clip: r.float("clip", 0)}
	if r.opset < 7 {
		r.skip("output_sequence")
	}
	if r.opset >= 14 {
		op.BatchFirst = r.flag("layout", false)
	}
	switch {
	case cell == ir.GRU && r.opset >= 3:
		op.LinearBeforeReset = r.int("linear_before_reset", 0) != 0
	case cell == ir.LSTM:
		op.InputForget = r.int("input_forget", 0) != 0
	}
	switch r.choice("direction", "forward", "forward", "reverse", "bidirectional") {
	case "forward":
		op.Directions = make([]ir.Direction, 1)
	case "reverse":
		op.Directions = []ir.Direction{{Reverse: true}}
	default:
		op.Directions = []ir.Direction{{}, {Reverse: true}}
	}
	r.functions(&op, functions)
	return op
}

// functions gives each direction its share of the functions, with their parameters.
func (r *reading) functions(op *ir.Recurrent, absent []string) {
	names, ok := r.texts("activations")
	if !ok {
		for range op.Directions {
			names = append(names, absent...)
		}
	}
	alphas, _ := r.floats("activation_alpha")
	betas, _ := r.floats("activation_beta")
	if len(names) != len(op.Directions)*len(absent) {
		r.fail(fmt.Errorf("attribute %q has %d functions, want %d", "activations", len(names), len(op.Directions)*len(absent)))
		return
	}
	for i, name := range names {
		canonical := canonicalFunction(name)
		about, known := ir.CellFunctions[canonical]
		if !known {
			r.fail(fmt.Errorf("attribute %q has %q, which is not supported", "activations", name))
			return
		}
		f := ir.CellFunction{Name: canonical, Alpha: about.Alpha, Beta: about.Beta}
		f.Alpha, alphas = taken(f.Alpha, about.HasAlpha, alphas, len(names)-i)
		f.Beta, betas = taken(f.Beta, about.HasBeta, betas, len(names)-i)
		d := &op.Directions[i/len(absent)]
		d.Functions = append(d.Functions, f)
	}
}

// taken takes a function's parameter from those given, which are one for each
// function left, or only for those that have one.
func taken(absent float32, has bool, given []float32, functions int) (float32, []float32) {
	switch {
	case len(given) > 0 && has:
		return given[0], given[1:]
	case len(given) > 0 && len(given) >= functions:
		return absent, given[1:]
	}
	return absent, given
}

// canonicalFunction is a name as ONNX writes it, of which case does not matter.
func canonicalFunction(name string) string {
	names := make([]string, 0, len(ir.CellFunctions))
	for n := range ir.CellFunctions {
		names = append(names, n)
	}
	if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) }); i >= 0 {
		return names[i]
	}
	return name
}
