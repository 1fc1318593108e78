package gorgonia

import (
	"errors"
	"strings"
	"testing"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	gtensor "gorgonia.org/tensor"

	"github.com/squadron-edge/squadron/kernels/kerneltest"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestMachineIsTheTapeMachinesTwin(t *testing.T) {
	for _, model := range models() {
		t.Run(model.Graph.Name, func(t *testing.T) {
			plan := planOf(t, model)
			p := compiled(t, plan)
			for seed := range uint64(2) {
				in := tensors(t, plan, plan.Graph.Inputs, seed)
				got := tensors(t, plan, plan.Graph.Outputs, 0)
				want := tensors(t, plan, plan.Graph.Outputs, 1)
				if err := p.Run(t.Context(), tensor.Values(in), tensor.Values(got)); err != nil {
					t.Fatal(err)
				}
				tapeRun(t, p, in, want)
				for i := range want {
					if !kerneltest.Identical(got[i], want[i]) {
						t.Errorf("seed %d: output %d differs from the tape machine's by %g", seed, i, kerneltest.Distance(got[i], want[i]))
					}
				}
			}
		})
	}
}

// tapeRun runs p's own graph on Gorgonia's machine.
func tapeRun(t *testing.T, p *program, in, out []*tensor.Tensor) {
	t.Helper()
	for i, id := range p.lowering.plan.Graph.Inputs {
		copy(p.lowering.storage[id], tensor.Data[float32](in[i]))
	}
	for _, id := range p.lowering.plan.Graph.Outputs {
		clear(p.lowering.storage[id])
	}
	tape := gorgonia.NewTapeMachine(p.lowering.graph)
	defer func() {
		if err := tape.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := tape.RunAll(); err != nil {
		t.Fatal(err)
	}
	for i, id := range p.lowering.plan.Graph.Outputs {
		value := p.lowering.nodes[id].Value().(*gtensor.Dense)
		copy(tensor.Data[float32](out[i]), value.Float32s())
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	for _, model := range models() {
		plan := planOf(t, model)
		p := compiled(t, plan)
		in, out := tensors(t, plan, plan.Graph.Inputs, 1), tensors(t, plan, plan.Graph.Outputs, 0)
		allocations := testing.AllocsPerRun(3, func() {
			if err := p.Run(t.Context(), tensor.Values(in), tensor.Values(out)); err != nil {
				t.Fatal(err)
			}
		})
		if allocations != 0 {
			t.Errorf("%s: %g allocations a run", model.Graph.Name, allocations)
		}
	}
}

// broken is an operator that fails.
type broken struct{ *step }

func (broken) Do(...gorgonia.Value) (gorgonia.Value, error) { return nil, errors.New("it is broken") }

func TestMachineSaysWhatFailed(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewTensor(g, gtensor.Float32, 1, gorgonia.WithShape(2), gorgonia.WithName("x"))
	s := &step{label: "it", sizes: []int{2}, types: []hm.Type{typeOf(1)}, out: gtensor.New(gtensor.WithShape(2), gtensor.WithBacking([]float32{0, 0}))}
	if _, err := gorgonia.ApplyOp(broken{s}, x); err != nil {
		t.Fatal(err)
	}
	m, err := newMachine(g, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.RunAll(); err == nil || !strings.Contains(err.Error(), "no value") {
		t.Errorf("an input without a value gave %v", err)
	}
	if err := gorgonia.Let(x, gtensor.New(gtensor.WithShape(2), gtensor.WithBacking([]float32{1, 2}))); err != nil {
		t.Fatal(err)
	}
	if err := m.RunAll(); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("a broken operator gave %v", err)
	}
}
