package gorgonia

import (
	"math/rand/v2"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/kerneltest/networks"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// models are whole networks, small enough to run in milliseconds.
func models() []*onnx.Model {
	return []*onnx.Model{networks.MLP(), networks.SqueezeNet(48), networks.MobileNetV2(32), networks.ResNet18(32)}
}

// planOf takes a model the way that a Session takes it.
func planOf(t *testing.T, model *onnx.Model) *ir.Plan {
	t.Helper()
	data, err := onnx.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	g, err := onnx.Read(data, onnx.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	return planGraph(t, g)
}

func planGraph(t *testing.T, g *ir.Graph) *ir.Plan {
	t.Helper()
	g, err := ir.Specialise(g, nil)
	if err != nil {
		t.Fatal(err)
	}
	if g, err = ir.Fold(g, reference.Eval); err != nil {
		t.Fatal(err)
	}
	plan, err := ir.NewPlan(ir.Fuse(g, Engine{}.Fusions()))
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func compiled(t *testing.T, plan *ir.Plan) *program {
	t.Helper()
	p, err := compile(plan)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tensors makes one for each value; they hold noise.
func tensors(t *testing.T, plan *ir.Plan, ids []ir.ValueID, seed uint64) []*tensor.Tensor {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	var all []*tensor.Tensor
	for _, id := range ids {
		v := plan.Graph.Values[id]
		x, err := tensor.New(v.DType, v.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range tensor.Data[float32](x) {
			tensor.Data[float32](x)[i] = float32(r.NormFloat64())
		}
		all = append(all, x)
	}
	return all
}
