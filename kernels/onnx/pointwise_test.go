package onnx_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// call is one node of a domain at an operator set, whose inputs are constants or,
// of the same elements, given at the run.
type call struct {
	domain     string
	opset      int64
	op         string
	inputs     []*tensor.Tensor // nil for one that is absent
	outputs    int              // 1 unless given
	attributes []onnx.Attribute
}

// model is the call with some of its inputs constant, and the others given at the
// run.
func (c call) model(constant func(i int) bool) (*onnx.Model, []tensor.Value) {
	m := &onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 24}}, Graph: onnx.Graph{Name: "call"}}
	if c.domain == "" {
		m.Opsets[0].Version = c.opset
	} else {
		m.Opsets = append(m.Opsets, onnx.Opset{Domain: c.domain, Version: c.opset})
	}
	n := onnx.Node{Name: "it", OpType: c.op, Domain: c.domain, Attributes: c.attributes}
	var given []tensor.Value
	for i, t := range c.inputs {
		name := fmt.Sprintf("in%d", i)
		if t == nil {
			n.Inputs = append(n.Inputs, "")
			continue
		}
		n.Inputs = append(n.Inputs, name)
		proto := onnx.TensorOf(name, t)
		if constant(i) {
			m.Graph.Initializers = append(m.Graph.Initializers, proto)
			continue
		}
		info := onnx.ValueInfo{Name: name, TypeInfo: onnx.TypeInfo{Type: proto.Type, Shape: []onnx.Dim{}}}
		for _, d := range t.Shape() {
			info.TypeInfo.Shape = append(info.TypeInfo.Shape, onnx.Dim{Value: int64(d)})
		}
		m.Graph.Inputs = append(m.Graph.Inputs, info)
		given = append(given, t)
	}
	for i := range max(c.outputs, 1) {
		name := fmt.Sprintf("out%d", i)
		n.Outputs = append(n.Outputs, name)
		m.Graph.Outputs = append(m.Graph.Outputs, onnx.ValueInfo{Name: name})
	}
	m.Graph.Nodes = []onnx.Node{n}
	return m, given
}

// run computes the call and gives its outputs as text: types, shapes and numbers.
func (c call) run(t *testing.T, constant func(i int) bool) (string, error) {
	t.Helper()
	m, given := c.model(constant)
	g, err := read(t, m)
	if err != nil {
		return "", err
	}
	if g, err = ir.Specialise(g, nil); err != nil {
		return "", err
	}
	if g, err = ir.Fold(g, reference.Eval); err != nil {
		return "", err
	}
	plan, err := ir.NewPlan(g)
	if err != nil {
		return "", err
	}
	p, err := reference.Engine{}.Compile(plan)
	if err != nil {
		return "", err
	}
	outputs := make([]tensor.Value, max(c.outputs, 1))
	for i, id := range plan.Graph.Outputs {
		if v := plan.Graph.Values[id]; v.Known() {
			y, err := tensor.New(v.DType, v.Shape...)
			if err != nil {
				return "", err
			}
			outputs[i] = y
		}
	}
	if err := p.Run(context.Background(), given, outputs); err != nil {
		return "", err
	}
	var texts []string
	for _, y := range outputs {
		numbers, err := reference.Eval(ir.Cast{To: tensor.Float64}, []*tensor.Tensor{y.(*tensor.Tensor)})
		if err != nil {
			return "", err
		}
		texts = append(texts, fmt.Sprintf("%v %.4g", y, tensor.Data[float64](numbers[0])))
	}
	return strings.Join(texts, ", "), nil
}

// calls holds each call to its result, with inputs of all kinds.
func calls(t *testing.T, list []struct {
	name string
	call
	want string
}) {
	t.Helper()
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			for kind, constant := range map[string]func(int) bool{
				"given":              func(int) bool { return false },
				"constant":           func(int) bool { return true },
				"the first is given": func(i int) bool { return i > 0 },
			} {
				got, err := c.run(t, constant)
				if err != nil {
					t.Errorf("inputs %s: %v", kind, err)
				} else if got != c.want {
					t.Errorf("inputs %s:\ngot  %s\nwant %s", kind, got, c.want)
				}
			}
		})
	}
}

func floats(shape []int, v ...float32) *tensor.Tensor { return over(v, shape...) }

func over[T tensor.Element](v []T, shape ...int) *tensor.Tensor {
	t, err := tensor.Of(v, shape...)
	if err != nil {
		panic(err)
	}
	return t
}

func inputs(t ...*tensor.Tensor) []*tensor.Tensor { return t }

func attrs(a ...onnx.Attribute) []onnx.Attribute { return a }

type callCases = []struct {
	name string
	call
	want string
}

func TestOldOperatorSetsBroadcastFromAnAxis(t *testing.T) {
	x, row := floats([]int{2, 2, 2}, 1, 2, 3, 4, 5, 6, 7, 8), floats([]int{2}, 10, 20)
	one, axis := intAttr("broadcast", 1), intAttr("axis", 1)
	calls(t, callCases{
		{"Add from axis 1", call{opset: 6, op: "Add", inputs: inputs(x, row), attributes: attrs(one, axis)}, "float32[2×2×2] [11 12 23 24 15 16 27 28]"},
		{"Add to the last", call{opset: 6, op: "Add", inputs: inputs(x, row), attributes: attrs(one)}, "float32[2×2×2] [11 22 13 24 15 26 17 28]"},
		{"Mul at 1", call{opset: 1, op: "Mul", inputs: inputs(x, row), attributes: attrs(one, intAttr("axis", 0), intsAttr("consumed_inputs", 0))}, "float32[2×2×2] [10 20 30 40 100 120 140 160]"},
		{"Sub of a scalar", call{opset: 6, op: "Sub", inputs: inputs(x, floats([]int{1}, 1)), attributes: attrs(one, axis)}, "float32[2×2×2] [0 1 2 3 4 5 6 7]"},
		{"Div of equals", call{opset: 6, op: "Div", inputs: inputs(x, x)}, "float32[2×2×2] [1 1 1 1 1 1 1 1]"},
		{"Pow", call{opset: 1, op: "Pow", inputs: inputs(x, floats([]int{2}, 1, 2)), attributes: attrs(one, axis)}, "float32[2×2×2] [1 2 9 16 5 6 49 64]"},
		{"Greater", call{opset: 1, op: "Greater", inputs: inputs(x, floats([]int{2}, 1, 7)), attributes: attrs(one, axis)}, "bool[2×2×2] [0 1 0 0 1 1 0 1]"},
		{"Add at 7", call{opset: 7, op: "Add", inputs: inputs(x, row)}, "float32[2×2×2] [11 22 13 24 15 26 17 28]"},
		{"PRelu at 6 has a slope for each channel", call{opset: 6, op: "PRelu", inputs: inputs(floats([]int{1, 2, 2}, -1, -2, -3, -4), row)}, "float32[1×2×2] [-10 -20 -60 -80]"},
		{"PRelu at 6 has one slope", call{opset: 6, op: "PRelu", inputs: inputs(floats([]int{2}, -1, 2), floats([]int{1}, 3))}, "float32[2] [-3 2]"},
		{"PRelu at 7 broadcasts", call{opset: 7, op: "PRelu", inputs: inputs(floats([]int{1, 2, 2}, -1, -2, -3, -4), row)}, "float32[1×2×2] [-10 -40 -30 -80]"},
	})
}

func TestAttributesOfFunctions(t *testing.T) {
	x := floats([]int{3}, -1, 0, 2)
	halves := over([]tensor.F16{0xbc00, 0x4700}, 2) // -1, 7
	calls(t, callCases{
		{"LeakyRelu", call{opset: 16, op: "LeakyRelu", inputs: inputs(x)}, "float32[3] [-0.01 0 2]"},
		{"LeakyRelu's alpha", call{opset: 1, op: "LeakyRelu", inputs: inputs(x), attributes: attrs(floatAttr("alpha", 0.5))}, "float32[3] [-0.5 0 2]"},
		{"Elu", call{opset: 6, op: "Elu", inputs: inputs(x)}, "float32[3] [-0.6321 0 2]"},
		{"Selu at 6", call{opset: 6, op: "Selu", inputs: inputs(floats(nil, 100000))}, "float32[] [1.051e+05]"},
		{"Selu at 1 is shorter", call{opset: 1, op: "Selu", inputs: inputs(floats(nil, -100))}, "float32[] [-1.758]"},
		{"HardSigmoid", call{opset: 6, op: "HardSigmoid", inputs: inputs(x)}, "float32[3] [0.3 0.5 0.9]"},
		{"ThresholdedRelu", call{opset: 10, op: "ThresholdedRelu", inputs: inputs(x)}, "float32[3] [0 0 2]"},
		{"Shrink", call{opset: 9, op: "Shrink", inputs: inputs(x), attributes: attrs(floatAttr("bias", 1.5), floatAttr("lambd", 1))}, "float32[3] [0 0 0.5]"},
		{"Swish", call{opset: 24, op: "Swish", inputs: inputs(x)}, "float32[3] [-0.2689 0 1.762]"},
		{"Gelu", call{opset: 20, op: "Gelu", inputs: inputs(x)}, "float32[3] [-0.1587 0 1.954]"},
		{"Gelu by tanh", call{opset: 20, op: "Gelu", inputs: inputs(x), attributes: attrs(stringAttr("approximate", "tanh"))}, "float32[3] [-0.1588 0 1.955]"},
		{"IsInf of one sign", call{opset: 10, op: "IsInf", inputs: inputs(x), attributes: attrs(intAttr("detect_negative", 0))}, "bool[3] [0 0 0]"},
		{"Mod", call{opset: 13, op: "Mod", inputs: inputs(x, floats(nil, 1.5)), attributes: attrs(intAttr("fmod", 1))}, "float32[3] [-1 0 0.5]"},
		{"BitShift", call{opset: 11, op: "BitShift", inputs: inputs(over([]uint8{1, 2}, 2), over([]uint8{3, 1}, 2)), attributes: attrs(stringAttr("direction", "LEFT"))}, "uint8[2] [8 4]"},
		{"Clip at 6 of float16", call{opset: 6, op: "Clip", inputs: inputs(halves), attributes: attrs(floatAttr("min", 0), floatAttr("max", 6))}, "float16[2] [0 6]"},
		{"Clip at 13 of int8", call{opset: 13, op: "Clip", inputs: inputs(over([]int8{-5, 5}, 2), nil, over([]int8{3}))}, "int8[2] [-5 3]"},
		{"Cast at 1 names the type", call{opset: 1, op: "Cast", inputs: inputs(x), attributes: attrs(stringAttr("to", "INT8"))}, "int8[3] [-1 0 2]"},
		{"Cast at 9", call{opset: 9, op: "Cast", inputs: inputs(x), attributes: attrs(intAttr("to", int64(onnx.Bool)))}, "bool[3] [1 0 1]"},
		{"Cast at 19 may not saturate", call{opset: 19, op: "Cast", inputs: inputs(floats(nil, 1e6)), attributes: attrs(intAttr("to", int64(onnx.Float8E5M2)), intAttr("saturate", 0))}, "float8e5m2[] [+Inf]"},
		{"Cast at 24 rounds powers of two", call{opset: 24, op: "Cast", inputs: inputs(floats(nil, 1.9)), attributes: attrs(intAttr("to", int64(onnx.Float8E8M0)), stringAttr("round_mode", "down"))}, "float8e8m0[] [1]"},
		{"CastLike", call{opset: 15, op: "CastLike", inputs: inputs(x, over([]int32{7}, 1))}, "int32[3] [-1 0 2]"},
		{"Gelu of ONNX Runtime", call{domain: "com.microsoft", opset: 1, op: "Gelu", inputs: inputs(x)}, "float32[3] [-0.1587 0 1.954]"},
		{"BiasGelu", call{domain: "com.microsoft", opset: 1, op: "BiasGelu", inputs: inputs(floats([]int{1, 3}, -2, -1, 1), floats([]int{3}, 1, 1, 1))}, "float32[1×3] [-0.1587 0 1.954]"},
		{"FastGelu", call{domain: "com.microsoft", opset: 1, op: "FastGelu", inputs: inputs(x)}, "float32[3] [-0.1588 0 1.955]"},
		{"FastGelu with a bias", call{domain: "com.microsoft", opset: 1, op: "FastGelu", inputs: inputs(floats([]int{1, 3}, -2, -1, 1), floats([]int{3}, 1, 1, 1))}, "float32[1×3] [-0.1588 0 1.955]"},
		{"QuickGelu", call{domain: "com.microsoft", opset: 1, op: "QuickGelu", inputs: inputs(x)}, "float32[3] [-0.1542 0 1.936]"},
	})
}

func TestBatchNormalizationOfEveryOperatorSet(t *testing.T) {
	x := floats([]int{2, 1, 2}, 1, 3, 5, 7)
	statistics := func(v ...float32) []*tensor.Tensor {
		in := inputs(x)
		for _, v := range v {
			in = append(in, floats([]int{1}, v))
		}
		return in
	}
	epsilon, spatial := floatAttr("epsilon", 0), intAttr("spatial", 0)
	usual := statistics(2, 1, 3, 4) // (x − 3)·2/2 + 1
	element := inputs(x)
	for _, v := range [][]float32{{1, 2}, {0, 0}, {3, 5}, {1, 4}} {
		element = append(element, floats([]int{1, 2}, v...))
	}
	const inferred = "float32[2×1×2] [-1 1 3 5]"
	// X's own mean is 4 and its variance 5; half of the way from 3 and 4.
	const trained = "float32[2×1×2] [-1.683 0.1056 1.894 3.683], float32[1] [3.5], float32[1] [4.5]"
	half := floatAttr("momentum", 0.5)
	calls(t, callCases{
		{"at 6 for tests", call{opset: 6, op: "BatchNormalization", inputs: usual, attributes: attrs(epsilon, intAttr("is_test", 1))}, inferred},
		{"at 7", call{opset: 7, op: "BatchNormalization", inputs: usual, attributes: attrs(epsilon, half)}, inferred},
		{"at 7 of each element", call{opset: 7, op: "BatchNormalization", inputs: element, attributes: attrs(epsilon, spatial)}, "float32[2×1×2] [-2 -2 2 2]"},
		{"at 9", call{opset: 9, op: "BatchNormalization", inputs: usual, attributes: attrs(epsilon)}, inferred},
		{"at 15", call{opset: 15, op: "BatchNormalization", inputs: usual, attributes: attrs(epsilon, intAttr("training_mode", 0))}, inferred},
		{"in training at 6", call{opset: 6, op: "BatchNormalization", inputs: usual, attributes: attrs(epsilon, half), outputs: 3}, trained},
		{"in training at 9", call{opset: 9, op: "BatchNormalization", inputs: usual, attributes: attrs(epsilon, half), outputs: 5}, trained + ", float32[1] [4], float32[1] [5]"},
		{"in training at 15", call{opset: 15, op: "BatchNormalization", inputs: usual, attributes: attrs(epsilon, half, intAttr("training_mode", 1)), outputs: 3}, trained},
		{"in training, of which Y is read", call{opset: 15, op: "BatchNormalization", inputs: usual, attributes: attrs(epsilon, intAttr("training_mode", 1))}, "float32[2×1×2] [-1.683 0.1056 1.894 3.683]"},
	})
	for name, c := range map[string]call{
		"a newer attribute":         {opset: 15, op: "BatchNormalization", inputs: usual, attributes: attrs(spatial)},
		"training for each element": {opset: 7, op: "BatchNormalization", inputs: element, attributes: attrs(spatial), outputs: 5},
	} {
		if _, err := c.run(t, func(int) bool { return false }); err == nil || !strings.Contains(err.Error(), "spatial") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDropoutOfEveryOperatorSet(t *testing.T) {
	x, ratio := floats([]int{3}, 1, 2, 3), floats(nil, 0.6)
	yes, no := over([]bool{true}), over([]bool{false})
	calls(t, callCases{
		{"at 6 for tests", call{opset: 6, op: "Dropout", inputs: inputs(x), attributes: attrs(intAttr("is_test", 1), floatAttr("ratio", 0.9))}, "float32[3] [1 2 3]"},
		{"at 9 with a mask", call{opset: 9, op: "Dropout", inputs: inputs(x), outputs: 2}, "float32[3] [1 2 3], float32[3] [1 1 1]"},
		{"at 7 with a mask", call{opset: 7, op: "Dropout", inputs: inputs(x), outputs: 2}, "float32[3] [1 2 3], float32[3] [1 1 1]"},
		{"at 10 with a mask", call{opset: 10, op: "Dropout", inputs: inputs(x), outputs: 2}, "float32[3] [1 2 3], bool[3] [1 1 1]"},
		{"at 12", call{opset: 12, op: "Dropout", inputs: inputs(x, ratio, no), outputs: 2}, "float32[3] [1 2 3], bool[3] [1 1 1]"},
		{"in training", call{opset: 13, op: "Dropout", inputs: inputs(x, ratio, yes), outputs: 2, attributes: attrs(intAttr("seed", 0))}, "float32[3] [0 5 7.5], bool[3] [0 1 1]"},
		{"in training with half", call{opset: 22, op: "Dropout", inputs: inputs(x, nil, yes), attributes: attrs(intAttr("seed", 0))}, "float32[3] [2 4 6]"},
	})
	// At inference nothing is left of it.
	m, _ := call{opset: 13, op: "Dropout", inputs: inputs(x, ratio, no)}.model(func(i int) bool { return i > 0 })
	if g, err := read(t, m); err != nil || g.Nodes[0].Op != (ir.Identity{}) {
		t.Errorf("read as %v, %v", g, err)
	}
}

func TestWhatIsDrawn(t *testing.T) {
	shape, seed, double := intsAttr("shape", 3), floatAttr("seed", 0), intAttr("dtype", int64(onnx.Double))
	calls(t, callCases{
		{"RandomUniform", call{opset: 1, op: "RandomUniform", attributes: attrs(shape, seed, floatAttr("high", 10))}, "float32[3] [5.488 7.152 6.028]"},
		{"RandomNormal", call{opset: 22, op: "RandomNormal", attributes: attrs(shape, seed, double, floatAttr("mean", 1))}, "float64[3] [2.764 1.4 1.979]"},
		{"RandomUniformLike", call{opset: 1, op: "RandomUniformLike", inputs: inputs(floats([]int{1, 2}, 0, 0)), attributes: attrs(seed, double)}, "float64[1×2] [0.5488 0.7152]"},
		{"RandomNormalLike", call{opset: 1, op: "RandomNormalLike", inputs: inputs(floats([]int{2}, 0, 0)), attributes: attrs(seed, floatAttr("scale", 2))}, "float32[2] [3.528 0.8003]"},
		{"Bernoulli", call{opset: 15, op: "Bernoulli", inputs: inputs(floats([]int{2}, 0.6, 0.6)), attributes: attrs(seed)}, "float32[2] [1 0]"},
		{"Multinomial", call{opset: 7, op: "Multinomial", inputs: inputs(floats([]int{1, 2}, 0, -100)), attributes: attrs(intAttr("sample_size", 3))}, "int32[1×3] [0 0 0]"},
	})
}
