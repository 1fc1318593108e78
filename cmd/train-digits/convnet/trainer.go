package convnet

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Trainer learns weights by Adam on the mean cross-entropy of a batch. It is
// not safe for concurrent use.
type Trainer struct {
	weights Weights
	graph   *graph
	target  *G.Node // [Batch×Digits], one-hot
	loss    G.Value
	machine G.VM
	solver  *G.AdamSolver
	model   []G.ValueGrad
}

// Examples are Batch pictures, scaled to −1…1, with the digit that each shows.
type Examples struct {
	Images []float32 // [Batch×1×Side×Side]
	Digits []int     // [Batch]
}

// NewTrainer starts from w, which it leaves as it is.
func NewTrainer(w Weights) (*Trainer, error) {
	t := &Trainer{weights: w.Clone()}
	var err error
	if t.graph, err = newGraph(t.weights); err != nil {
		return nil, err
	}
	if err := t.addLoss(); err != nil {
		return nil, fmt.Errorf("build the loss: %w", err)
	}
	t.machine = G.NewTapeMachine(t.graph.expr, G.BindDualValues(t.graph.parameters...))
	t.solver = G.NewAdamSolver()
	t.model = G.NodesToValueGrads(t.graph.parameters)
	return t, nil
}

// addLoss appends −Σ target·log softmax(logits) ÷ Batch and its gradients.
func (t *Trainer) addLoss() error {
	t.target = G.NewMatrix(t.graph.expr, tensor.Float32, G.WithName("target"), G.WithShape(Batch, Digits))
	logs, err := G.LogSoftMax(t.graph.logits, 1)
	if err != nil {
		return err
	}
	picked, err := G.HadamardProd(t.target, logs)
	if err != nil {
		return err
	}
	sum, err := G.Sum(picked)
	if err != nil {
		return err
	}
	loss, err := G.Div(sum, G.NewConstant(float32(-Batch)))
	if err != nil {
		return err
	}
	G.Read(loss, &t.loss)
	_, err = G.Grad(loss, t.graph.parameters...)
	return err
}

// Step learns from one batch at the given rate and returns the loss before it.
func (t *Trainer) Step(e Examples, rate float64) (loss float32, err error) {
	if len(e.Images) != Batch*pixels || len(e.Digits) != Batch {
		return 0, fmt.Errorf("train on a batch: got %d pixels and %d digits, want %d and %d",
			len(e.Images), len(e.Digits), Batch*pixels, Batch)
	}
	target := make([]float32, Batch*Digits)
	for i, d := range e.Digits {
		target[i*Digits+d] = 1
	}
	if err := let(t.graph.image, e.Images); err != nil {
		return 0, err
	}
	if err := let(t.target, target); err != nil {
		return 0, err
	}
	defer t.machine.Reset()
	if err := t.machine.RunAll(); err != nil {
		return 0, fmt.Errorf("train on a batch: %w", err)
	}
	G.WithLearnRate(rate)(t.solver)
	if err := t.solver.Step(t.model); err != nil {
		return 0, fmt.Errorf("change the weights: %w", err)
	}
	return t.loss.Data().(float32), nil
}

// Weights are a copy of the weights so far.
func (t *Trainer) Weights() Weights { return t.weights.Clone() }

// Close frees the machine.
func (t *Trainer) Close() error { return t.machine.Close() }

// let gives an input node its value for the next run, sharing data.
func let(n *G.Node, data []float32) error {
	return G.Let(n, tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(data)))
}
