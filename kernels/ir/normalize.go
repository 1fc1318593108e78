package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// LayerNormalization makes the mean 0 and the variance 1 over the dimensions from
// Axis. Inputs: X, Scale, optional B, both broadcast to X. Outputs: Y, and of type
// Stash the mean and 1/√(variance+ε), with the dimensions from Axis 1.
// (ONNX LayerNormalization-17.)
type LayerNormalization struct {
	Axis    int
	Epsilon float32
	Stash   tensor.DType
}

// RMSNormalization divides by the root of the mean square over the dimensions from
// Axis. Inputs: X, scale, broadcast to X. Outputs: Y of scale's type, and of type
// Stash 1/√(mean square+ε), with the dimensions from Axis 1. (ONNX
// RMSNormalization-23; the second output is that of onnxruntime's
// SimplifiedLayerNormalization.)
type RMSNormalization struct {
	Axis    int
	Epsilon float32
	Stash   tensor.DType
}

// SkipNormalization adds its inputs and normalises the sum over the last dimension,
// as LayerNormalization does, or if Simplified as RMSNormalization. Inputs: X, skip,
// gamma, unless Simplified beta (optional), bias (optional). Outputs: Y, mean,
// 1/√(variance+ε), both float32, and the sum. (onnxruntime
// com.microsoft.SkipLayerNormalization-1, SkipSimplifiedLayerNormalization-1.)
type SkipNormalization struct {
	Epsilon    float32
	Simplified bool
}

// GroupNormalization makes the mean 0 and the variance 1 over each of Groups of
// channels of each picture. Inputs: X [N×C×…], scale, bias, each [C] or, PerGroup,
// [Groups]. (ONNX GroupNormalization-21, GroupNormalization-18.)
type GroupNormalization struct {
	Groups   int
	Epsilon  float32
	PerGroup bool
}

// InstanceNormalization makes the mean 0 and the variance 1 over each channel of
// each picture. Inputs: X [N×C×…], scale, B, each [C]. (ONNX
// InstanceNormalization-22.)
type InstanceNormalization struct{ Epsilon float32 }

// LpNormalization divides by the P-norm along Axis; a line of zeros stays. (ONNX
// LpNormalization-22.)
type LpNormalization struct{ Axis, P int }

// LRN divides by (Bias + Alpha/Size·Σx²)^Beta, with the squares of the Size channels
// around. Input: X [N×C×…]. (ONNX LRN-13.)
type LRN struct {
	Alpha, Beta, Bias float32
	Size              int
}

// MeanVarianceNormalization makes the mean 0 and the variance 1 over Axes. (ONNX
// MeanVarianceNormalization-13.)
type MeanVarianceNormalization struct{ Axes []int64 }

// Type is "LayerNormalization".
func (LayerNormalization) Type() string { return "LayerNormalization" }

// Infer keeps the shape.
func (op LayerNormalization) Infer(in []Info) ([]Info, error) {
	t := operands(in).dtypeOf(0)
	if err := operands(in).match(
		parameter{name: "X", class: realNumbers},
		parameter{name: "Scale", dtype: t},
		parameter{name: "B", dtype: t, optional: true},
	); err != nil {
		return nil, err
	}
	if err := operands(in).fits(2, "B", in[0].Shape); err != nil {
		return nil, err
	}
	rest, err := normalized(in, op.Axis, "Scale")
	if err != nil {
		return nil, err
	}
	stash := Info{DType: op.Stash, Shape: rest}
	return []Info{{DType: t, Shape: in[0].Shape.Clone()}, stash, stash}, nil
}

// Type is "RMSNormalization".
func (RMSNormalization) Type() string { return "RMSNormalization" }

// Infer keeps the shape.
func (op RMSNormalization) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "X", class: realNumbers},
		parameter{name: "scale", class: realNumbers},
	); err != nil {
		return nil, err
	}
	rest, err := normalized(in, op.Axis, "scale")
	if err != nil {
		return nil, err
	}
	return []Info{{DType: in[1].DType, Shape: in[0].Shape.Clone()}, {DType: op.Stash, Shape: rest}}, nil
}

// normalized is the shape of what is one for all dimensions from the axis.
func normalized(in operands, axis int, scale string) (tensor.Shape, error) {
	x := in[0].Shape
	axis, err := Axis(axis, len(x))
	if err != nil {
		return nil, fmt.Errorf("attribute axis: %w", err)
	}
	if err := in.fits(1, scale, x); err != nil {
		return nil, err
	}
	rest := x.Clone()
	for i := axis; i < len(rest); i++ {
		rest[i] = 1
	}
	return rest, nil
}

// Type is "SkipLayerNormalization" or "SkipSimplifiedLayerNormalization".
func (op SkipNormalization) Type() string {
	if op.Simplified {
		return "SkipSimplifiedLayerNormalization"
	}
	return "SkipLayerNormalization"
}

// Infer keeps the shape; skip may lack leading dimensions.
func (op SkipNormalization) Infer(in []Info) ([]Info, error) {
	t := operands(in).dtypeOf(0)
	want := []parameter{{name: "input", class: realNumbers}, {name: "skip", dtype: t}, {name: "gamma", dtype: t}}
	if !op.Simplified {
		want = append(want, parameter{name: "beta", dtype: t, optional: true})
	}
	want = append(want, parameter{name: "bias", dtype: t, optional: true})
	if err := operands(in).match(want...); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) < 2 {
		return nil, fmt.Errorf("input 0 (input) has shape %v, want at least 2 dimensions", x)
	}
	if err := operands(in).fits(1, "skip", x); err != nil {
		return nil, err
	}
	for i := 2; i < len(want); i++ {
		if err := operands(in).is(i, want[i].name, x[len(x)-1:]); err != nil {
			return nil, err
		}
	}
	rest := x.Clone()
	rest[len(rest)-1] = 1
	statistic := Info{DType: tensor.Float32, Shape: rest}
	return []Info{{DType: t, Shape: x.Clone()}, statistic, statistic, {DType: t, Shape: x.Clone()}}, nil
}

// Type is "GroupNormalization".
func (GroupNormalization) Type() string { return "GroupNormalization" }

// Infer keeps the shape.
func (op GroupNormalization) Infer(in []Info) ([]Info, error) {
	t := operands(in).dtypeOf(0)
	if err := operands(in).match(
		parameter{name: "X", class: realNumbers}, parameter{name: "scale", dtype: t}, parameter{name: "bias", dtype: t},
	); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) < 2 {
		return nil, fmt.Errorf("input 0 (X) has shape %v, want at least N×C", x)
	}
	if op.Groups < 1 || x[1]%op.Groups != 0 {
		return nil, fmt.Errorf("attribute num_groups is %d, which does not divide %d channels", op.Groups, x[1])
	}
	want := tensor.Shape{x[1]}
	if op.PerGroup {
		want = tensor.Shape{op.Groups}
	}
	return affine(in, want, "scale", "bias")
}

// affine keeps the shape and checks the inputs that scale and shift.
func affine(in operands, want tensor.Shape, scale, bias string) ([]Info, error) {
	if err := in.is(1, scale, want); err != nil {
		return nil, err
	}
	if err := in.is(2, bias, want); err != nil {
		return nil, err
	}
	return result(in[0].DType, in[0].Shape.Clone())
}

// Type is "InstanceNormalization".
func (InstanceNormalization) Type() string { return "InstanceNormalization" }

// Infer keeps the shape.
func (InstanceNormalization) Infer(in []Info) ([]Info, error) {
	t := operands(in).dtypeOf(0)
	if err := operands(in).match(
		parameter{name: "input", class: realNumbers}, parameter{name: "scale", dtype: t}, parameter{name: "B", dtype: t},
	); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) < 2 {
		return nil, fmt.Errorf("input 0 (input) has shape %v, want at least N×C", x)
	}
	return affine(in, tensor.Shape{x[1]}, "scale", "B")
}

// Type is "LpNormalization".
func (LpNormalization) Type() string { return "LpNormalization" }

// Infer keeps the shape.
func (op LpNormalization) Infer(in []Info) ([]Info, error) {
	if op.P != 1 && op.P != 2 {
		return nil, fmt.Errorf("attribute p is %d; supported are 1 and 2", op.P)
	}
	return alongAxis(in, op.Axis)
}

// Type is "LRN".
func (LRN) Type() string { return "LRN" }

// Infer keeps the shape.
func (op LRN) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", class: realNumbers}); err != nil {
		return nil, err
	}
	if len(in[0].Shape) < 2 {
		return nil, fmt.Errorf("input 0 (X) has shape %v, want at least N×C", in[0].Shape)
	}
	if op.Size < 1 {
		return nil, fmt.Errorf("attribute size is %d, want at least 1", op.Size)
	}
	return result(in[0].DType, in[0].Shape.Clone())
}

func (op LRN) multiplyAdds(in, _ []Info) int {
	return times(volume(in[0].Shape), min(op.Size, in[0].Shape[1]))
}

// Type is "MeanVarianceNormalization".
func (MeanVarianceNormalization) Type() string { return "MeanVarianceNormalization" }

// Infer keeps the shape.
func (op MeanVarianceNormalization) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", class: realNumbers}); err != nil {
		return nil, err
	}
	if _, err := Axes(op.Axes, len(in[0].Shape)); err != nil {
		return nil, fmt.Errorf("attribute axes: %w", err)
	}
	return result(in[0].DType, in[0].Shape.Clone())
}
