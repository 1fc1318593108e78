package kernels

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Options say how a model is loaded.
type Options struct {
	// Engines are tried in this order.
	Engines []Engine
	// Limits bound the file; the zero value stands for onnx.DefaultLimits.
	Limits onnx.Limits
	// Inputs gives shapes to plan for at load, by name, where the file leaves
	// them open. An open first dimension, the batch, is planned for 1 unless it
	// is given here. What still stays open is planned at the first run that
	// gives it.
	Inputs map[string]tensor.Shape
}

// Session is one model loaded on one engine. It is safe for concurrent use;
// runs follow one another, and each can be given up by its context.
type Session struct {
	name     string
	graph    *ir.Graph // as read, to plan it again; nil if no dimension is open
	inputs   []ir.Value
	outputs  []ir.Value
	engine   Engine
	found    string
	refusals []Refusal
	work     int
	memory   int
	files    *folder // nil if the model came in memory

	turn     chan struct{} // holds one while someone uses what follows
	compiled compiled
	closed   bool
}

// Open loads the ONNX file at path, and the weights that it has in other files of
// its folder. Files are mapped to memory, where possible, so that weights are read
// when they are needed and not copied: they must not change until Close, and one
// that is cut short then ends the process.
func Open(path string, o Options) (*Session, error) {
	files := newFolder(filepath.Dir(path), o.limits().FileBytes)
	data, err := files.read(filepath.Base(path))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open model %s: %w", path, err), files.Close())
	}
	s, err := load(data, onnx.Folder{File: files.read, Copied: files.drop}, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open model %s: %w", path, err), files.Close())
	}
	s.files = files
	return s, nil
}

// Load makes a Session of an ONNX file's bytes, which must not change until
// Close. The model is planned and compiled at once, so that what an engine
// cannot run is refused here and not at the first run.
func Load(data []byte, o Options) (*Session, error) { return load(data, onnx.Folder{}, o) }

func load(data []byte, folder onnx.Folder, o Options) (*Session, error) {
	graph, err := onnx.ReadFrom(data, folder, o.limits())
	if err != nil {
		return nil, err
	}
	folded, err := fold(graph, firstSignature(graph, o.Inputs))
	if err != nil {
		return nil, err
	}
	choice, err := choose(folded, o.Engines)
	if err != nil {
		return nil, fmt.Errorf("load model %q: %w", graph.Name, err)
	}
	name, inputs, declared := graph.Name, described(graph, graph.Inputs), described(graph, graph.Outputs)
	if !leavesOpen(graph) {
		graph = nil // an engine has its own weights by now
	}
	return &Session{
		name:     name,
		graph:    graph,
		inputs:   inputs,
		outputs:  outputs(choice.program.plan.Graph, declared),
		engine:   choice.engine,
		found:    choice.found,
		refusals: choice.refusals,
		work:     choice.program.plan.MultiplyAdds,
		memory:   choice.program.plan.RunBytes,
		turn:     make(chan struct{}, 1),
		compiled: compiled{[]program{choice.program}},
	}, nil
}

// Inputs are the model's inputs as the file declares them; an open dimension
// is ir.Unknown, and a Shape is nil if the file leaves even the rank open.
func (s *Session) Inputs() []ir.Value { return s.inputs }

// Outputs are the model's outputs as planned at load. Where an input is open,
// a run with another shape may give other extents.
func (s *Session) Outputs() []ir.Value { return s.outputs }

// MultiplyAdds is the work of one run for the shapes planned at load, as
// ir.Plan counts it.
func (s *Session) MultiplyAdds() int { return s.work }

// MemoryBytes is what one run takes for the shapes planned at load, besides the
// weights: the arena of its intermediate values, inputs and outputs. What is only
// known during the run is not counted.
func (s *Session) MemoryBytes() int { return s.memory }

// Run computes the outputs, by name, from the inputs, by name. It refuses a
// missing, superfluous or wrongly shaped input by name. The outputs are the
// caller's; the inputs are only read. An input shape that was not seen lately
// is planned first, which takes far longer than a run.
//
// Run returns soon after ctx has ended, also out of a long operator or while
// other runs are under way: the error then wraps ctx's cause and says what was
// not finished.
func (s *Session) Run(ctx context.Context, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	in := make(map[string]tensor.Value, len(inputs))
	for name, t := range inputs {
		if t != nil {
			in[name] = t
		}
	}
	out, err := s.RunValues(ctx, in)
	if err != nil {
		return nil, err
	}
	tensors := make(map[string]*tensor.Tensor, len(out))
	for name, v := range out {
		t, ok := v.(*tensor.Tensor)
		if !ok {
			return nil, fmt.Errorf("run model %q: output %q is a %v, not a tensor: RunValues gives it", s.name, name, v.Type())
		}
		tensors[name] = t
	}
	return tensors, nil
}

// RunValues is Run for models that take or give sequences, optionals and maps.
func (s *Session) RunValues(ctx context.Context, inputs map[string]tensor.Value) (map[string]tensor.Value, error) {
	in, err := s.arrange(inputs)
	if err != nil {
		return nil, fmt.Errorf("run model %q: %w", s.name, err)
	}
	if err := s.await(ctx); err != nil {
		return nil, fmt.Errorf("run model %q: wait for the runs before it: %w", s.name, err)
	}
	defer func() { <-s.turn }()
	if s.closed {
		return nil, fmt.Errorf("run model %q: the session is closed", s.name)
	}
	p, err := s.programFor(in)
	if err != nil {
		return nil, fmt.Errorf("run model %q: %w", s.name, err)
	}
	out, err := p.plan.NewOutputs()
	if err != nil {
		return nil, fmt.Errorf("run model %q: %w", s.name, err)
	}
	if err := p.Run(ctx, in, out); err != nil {
		return nil, fmt.Errorf("run model %q on %s: %w", s.name, s.engine.Name(), err)
	}
	named := make(map[string]tensor.Value, len(out))
	for i, v := range s.outputs {
		named[v.Name] = out[i]
	}
	return named, nil
}

// await takes the turn, at once if it is free.
func (s *Session) await(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close waits for the run that is under way and frees what the engine holds for
// the session; no Run may follow.
func (s *Session) Close() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.compiled.close()
	if s.files != nil {
		err = errors.Join(err, s.files.Close())
	}
	return err
}

// programFor is the compiled plan for the inputs' shapes.
func (s *Session) programFor(in []tensor.Value) (program, error) {
	signature := signatureOfValues(in)
	if p, ok := s.compiled.use(signature); ok {
		return p, nil
	}
	shapes := map[string]tensor.Shape{}
	for i, v := range s.inputs {
		if t, ok := in[i].(*tensor.Tensor); ok && v.Compound == nil {
			shapes[v.Name] = t.Shape()
		}
	}
	folded, err := fold(s.graph, shapes)
	if err != nil {
		return program{}, err
	}
	plan, err := ir.NewPlan(ir.Fuse(folded, s.engine.Fusions()))
	if err != nil {
		return program{}, err
	}
	ready, err := s.engine.Compile(plan)
	if err != nil {
		return program{}, fmt.Errorf("compile it on %s for %s: %w", s.engine.Name(), signature, err)
	}
	p := program{signature: signature, plan: plan, Program: ready}
	return p, s.compiled.add(p)
}

func (o Options) limits() onnx.Limits {
	if o.Limits == (onnx.Limits{}) {
		return onnx.DefaultLimits
	}
	return o.Limits
}

// outputs are what a plan knows of its graph's outputs, and what the file declares
// of the others.
func outputs(planned *ir.Graph, declared []ir.Value) []ir.Value {
	list := described(planned, planned.Outputs)
	for i := range list {
		if list[i].DType == tensor.Invalid {
			list[i].Info = declared[i].Info
		}
		list[i].Name = declared[i].Name
	}
	return list
}

// described copies values without their elements.
func described(g *ir.Graph, ids []ir.ValueID) []ir.Value {
	list := make([]ir.Value, len(ids))
	for i, id := range ids {
		list[i] = g.Values[id]
		list[i].Const = nil
	}
	return list
}
