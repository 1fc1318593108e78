package onnx_test

import (
	"slices"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// A large weight is a part of the file if it is in line there; otherwise its copy is
// told, so that what it was copied from can leave the memory.
func TestALargeWeightIsInMemoryOnce(t *testing.T) {
	weights := make([]float32, 1<<18)
	weights[7] = 3
	w, err := tensor.Of(weights, len(weights))
	if err != nil {
		t.Fatal(err)
	}
	m := single(13, "Add", []string{"x", "large"})
	m.Graph.Initializers = append(m.Graph.Initializers, onnx.TensorOf("large", w))
	data := marshal(t, m)
	for shift := range 4 { // one of four places is in line
		moved := append(make([]byte, shift, shift+len(data)), data...)[shift:]
		copied := 0
		g, err := onnx.ReadFrom(moved, onnx.Folder{Copied: func(part []byte) { copied += len(part) }}, onnx.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(g.Values, func(v ir.Value) bool { return v.Name == "large" })
		got := g.Values[i].Const
		own, err := got.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		shared := within(moved, own)
		if shared == (copied > 0) {
			t.Errorf("%d bytes further on: shared %t, and %d bytes were told as copied", shift, shared, copied)
		}
		if tensor.Data[float32](got)[7] != 3 {
			t.Error("the weight has other elements")
		}
	}
}

func within(all, part []byte) bool {
	for i := range all {
		if &all[i] == &part[0] {
			return true
		}
	}
	return false
}
