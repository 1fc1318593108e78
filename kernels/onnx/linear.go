package onnx

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/ir"
)

var linear = family{
	"Gemm":   gemm,
	"MatMul": plain(ir.MatMul{}),
	"Einsum": einsum,
	"Det":    plain(ir.Det{}),
}

// gemm: since 7 C is always broadcast, before only where broadcast says so; the
// check against the result's shape is the same. Since 11 it is optional.
func gemm(r *reading) ir.Operator {
	if r.opset < 7 {
		r.flag("broadcast", false)
	}
	if r.opset < 11 && len(r.node.Inputs) != 3 {
		r.fail(fmt.Errorf("%d inputs in operator set %d, want 3", len(r.node.Inputs), r.opset))
	}
	return ir.Gemm{
		Alpha: r.float("alpha", 1), Beta: r.float("beta", 1),
		TransA: r.flag("transA", false), TransB: r.flag("transB", false),
	}
}

func einsum(r *reading) ir.Operator {
	r.required("equation")
	return ir.Einsum{Equation: r.text("equation", "")}
}
