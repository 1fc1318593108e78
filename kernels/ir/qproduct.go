package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// MatMulInteger multiplies matrices of bytes, less their zero points, to int32.
// Inputs: A, B, optional a_zero_point: a scalar or one element a row of A, optional
// b_zero_point: a scalar or one a column of B. (ONNX MatMulInteger-10.)
type MatMulInteger struct{}

// QLinearMatMul multiplies quantized matrices. Inputs: a, a_scale, a_zero_point,
// b, b_scale, b_zero_point, y_scale, y_zero_point; a's scale and zero point are
// scalars or have one element a row, b's a column, and y's are scalars. (ONNX
// QLinearMatMul-21.)
type QLinearMatMul struct{}

// QGemm multiplies quantized matrices, and adds C: Alpha·scaleA·scaleB·(A'·B' + C).
// Inputs: A, a_scale, a_zero_point, B, b_scale, b_zero_point (scalars, or one
// element a column of B'), optional int32 C, broadcast to the result, and optional
// y_scale and y_zero_point, without which the result is float32. (com.microsoft
// QGemm-1.)
type QGemm struct {
	Alpha          float32
	TransA, TransB bool
}

// Type is "MatMulInteger".
func (MatMulInteger) Type() string { return "MatMulInteger" }

// Infer multiplies as MatMul does.
func (MatMulInteger) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "A", class: bytes},
		parameter{name: "B", class: bytes},
		parameter{name: "a_zero_point", class: bytes, optional: true},
		parameter{name: "b_zero_point", class: bytes, optional: true},
	); err != nil {
		return nil, err
	}
	out, err := multiplied(in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	if err := operands(in).grains(0, "a_zero_point", true, 2); err != nil {
		return nil, err
	}
	if err := operands(in).grains(1, "b_zero_point", false, 3); err != nil {
		return nil, err
	}
	for i, z := range in[2:] {
		if z.DType != tensor.Invalid && z.DType != in[i].DType {
			return nil, fmt.Errorf("input %d is %v, and what it is the zero point of %v", i+2, z.DType, in[i].DType)
		}
	}
	return result(tensor.Int32, out)
}

// multiplied is the shape of a product, as numpy.matmul has it.
func multiplied(a, b tensor.Shape) (tensor.Shape, error) {
	out, err := MatMul{}.Infer([]Info{{DType: tensor.Float32, Shape: a}, {DType: tensor.Float32, Shape: b}})
	if err != nil {
		return nil, err
	}
	return out[0].Shape, nil
}

// grains checks the scales and zero points of matrix i: scalars, vectors of one
// element a row or column, or such for each of its leading dimensions.
func (in operands) grains(i int, name string, rows bool, at ...int) error {
	m := in[i].Shape
	for _, j := range at {
		s := in.at(j).Shape
		if !in.has(j) || single(s) {
			continue
		}
		if len(m) < 2 {
			return fmt.Errorf("input %d (%s) has shape %v, want a scalar", j, name, s)
		}
		want := m.Clone()
		lines := m[len(m)-1]
		if want[len(m)-2] = 1; rows {
			lines = m[len(m)-2]
			want[len(m)-2], want[len(m)-1] = lines, 1
		}
		if !s.Equal(tensor.Shape{lines}) && !s.Equal(want) {
			return fmt.Errorf("input %d (%s) has shape %v, want a scalar, %v or %v", j, name, s, tensor.Shape{lines}, want)
		}
	}
	return nil
}

// Type is "QLinearMatMul".
func (QLinearMatMul) Type() string { return "QLinearMatMul" }

// Infer multiplies as MatMul does.
func (QLinearMatMul) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "a", class: quantized},
		parameter{name: "a_scale", class: realNumbers},
		parameter{name: "a_zero_point", class: quantized},
		parameter{name: "b", class: quantized},
		parameter{name: "b_scale", class: realNumbers},
		parameter{name: "b_zero_point", class: quantized},
		parameter{name: "y_scale", class: realNumbers},
		parameter{name: "y_zero_point", class: quantized},
	); err != nil {
		return nil, err
	}
	out, err := multiplied(in[0].Shape, in[3].Shape)
	if err != nil {
		return nil, err
	}
	if err := operands(in).grains(0, "of a", true, 1, 2); err != nil {
		return nil, err
	}
	if err := operands(in).grains(3, "of b", false, 4, 5); err != nil {
		return nil, err
	}
	for _, i := range []int{6, 7} {
		if !single(in[i].Shape) {
			return nil, fmt.Errorf("input %d (of y) has shape %v, want a scalar", i, in[i].Shape)
		}
	}
	return result(in[7].DType, out)
}

// Type is "QGemm".
func (QGemm) Type() string { return "QGemm" }

// Infer checks the inner dimension and that C broadcasts to the result.
func (op QGemm) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "A", class: bytes},
		parameter{name: "a_scale", dtype: tensor.Float32},
		parameter{name: "a_zero_point", class: bytes},
		parameter{name: "B", class: bytes},
		parameter{name: "b_scale", dtype: tensor.Float32},
		parameter{name: "b_zero_point", class: bytes},
		parameter{name: "C", dtype: tensor.Int32, optional: true},
		parameter{name: "y_scale", dtype: tensor.Float32, optional: true},
		parameter{name: "y_zero_point", class: bytes, optional: true},
	); err != nil {
		return nil, err
	}
	floats := []Info{{DType: tensor.Float32, Shape: in[0].Shape}, {DType: tensor.Float32, Shape: in[3].Shape}}
	if operands(in).has(6) {
		floats = append(floats, Info{DType: tensor.Float32, Shape: in[6].Shape})
	}
	out, err := Gemm{TransA: op.TransA, TransB: op.TransB}.Infer(floats)
	if err != nil {
		return nil, err
	}
	for i, name := range []string{1: "a_scale", 2: "a_zero_point", 4: "b_scale", 5: "b_zero_point", 7: "y_scale", 8: "y_zero_point"} {
		if s := operands(in).at(i).Shape; name != "" && !single(s) && (i != 4 && i != 5 || !s.Equal(out[0].Shape[1:])) {
			return nil, fmt.Errorf("input %d (%s) has shape %v, want a scalar", i, name, s)
		}
	}
	if operands(in).has(7) != operands(in).has(8) {
		return nil, fmt.Errorf("of inputs 7 (y_scale) and 8 (y_zero_point), only one is there")
	}
	if operands(in).has(8) {
		out[0].DType = in[8].DType
	}
	return out, nil
}
