package networks

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/onnx"
)

// ResNet18 takes [1×3×size×size] and gives [1×1000]. (He et al., "Deep Residual
// Learning for Image Recognition", 2016, table 1.)
func ResNet18(size int) *onnx.Model {
	e := newExport("resnet18", 1, 3, int64(size), int64(size))
	x := e.conv("conv1", "input", filter{in: 3, out: 64, kernel: 7, stride: 2, pad: 3})
	x = e.relu("relu", e.batchNorm("bn1", x, 64))
	x = e.maxPool("maxpool", x, 3, 2, 1, 0)
	channels := 64
	for i, out := range []int{64, 128, 256, 512} {
		stride := 1
		if i > 0 {
			stride = 2
		}
		x = e.basicBlock(fmt.Sprintf("layer%d.0", i+1), x, channels, out, stride)
		x = e.basicBlock(fmt.Sprintf("layer%d.1", i+1), x, out, out, 1)
		channels = out
	}
	x = e.flatten(e.globalAveragePool("avgpool", x))
	return e.model(e.linear("fc", x, 512, 1000), 1000)
}

// basicBlock is two convolutions beside a shortcut, which is a convolution of
// its own where the extents change.
func (e *export) basicBlock(path, x string, in, out, stride int) string {
	y := e.conv(path+".conv1", x, filter{in: in, out: out, kernel: 3, stride: stride, pad: 1})
	y = e.relu(path+".relu", e.batchNorm(path+".bn1", y, out))
	y = e.conv(path+".conv2", y, filter{in: out, out: out, kernel: 3, pad: 1})
	y = e.batchNorm(path+".bn2", y, out)
	if stride != 1 || in != out {
		x = e.conv(path+".downsample.0", x, filter{in: in, out: out, kernel: 1, stride: stride})
		x = e.batchNorm(path+".downsample.1", x, out)
	}
	return e.relu(path+".relu_1", e.add(path, y, x))
}
