package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/squadron-edge/squadron/cmd/engines"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
)

type inspectCommand struct {
	Model string `arg:"" help:"The ONNX file, or the bundle." type:"existingfile"`
}

func (inspectCommand) Help() string {
	return `Example:

  squadron inspect samples/meter-reader-2.0.0.onnx

Prints the model's inputs and outputs, its operators, its parameters, and what each engine makes of it on this machine.

  squadron inspect meter-reader-2.0.0.sqb

Holds every byte of a bundle to its manifest, and lists its files with their digests, who signed it, and what it was made of.`
}

// inspection is what a model file holds.
type inspection struct {
	Inputs     []port          `json:"inputs"`
	Outputs    []port          `json:"outputs"`
	Producer   string          `json:"producer,omitempty"`
	Opsets     []opset         `json:"operator_sets"`
	Operators  []operatorCount `json:"operators"`
	Missing    []missing       `json:"missing,omitempty"`
	Parameters int             `json:"parameters"`
	External   int             `json:"external_initializers,omitempty"`
	FileBytes  int             `json:"file_bytes"`
	Engines    []engineVerdict `json:"engines"`
}

// port is one input or output; a dimension of -1 is open.
type port struct {
	Name  string `json:"name"`
	Type  string `json:"type"`  // with the shape, and the names of open dimensions
	DType string `json:"dtype"` // of a tensor
	Shape []int  `json:"shape"`
}

type opset struct {
	Domain  string `json:"domain"`
	Version int64  `json:"version"`
}

type operatorCount struct {
	Operator string `json:"operator"`
	Nodes    int    `json:"nodes"`
}

// missing is an operator that no engine has.
type missing struct {
	Operator string `json:"operator"`
	Nodes    int    `json:"nodes"`
	First    string `json:"first"` // the first node of it
}

type engineVerdict struct {
	Engine string `json:"engine"`
	Runs   bool   `json:"runs"`
	Why    string `json:"why"`
	// MultiplyAdds is the work of one run, as far as it is known before it.
	MultiplyAdds int `json:"multiply_adds,omitempty"`
	// MemoryBytes is what a run takes besides the file, likewise.
	MemoryBytes int `json:"memory_bytes,omitempty"`
}

func (c inspectCommand) Run(s program.Streams) error {
	if k, err := kindOf(c.Model); err == nil && k == bundleFile {
		return inspectBundle(c.Model, s)
	}
	data, err := readModel(c.Model)
	if err != nil {
		return err
	}
	survey, err := onnx.SurveyOf(data, onnx.DefaultLimits)
	if err != nil {
		return fmt.Errorf("inspect %s: %w", c.Model, err)
	}
	found := inspection{
		Inputs: ports(survey.Inputs), Outputs: ports(survey.Outputs), Producer: survey.Producer,
		Parameters: survey.Parameters, External: survey.External, FileBytes: len(data),
	}
	for _, o := range survey.Opsets {
		found.Opsets = append(found.Opsets, opset(o))
	}
	for _, u := range survey.Operators {
		found.Operators = append(found.Operators, operatorCount{u.Name, u.Nodes})
		if u.Missing {
			found.Missing = append(found.Missing, missing{u.Name, u.Nodes, u.First})
		}
	}
	for _, e := range engines.All() {
		found.Engines = append(found.Engines, tryEngine(c.Model, e))
	}
	return s.Print(found, found.tell)
}

func ports(list []onnx.ValueInfo) []port {
	all := make([]port, len(list))
	for i, v := range list {
		all[i] = port{Name: v.Name, Type: v.Format()}
		if v.Kind != onnx.TensorType {
			continue
		}
		all[i].DType = v.Type.String()
		for _, d := range v.Shape {
			extent := int(d.Value)
			if extent == 0 && !d.Given {
				extent = ir.Unknown
			}
			all[i].Shape = append(all[i].Shape, extent)
		}
	}
	return all
}

// tryEngine loads the model on one engine; its reasons are in full.
func tryEngine(model string, e kernels.Engine) engineVerdict {
	found, err := e.Probe()
	if err != nil {
		return engineVerdict{Engine: e.Name(), Why: err.Error()}
	}
	session, err := kernels.Open(model, kernels.Options{Engines: []kernels.Engine{e}})
	if err != nil {
		return engineVerdict{Engine: e.Name(), Why: err.Error()}
	}
	v := engineVerdict{Engine: e.Name(), Runs: true, Why: found, MultiplyAdds: session.MultiplyAdds(), MemoryBytes: session.MemoryBytes()}
	if err := session.Close(); err != nil {
		v.Why = errors.Join(errors.New(v.Why), err).Error()
	}
	return v
}

func (f inspection) tell(w io.Writer) {
	for _, p := range f.Inputs {
		fmt.Fprintf(w, "input   %s %s\n", p.Name, p.Type)
	}
	for _, p := range f.Outputs {
		fmt.Fprintf(w, "output  %s %s\n", p.Name, p.Type)
	}
	for _, o := range f.Operators {
		fmt.Fprintf(w, "%6d  %s\n", o.Nodes, o.Operator)
	}
	for _, o := range f.Opsets {
		fmt.Fprintf(w, "speaks operator set %d of %s\n", o.Version, cmp.Or(o.Domain, "ONNX"))
	}
	fmt.Fprintf(w, "%d parameters in a file of %d bytes", f.Parameters, f.FileBytes)
	if f.External > 0 {
		fmt.Fprintf(w, " and, for %d initializers, in others of its folder", f.External)
	}
	fmt.Fprintln(w)
	for _, m := range f.Missing {
		fmt.Fprintf(w, "no engine has %s (%d nodes, the first is %s): export with another operator set, or have the exporter write it as a function; docs/operators.md lists what there is\n", m.Operator, m.Nodes, m.First)
	}
	for _, e := range f.Engines {
		if e.Runs {
			fmt.Fprintf(w, "%s runs it (%s); a run takes %d multiply-adds and %.1f MiB besides the weights\n", e.Engine, e.Why, e.MultiplyAdds, float64(e.MemoryBytes)/(1<<20))
			continue
		}
		fmt.Fprintf(w, "%s does not run it: %s\n", e.Engine, e.Why)
	}
}
