// Package gorgonia executes plans on the CPU as Gorgonia graphs of our own
// operators. It alone of the runtime imports Gorgonia.
//
// It owns the lowering (one Gorgonia node for each step of the plan), the
// kernels, and a machine that runs such a graph. It refuses Gorgonia's stock
// operators, its allocation and its differentiation: a step writes to its place in
// the plan's arena and to nothing else, and allocates nothing. A node for which it
// has no kernel becomes a general step, which has package reference compute it, in
// memory that is taken then (docs/decisions/0009-run-time-values.md).
//
// Vocabulary: a step is a Gorgonia operator bound to one node of the plan; a
// kernel computes a step's elements; a site is the node that a kernel is fitted
// to; a box is the value of what is no float32 tensor of a known shape; the
// workspace is the bounded memory that the kernels take turns in; the machine is
// the gorgonia.VM that runs the steps.
//
//	program, err := gorgonia.Engine{}.Compile(plan)
//	if err != nil {
//		return err
//	}
//	defer program.Close()
//	err = program.Run(ctx, inputs, outputs)
package gorgonia

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"

	// Gorgonia's dawson panics at start on new Go versions unless this newer
	// version of its guard is linked in.
	_ "go4.org/unsafe/assume-no-moving-gc"
)

// Engine runs plans on one thread of any processor.
type Engine struct{}

// Name is "gorgonia".
func (Engine) Name() string { return "gorgonia" }

// Probe always succeeds: the kernels are plain Go.
func (Engine) Probe() (string, error) { return "Gorgonia with kernels in Go, one thread", nil }

// Fusions asks for all of them: BatchNormalization disappears into the
// convolution's weights, and an activation costs nothing as an epilogue.
func (Engine) Fusions() ir.Fusions { return ir.Fusions{BatchNorm: true, Activation: true} }

// Compile lowers the plan to a Gorgonia graph and prepares its machine.
func (Engine) Compile(plan *ir.Plan) (ir.Program, error) {
	p, err := compile(plan)
	if err != nil {
		return nil, fmt.Errorf("compile %q for gorgonia: %w", plan.Graph.Name, err)
	}
	return p, nil
}
