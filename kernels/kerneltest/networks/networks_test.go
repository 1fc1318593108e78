package networks_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/gorgonia"
	"github.com/squadron-edge/squadron/kernels/kerneltest"
	"github.com/squadron-edge/squadron/kernels/kerneltest/networks"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// size is the pictures' extent: what the networks were made for, or less under
// the race detector, which makes the reference's loops ten times slower.
func size() int {
	if raceEnabled {
		return 64
	}
	return 224
}

func TestNetworksAgreeOnBothEngines(t *testing.T) {
	for _, model := range []*onnx.Model{
		networks.MLP(), networks.SqueezeNet(size()), networks.MobileNetV2(size()), networks.ResNet18(size()),
	} {
		t.Run(model.Graph.Name, func(t *testing.T) {
			t.Parallel()
			data, err := onnx.Marshal(model)
			if err != nil {
				t.Fatal(err)
			}
			oracle, fast := open(t, data, reference.Engine{}), open(t, data, gorgonia.Engine{})
			first, second := picture(model, 1), picture(model, 2)
			want := twice(t, oracle, first, second)
			got := twice(t, fast, first, second)
			for i := range want {
				if s := spread(want[i]); !(s > 0.1) {
					t.Errorf("picture %d: outputs are spread over %g; too little for agreement to mean anything", i, s)
				}
				if d := kerneltest.Distance(got[i], want[i]); !(d <= 1e-3) {
					t.Errorf("picture %d: gorgonia lies %.3g from the reference", i, d)
				} else {
					t.Logf("picture %d: gorgonia lies %.3g from the reference, whose outputs are spread over %.3g", i, d, spread(want[i]))
				}
			}
			if kerneltest.Distance(want[0], want[1]) < 1e-3 {
				t.Error("two pictures give the same scores")
			}
		})
	}
}

// twice runs each picture twice, in turn, and gives the two results.
func twice(t *testing.T, s *kernels.Session, pictures ...*tensor.Tensor) []*tensor.Tensor {
	t.Helper()
	var rounds [2][]*tensor.Tensor
	for r := range rounds {
		for _, p := range pictures {
			out, err := s.Run(t.Context(), map[string]*tensor.Tensor{"input": p})
			if err != nil {
				t.Fatal(err)
			}
			rounds[r] = append(rounds[r], out["output"])
		}
	}
	for i := range pictures {
		if !kerneltest.Identical(rounds[0][i], rounds[1][i]) {
			t.Errorf("%s: picture %d gave other bits when it came again", s.Engine(), i)
		}
	}
	return rounds[0]
}

func open(t *testing.T, data []byte, engine kernels.Engine) *kernels.Session {
	t.Helper()
	s, err := kernels.Load(data, kernels.Options{Engines: []kernels.Engine{engine}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// picture is normally distributed, as pictures are once they are normalised.
func picture(model *onnx.Model, seed uint64) *tensor.Tensor {
	var shape []int
	for _, d := range model.Graph.Inputs[0].Shape {
		shape = append(shape, int(d.Value))
	}
	p, err := tensor.New(tensor.Float32, shape...)
	if err != nil {
		panic(err)
	}
	r := rand.New(rand.NewPCG(seed, 7))
	for i := range p.Len() {
		tensor.Data[float32](p)[i] = float32(r.NormFloat64())
	}
	return p
}

func spread(t *tensor.Tensor) float32 {
	return slices.Max(tensor.Data[float32](t)) - slices.Min(tensor.Data[float32](t))
}

func TestNetworksCarryPyTorchsNames(t *testing.T) {
	for _, c := range []struct {
		model                *onnx.Model
		node, initializer    string
		nodes, parameters    int // as exported
		normalizations, adds int
	}{
		{networks.MobileNetV2(32), "/features/features.2/conv/conv.1/conv.1.0/Conv", "features.2.conv.1.1.running_var", 222, 3_504_872, 52, 10},
		{networks.ResNet18(32), "/layer2/layer2.0/downsample/downsample.0/Conv", "layer2.0.downsample.0.weight", 69, 11_689_512, 20, 8},
		{networks.SqueezeNet(32), "/features/features.3/expand1x1/Conv", "features.3.expand1x1.weight", 67, 1_235_496, 0, 0},
		{networks.MLP(), "/1/Gemm", "1.weight", 4, 407_050, 0, 0},
	} {
		g := c.model.Graph
		if !slices.ContainsFunc(g.Nodes, func(n onnx.Node) bool { return n.Name == c.node }) {
			t.Errorf("%s has no node %q", g.Name, c.node)
		}
		if !slices.ContainsFunc(g.Initializers, func(p onnx.Tensor) bool { return p.Name == c.initializer }) {
			t.Errorf("%s has no initializer %q", g.Name, c.initializer)
		}
		count := map[string]int{}
		for _, n := range g.Nodes {
			count[n.OpType]++
		}
		if got, want := fmt.Sprint(len(g.Nodes), count["BatchNormalization"], count["Add"]), fmt.Sprint(c.nodes, c.normalizations, c.adds); got != want {
			t.Errorf("%s has nodes, normalizations, adds %s, want %s", g.Name, got, want)
		}
		if got := learned(g); got != c.parameters {
			t.Errorf("%s has %d parameters, want torchvision's %d", g.Name, got, c.parameters)
		}
	}
}

// learned counts parameters as torchvision does, without running statistics.
func learned(g onnx.Graph) int {
	n := 0
	for _, p := range g.Initializers {
		if !slices.ContainsFunc([]string{".running_mean", ".running_var"}, func(s string) bool { return strings.HasSuffix(p.Name, s) }) {
			n += len(p.Raw) / 4
		}
	}
	return n
}
