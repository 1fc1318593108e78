package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/cmd/squadron/values"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// onceRun is what a model made of its inputs.
type onceRun struct {
	Engine  string    `json:"engine"`
	Why     string    `json:"engine_why"`
	TookMS  float64   `json:"took_ms"` // the run, after the model was planned for its inputs
	Outputs []onceOut `json:"outputs"`
}

// onceOut is one output: its value, or the file that it was written to.
type onceOut struct {
	Name  string          `json:"name"`
	Type  string          `json:"type"`
	Shape []int           `json:"shape,omitempty"`
	File  string          `json:"file,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}

// mostPrinted is the longest value that is written out for a person.
const mostPrinted = 400

// runOnce runs the model on inputs from files.
func (c runCommand) runOnce(ctx context.Context, s program.Streams, session *kernels.Session) error {
	inputs := map[string]tensor.Value{}
	for _, arg := range c.Input {
		in, file, err := c.inputOf(session, arg)
		if err != nil {
			return err
		}
		if inputs[in.Name] != nil {
			return exit.AsUsage(fmt.Errorf("input %q is given twice", in.Name))
		}
		if inputs[in.Name], err = c.inputValue(session, in, file); err != nil {
			return err
		}
	}
	start := time.Now()
	out, err := session.RunValues(ctx, inputs)
	if err != nil {
		return err
	}
	r := onceRun{Engine: session.Engine(), Why: session.Why(), TookMS: float64(time.Since(start).Microseconds()) / 1000}
	for _, v := range session.Outputs() {
		o, err := c.outputOf(v.Name, out[v.Name])
		if err != nil {
			return err
		}
		r.Outputs = append(r.Outputs, o)
	}
	return s.Print(r, r.tell)
}

// inputOf reads NAME=FILE, or the file of a model's only input.
func (c runCommand) inputOf(session *kernels.Session, arg string) (ir.Value, string, error) {
	all := session.Inputs()
	name, file, named := strings.Cut(arg, "=")
	if !named {
		if len(all) != 1 {
			return ir.Value{}, "", exit.AsUsage(fmt.Errorf("--input %s: the model has %d inputs: say NAME=FILE", arg, len(all)))
		}
		name, file = all[0].Name, arg
	}
	var names []string
	for _, v := range all {
		if v.Name == name {
			return v, file, nil
		}
		names = append(names, v.Name)
	}
	return ir.Value{}, "", exit.AsUsage(fmt.Errorf("--input %s: the model has no input %q; its inputs are %s", arg, name, strings.Join(names, ", ")))
}

// inputValue reads a file, or makes a picture the input.
func (c runCommand) inputValue(session *kernels.Session, in ir.Value, file string) (tensor.Value, error) {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".png", ".jpg", ".jpeg":
		return c.pictureValue(session, file)
	}
	v, err := values.Read(file, in)
	if err != nil {
		return nil, exit.AsUsage(err)
	}
	return v, nil
}

func (c runCommand) pictureValue(session *kernels.Session, file string) (tensor.Value, error) {
	spec, err := c.spec(session)
	if err != nil {
		return nil, err
	}
	if len(spec.Labels) == 0 {
		spec.Labels = []string{"0"} // they name outputs, which are given as they are
	}
	p, err := pipeline.New(spec)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, exit.AsUsage(err)
	}
	picture, err := pipeline.Decode(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return p.Tensor(picture)
}

// outputOf writes an output to its file, or takes its value into the answer.
func (c runCommand) outputOf(name string, v tensor.Value) (onceOut, error) {
	o := onceOut{Name: name, Type: v.Type().String()}
	if t, ok := v.(*tensor.Tensor); ok {
		o.Shape = t.Shape()
	}
	var err error
	if c.OutputDir != "" {
		o.File, err = values.Write(c.OutputDir, name, v)
	} else {
		o.Value, err = values.JSON(v)
	}
	return o, err
}

func (r onceRun) tell(w io.Writer) {
	fmt.Fprintf(w, "On %s: %s\n", r.Engine, r.Why)
	for _, o := range r.Outputs {
		fmt.Fprintf(w, "%s  %s%v", o.Name, o.Type, tensor.Shape(o.Shape))
		switch {
		case o.File != "":
			fmt.Fprintf(w, "  in %s\n", o.File)
		case len(o.Value) > mostPrinted:
			fmt.Fprintf(w, "  %s … (in full with --json or --output-dir)\n", o.Value[:mostPrinted])
		default:
			fmt.Fprintf(w, "  %s\n", o.Value)
		}
	}
	fmt.Fprintf(w, "in %.2f ms\n", r.TookMS)
}
