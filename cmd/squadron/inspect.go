package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

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
	Operators  []operatorCount `json:"operators"`
	Parameters int             `json:"parameters"`
	FileBytes  int             `json:"file_bytes"`
	Engines    []engineVerdict `json:"engines"`
}

// port is one input or output; a dimension of -1 is open.
type port struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

type operatorCount struct {
	Operator string `json:"operator"`
	Nodes    int    `json:"nodes"`
}

type engineVerdict struct {
	Engine string `json:"engine"`
	Runs   bool   `json:"runs"`
	Why    string `json:"why"`
	// MultiplyAdds is the work of one run.
	MultiplyAdds int `json:"multiply_adds,omitempty"`
}

func (c inspectCommand) Run(s program.Streams) error {
	if k, err := kindOf(c.Model); err == nil && k == bundleFile {
		return inspectBundle(c.Model, s)
	}
	data, err := readModel(c.Model)
	if err != nil {
		return err
	}
	g, err := onnx.Read(data, onnx.DefaultLimits)
	if err != nil {
		return fmt.Errorf("inspect %s: %w", c.Model, err)
	}
	found := inspection{
		Inputs: ports(g, g.Inputs), Outputs: ports(g, g.Outputs),
		Operators: countOperators(g), FileBytes: len(data),
	}
	for _, v := range g.Values {
		if v.Const != nil {
			found.Parameters += v.Const.Len()
		}
	}
	for _, e := range engines.All() {
		found.Engines = append(found.Engines, tryEngine(data, e))
	}
	return s.Print(found, found.tell)
}

func ports(g *ir.Graph, ids []ir.ValueID) []port {
	all := make([]port, len(ids))
	for i, id := range ids {
		v := g.Values[id]
		all[i] = port{v.Name, v.DType.String(), v.Shape}
	}
	return all
}

// countOperators counts the nodes of each type, the most frequent first.
func countOperators(g *ir.Graph) []operatorCount {
	counts := map[string]int{}
	for _, n := range g.Nodes {
		counts[n.Op.Type()]++
	}
	var all []operatorCount
	for _, op := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, operatorCount{op, counts[op]})
	}
	slices.SortStableFunc(all, func(a, b operatorCount) int { return cmp.Compare(b.Nodes, a.Nodes) })
	return all
}

// tryEngine loads the model on one engine; its reasons are in full.
func tryEngine(data []byte, e kernels.Engine) engineVerdict {
	found, err := e.Probe()
	if err != nil {
		return engineVerdict{Engine: e.Name(), Why: err.Error()}
	}
	session, err := kernels.Load(data, kernels.Options{Engines: []kernels.Engine{e}})
	if err != nil {
		return engineVerdict{Engine: e.Name(), Why: err.Error()}
	}
	v := engineVerdict{Engine: e.Name(), Runs: true, Why: found, MultiplyAdds: session.MultiplyAdds()}
	if err := session.Close(); err != nil {
		v.Why = errors.Join(errors.New(v.Why), err).Error()
	}
	return v
}

func (f inspection) tell(w io.Writer) {
	for _, p := range f.Inputs {
		fmt.Fprintf(w, "input   %s %s %v\n", p.Name, p.DType, p.Shape)
	}
	for _, p := range f.Outputs {
		fmt.Fprintf(w, "output  %s %s %v\n", p.Name, p.DType, p.Shape)
	}
	for _, o := range f.Operators {
		fmt.Fprintf(w, "%6d  %s\n", o.Nodes, o.Operator)
	}
	fmt.Fprintf(w, "%d parameters in a file of %d bytes\n", f.Parameters, f.FileBytes)
	for _, e := range f.Engines {
		if e.Runs {
			fmt.Fprintf(w, "%s runs it (%s); a run takes %d multiply-adds\n", e.Engine, e.Why, e.MultiplyAdds)
			continue
		}
		fmt.Fprintf(w, "%s does not run it: %s\n", e.Engine, e.Why)
	}
}
