package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Type is "Gemm".
func (Gemm) Type() string { return "Gemm" }

// Infer checks the inner dimension and that C broadcasts to the result.
func (op Gemm) Infer(in []Info) ([]Info, error) {
	t := operands(in).dtypeOf(0)
	if err := operands(in).match(
		parameter{name: "A", class: numbers},
		parameter{name: "B", dtype: t},
		parameter{name: "C", dtype: t, optional: true},
	); err != nil {
		return nil, err
	}
	if op.Act.Clip && t != tensor.Float32 {
		return nil, fmt.Errorf("input 0 (A) is %v; an activation is for float32", t)
	}
	a, b := in[0].Shape, in[1].Shape
	if len(a) != 2 || len(b) != 2 {
		return nil, fmt.Errorf("inputs A %v and B %v must be matrices", a, b)
	}
	rows, inner := oriented(a, op.TransA)
	inner2, columns := oriented(b, op.TransB)
	if inner != inner2 {
		return nil, fmt.Errorf("inputs A %v (transposed: %t) and B %v (transposed: %t) do not multiply", a, op.TransA, b, op.TransB)
	}
	out := tensor.Shape{rows, columns}
	if c := operands(in).at(2); c.Shape != nil {
		if both, err := Broadcast(out, c.Shape); err != nil || !both.Equal(out) {
			return nil, fmt.Errorf("input 2 (C) has shape %v, which does not broadcast to %v", c.Shape, out)
		}
	}
	return result(in[0].DType, out)
}

// oriented is a matrix's rows and columns as the multiplication sees them.
func oriented(m tensor.Shape, transposed bool) (rows, columns int) {
	if transposed {
		return m[1], m[0]
	}
	return m[0], m[1]
}

// Type is "MatMul".
func (MatMul) Type() string { return "MatMul" }

// Infer multiplies the last two dimensions and broadcasts the others; a vector
// is a row on the left and a column on the right, and leaves no dimension.
func (MatMul) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "A", class: numbers},
		parameter{name: "B", dtype: operands(in).dtypeOf(0)},
	); err != nil {
		return nil, err
	}
	a, b := in[0].Shape, in[1].Shape
	if len(a) == 0 || len(b) == 0 {
		return nil, fmt.Errorf("inputs A %v and B %v: a scalar has no matrix product", a, b)
	}
	left, right := a, b
	if len(a) == 1 {
		left = tensor.Shape{1, a[0]}
	}
	if len(b) == 1 {
		right = tensor.Shape{b[0], 1}
	}
	l, r := len(left)-2, len(right)-2
	if left[l+1] != right[r] {
		return nil, fmt.Errorf("inputs A %v and B %v do not multiply", a, b)
	}
	out, err := Broadcast(left[:l], right[:r])
	if err != nil {
		return nil, fmt.Errorf("inputs A %v and B %v: leading %w", a, b, err)
	}
	if len(a) > 1 {
		out = append(out, left[l])
	}
	if len(b) > 1 {
		out = append(out, right[r+1])
	}
	return result(in[0].DType, out)
}
