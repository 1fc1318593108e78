package pipeline_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// session answers every picture with the same scores.
type session struct {
	in, out tensor.Shape
	scores  []float32
	err     error
}

func (s session) Inputs() []ir.Value {
	return []ir.Value{{Name: "picture", Info: ir.Info{DType: tensor.Float32, Shape: s.in}}}
}

func (s session) Outputs() []ir.Value {
	return []ir.Value{{Name: "scores", Info: ir.Info{DType: tensor.Float32, Shape: s.out}}}
}

func (s session) Run(_ context.Context, in map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	if in["picture"] == nil {
		return nil, errors.New("no input \"picture\"")
	}
	t, err := tensor.Of(s.scores, 1, len(s.scores))
	if err != nil {
		return nil, err
	}
	return map[string]*tensor.Tensor{"scores": t}, s.err
}

func TestReadNamesTheBestLabelsFirst(t *testing.T) {
	spec := grayPipeline(1, 1)
	spec.TopK = 2
	m, err := pipeline.Bind(spec, session{scores: []float32{0, float32(math.Log(3)), 0}})
	if err != nil {
		t.Fatal(err)
	}
	labels, err := m.Read(t.Context(), grays(1, 7))
	if err != nil {
		t.Fatal(err)
	}
	// e^0 = 1 and e^log 3 = 3; of the two equal ones the manifest's first stays.
	if len(labels) != 2 || labels[0].Label != "one" || labels[1].Label != "zero" ||
		math.Abs(float64(labels[0].Score)-0.6) > 1e-6 || math.Abs(float64(labels[1].Score)-0.2) > 1e-6 {
		t.Errorf("got %v", labels)
	}
}

func TestProbabilitiesAreTakenAsTheyAre(t *testing.T) {
	spec := grayPipeline(1, 1)
	spec.Scores = "probabilities"
	p, err := pipeline.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	labels, err := p.Labels([]float32{0.25, 0.25, 0.5})
	want := []pipeline.Label{{Label: "two", Score: 0.5}, {Label: "zero", Score: 0.25}, {Label: "one", Score: 0.25}}
	if err != nil || !slices.Equal(labels, want) {
		t.Errorf("got %v, %v", labels, err)
	}
}

func TestEqualScoresStayInTheManifestsOrder(t *testing.T) {
	spec := grayPipeline(1, 1)
	spec.Scores, spec.TopK, spec.Labels = "probabilities", 40, nil
	for i := range 40 {
		spec.Labels = append(spec.Labels, string(rune('A'+i)))
	}
	p, err := pipeline.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	scores := make([]float32, 40)
	for i := range scores {
		scores[i] = float32(i % 3)
	}
	labels, err := p.Labels(scores)
	if err != nil {
		t.Fatal(err)
	}
	for i := range labels[1:] {
		if a, b := labels[i], labels[i+1]; a.Score == b.Score && a.Label > b.Label {
			t.Fatalf("%q stands before %q", a.Label, b.Label)
		}
	}
}

func TestHugeLogitsDoNotOverflow(t *testing.T) {
	p, err := pipeline.New(grayPipeline(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	labels, err := p.Labels([]float32{3e38, -3e38, 3e38})
	if err != nil || labels[0].Score != 0.5 || labels[0].Label != "zero" || labels[2].Score != 0 {
		t.Errorf("got %v, %v", labels, err)
	}
}

func TestScoresThatAreNotNumbersAreRefused(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, s := range map[string]session{
		"NaN":         {scores: []float32{1, nan, 0}},
		"infinity":    {scores: []float32{1, inf, 0}},
		"too few":     {scores: []float32{1, 0}},
		"too many":    {scores: []float32{1, 0, 0, 0}},
		"run failure": {scores: []float32{1, 0, 0}, err: errors.New("out of memory")},
	} {
		m, err := pipeline.Bind(grayPipeline(1, 1), s)
		if err != nil {
			t.Fatal(err)
		}
		if labels, err := m.Read(t.Context(), grays(1, 7)); err == nil {
			t.Errorf("%s: got %v", name, labels)
		}
	}
}

func TestBindRefusesAModelThatDoesNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		s  session
		ok bool
	}{
		"all known":      {session{in: tensor.Shape{1, 1, 2, 4}, out: tensor.Shape{1, 3}}, true},
		"open batch":     {session{in: tensor.Shape{ir.Unknown, 1, 2, 4}, out: tensor.Shape{ir.Unknown, 3}}, true},
		"nothing known":  {session{}, true},
		"another size":   {session{in: tensor.Shape{1, 1, 4, 2}}, false},
		"three channels": {session{in: tensor.Shape{1, 3, 2, 4}}, false},
		"another rank":   {session{in: tensor.Shape{1, 2, 4}}, false},
		"more classes":   {session{out: tensor.Shape{1, 10}}, false},
	} {
		if _, err := pipeline.Bind(grayPipeline(4, 2), c.s); (err == nil) != c.ok {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
