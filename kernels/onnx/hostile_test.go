package onnx_test

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/onnx"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestAnOutputWithoutANameIsRefused(t *testing.T) {
	m := single(13, "Relu", []string{"x"})
	m.Graph.Outputs = append(m.Graph.Outputs, onnx.ValueInfo{TypeInfo: onnx.TypeInfo{Type: onnx.Float}})
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

// People give all sorts of files; the sentence says what to do about it.
func TestAFileThatIsNoModelIsCalledWhatItIs(t *testing.T) {
	whole, err := onnx.Marshal(single(13, "Relu", []string{"x"}))
	if err != nil {
		t.Fatal(err)
	}
	for data, want := range map[string]string{
		"":                                    "not an ONNX model: it is empty; export",
		"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR": "it is a PNG picture",
		"\xff\xd8\xff\xe0\x00\x10JFIF":        "it is a JPEG picture",
		"PK\x03\x04\x00\x00":                  "as PyTorch saves models",
		"\x1c\x00\x00\x00TFL3":                "it is a TensorFlow Lite model",
		"<!DOCTYPE html><html>":               "it is an HTML page",
		"zero\none\n":                         "it is text",
		"# Grüße\n" + strings.Repeat("ü", 300): "it is text",
		"::::":                       "it is text",
		"\x7fELF\x02\x01\x01\x00":    "it begins as no model does",
		"\x00\x00\x00":               "it begins as no model does",
		"\x70\x01":                   "it begins as no model does", // field 14, which no model has, and no graph
		"\x08\x08":                   "decode ONNX file: it holds no graph",
		string(whole[:len(whole)-3]): "decode ONNX file: at byte",
		string(whole[:len(whole)-3]) + "\xff\xff\xff": "decode ONNX file: ",
	} {
		_, err := onnx.Unmarshal([]byte(data), onnx.DefaultLimits)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q gave %v, want %q", data, err, want)
		}
		if foreign := !strings.Contains(want, "decode"); err != nil && foreign != strings.Contains(err.Error(), "torch.onnx.export") {
			t.Errorf("%.20q: %v", data, err)
		}
	}
}
