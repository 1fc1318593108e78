package networks

import "github.com/squadron-edge/squadron/kernels/onnx"

// MLP takes a [1×1×28×28] picture through one hidden layer of 512 to [1×10].
func MLP() *onnx.Model {
	e := newExport("mlp", 1, 1, 28, 28)
	x := e.node("/0/Flatten", "Flatten", []string{"input"}, integer("axis", 1))
	x = e.relu("2", e.linear("1", x, 784, 512))
	return e.model(e.linear("3", x, 512, 10), 10)
}
