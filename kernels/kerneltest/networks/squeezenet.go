package networks

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/onnx"
)

// SqueezeNet is version 1.1, from [1×3×size×size] to [1×1000]. It has no
// BatchNormalization, rounds its pooling up, and keeps its Dropout, as a file
// exported without elimination does. (Iandola et al., "SqueezeNet", 2016.)
func SqueezeNet(size int) *onnx.Model {
	e := newExport("squeezenet1_1", 1, 3, int64(size), int64(size))
	x := e.conv("features.0", "input", filter{in: 3, out: 64, kernel: 3, stride: 2, bias: true})
	x = e.maxPool("features.2", e.relu("features.1", x), 3, 2, 0, 1)
	channels := 64
	for _, fire := range []struct{ index, squeeze, expand int }{
		{3, 16, 64}, {4, 16, 64}, {6, 32, 128}, {7, 32, 128}, {9, 48, 192}, {10, 48, 192}, {11, 64, 256}, {12, 64, 256},
	} {
		if fire.index == 6 || fire.index == 9 {
			x = e.maxPool(fmt.Sprintf("features.%d", fire.index-1), x, 3, 2, 0, 1)
		}
		x = e.fire(fmt.Sprintf("features.%d", fire.index), x, channels, fire.squeeze, fire.expand)
		channels = 2 * fire.expand
	}
	x = e.dropout("classifier.0", x)
	x = e.conv("classifier.1", x, filter{in: 512, out: 1000, kernel: 1, bias: true})
	x = e.globalAveragePool("classifier.3", e.relu("classifier.2", x))
	return e.model(e.flatten(x), 1000)
}

// fire narrows to squeeze channels, then joins expand channels of 1×1 windows
// and as many of 3×3.
func (e *export) fire(path, x string, in, squeeze, expand int) string {
	x = e.conv(path+".squeeze", x, filter{in: in, out: squeeze, kernel: 1, bias: true})
	x = e.relu(path+".squeeze_activation", x)
	one := e.conv(path+".expand1x1", x, filter{in: squeeze, out: expand, kernel: 1, bias: true})
	one = e.relu(path+".expand1x1_activation", one)
	three := e.conv(path+".expand3x3", x, filter{in: squeeze, out: expand, kernel: 3, pad: 1, bias: true})
	three = e.relu(path+".expand3x3_activation", three)
	return e.node(scope(path)+"/Concat", "Concat", []string{one, three}, integer("axis", 1))
}

// dropout passes everything on at inference.
func (e *export) dropout(path, x string) string {
	return e.node(scope(path)+"/Dropout", "Dropout", []string{x, e.constant(scope(path)+"/Constant", 0.5)})
}
