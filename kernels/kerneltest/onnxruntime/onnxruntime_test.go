//go:build cgo

package onnxruntime_test

import (
	"testing"

	"github.com/squadron-edge/squadron/kernels/conformance"
	"github.com/squadron-edge/squadron/kernels/kerneltest/onnxruntime"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestTheOracleAnswers(t *testing.T) {
	oracle := onnxruntime.Require(t)
	x, err := tensor.Of([]float32{-1, 2}, 2)
	if err != nil {
		t.Fatal(err)
	}
	m := &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 17}}, Graph: onnx.Graph{
		Name:    "one",
		Nodes:   []onnx.Node{{OpType: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs:  []onnx.ValueInfo{{Name: "x", TypeInfo: onnx.TypeInfo{Type: onnx.Float, Shape: []onnx.Dim{{Value: 2}}}}},
		Outputs: []onnx.ValueInfo{{Name: "y", TypeInfo: onnx.TypeInfo{Type: onnx.Float}}},
	}}
	got, err := oracle.Run(m, map[string]*tensor.Tensor{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	want, err := tensor.Of([]float32{0, 2}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := conformance.Compare(got[0], want); err != nil {
		t.Error(err)
	}
}
