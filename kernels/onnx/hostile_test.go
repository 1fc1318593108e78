package onnx_test

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/onnx"
)

func TestAnOutputWithoutANameIsRefused(t *testing.T) {
	m := single(13, "Relu", []string{"x"})
	m.Graph.Outputs = append(m.Graph.Outputs, onnx.ValueInfo{Type: onnx.Float})
	_, err := read(t, m)
	if err == nil || !strings.Contains(err.Error(), "output 1 has no name") {
		t.Errorf("the error is %v", err)
	}
}
