package networks

import (
	"strings"

	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// filter describes a convolution with square windows.
type filter struct {
	in, out, kernel, stride, pad, group int
	bias                                bool
}

func (e *export) conv(path, x string, f filter) string {
	group := max(f.group, 1)
	fanIn := f.in / group * f.kernel * f.kernel
	inputs := []string{x, e.parameter(path+".weight", e.he(fanIn), f.out, f.in/group, f.kernel, f.kernel)}
	if f.bias {
		inputs = append(inputs, e.parameter(path+".bias", e.normal(0, 0.1), f.out))
	}
	k, s, p := int64(f.kernel), int64(max(f.stride, 1)), int64(f.pad)
	return e.node(scope(path)+"/Conv", "Conv", inputs,
		ints("dilations", 1, 1), integer("group", int64(group)), ints("kernel_shape", k, k),
		ints("pads", p, p, p, p), ints("strides", s, s))
}

func (e *export) batchNorm(path, x string, channels int) string {
	return e.node(scope(path)+"/BatchNormalization", "BatchNormalization", []string{
		x,
		e.parameter(path+".weight", e.uniform(0.7, 1.3), channels),
		e.parameter(path+".bias", e.normal(0, 0.2), channels),
		e.parameter(path+".running_mean", e.normal(0, 0.2), channels),
		e.parameter(path+".running_var", e.uniform(0.5, 1.5), channels),
	}, float("epsilon", 1e-5), float("momentum", 0.9))
}

func (e *export) relu(path, x string) string {
	return e.node(scope(path)+"/Relu", "Relu", []string{x})
}

// relu6 is Clip, whose limits are constants beside it.
func (e *export) relu6(path, x string) string {
	lo := e.constant(scope(path)+"/Constant", 0)
	hi := e.constant(scope(path)+"/Constant_1", 6)
	return e.node(scope(path)+"/Clip", "Clip", []string{x, lo, hi})
}

// constant is a scalar.
func (e *export) constant(name string, v float32) string {
	t, err := tensor.Of([]float32{v})
	if err != nil {
		panic("networks: " + err.Error())
	}
	raw := onnx.TensorOf("", t)
	return e.node(name, "Constant", nil, onnx.Attribute{Name: "value", Type: onnx.TensorAttribute, Tensor: &raw})
}

func (e *export) add(path, x, y string) string {
	return e.node(scope(path)+"/Add", "Add", []string{x, y})
}

func (e *export) maxPool(path, x string, kernel, stride, pad, ceil int64) string {
	return e.node(scope(path)+"/MaxPool", "MaxPool", []string{x},
		integer("ceil_mode", ceil), ints("dilations", 1, 1), ints("kernel_shape", kernel, kernel),
		ints("pads", pad, pad, pad, pad), ints("strides", stride, stride))
}

func (e *export) globalAveragePool(path, x string) string {
	return e.node(scope(path)+"/GlobalAveragePool", "GlobalAveragePool", []string{x})
}

func (e *export) flatten(x string) string {
	return e.node("/Flatten", "Flatten", []string{x}, integer("axis", 1))
}

// linear is a fully connected layer; its weights are stored transposed.
func (e *export) linear(path, x string, in, out int) string {
	return e.node(scope(path)+"/Gemm", "Gemm", []string{
		x,
		e.parameter(path+".weight", e.he(in), out, in),
		e.parameter(path+".bias", e.normal(0, 0.1), out),
	}, float("alpha", 1), float("beta", 1), integer("transB", 1))
}

// scope is the name that PyTorch gives a module's nodes: its path, where an
// element of a sequence carries the name of the sequence. "features.0.conv"
// becomes "/features/features.0/conv".
func scope(path string) string {
	if path == "" {
		return ""
	}
	name, local := "", ""
	for _, part := range strings.Split(path, ".") {
		if local != "" && part[0] >= '0' && part[0] <= '9' {
			part = local + "." + part
		}
		local = part
		name += "/" + part
	}
	return name
}

func integer(name string, v int64) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.IntAttribute, Int: v}
}

func ints(name string, v ...int64) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.IntsAttribute, Ints: v}
}

func float(name string, v float32) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.FloatAttribute, Float: v}
}
