package gorgonia

import (
	"errors"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// kernel computes an output from its operands: the node's float32 inputs in
// order, without the absent ones. Shapes, and what memory it needs besides,
// were settled when it was fitted; it neither allocates nor fails. One that
// computes for long asks the workspace on the way whether the run is over.
type kernel func(w *workspace, in [][]float32, out []float32)

// errNoKernel says that this engine has no kernel for a node, which the
// reference then computes.
var errNoKernel = errors.New("there is no kernel for it")

// nothing computes an empty output, for which others would loop over its
// other extents.
func nothing(*workspace, [][]float32, []float32) {}

// fit makes the kernel for a site.
func fit(s site) (kernel, error) {
	if slices.Contains(s.output(), 0) {
		return nothing, nil
	}
	switch op := s.node.Op.(type) {
	case ir.Conv:
		return fitConv(s, op)
	case ir.BatchNormalization:
		if len(s.output()) < 2 {
			return nil, errNoKernel
		}
		return fitBatchNormalization(s, op), nil
	case ir.Relu:
		return relu, nil
	case ir.Clip:
		return fitClip(s), nil
	case ir.Add:
		return fitAdd(s, op), nil
	case ir.Gemm:
		return fitGemm(s, op), nil
	case ir.MatMul:
		return fitMatMul(s), nil
	case ir.MaxPool:
		return fitMaxPool(s, op)
	case ir.AveragePool:
		return fitAveragePool(s, op)
	case ir.GlobalAveragePool:
		return fitGlobalAveragePool(s), nil
	case ir.Reduce:
		if op.By == ir.ReduceMean {
			return fitReduceMean(s, op)
		}
	case ir.Softmax:
		return fitSoftmax(s, op), nil
	case ir.Concat:
		return fitConcat(s, op), nil
	case ir.Gather:
		return fitGather(s, op), nil
	case ir.Flatten, ir.Reshape, ir.Squeeze, ir.Unsqueeze, ir.Identity:
		return pass, nil
	}
	return nil, errNoKernel
}
