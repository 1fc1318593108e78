package onnx_test

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/onnx"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestAnOutputWithoutANameIsRefused(t *testing.T) {
	m := single(13, "Relu", []string{"x"})
	m.Graph.Outputs = append(m.Graph.Outputs, onnx.ValueInfo{Type: onnx.Float})
	_, err := read(t, m)
	if err == nil || !strings.Contains(err.Error(), "output 1 has no name") {
		t.Errorf("the error is %v", err)
	}
}

// TestManyShortListsCostNoMoreThanTheirBytes spells one list of 1<<19 numbers
// as that many packed lists of one. Copying what is there for each would move
// a terabyte.
func TestManyShortListsCostNoMoreThanTheirBytes(t *testing.T) {
	const n = 1 << 19
	const dataInt64, initializer, graph = 7, 5, 7 // field numbers
	one := protowire.AppendBytes(protowire.AppendTag(nil, dataInt64, protowire.BytesType), []byte{1})
	tensor := []byte(strings.Repeat(string(one), n))
	inGraph := protowire.AppendBytes(protowire.AppendTag(nil, initializer, protowire.BytesType), tensor)
	data := protowire.AppendBytes(protowire.AppendTag(nil, graph, protowire.BytesType), inGraph)
	allocations := testing.AllocsPerRun(1, func() {
		m, err := onnx.Unmarshal(data, onnx.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(m.Graph.Initializers[0].Int64s); got != n {
			t.Fatalf("%d numbers, want %d", got, n)
		}
	})
	if allocations > 1000 {
		t.Errorf("%v allocations for one list", allocations)
	}
}
