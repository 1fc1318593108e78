package kernels_test

import (
	"context"
	"fmt"

	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// A model file is usually opened by its path; here it is made on the spot.
func Example() {
	file, err := onnx.Marshal(&onnx.Model{
		IRVersion: 8,
		Opsets:    []onnx.Opset{{Version: 13}},
		Graph: onnx.Graph{
			Name:    "rectifier",
			Nodes:   []onnx.Node{{OpType: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}},
			Inputs:  []onnx.ValueInfo{{Name: "x", TypeInfo: onnx.TypeInfo{Type: onnx.Float, Shape: []onnx.Dim{{Symbol: "N"}}}}},
			Outputs: []onnx.ValueInfo{{Name: "y", TypeInfo: onnx.TypeInfo{Type: onnx.Float, Shape: []onnx.Dim{{Symbol: "N"}}}}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err := kernels.Load(file, kernels.Options{Engines: []kernels.Engine{reference.Engine{}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()

	x, err := tensor.Of([]float32{-1, 0, 2.5}, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := session.Run(context.Background(), map[string]*tensor.Tensor{"x": x})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(session.Engine(), tensor.Data[float32](out["y"]))

	_, err = session.Run(context.Background(), map[string]*tensor.Tensor{"picture": x})
	fmt.Println(err)
	// Output:
	// reference [0 0 2.5]
	// run model "rectifier": input "x" is missing; the inputs are "x" float32[?]
}
