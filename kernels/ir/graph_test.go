package ir_test

import (
	"context"
	"math/rand"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// builder makes graphs by hand; values are named by the caller.
type builder struct {
	t testing.TB
	g *ir.Graph
	r *rand.Rand
}

func build(t testing.TB) *builder {
	return &builder{t: t, g: &ir.Graph{Name: "test"}, r: rand.New(rand.NewSource(1))}
}

func (b *builder) value(name string, info ir.Info) ir.ValueID {
	b.g.Values = append(b.g.Values, ir.Value{Name: name, Info: info})
	return ir.ValueID(len(b.g.Values) - 1)
}

func (b *builder) input(name string, info ir.Info) ir.ValueID {
	id := b.value(name, info)
	b.g.Inputs = append(b.g.Inputs, id)
	return id
}

// weights are drawn from (0.5, 1.5), so that they also serve as variances.
func (b *builder) weights(name string, shape ...int) ir.ValueID {
	x := b.random(shape...)
	return b.value(name, ir.Info{DType: tensor.Float32, Shape: x.Shape(), Const: x})
}

func (b *builder) scalar(name string, v float32) ir.ValueID {
	x, err := tensor.Of([]float32{v})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.value(name, ir.Info{DType: tensor.Float32, Shape: x.Shape(), Const: x})
}

func (b *builder) random(shape ...int) *tensor.Tensor {
	x, err := tensor.New(tensor.Float32, shape...)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := range tensor.Data[float32](x) {
		tensor.Data[float32](x)[i] = 0.5 + b.r.Float32()
	}
	return x
}

func (b *builder) node(op ir.Operator, name string, in ...ir.ValueID) ir.ValueID {
	out := b.value(name, ir.Info{})
	b.g.Nodes = append(b.g.Nodes, ir.Node{Name: name, Op: op, Inputs: in, Outputs: []ir.ValueID{out}})
	return out
}

func (b *builder) output(ids ...ir.ValueID) { b.g.Outputs = append(b.g.Outputs, ids...) }

// folded specialises the graph for its own input shapes.
func (b *builder) folded() *ir.Graph {
	b.t.Helper()
	g, err := ir.Specialise(b.g, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := g.Validate(); err != nil {
		b.t.Fatal(err)
	}
	if g, err = ir.Fold(g, reference.Eval); err != nil {
		b.t.Fatal(err)
	}
	if err := g.Validate(); err != nil {
		b.t.Fatal(err)
	}
	return g
}

// types are the graph's operators in order.
func types(g *ir.Graph) string {
	var list []string
	for _, n := range g.Nodes {
		list = append(list, n.Op.Type())
	}
	return strings.Join(list, " ")
}

// run executes a graph on the reference engine.
func run(t testing.TB, g *ir.Graph, inputs ...*tensor.Tensor) []*tensor.Tensor {
	t.Helper()
	plan, err := ir.NewPlan(g)
	if err != nil {
		t.Fatal(err)
	}
	program, err := reference.Engine{}.Compile(plan)
	if err != nil {
		t.Fatal(err)
	}
	var outputs []*tensor.Tensor
	for _, id := range plan.Graph.Outputs {
		v := plan.Graph.Values[id]
		x, err := tensor.New(v.DType, v.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		outputs = append(outputs, x)
	}
	if err := program.Run(context.Background(), tensor.Values(inputs), tensor.Values(outputs)); err != nil {
		t.Fatal(err)
	}
	return outputs
}

func TestAGraphOutOfFormIsRefused(t *testing.T) {
	x := ir.Value{Name: "x", Info: f(2)}
	y := ir.Value{Name: "y", Info: f(2)}
	relu := func(in, out ir.ValueID) ir.Node {
		return ir.Node{Op: ir.Relu{}, Inputs: []ir.ValueID{in}, Outputs: []ir.ValueID{out}}
	}
	for name, c := range map[string]struct {
		g    ir.Graph
		want string
	}{
		"read before given":      {ir.Graph{Values: []ir.Value{x, y}, Nodes: []ir.Node{relu(0, 1)}, Outputs: []ir.ValueID{1}}, `"x" is read before`},
		"its own input":          {ir.Graph{Values: []ir.Value{x}, Nodes: []ir.Node{relu(0, 0)}, Outputs: []ir.ValueID{0}}, `"x" is read before`},
		"wrong order":            {ir.Graph{Values: []ir.Value{x, y, y}, Inputs: []ir.ValueID{0}, Nodes: []ir.Node{relu(2, 1), relu(0, 2)}, Outputs: []ir.ValueID{1}}, `"y" is read before`},
		"given twice":            {ir.Graph{Values: []ir.Value{x, y}, Inputs: []ir.ValueID{0}, Nodes: []ir.Node{relu(0, 1), relu(0, 1)}, Outputs: []ir.ValueID{1}}, `"y" has two sources`},
		"a constant input":       {ir.Graph{Values: []ir.Value{{Name: "c", Info: ints(1)}}, Inputs: []ir.ValueID{0}, Outputs: []ir.ValueID{0}}, `"c" has two sources`},
		"no such value":          {ir.Graph{Values: []ir.Value{x}, Inputs: []ir.ValueID{0}, Nodes: []ir.Node{relu(0, 7)}, Outputs: []ir.ValueID{0}}, "no value 7"},
		"no such output":         {ir.Graph{Values: []ir.Value{x}, Inputs: []ir.ValueID{0}, Outputs: []ir.ValueID{ir.NoValue}}, "no value -1"},
		"no outputs":             {ir.Graph{Values: []ir.Value{x}, Inputs: []ir.ValueID{0}}, "no outputs"},
		"no operator":            {ir.Graph{Values: []ir.Value{x}, Inputs: []ir.ValueID{0}, Nodes: []ir.Node{{Name: "n"}}, Outputs: []ir.ValueID{0}}, `node "n" has no operator`},
		"a constant out of form": {ir.Graph{Values: []ir.Value{{Name: "c", Info: ir.Info{DType: tensor.Int64, Shape: tensor.Shape{2}, Const: ints(1).Const}}}, Outputs: []ir.ValueID{0}}, `constant "c" is int64[1], declared int64[2]`},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.g.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestSpecialiseChecksTheInputs(t *testing.T) {
	b := build(t)
	x := b.input("x", f(ir.Unknown, 3))
	b.output(b.node(ir.Relu{}, "y", x))
	g, err := ir.Specialise(b.g, map[string]tensor.Shape{"x": {4, 3}})
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Values[g.Outputs[0]].Shape; !got.Equal(tensor.Shape{4, 3}) {
		t.Errorf("y has shape %v", got)
	}
	if !b.g.Values[0].Shape.Equal(tensor.Shape{ir.Unknown, 3}) {
		t.Error("the graph itself was changed")
	}
	for want, shapes := range map[string]map[string]tensor.Shape{
		`input "x": it has shape [4×2], want [?×3]`:  {"x": {4, 2}},
		`input "x": it has shape [4], want [?×3]`:    {"x": {4}},
		`has no input "z"`:                           {"x": {4, 3}, "z": {1}},
		`input "x": float32[1073741824×3] takes`:     {"x": {1 << 30, 3}},
		`input "x": dimension 0 of [-2×3] is negati`: {"x": {-2, 3}},
	} {
		if _, err := ir.Specialise(b.g, shapes); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want an error with %q", shapes, err, want)
		}
	}
}

// TestShapeArithmeticFoldsAway is what PyTorch writes for x.view(x.size(0), -1).
func TestShapeArithmeticFoldsAway(t *testing.T) {
	b := build(t)
	x := b.input("x", f(2, 3, 4))
	zero := b.value("zero", ir.Info{DType: tensor.Int64, Shape: tensor.Shape{1}, Const: ints(0).Const})
	rest := b.value("rest", ir.Info{DType: tensor.Int64, Shape: tensor.Shape{1}, Const: ints(-1).Const})
	rows := b.node(ir.Gather{}, "rows", b.node(ir.Shape{}, "shape", x), zero)
	b.output(b.node(ir.Reshape{}, "y", x, b.node(ir.Concat{}, "wanted", rows, rest)))
	g := b.folded()
	if types(g) != "Reshape" {
		t.Errorf("left are %s", types(g))
	}
	if y := g.Values[g.Outputs[0]]; !y.Shape.Equal(tensor.Shape{2, 12}) || y.DType != tensor.Float32 {
		t.Errorf("y is %v%v", y.DType, y.Shape)
	}
}

func TestAShapeThatDependsOnElementsIsLeftToTheRun(t *testing.T) {
	b := build(t)
	x, shape := b.input("x", f(6)), b.input("shape", i(2))
	b.output(b.node(ir.Relu{}, "y", b.node(ir.Reshape{}, "free", x, shape)))
	plan, err := ir.NewPlan(b.folded())
	if err != nil {
		t.Fatal(err)
	}
	if plan.ArenaBytes != 0 || plan.MultiplyAdds != 0 {
		t.Errorf("the plan has an arena of %d bytes and %d multiply-adds", plan.ArenaBytes, plan.MultiplyAdds)
	}
	out, err := plan.NewOutputs()
	if err != nil || out[0] != nil {
		t.Errorf("the output is made before the run: %v, %v", out, err)
	}
}

func TestAHugeResultIsRefusedBeforeItIsAllocated(t *testing.T) {
	b := build(t)
	x := b.input("x", f(1<<14, 1))
	y := b.input("y", f(1, 1<<15))
	b.output(b.node(ir.Add{}, "sum", x, y))
	if _, err := ir.Specialise(b.g, nil); err == nil || !strings.Contains(err.Error(), `Add "sum": its output: float32[16384×32768] takes more than the limit of 1073741824 bytes`) {
		t.Errorf("got %v", err)
	}
}

func TestLargeConstantsAreNotFolded(t *testing.T) {
	b := build(t)
	x := b.input("x", f(1))
	large := b.node(ir.Add{}, "large", b.weights("w", 3000, 1), b.weights("v", 1, 2000)) // 24 MB
	small := b.node(ir.Add{}, "small", b.weights("a", 30, 1), b.weights("b", 1, 20))
	b.output(b.node(ir.Add{}, "y", x, large), b.node(ir.Add{}, "z", x, small))
	if g := b.folded(); len(g.Nodes) != 3 {
		t.Errorf("left are %s", types(g))
	}
}

func TestWhatCouldTakeLongIsNotFolded(t *testing.T) {
	b := build(t)
	x := b.input("x", f(2, 2))
	product := b.node(ir.MatMul{}, "product", b.weights("w", 2, 2), b.weights("v", 2, 2))
	b.output(b.node(ir.Add{}, "y", x, b.node(ir.Relu{}, "r", product)))
	g := b.folded()
	if types(g) != "MatMul Relu Add" {
		t.Errorf("left are %s", types(g))
	}
	run(t, g, b.random(2, 2))
}

func TestWhatNoOutputNeedsIsDropped(t *testing.T) {
	b := build(t)
	x := b.input("x", f(2))
	y := b.node(ir.Relu{}, "y", x)
	b.node(ir.Add{}, "unread", b.node(ir.Relu{}, "also unread", y), b.weights("w", 2))
	b.output(y)
	g := b.folded()
	if types(g) != "Relu" || len(g.Values) != 2 {
		t.Errorf("left are %s over %d values", types(g), len(g.Values))
	}
}

// TestIdentityDisappearsWhereverItStands runs each graph before and after.
func TestIdentityDisappearsWhereverItStands(t *testing.T) {
	for name, c := range map[string]struct {
		make func(b *builder)
		left string
	}{
		"in the middle": {func(b *builder) {
			b.output(b.node(ir.Relu{}, "y", b.node(ir.Identity{}, "i", b.input("x", f(2)))))
		}, "Relu"},
		"two in a row": {func(b *builder) {
			b.output(b.node(ir.Relu{}, "y", b.node(ir.Identity{}, "j", b.node(ir.Identity{}, "i", b.input("x", f(2))))))
		}, "Relu"},
		"at the end": {func(b *builder) {
			b.output(b.node(ir.Identity{}, "y", b.node(ir.Relu{}, "r", b.input("x", f(2)))))
		}, "Relu"},
		"at the end, its input read before and after": {func(b *builder) {
			x := b.input("x", f(2))
			r := b.node(ir.Relu{}, "r", x)
			before := b.node(ir.Add{}, "before", r, x)
			y := b.node(ir.Identity{}, "y", r)
			b.output(y, b.node(ir.Add{}, "after", r, before))
		}, "Relu Add Add"},
		"of an output": {func(b *builder) {
			r := b.node(ir.Relu{}, "r", b.input("x", f(2)))
			b.output(r, b.node(ir.Identity{}, "y", r))
		}, "Relu Identity"},
		"twice of one value": {func(b *builder) {
			r := b.node(ir.Relu{}, "r", b.input("x", f(2)))
			b.output(b.node(ir.Identity{}, "y", r), b.node(ir.Identity{}, "z", r))
		}, "Relu Identity"},
		"from input to output": {func(b *builder) {
			b.output(b.node(ir.Identity{}, "y", b.input("x", f(2))))
		}, "Identity"},
	} {
		t.Run(name, func(t *testing.T) {
			b := build(t)
			c.make(b)
			g := b.folded()
			if types(g) != c.left {
				t.Errorf("left are %q, want %q", types(g), c.left)
			}
			for i, id := range g.Outputs {
				if got, want := g.Values[id].Name, b.g.Values[b.g.Outputs[i]].Name; got != want {
					t.Errorf("output %d is named %q, want %q", i, got, want)
				}
			}
			special, err := ir.Specialise(b.g, nil)
			if err != nil {
				t.Fatal(err)
			}
			x := b.random(2)
			want, got := run(t, special, x), run(t, g, x)
			for i := range want {
				if !same(want[i], got[i], 0) {
					t.Errorf("output %d changed", i)
				}
			}
		})
	}
}

// same reports whether two results agree within a tolerance.
func same(a, b *tensor.Tensor, tolerance float32) bool {
	x, y := tensor.Data[float32](a), tensor.Data[float32](b)
	if !a.Shape().Equal(b.Shape()) {
		return false
	}
	for i := range x {
		if d := x[i] - y[i]; d > tolerance || -d > tolerance {
			return false
		}
	}
	return true
}

// TestAPlansOutputsAreEachWrittenByANode is what engines rely on.
func TestAPlansOutputsAreEachWrittenByANode(t *testing.T) {
	b := build(t)
	x := b.input("x", f(2))
	w := b.weights("w", 2)
	y := b.node(ir.Relu{}, "y", x)
	b.output(x, w, y, y)
	plan, err := ir.NewPlan(b.folded())
	if err != nil {
		t.Fatal(err)
	}
	writes := map[ir.ValueID]int{}
	for _, n := range plan.Graph.Nodes {
		writes[n.Outputs[0]]++
	}
	for i, id := range plan.Graph.Outputs {
		if writes[id] != 1 || plan.Graph.Values[id].Const != nil {
			t.Errorf("output %d is written by %d nodes", i, writes[id])
		}
		delete(writes, id)
	}
	in := b.random(2)
	out := run(t, b.folded(), in)
	if !same(out[0], in, 0) || !same(out[1], b.g.Values[w].Const, 0) || !same(out[2], out[3], 0) {
		t.Error("an output is not what it stands for")
	}
}
