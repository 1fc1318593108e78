package values

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/conformance"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func of1[T tensor.Element](t *testing.T, data []T, shape ...int) *tensor.Tensor {
	t.Helper()
	x, err := tensor.Of(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// Each value that is written can be read as an input of its type.
func TestWhatIsWrittenCanBeRead(t *testing.T) {
	half, err := tensor.FromBytes(tensor.BFloat16, []byte{0x80, 0x3f, 0, 0xc0}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]tensor.Value{
		"floats":    of1(t, []float32{1, -2.5, 1e-20, 4, 5, 6}, 2, 3),
		"scalar":    of1(t, []float64{0.1}),
		"empty":     of1(t, []int64{}, 0, 3),
		"long":      of1(t, []int64{1<<63 - 1, -1 << 63}, 2),
		"unsigned":  of1(t, []uint64{1<<64 - 1}, 1),
		"bools":     of1(t, []bool{true, false}, 2, 1),
		"strings":   of1(t, []string{"a", "Ärger", ""}, 3),
		"bfloat16":  half,
		"sequence":  &tensor.Sequence{Elem: tensor.Type{DType: tensor.Float32}, Values: []tensor.Value{of1(t, []float32{1}, 1), of1(t, []float32{}, 0)}},
		"nibbles":   of1(t, []tensor.I4{-8, 7, 1}, 3),
		"no value":  &tensor.Optional{Elem: tensor.Type{DType: tensor.Int64}},
		"a/b:../c ": of1(t, []float32{1}, 1),
	} {
		dir := t.TempDir()
		file, err := Write(dir, name, v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if filepath.Dir(file) != dir {
			t.Errorf("%s was written to %s", name, file)
		}
		typ := v.Type()
		got, err := Read(file, ir.Value{Name: name, Info: ir.Info{DType: typ.DType, Compound: compound(typ)}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := conformance.Compare(got, v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func compound(typ tensor.Type) *tensor.Type {
	if typ.Kind == tensor.IsTensor {
		return nil
	}
	return &typ
}

func TestATensorOfONNXIsRead(t *testing.T) {
	x := of1(t, []float32{1, 2}, 2)
	raw := onnx.TensorOf("x", x)
	file := filepath.Join(t.TempDir(), "x.pb")
	if err := os.WriteFile(file, onnx.MarshalTensor(&raw), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Read(file, ir.Value{Name: "x", Info: ir.Info{DType: tensor.Float32}})
	if err != nil {
		t.Fatal(err)
	}
	if err := conformance.Compare(got, x); err != nil {
		t.Error(err)
	}
}

// The header is padded to 64 bytes, as NumPy writes it.
func TestAFileOfNumPyIsRead(t *testing.T) {
	header := "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2), }"
	header += strings.Repeat(" ", 128-10-1-len(header)) + "\n"
	data := "\x93NUMPY\x01\x00\x76\x00" + header + "\x01\x00\xff\xff\x00\x80\x03\x00"
	got, err := decodeNPY([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := conformance.Compare(got, of1(t, []int16{1, -1, -32768, 3}, 2, 2)); err != nil {
		t.Error(err)
	}
	for want, bad := range map[string]string{
		"big-endian":     strings.Replace(data, "<i2", ">i2", 1),
		"Fortran":        strings.Replace(data, "False", "True ", 1),
		"not supported":  strings.Replace(data, "<i2", "<U2", 1),
		"cut short":      data[:40],
		"they take":      data[:len(data)-1],
		"not understood": strings.Replace(data, "(2, 2)", "(2, q)", 1),
		"no NumPy file":  "PK",
		"negative":       strings.Replace(data, "(2, 2)", "(2,-2)", 1),
	} {
		if _, err := decodeNPY([]byte(bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestJSONThatDoesNotFitIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`[[1,2],[3]]`: "as long as the first",
		`[1,"a"]`:     `a is not a int8`,
		`[1,300]`:     "out of range",
		`[1.5]`:       "invalid syntax",
		`[[],[1]]`:    "as long as the first",
		`{"a":1}`:     "is not a int8",
	} {
		if _, err := decodeJSON([]byte(text), tensor.Type{DType: tensor.Int8}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
