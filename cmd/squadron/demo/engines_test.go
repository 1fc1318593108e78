package demo_test

import (
	"testing"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/cmd/squadron/demo"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/gorgonia"
	"github.com/squadron-edge/squadron/kernels/kerneltest"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestGorgoniaAgreesWithTheReferenceOnEveryPicture(t *testing.T) {
	sheet := pictures(t)
	input, err := pipeline.New(bundle.Pipeline{
		Input: sheet.Input, Scores: "logits", TopK: 1,
		Labels: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
	})
	if err != nil {
		t.Fatal(err)
	}
	oracle, fast := session(t, reference.Engine{}), session(t, gorgonia.Engine{})
	for i := range sheet.Labels {
		x, err := input.Tensor(sheet.Picture(i))
		if err != nil {
			t.Fatal(err)
		}
		want, got := logits(t, oracle, x), logits(t, fast, x)
		if d := kerneltest.Distance(got, want); !(d <= 1e-4) {
			t.Errorf("picture %d: the engines differ by %g", i, d)
		}
	}
}

func session(t *testing.T, engine kernels.Engine) *kernels.Session {
	t.Helper()
	data, err := demo.Model(demo.Good)
	if err != nil {
		t.Fatal(err)
	}
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

func logits(t *testing.T, s *kernels.Session, x *tensor.Tensor) *tensor.Tensor {
	t.Helper()
	out, err := s.Run(t.Context(), map[string]*tensor.Tensor{s.Inputs()[0].Name: x})
	if err != nil {
		t.Fatal(err)
	}
	return out["logits"]
}
