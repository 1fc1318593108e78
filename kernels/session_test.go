package kernels_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/gorgonia"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// open is a dimension that a file leaves open.
var open = onnx.Dim{Symbol: "N"}

// classifier is y = relu(x·w + b), flattened by the shape arithmetic that
// PyTorch writes: Shape, Gather, Unsqueeze, Concat, Reshape. Input x has the
// dimensions, which multiply to 2 after the first; output y is [first × 3].
func classifier(t testing.TB, dims ...onnx.Dim) []byte {
	t.Helper()
	node := func(op, out string, in []string, attributes ...onnx.Attribute) onnx.Node {
		return onnx.Node{Name: op + out, OpType: op, Inputs: in, Outputs: []string{out}, Attributes: attributes}
	}
	data, err := onnx.Marshal(&onnx.Model{
		IRVersion: 8,
		Opsets:    []onnx.Opset{{Version: 13}},
		Graph: onnx.Graph{
			Name: "classifier",
			Nodes: []onnx.Node{
				node("Shape", "shape", []string{"x"}),
				node("Gather", "batch", []string{"shape", "zero"}),
				node("Unsqueeze", "rows", []string{"batch", "axes"}),
				node("Concat", "wanted", []string{"rows", "rest"}, onnx.Attribute{Name: "axis", Type: onnx.IntAttribute}),
				node("Reshape", "flat", []string{"x", "wanted"}),
				node("Gemm", "sum", []string{"flat", "w", "b"}),
				node("Relu", "y", []string{"sum"}),
			},
			Initializers: []onnx.Tensor{
				{Name: "zero", Type: onnx.Int64, Int64s: []int64{0}},
				{Name: "axes", Type: onnx.Int64, Dims: []int64{1}, Int64s: []int64{0}},
				{Name: "rest", Type: onnx.Int64, Dims: []int64{1}, Int64s: []int64{-1}},
				{Name: "w", Type: onnx.Float, Dims: []int64{2, 3}, Floats: []float32{1, 2, 3, 4, 5, -6}},
				{Name: "b", Type: onnx.Float, Dims: []int64{3}, Floats: []float32{0, 1, 2}},
			},
			Inputs:  []onnx.ValueInfo{{Name: "x", TypeInfo: onnx.TypeInfo{Type: onnx.Float, Shape: dims}}},
			Outputs: []onnx.ValueInfo{{Name: "y", TypeInfo: onnx.TypeInfo{Type: onnx.Float, Shape: []onnx.Dim{open, {Value: 3}}}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// batches is the classifier for any number of rows.
func batches(t testing.TB) []byte { return classifier(t, open, onnx.Dim{Value: 2}) }

func floats(t testing.TB, data []float32, shape ...int) *tensor.Tensor {
	t.Helper()
	x, err := tensor.Of(data, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// absent is an engine for a machine that is not here.
type absent struct{ reference.Engine }

func (absent) Name() string           { return "absent" }
func (absent) Probe() (string, error) { return "", errors.New("there is no such processor") }

// picky is an engine that takes no plan.
type picky struct{ reference.Engine }

func (picky) Name() string { return "picky" }
func (picky) Compile(plan *ir.Plan) (ir.Program, error) {
	return nil, fmt.Errorf("%s is not supported", plan.Graph.Label(plan.Graph.Nodes[0]))
}

// tracked counts the programs that are open.
type tracked struct {
	reference.Engine
	compiled, open *int
}

func (e tracked) Compile(plan *ir.Plan) (ir.Program, error) {
	p, err := e.Engine.Compile(plan)
	*e.compiled++
	*e.open++
	return trackedProgram{p, e.open}, err
}

type trackedProgram struct {
	ir.Program
	open *int
}

func (p trackedProgram) Close() error {
	*p.open--
	return p.Program.Close()
}

func load(t testing.TB, data []byte, engines ...kernels.Engine) *kernels.Session {
	t.Helper()
	s, err := kernels.Load(data, kernels.Options{Engines: engines})
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

func TestAModelRunsAtEachBatchSize(t *testing.T) {
	s := load(t, batches(t), reference.Engine{})
	for _, c := range []struct {
		x    *tensor.Tensor
		want *tensor.Tensor
	}{
		{floats(t, []float32{1, 1}, 1, 2), floats(t, []float32{5, 8, 0}, 1, 3)},
		{floats(t, []float32{1, 1, 1, 0}, 2, 2), floats(t, []float32{5, 8, 0, 1, 3, 5}, 2, 3)},
		{floats(t, []float32{0, 0}, 1, 2), floats(t, []float32{0, 1, 2}, 1, 3)},
	} {
		out, err := s.Run(t.Context(), map[string]*tensor.Tensor{"x": c.x})
		if err != nil {
			t.Fatal(err)
		}
		if y := out["y"]; !y.Shape().Equal(c.want.Shape()) || fmt.Sprint(tensor.Data[float32](y)) != fmt.Sprint(tensor.Data[float32](c.want)) {
			t.Errorf("%v %v: got %v %v", c.x, tensor.Data[float32](c.x), y, tensor.Data[float32](y))
		}
	}
}

func TestASessionTellsItsInputsAndOutputs(t *testing.T) {
	s := load(t, batches(t), reference.Engine{})
	if in := s.Inputs(); len(in) != 1 || in[0].Name != "x" || in[0].DType != tensor.Float32 || !in[0].Shape.Equal(tensor.Shape{ir.Unknown, 2}) {
		t.Errorf("inputs: %v", in)
	}
	if out := s.Outputs(); len(out) != 1 || out[0].Name != "y" || out[0].DType != tensor.Float32 || !out[0].Shape.Equal(tensor.Shape{1, 3}) {
		t.Errorf("outputs: %v", out)
	}
}

func TestTheFirstEngineThatTakesTheModelRunsItAndSaysWhy(t *testing.T) {
	s := load(t, batches(t), absent{}, picky{}, reference.Engine{})
	if s.Engine() != "reference" {
		t.Errorf("%s runs it", s.Engine())
	}
	want := []kernels.Refusal{
		{Engine: "absent", Why: "there is no such processor"},
		{Engine: "picky", Why: `Reshape "Reshapeflat" is not supported`},
	}
	if got := s.Refusals(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if why := s.Why(); !strings.HasPrefix(why, "reference runs it (") ||
		!strings.HasSuffix(why, `, because absent refused: there is no such processor; picky refused: Reshape "Reshapeflat" is not supported`) {
		t.Error(why)
	}
	if why := load(t, batches(t), reference.Engine{}).Why(); !strings.HasSuffix(why, "which is the first choice") {
		t.Error(why)
	}
}

func TestAModelThatNoEngineTakesIsRefusedWithEachReason(t *testing.T) {
	_, err := kernels.Load(batches(t), kernels.Options{Engines: []kernels.Engine{absent{}, picky{}}})
	if err == nil || !strings.Contains(err.Error(), "absent refused: there is no such processor; picky refused: Reshape") {
		t.Error(err)
	}
	if _, err := kernels.Load(batches(t), kernels.Options{}); err == nil || !strings.Contains(err.Error(), "no engine is given") {
		t.Error(err)
	}
}

func TestAModelWithFixedShapesRunsAtThoseOnly(t *testing.T) {
	s := load(t, classifier(t, onnx.Dim{Value: 1}, onnx.Dim{Value: 2}), reference.Engine{})
	out, err := s.Run(t.Context(), map[string]*tensor.Tensor{"x": floats(t, []float32{1, 1}, 1, 2)})
	if err != nil || tensor.Data[float32](out["y"])[1] != 8 {
		t.Errorf("got %v, %v", out, err)
	}
	_, err = s.Run(t.Context(), map[string]*tensor.Tensor{"x": floats(t, make([]float32, 4), 2, 2)})
	if err == nil || !strings.Contains(err.Error(), `input "x" is float32[2×2], want float32[1×2]`) {
		t.Errorf("two rows: %v", err)
	}
}

func TestWrongInputsAreNamedWithWhatIsWanted(t *testing.T) {
	s := load(t, batches(t), reference.Engine{})
	x := floats(t, []float32{1, 1}, 1, 2)
	whole, err := tensor.Of([]int64{1, 1}, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		inputs map[string]*tensor.Tensor
		want   string
	}{
		"missing":     {nil, `input "x" is missing; the inputs are "x" float32[?×2]`},
		"wrong name":  {map[string]*tensor.Tensor{"picture": x}, `input "x" is missing`},
		"superfluous": {map[string]*tensor.Tensor{"x": x, "z": x}, `there is no input "z"; the inputs are "x"`},
		"shape":       {map[string]*tensor.Tensor{"x": floats(t, []float32{1, 1, 1}, 1, 3)}, `input "x" is float32[1×3], want float32[?×2]`},
		"rank":        {map[string]*tensor.Tensor{"x": floats(t, []float32{1, 1}, 2)}, `input "x" is float32[2], want float32[?×2]`},
		"type":        {map[string]*tensor.Tensor{"x": whole}, `input "x" is int64[1×2], want float32[?×2]`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := s.Run(t.Context(), c.inputs); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAnOpenShapeIsPlannedWhenItComes(t *testing.T) {
	data := classifier(t, open, open, open)
	o := kernels.Options{Engines: []kernels.Engine{reference.Engine{}}}
	s, err := kernels.Load(data, o)
	if err != nil {
		t.Fatal(err)
	}
	if got := ir.FormatShape(s.Inputs()[0].Shape); got != "[?×?×?]" {
		t.Errorf("the input has shape %s", got)
	}
	if _, err := s.Run(t.Context(), map[string]*tensor.Tensor{"x": floats(t, []float32{1, 1}, 1, 1, 2)}); err != nil {
		t.Errorf("another shape that the file admits: %v", err)
	}
	if _, err := s.Run(t.Context(), map[string]*tensor.Tensor{"x": floats(t, []float32{1, 1, 1}, 1, 1, 3)}); err == nil {
		t.Error("a shape that the weights do not admit was run")
	}
	o.Inputs = map[string]tensor.Shape{"x": {1, 2, 1}, "z": {1}}
	if _, err := kernels.Load(data, o); err == nil || !strings.Contains(err.Error(), `no input "z"`) {
		t.Error(err)
	}
}

func TestOnlyTheSignaturesUsedLastStayCompiled(t *testing.T) {
	var compiled, open int
	s, err := kernels.Load(batches(t), kernels.Options{Engines: []kernels.Engine{tracked{compiled: &compiled, open: &open}}})
	if err != nil {
		t.Fatal(err)
	}
	run := func(rows int) {
		t.Helper()
		if _, err := s.Run(t.Context(), map[string]*tensor.Tensor{"x": floats(t, make([]float32, 2*rows), rows, 2)}); err != nil {
			t.Fatal(err)
		}
	}
	for rows := 1; rows <= 8; rows++ { // 1 is compiled at load
		run(rows)
	}
	if compiled != 8 || open != 8 {
		t.Errorf("after 8 signatures: %d compiled, %d open", compiled, open)
	}
	run(1) // used again, so that 2 is the oldest
	run(9)
	run(1)
	if compiled != 9 || open != 8 {
		t.Errorf("after the ninth: %d compiled, %d open", compiled, open)
	}
	run(2)
	if compiled != 10 || open != 8 {
		t.Errorf("after the oldest again: %d compiled, %d open", compiled, open)
	}
	if err := s.Close(); err != nil || open != 0 {
		t.Errorf("after Close: %d open, %v", open, err)
	}
	if _, err := s.Run(t.Context(), map[string]*tensor.Tensor{"x": floats(t, []float32{1, 1}, 1, 2)}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a run after Close: %v", err)
	}
}

func TestRunsAtTheSameTimeGiveEachItsOwnResult(t *testing.T) {
	s := load(t, batches(t), reference.Engine{})
	var wait sync.WaitGroup
	for i := range 8 {
		x := floats(t, []float32{float32(i), 0}, 1, 2)
		wait.Go(func() {
			for range 50 {
				out, err := s.Run(t.Context(), map[string]*tensor.Tensor{"x": x})
				if err != nil {
					t.Error(err)
					return
				}
				if got := tensor.Data[float32](out["y"])[0]; got != float32(i) {
					t.Errorf("run %d gave %v", i, got)
					return
				}
			}
		})
	}
	wait.Wait()
}

// slow is an engine whose runs enter and wait.
type slow struct {
	reference.Engine
	entered, goOn chan struct{}
}

func (e slow) Compile(plan *ir.Plan) (ir.Program, error) {
	p, err := e.Engine.Compile(plan)
	return slowProgram{p, e}, err
}

type slowProgram struct {
	ir.Program
	slow slow
}

func (p slowProgram) Run(ctx context.Context, inputs, outputs []tensor.Value) error {
	close(p.slow.entered)
	<-p.slow.goOn
	return p.Program.Run(ctx, inputs, outputs)
}

func TestARunThatWaitsForAnotherCanBeGivenUp(t *testing.T) {
	e := slow{entered: make(chan struct{}), goOn: make(chan struct{})}
	s := load(t, batches(t), e)
	x := map[string]*tensor.Tensor{"x": floats(t, []float32{1, 1}, 1, 2)}
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := s.Run(t.Context(), x); err != nil {
			t.Error(err)
		}
	})
	<-e.entered
	enough := errors.New("the owner has waited long enough")
	ctx, giveUp := context.WithCancelCause(t.Context())
	giveUp(enough)
	if _, err := s.Run(ctx, x); !errors.Is(err, enough) || !strings.Contains(err.Error(), `"classifier": wait for`) {
		t.Errorf("got %v", err)
	}
	close(e.goOn)
	first.Wait()
}

func TestARunThatHasEndedSaysWhatItDidNotFinish(t *testing.T) {
	for _, e := range []kernels.Engine{gorgonia.Engine{}, reference.Engine{}} {
		ctx, giveUp := context.WithCancel(t.Context())
		giveUp()
		_, err := load(t, batches(t), e).Run(ctx, map[string]*tensor.Tensor{"x": floats(t, []float32{1, 1}, 1, 2)})
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), `run Reshape "Reshapeflat"`) {
			t.Errorf("%s: got %v", e.Name(), err)
		}
	}
}

func TestOpenNamesTheFileThatItRefuses(t *testing.T) {
	dir := t.TempDir()
	whole := batches(t)
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	o := kernels.Options{Engines: []kernels.Engine{reference.Engine{}}}
	s, err := kernels.Open(write("whole.onnx", whole), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	small := o
	small.Limits = onnx.DefaultLimits
	small.Limits.FileBytes = len(whole) - 1
	for name, c := range map[string]struct {
		path string
		o    kernels.Options
		want string
	}{
		"missing":   {filepath.Join(dir, "none.onnx"), o, "none.onnx"},
		"a folder":  {dir, o, "is not a file"},
		"too large": {filepath.Join(dir, "whole.onnx"), small, "more than the limit"},
		"truncated": {write("cut.onnx", whole[:len(whole)/2]), o, "cut.onnx: decode ONNX file"},
		"no model":  {write("readme.onnx", []byte("# Read me first\n")), o, "readme.onnx: not an ONNX model: it is text; export the network"},
		"empty":     {write("empty.onnx", nil), o, "empty.onnx: not an ONNX model: it is empty; export"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := kernels.Open(c.path, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
