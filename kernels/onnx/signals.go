package onnx

import (
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

var signals = family{
	"DFT":             dft,
	"STFT":            func(r *reading) ir.Operator { return ir.STFT{OneSided: r.flag("onesided", true)} },
	"HannWindow":      cosineWindow(ir.Hann),
	"HammingWindow":   cosineWindow(ir.Hamming),
	"BlackmanWindow":  cosineWindow(ir.Blackman),
	"MelWeightMatrix": func(r *reading) ir.Operator { return ir.MelWeightMatrix{DType: r.outputDatatype()} },
}

// dft: since 20 the axis is an input, and by default the last but one; before, the
// first after the batch.
func dft(r *reading) ir.Operator {
	op := ir.DFT{Inverse: r.flag("inverse", false), OneSided: r.flag("onesided", false)}
	if r.opset >= 20 {
		return op
	}
	r.only(min(len(r.node.Inputs), 2))
	for len(r.inputs) < 2 {
		r.inputs = append(r.inputs, ir.NoValue)
	}
	t, err := tensor.Of([]int64{int64(r.int("axis", 1))})
	r.constantInput("axis", t, err)
	return op
}

func cosineWindow(name ir.WindowName) func(*reading) ir.Operator {
	return func(r *reading) ir.Operator {
		return ir.CosineWindow{Name: name, Periodic: r.flag("periodic", true), DType: r.outputDatatype()}
	}
}

// outputDatatype is the type of what is made from sizes alone.
func (r *reading) outputDatatype() tensor.DType {
	if dtype := r.dtype("output_datatype"); dtype != tensor.Invalid {
		return dtype
	}
	return tensor.Float32
}
