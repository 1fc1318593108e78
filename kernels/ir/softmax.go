package ir

import "fmt"

// Softmax normalises exponentials along Axis. Before opset 13 the input was
// first flattened to two dimensions at the axis: Flatten says so.
// (ONNX Softmax-13, Softmax-11.)
type Softmax struct {
	Axis    int
	Flatten bool
}

// LogSoftmax is the logarithm of Softmax. (ONNX LogSoftmax-13, LogSoftmax-11.)
type LogSoftmax struct {
	Axis    int
	Flatten bool
}

// Hardmax is 1 at the first of the largest elements along Axis and 0 elsewhere.
// (ONNX Hardmax-13, Hardmax-11.)
type Hardmax struct {
	Axis    int
	Flatten bool
}

// Type is "Softmax".
func (Softmax) Type() string { return "Softmax" }

// Infer keeps the shape.
func (op Softmax) Infer(in []Info) ([]Info, error) { return alongAxis(in, op.Axis) }

// Type is "LogSoftmax".
func (LogSoftmax) Type() string { return "LogSoftmax" }

// Infer keeps the shape.
func (op LogSoftmax) Infer(in []Info) ([]Info, error) { return alongAxis(in, op.Axis) }

// Type is "Hardmax".
func (Hardmax) Type() string { return "Hardmax" }

// Infer keeps the shape.
func (op Hardmax) Infer(in []Info) ([]Info, error) { return alongAxis(in, op.Axis) }

// alongAxis keeps the shape of real numbers and checks the axis.
func alongAxis(in []Info, axis int) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input", class: realNumbers}); err != nil {
		return nil, err
	}
	if _, err := Axis(axis, len(in[0].Shape)); err != nil {
		return nil, fmt.Errorf("attribute axis: %w", err)
	}
	return result(in[0].DType, in[0].Shape.Clone())
}
