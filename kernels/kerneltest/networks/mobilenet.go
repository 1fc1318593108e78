package networks

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/onnx"
)

// MobileNetV2 takes [1×3×size×size] and gives [1×1000]. Dropout is gone, as
// the exporter leaves it out for inference. (Sandler et al., "MobileNetV2",
// 2018, table 2.)
func MobileNetV2(size int) *onnx.Model {
	e := newExport("mobilenet_v2", 1, 3, int64(size), int64(size))
	x := e.convNormRelu6("features.0", "input", filter{in: 3, out: 32, kernel: 3, stride: 2, pad: 1})
	channels, index := 32, 1
	for _, stage := range []struct{ expand, out, repeat, stride int }{
		{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
	} {
		for i := range stage.repeat {
			stride := 1
			if i == 0 {
				stride = stage.stride
			}
			x = e.invertedResidual(fmt.Sprintf("features.%d", index), x, channels, stage.out, stride, stage.expand)
			channels, index = stage.out, index+1
		}
	}
	x = e.convNormRelu6("features.18", x, filter{in: channels, out: 1280, kernel: 1})
	x = e.flatten(e.globalAveragePool("", x))
	return e.model(e.linear("classifier.1", x, 1280, 1000), 1000)
}

// convNormRelu6 is torchvision's Conv2dNormActivation.
func (e *export) convNormRelu6(path, x string, f filter) string {
	x = e.conv(path+".0", x, f)
	return e.relu6(path+".2", e.batchNorm(path+".1", x, f.out))
}

// invertedResidual widens, filters each channel, narrows, and adds what came
// in where the extents allow it.
func (e *export) invertedResidual(path, x string, in, out, stride, expand int) string {
	y, layer, wide := x, 0, in*expand
	next := func() string { layer++; return fmt.Sprintf("%s.conv.%d", path, layer-1) }
	if expand != 1 {
		y = e.convNormRelu6(next(), y, filter{in: in, out: wide, kernel: 1})
	}
	y = e.convNormRelu6(next(), y, filter{in: wide, out: wide, kernel: 3, stride: stride, pad: 1, group: wide})
	y = e.conv(next(), y, filter{in: wide, out: out, kernel: 1})
	y = e.batchNorm(next(), y, out)
	if stride == 1 && in == out {
		return e.add(path, x, y)
	}
	return y
}
