package kerneltest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// longCases are the operators of which a few small tensors can take hours. These
// take four million multiply-adds or more, as few as an engine may look at its
// context during.
func longCases() []testCase {
	over := func(extent int) ir.Window { return ir.Window{Kernel: []int{extent, extent}} }
	return []testCase{
		{"conv", ir.Conv{Group: 1}, []argument{input(1, 16, 40, 40), input(16, 16, 5, 5)}},
		{"conv in groups", ir.Conv{Group: 16}, []argument{input(1, 32, 64, 64), input(32, 2, 7, 7)}},
		{"conv depthwise", ir.Conv{Group: 1}, []argument{input(1, 1, 96, 96), input(1, 1, 40, 40)}},
		{"max pool", ir.MaxPool{Window: over(40)}, []argument{input(1, 1, 96, 96)}},
		{"average pool", ir.AveragePool{Window: over(40)}, []argument{input(1, 1, 96, 96)}},
		{"gemm", ir.Gemm{Alpha: 1, Beta: 1}, []argument{input(128, 256), input(256, 128)}},
		{"gemm with A transposed", ir.Gemm{Alpha: 1, Beta: 1, TransA: true}, []argument{input(256, 128), input(256, 128)}},
		{"matmul", ir.MatMul{}, []argument{input(64, 16, 64), input(64, 64, 64)}},
		{"softmax", ir.Softmax{Axis: -1}, []argument{input(1<<12, 1<<10)}},
		{"mean", ir.Reduce{By: ir.ReduceMean}, []argument{input(1<<12, 1<<10)}},
	}
}

// endsWithItsContext gives up a run while its one operator is under way.
func endsWithItsContext(t *testing.T, engine kernels.Engine, c testCase) {
	in := draw(c.name, c.args)
	p, err := prepare(engine, c.graph(in))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	want, err := reference.Eval(c.op, in)
	if err != nil {
		t.Fatal(err)
	}
	const patient, around = 1000, 2 // an engine looks before and after an operator
	whole := endingAt(t, patient)
	if err := p.Run(whole, tensor.Values(in), tensor.Values(clones(want))); err != nil {
		t.Fatal(err)
	}
	if looks := patient - whole.looks - around; looks < 2 {
		t.Errorf("it looked %d times within the operator whether the run had ended, want 2 at least", looks)
	}
	err = p.Run(endingAt(t, 2), tensor.Values(in), tensor.Values(clones(want)))
	if !errors.Is(err, errEnough) || !strings.Contains(err.Error(), c.op.Type()+` "`) {
		t.Errorf("got %v, want the cause and the node", err)
	}
}

var errEnough = errors.New("the owner has waited long enough")

// patience is a context that ends at a given look at it, so that a run is given
// up at the same place every time.
type patience struct {
	context.Context
	end   context.CancelCauseFunc
	looks int // until it ends
}

func endingAt(t *testing.T, look int) *patience {
	ctx, end := context.WithCancelCause(t.Context())
	return &patience{ctx, end, look}
}

func (p *patience) Err() error {
	if p.looks--; p.looks == 0 {
		p.end(errEnough)
	}
	return p.Context.Err()
}
