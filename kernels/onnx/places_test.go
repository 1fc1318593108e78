package onnx_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/squadron-edge/squadron/kernels/onnx"
)

func TestPlacesPointAtTheNumbers(t *testing.T) {
	m := smallModel()
	half := []byte("half of a float16 tensor")
	constant := []byte("eight bytes each")
	m.Graph.Initializers = append(m.Graph.Initializers,
		onnx.Tensor{Name: "half", Type: 10, Dims: []int64{12}, Raw: half},
		onnx.Tensor{Name: "one by one", Type: onnx.Float, Dims: []int64{1}, Floats: []float32{1}},
		onnx.Tensor{Name: "nothing", Type: onnx.Float, Dims: []int64{0}, Raw: []byte{}})
	m.Graph.Nodes = append(m.Graph.Nodes, onnx.Node{OpType: "Constant", Outputs: []string{"c"}, Attributes: []onnx.Attribute{
		{Name: "value", Type: onnx.TensorAttribute, Tensor: &onnx.Tensor{Type: onnx.Int64, Dims: []int64{2}, Raw: constant}},
	}})
	data := append(make([]byte, 0, 10_000), marshal(t, m)...) // with memory to spare behind it
	places, err := onnx.Places(data, onnx.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		name string
		size int
		data []byte
	}{{"c", 8, constant}, {"w", 4, []byte{0, 0, 128, 63, 0, 0, 0, 64}}, {"half", 2, half}} {
		if i >= len(places) {
			t.Fatalf("%d places", len(places))
		}
		p := places[i]
		if p.Name != want.name || p.ElementSize != want.size || !bytes.Equal(data[p.Offset:p.Offset+p.Length], want.data) {
			t.Errorf("place %d is %+v with %q, want %+v", i, p, data[p.Offset:p.Offset+p.Length], want)
		}
	}
	if len(places) != 3 {
		t.Errorf("%d places: %+v", len(places), places)
	}
}

func TestPlacesOfWhatIsNoModel(t *testing.T) {
	if places, err := onnx.Places([]byte("not a model"), onnx.DefaultLimits); err == nil {
		t.Errorf("got %+v", places)
	}
}

func FuzzPlaces(f *testing.F) {
	f.Add(marshal(f, smallModel()))
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := onnx.DefaultLimits
		limits.Items, limits.DecodedBytes = 1<<10, 1<<16
		places, err := onnx.Places(data, limits)
		if err != nil {
			return
		}
		end := int64(0)
		for _, p := range places {
			if p.Offset < end || p.Length < 1 || p.Offset+p.Length > int64(len(data)) {
				t.Fatalf("%+v in a file of %d bytes, after %d", p, len(data), end)
			}
			end = p.Offset + p.Length
		}
		if again, _ := onnx.Places(bytes.Clone(data), limits); !reflect.DeepEqual(again, places) {
			t.Error("the same file has other places")
		}
	})
}
