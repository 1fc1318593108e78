package pipeline

import (
	"context"
	"fmt"
	"image"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Session is a loaded model: what package kernels opens. Run takes and gives
// tensors by the names of Inputs and Outputs, returns soon after its context
// has ended, and is safe for concurrent use.
type Session interface {
	Inputs() []ir.Value
	Outputs() []ir.Value
	Run(context.Context, map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error)
}

// Model reads pictures: a session between the two halves of its pipeline. It
// does not own the session. It is safe for concurrent use.
type Model struct {
	*Pipeline
	session       Session
	input, output string
}

// Bind joins a session and its pipeline. It refuses a model whose only input is
// not the tensor that the pipeline makes, or whose first output is not one
// float32 score a label; dimensions that the model leaves open fit.
func Bind(spec bundle.Pipeline, session Session) (*Model, error) {
	p, err := New(spec)
	if err != nil {
		return nil, err
	}
	inputs, outputs := session.Inputs(), session.Outputs()
	if len(inputs) != 1 || len(outputs) == 0 {
		return nil, fmt.Errorf("the model has %d inputs and %d outputs: a pipeline needs one input and at least one output",
			len(inputs), len(outputs))
	}
	in, out := inputs[0], outputs[0]
	if in.DType != tensor.Float32 || !fits(in.Shape, p.Shape()) {
		return nil, fmt.Errorf("the model's input %q is %v%v, the pipeline makes float32%v", in.Name, in.DType, in.Shape, p.Shape())
	}
	if want := (tensor.Shape{1, len(spec.Labels)}); out.DType != tensor.Float32 || !fits(out.Shape, want) {
		return nil, fmt.Errorf("the model's output %q is %v%v, the pipeline's labels need float32%v", out.Name, out.DType, out.Shape, want)
	}
	return &Model{Pipeline: p, session: session, input: in.Name, output: out.Name}, nil
}

// fits reports whether a declared shape, with its open dimensions, can be want.
func fits(declared, want tensor.Shape) bool {
	if declared == nil {
		return true
	}
	if len(declared) != len(want) {
		return false
	}
	for i, d := range declared {
		if d != ir.Unknown && d != want[i] {
			return false
		}
	}
	return true
}

// Scores runs the model on a picture: one finite number a label, before any
// softmax.
func (m *Model) Scores(ctx context.Context, picture image.Image) ([]float32, error) {
	in, err := m.Tensor(picture)
	if err != nil {
		return nil, err
	}
	return m.run(ctx, in)
}

// Read runs the model on a picture and names the best labels, best first.
func (m *Model) Read(ctx context.Context, picture image.Image) ([]Label, error) {
	scores, err := m.Scores(ctx, picture)
	if err != nil {
		return nil, err
	}
	return m.Labels(scores)
}

func (m *Model) run(ctx context.Context, in *tensor.Tensor) ([]float32, error) {
	out, err := m.session.Run(ctx, map[string]*tensor.Tensor{m.input: in})
	if err != nil {
		return nil, fmt.Errorf("run the model: %w", err)
	}
	t := out[m.output]
	if t == nil {
		return nil, fmt.Errorf("run the model: it gave no output %q", m.output)
	}
	scores := tensor.Data[float32](t)
	if err := m.checkScores(scores); err != nil {
		return nil, err
	}
	return scores, nil
}
