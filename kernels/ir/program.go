package ir

import (
	"context"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Program is a plan made ready by an engine. It is not safe for concurrent
// use. Run reads inputs and gives outputs, both in the order and with the
// types and shapes of the plan's graph; it keeps neither. It fills an output that
// the plan knows, a tensor that the caller made, and puts in place an output that
// it does not know, where the caller left nil. Two runs with the same inputs give
// the same bits, unless the graph draws random numbers.
type Program interface {
	// Run ends soon after ctx, in the middle of a node if that takes long: the
	// error is then ctx's cause with the node's label, and outputs hold
	// anything.
	Run(ctx context.Context, inputs, outputs []tensor.Value) error
	// Close frees what the program holds; Run must not follow.
	Close() error
}

// Fusions names the rewrites that Fuse may make for an engine.
type Fusions struct {
	// BatchNorm folds BatchNormalization into the convolution before it.
	BatchNorm bool
	// Activation moves Relu and constant Clip into Conv, Gemm and Add.
	Activation bool
}
