package gorgonia

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"gorgonia.org/gorgonia"
	gtensor "gorgonia.org/tensor"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/kerneltest"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestEachPlannedStepIsOneNode(t *testing.T) {
	for _, model := range models() {
		plan := planOf(t, model)
		p := compiled(t, plan)
		steps := map[int]bool{}
		for _, n := range p.lowering.graph.AllNodes() {
			if s, ok := n.Op().(*step); ok {
				steps[s.index] = true
			} else if n.Op() != nil {
				t.Errorf("%s: node %v is not one of our steps", model.Graph.Name, n)
			}
		}
		if len(steps) != len(plan.Graph.Nodes) || len(p.machine.instructions) != len(plan.Graph.Nodes) {
			t.Errorf("%s: %d steps as %d nodes and %d instructions", model.Graph.Name, len(plan.Graph.Nodes), len(steps), len(p.machine.instructions))
		}
	}
}

func TestStepsOutOfThePlansOrderAreRefused(t *testing.T) {
	p := compiled(t, planOf(t, models()[1]))
	if err := inOrder(p.machine.instructions); err != nil {
		t.Fatal(err)
	}
	i := p.machine.instructions
	i[3], i[4] = i[4], i[3]
	if err := inOrder(i); err == nil || !strings.Contains(err.Error(), i[4].op.String()) {
		t.Errorf("two steps in the other's place gave %v", err)
	}
}

func TestProgramsShareWeightsAndNothingElse(t *testing.T) {
	plan := planOf(t, models()[2])
	a, b := compiled(t, plan), compiled(t, plan)
	weights := 0
	for id, v := range plan.Graph.Values {
		x, y := a.lowering.storage[id], b.lowering.storage[id]
		if len(x) == 0 {
			continue
		}
		shared := unsafe.SliceData(x) == unsafe.SliceData(y)
		if shared != (v.Const != nil) {
			t.Errorf("value %q (constant: %t) is shared: %t", v.Name, v.Const != nil, shared)
		}
		if shared {
			weights++
		}
	}
	if weights == 0 {
		t.Error("the plan has no weights")
	}
}

func TestProgramsRunSideBySide(t *testing.T) {
	plan := planOf(t, models()[2])
	alone := compiled(t, plan)
	var all sync.WaitGroup
	for seed := range uint64(4) {
		in := tensors(t, plan, plan.Graph.Inputs, seed)
		want, got := tensors(t, plan, plan.Graph.Outputs, 0), tensors(t, plan, plan.Graph.Outputs, 0)
		if err := alone.Run(t.Context(), tensor.Values(in), tensor.Values(want)); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			p, err := Engine{}.Compile(plan)
			if err != nil {
				t.Error(err)
				return
			}
			if err := p.Run(t.Context(), tensor.Values(in), tensor.Values(got)); err != nil {
				t.Error(err)
			}
			if !kerneltest.Identical(got[0], want[0]) {
				t.Errorf("seed %d: another result beside other programs", seed)
			}
		})
	}
	all.Wait()
}

// stranger is an operator that infers, but that no engine has.
type stranger struct{ ir.Relu }

func (stranger) Type() string { return "Stranger" }

func TestCompileRefusesWhatNoEngineHas(t *testing.T) {
	floats := ir.Info{DType: tensor.Float32, Shape: tensor.Shape{2, 3}}
	for _, c := range []struct {
		name  string
		op    ir.Operator
		in    []ir.Info
		wants []string
	}{
		{"an unknown operator", stranger{}, []ir.Info{floats}, []string{`Stranger "the node"`, "not an operator of the reference engine"}},
		{"more operands than Gorgonia can type", ir.Concat{}, slices.Repeat([]ir.Info{floats}, 1<<10+1), []string{`Concat "the node"`, "reads 1025 inputs; at most 1024 are supported"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &ir.Graph{Name: "net", Outputs: []ir.ValueID{ir.ValueID(len(c.in))}}
			for i, in := range c.in {
				g.Values = append(g.Values, ir.Value{Name: fmt.Sprint(i), Info: in})
				g.Inputs = append(g.Inputs, ir.ValueID(i))
			}
			g.Values = append(g.Values, ir.Value{Name: "y"})
			g.Nodes = []ir.Node{{Name: "the node", Op: c.op, Inputs: g.Inputs, Outputs: g.Outputs}}
			_, err := Engine{}.Compile(planGraph(t, g))
			if err == nil {
				t.Fatal("it was compiled")
			}
			for _, want := range append(c.wants, `"net"`) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestRunRefusesTensorsThatDoNotFit(t *testing.T) {
	plan := planOf(t, models()[0])
	p := compiled(t, plan)
	in, out := tensors(t, plan, plan.Graph.Inputs, 1), tensors(t, plan, plan.Graph.Outputs, 0)
	short, err := tensor.New(tensor.Float32, 1, 28)
	if err != nil {
		t.Fatal(err)
	}
	integers, err := tensor.New(tensor.Int64, in[0].Shape()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		in, out []*tensor.Tensor
		wants   string
	}{
		{"no inputs", nil, out, "inputs: 0 tensors were given; the plan has 1"},
		{"no outputs", in, nil, "outputs: 0 tensors were given; the plan has 1"},
		{"an absent input", []*tensor.Tensor{nil}, out, `no value was given for "input"`},
		{"another shape", []*tensor.Tensor{short}, out, "float32[1×28]"},
		{"another type", []*tensor.Tensor{integers}, out, "int64"},
		{"an output of another shape", in, []*tensor.Tensor{short}, "outputs: float32[1×28]"},
	} {
		if err := p.Run(t.Context(), tensor.Values(c.in), tensor.Values(c.out)); err == nil || !strings.Contains(err.Error(), c.wants) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.wants)
		}
	}
}

func TestStepRefusesValuesThatAreNotItsOperands(t *testing.T) {
	s := &step{label: `Relu "it"`, kernel: relu, sizes: []int{3}, operands: make([][]float32, 1), elements: 3,
		out: gtensor.New(gtensor.WithShape(3), gtensor.WithBacking(make([]float32, 3)))}
	doubles := gtensor.New(gtensor.WithShape(3), gtensor.WithBacking(make([]float64, 3)))
	short := gtensor.New(gtensor.WithShape(2), gtensor.WithBacking(make([]float32, 2)))
	number := gorgonia.F32(1)
	for _, values := range [][]gorgonia.Value{nil, {doubles}, {short}, {&number}, {nil}} {
		if _, err := s.Do(values...); err == nil || !strings.Contains(err.Error(), `Relu "it"`) {
			t.Errorf("%v: got %v", values, err)
		}
	}
}

// What this engine has no kernel for is computed by the reference, twice alike.
func TestTheReferenceComputesWhatHasNoKernel(t *testing.T) {
	matrix := tensorOf(t, []float32{1, 2, 3, 4, 5, 6}, 3, 2)
	whole := tensorOf(t, []int64{2, 0}, 2)
	for name, c := range map[string]struct {
		op ir.Operator
		in []*tensor.Tensor
	}{
		"indices known at run time":     {ir.Gather{}, []*tensor.Tensor{matrix, whole}},
		"integers computed at run time": {ir.Concat{}, []*tensor.Tensor{whole, whole}},
		"a shape known at run time":     {ir.Reshape{}, []*tensor.Tensor{matrix, tensorOf(t, []int64{2, -1}, 2)}},
		"a window over a volume":        {ir.MaxPool{Window: ir.Window{Kernel: []int{2, 2, 1}}}, []*tensor.Tensor{tensorOf(t, []float32{1, 2, 3, 4, 5, 6, 7, 8}, 1, 1, 2, 2, 2)}},
	} {
		t.Run(name, func(t *testing.T) {
			g := &ir.Graph{Name: "net", Outputs: []ir.ValueID{ir.ValueID(len(c.in))}}
			for i, in := range c.in {
				g.Values = append(g.Values, ir.Value{Name: fmt.Sprint(i), Info: ir.Info{DType: in.DType(), Shape: in.Shape()}})
				g.Inputs = append(g.Inputs, ir.ValueID(i))
			}
			g.Values = append(g.Values, ir.Value{Name: "y"})
			g.Nodes = []ir.Node{{Name: "the node", Op: c.op, Inputs: g.Inputs, Outputs: g.Outputs}}
			plan := planGraph(t, g)
			p, err := Engine{}.Compile(plan)
			if err != nil {
				t.Fatal(err)
			}
			want, err := reference.Eval(c.op, c.in)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				out, err := plan.NewOutputs()
				if err == nil {
					err = p.Run(t.Context(), tensor.Values(c.in), out)
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := out[0].(*tensor.Tensor); !kerneltest.Identical(got, want[0]) {
					t.Errorf("got %v, want %v", got, want[0])
				}
			}
		})
	}
}

func tensorOf[T tensor.Element](t *testing.T, data []T, shape ...int) *tensor.Tensor {
	t.Helper()
	x, err := tensor.Of(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
