package demo_test

import (
	"image"
	"testing"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/cmd/squadron/demo"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/gorgonia"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/kerneltest"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// TestTheEnginesAgreeOnEveryPicture holds Gorgonia to the reference's scores of
// 2.0.0 within 1e-4, relative to the largest score of a picture.
func TestTheEnginesAgreeOnEveryPicture(t *testing.T) {
	fast, slow := bound(t, gorgonia.Engine{}), bound(t, reference.Engine{})
	sheet, worst := pictures(t), 0.0
	for i := range sheet.Labels {
		got, want := scores(t, fast, sheet.Picture(i)), scores(t, slow, sheet.Picture(i))
		d := kerneltest.Distance(got, want)
		if !(d <= 1e-4) {
			t.Errorf("picture %d: the engines are %.2g apart", i, d)
		}
		worst = max(worst, d)
	}
	t.Logf("%d pictures: at most %.2g apart", len(sheet.Labels), worst)
}

func TestAReadingAllocatesNothing(t *testing.T) {
	data := model(t)
	g, err := onnx.Read(data, onnx.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	if g, err = ir.Specialise(g, nil); err != nil {
		t.Fatal(err)
	}
	if g, err = ir.Fold(g, reference.Eval); err != nil {
		t.Fatal(err)
	}
	plan, err := ir.NewPlan(ir.Fuse(g, gorgonia.Engine{}.Fusions()))
	if err != nil {
		t.Fatal(err)
	}
	program, err := gorgonia.Engine{}.Compile(plan)
	if err != nil {
		t.Fatal(err)
	}
	in, out := drawn(t, plan.Graph, plan.Graph.Inputs), drawn(t, plan.Graph, plan.Graph.Outputs)
	if n := testing.AllocsPerRun(20, func() {
		if err := program.Run(in, out); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%g allocations a run, want none", n)
	}
}

func model(t *testing.T) []byte {
	t.Helper()
	data, err := demo.Model(demo.Good)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// bound is 2.0.0 on one engine, with its pipeline.
func bound(t *testing.T, e kernels.Engine) *pipeline.Model {
	t.Helper()
	session, err := kernels.Load(model(t), kernels.Options{Engines: []kernels.Engine{e}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	})
	spec, err := demo.Pipeline()
	if err != nil {
		t.Fatal(err)
	}
	m, err := pipeline.Bind(spec, session)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// scores are a picture's, as a tensor.
func scores(t *testing.T, m *pipeline.Model, picture image.Image) *tensor.Tensor {
	t.Helper()
	raw, err := m.Scores(picture)
	if err != nil {
		t.Fatal(err)
	}
	x, err := tensor.Of(raw, len(raw))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// drawn makes the tensors that a program reads or fills.
func drawn(t *testing.T, g *ir.Graph, ids []ir.ValueID) []*tensor.Tensor {
	t.Helper()
	var all []*tensor.Tensor
	for _, id := range ids {
		x, err := tensor.New(g.Values[id].DType, g.Values[id].Shape...)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}
