package onnx_test

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
	"google.golang.org/protobuf/encoding/protowire"
)

// smallModel has one of each thing that the format structs can hold.
func smallModel() *onnx.Model {
	return &onnx.Model{
		IRVersion: 8, Producer: "test", ProducerVersion: "1",
		Opsets: []onnx.Opset{{Version: 13}, {Domain: "com.example", Version: 1}},
		Graph: onnx.Graph{
			Name: "small",
			Nodes: []onnx.Node{{
				Name: "stem", OpType: "Conv", Domain: "com.example",
				Inputs: []string{"x", "", "w"}, Outputs: []string{"y"},
				Attributes: []onnx.Attribute{
					{Name: "f", Type: onnx.FloatAttribute, Float: 0.5},
					{Name: "i", Type: onnx.IntAttribute, Int: -1},
					{Name: "s", Type: onnx.StringAttribute, String: "SAME_UPPER"},
					{Name: "t", Type: onnx.TensorAttribute, Tensor: &onnx.Tensor{Type: onnx.Int64, Dims: []int64{2}, Int64s: []int64{1, -7}}},
					{Name: "fs", Type: onnx.FloatsAttribute, Floats: []float32{1, 2}},
					{Name: "is", Type: onnx.IntsAttribute, Ints: []int64{3, 1 << 40}},
				},
			}},
			Initializers: []onnx.Tensor{{Name: "w", Type: onnx.Float, Dims: []int64{1, 2}, Raw: []byte{0, 0, 128, 63, 0, 0, 0, 64}}, {Name: "far", Type: onnx.Float, External: true}},
			Inputs:       []onnx.ValueInfo{{Name: "x", TypeInfo: onnx.TypeInfo{Type: onnx.Float, Shape: []onnx.Dim{{Symbol: "N"}, {Value: 3}, {}}}}},
			Outputs:      []onnx.ValueInfo{{Name: "y", TypeInfo: onnx.TypeInfo{Type: onnx.Float}}, {Name: "s", TypeInfo: onnx.TypeInfo{Type: onnx.Float, Shape: []onnx.Dim{}}}},
		},
	}
}

func marshal(t testing.TB, m *onnx.Model) []byte {
	t.Helper()
	data, err := onnx.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAModelSurvivesTheRoundTrip(t *testing.T) {
	want := smallModel()
	data := marshal(t, want)
	got, err := onnx.Unmarshal(data, onnx.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if again := marshal(t, got); !bytes.Equal(again, data) {
		t.Error("the same model was encoded in two ways")
	}
}

func TestEveryTruncationIsRefusedOrLeavesPartsOut(t *testing.T) {
	data := marshal(t, smallModel())
	whole, err := onnx.Unmarshal(data, onnx.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if got, err := onnx.Unmarshal(data[:n], onnx.DefaultLimits); err == nil && reflect.DeepEqual(got, whole) {
			t.Errorf("the first %d of %d bytes gave the whole model", n, len(data))
		}
	}
}

func TestDecodeTakesPackedUnpackedAndRawNumbers(t *testing.T) {
	var unpacked []byte
	for _, v := range []int64{5, -6} {
		unpacked = protowire.AppendTag(unpacked, 7, protowire.VarintType)
		unpacked = protowire.AppendVarint(unpacked, uint64(v))
	}
	unpacked = protowire.AppendTag(unpacked, 1, protowire.VarintType)
	unpacked = protowire.AppendVarint(unpacked, 2)
	unpacked = protowire.AppendTag(unpacked, 2, protowire.VarintType)
	unpacked = protowire.AppendVarint(unpacked, uint64(onnx.Int64))
	m, err := onnx.Unmarshal(inGraph(5, unpacked), onnx.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	x, err := m.Graph.Initializers[0].Decode()
	if err != nil {
		t.Fatal(err)
	}
	if got := tensor.Data[int64](x); !reflect.DeepEqual(got, []int64{5, -6}) {
		t.Errorf("unpacked: %v", got)
	}
	for shift := range 8 { // aligned and not
		raw := append(make([]byte, shift), 0, 0, 192, 63, 0, 0, 0, 192)[shift:]
		x, err := (&onnx.Tensor{Type: onnx.Float, Dims: []int64{2}, Raw: raw}).Decode()
		if err != nil {
			t.Fatal(err)
		}
		if got := tensor.Data[float32](x); !reflect.DeepEqual(got, []float32{1.5, -2}) {
			t.Errorf("raw at offset %d: %v", shift, got)
		}
	}
}

func TestTensorOfIsDecodedBack(t *testing.T) {
	want, err := tensor.Of([]float32{1, float32(math.Inf(-1)), 3, 4, 5, 6}, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	file := onnx.TensorOf("w", want)
	got, err := file.Decode()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// inGraph is a model whose graph holds one length-delimited field.
func inGraph(number protowire.Number, b []byte) []byte {
	graph := protowire.AppendTag(nil, number, protowire.BytesType)
	graph = protowire.AppendBytes(graph, b)
	model := protowire.AppendTag(nil, 7, protowire.BytesType)
	return protowire.AppendBytes(model, graph)
}

func TestHostileBytesAreRefused(t *testing.T) {
	group := protowire.AppendTag(nil, 7, protowire.StartGroupType)
	lengthPastEnd := append(protowire.AppendTag(nil, 7, protowire.BytesType), 0xff, 0xff, 0xff, 0xff, 0x7f)
	wrongWire := protowire.AppendVarint(protowire.AppendTag(nil, 7, protowire.VarintType), 1)
	twoGraphs := append(inGraph(2, []byte("a")), inGraph(2, []byte("b"))...)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"a group":                   {append([]byte{1 << 3, 8}, bytes.Repeat(group, 100_000)...), "wire type 3"},
		"a length past the end":     {lengthPastEnd, "unexpected EOF"},
		"a number for the graph":    {wrongWire, "wire type"},
		"two graphs":                {twoGraphs, "two graphs"},
		"a name that is not text":   {inGraph(2, []byte{0xff}), "UTF-8"},
		"an endless varint":         {append(protowire.AppendTag(nil, 1, protowire.VarintType), bytes.Repeat([]byte{0x80}, 20)...), "at byte 0"},
		"a list of half floats":     {inGraph(5, []byte{4<<3 | 2, 3, 0, 0, 0}), "multiple of 4"},
		"a truncated list of ints":  {inGraph(5, []byte{7<<3 | 2, 2, 0x80, 0x80}), "unexpected EOF"},
		"an element type of 2^40":   {inGraph(5, []byte{2 << 3, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40}), "enumeration"},
		"a name of 5000 characters": {inGraph(2, bytes.Repeat([]byte("a"), 5000)), "limit of 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := onnx.Unmarshal(c.data, onnx.DefaultLimits)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestEachLimitHolds(t *testing.T) {
	data := marshal(t, smallModel())
	for name, tighten := range map[string]func(*onnx.Limits){
		"bytes":                    func(l *onnx.Limits) { l.FileBytes = len(data) - 1 },
		"nodes":                    func(l *onnx.Limits) { l.Nodes = 0 },
		"names and parts":          func(l *onnx.Limits) { l.Items = 10 },
		"bytes in a name":          func(l *onnx.Limits) { l.NameBytes = 5 },
		"dimensions":               func(l *onnx.Limits) { l.Rank = 1 },
		"numbers in one list":      func(l *onnx.Limits) { l.TensorElements = 1 },
		"bytes of decoded numbers": func(l *onnx.Limits) { l.DecodedBytes = 20 },
	} {
		t.Run(name, func(t *testing.T) {
			limits := onnx.DefaultLimits
			tighten(&limits)
			_, err := onnx.Unmarshal(data, limits)
			if err == nil || !strings.Contains(err.Error(), name+", more than the limit") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestATensorThatDoesNotFillItsShapeIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		tensor onnx.Tensor
		want   string
	}{
		"too little raw data": {onnx.Tensor{Type: onnx.Float, Dims: []int64{2}, Raw: make([]byte, 7)}, "from 7 bytes"},
		"too few elements":    {onnx.Tensor{Type: onnx.Int64, Dims: []int64{2}, Int64s: []int64{1}}, "1 elements"},
		"no data, huge shape": {onnx.Tensor{Type: onnx.Float, Dims: []int64{1 << 20, 1 << 20}}, "0 elements"},
		"overflowing shape":   {onnx.Tensor{Type: onnx.Float, Dims: []int64{1 << 40, 1 << 40}}, "overflow"},
		"negative dimension":  {onnx.Tensor{Type: onnx.Float, Dims: []int64{-1}}, "dimension 0 is -1"},
		"too little float16":  {onnx.Tensor{Type: onnx.Float16, Dims: []int64{2}, Int32s: []int32{1}}, "from 2 bytes"},
		"an unheard-of type":  {onnx.Tensor{Type: 99}, "element type 99"},
		"external data":       {onnx.Tensor{Name: "w", Type: onnx.Float, External: true}, "another file"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.tensor.Decode(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(marshal(f, smallModel()))
	f.Add(inGraph(5, []byte{7<<3 | 2, 2, 0x80, 0x01}))
	limits := onnx.Limits{FileBytes: 1 << 16, Nodes: 64, Items: 512, NameBytes: 64, Rank: 8, Depth: 4, TensorElements: 1 << 12, DecodedBytes: 1 << 16}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Unmarshal(data, limits)
		if err != nil {
			return
		}
		for i := range m.Graph.Initializers {
			if x, err := m.Graph.Initializers[i].Decode(); err == nil && x.Len() > limits.FileBytes {
				t.Errorf("%d elements from %d bytes", x.Len(), len(data))
			}
		}
	})
}
