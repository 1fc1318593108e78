// Package conformance runs cases of the ONNX backend test suite: folders with a
// model, inputs and the outputs that every runtime must give.
//
// It owns the layout of such folders and the comparison that the suite's own runner
// makes. It refuses to judge: a case that the runtime cannot load, or that cannot
// tell right from wrong, is unsupported, with the reason, and any other that goes
// wrong has failed.
//
//	for name, dir := range cases {
//		r := conformance.Run(ctx, name, dir, options)
//		fmt.Println(r.Name, r.Verdict, r.Why)
//	}
package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Verdict is what came of a case.
type Verdict string

// The verdicts.
const (
	Passed      Verdict = "passed"
	Failed      Verdict = "failed"
	Unsupported Verdict = "unsupported" // the model was not loaded, or the case tells nothing
)

// Result is what came of one case.
type Result struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why,omitempty"`
}

// modelFile is the name of a case's model.
const modelFile = "model.onnx"

// Find gives the folders of cases in a folder, itself among them, in order.
func Find(dir string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() == modelFile {
			found = append(found, filepath.Dir(path))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find cases: %w", err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("find cases: no folder in %s has a %s", dir, modelFile)
	}
	slices.Sort(found)
	return found, nil
}

// unsuited is why a case cannot tell right from wrong.
type unsuited string

func (u unsuited) Error() string { return string(u) }

// Run loads the model of the case in dir once and runs each of its data sets
// twice, in turn, so that a run that spoils the next is seen. A case whose data
// are not of the types that its own model declares is unsupported, and so is one
// whose numbers are drawn: of those the types and shapes are compared alone.
func Run(ctx context.Context, dir string, o kernels.Options) (r Result) {
	r.Name = filepath.Base(dir)
	s, err := kernels.Open(filepath.Join(dir, modelFile), o)
	if err != nil {
		r.Verdict, r.Why = Unsupported, err.Error()
		return r
	}
	err = errors.Join(runAll(ctx, s, dir), s.Close())
	var u unsuited
	switch {
	case err == nil:
		r.Verdict = Passed
	case errors.As(err, &u):
		r.Verdict, r.Why = Unsupported, err.Error()
	default:
		r.Verdict, r.Why = Failed, err.Error()
	}
	return r
}

// running is a case and its session.
type running struct {
	session *kernels.Session
	model   *onnx.Model // as it declares itself
	drawn   bool
}

func runAll(ctx context.Context, s *kernels.Session, dir string) error {
	sets, err := filepath.Glob(filepath.Join(dir, "test_data_set_*"))
	if err != nil {
		return err
	}
	if len(sets) == 0 {
		return fmt.Errorf("there is no test_data_set_* in %s", dir)
	}
	slices.Sort(sets)
	data, err := os.ReadFile(filepath.Join(dir, modelFile))
	if err != nil {
		return err
	}
	m, err := onnx.Unmarshal(data, onnx.DefaultLimits)
	if err != nil {
		return err
	}
	r := running{s, m, draws(m)}
	for turn := 1; turn <= 2; turn++ {
		for _, set := range sets {
			if err := r.set(ctx, set); err != nil {
				return fmt.Errorf("%s, run %d: %w", filepath.Base(set), turn, err)
			}
		}
	}
	if r.drawn {
		return unsuited("its numbers are drawn at random; their types and shapes are as wanted")
	}
	return nil
}

// set runs one data set and compares what it gives.
func (r running) set(ctx context.Context, dir string) error {
	inputs := map[string]tensor.Value{}
	files, err := numbered(dir, "input_")
	if err != nil {
		return err
	}
	if len(files) > len(r.session.Inputs()) {
		return fmt.Errorf("%d inputs are given; the model has %d", len(files), len(r.session.Inputs()))
	}
	for i, file := range files {
		in := r.session.Inputs()[i]
		if inputs[in.Name], err = read(file, in.Type()); err != nil {
			return err
		}
		if err := in.Fits(inputs[in.Name]); err != nil {
			return unsuited("its data are not what its model declares: " + err.Error())
		}
	}
	got, err := r.session.RunValues(ctx, inputs)
	if err != nil {
		return err
	}
	if files, err = numbered(dir, "output_"); err != nil {
		return err
	}
	if len(files) > len(r.model.Graph.Outputs) {
		return fmt.Errorf("%d outputs are wanted; the model has %d", len(files), len(r.model.Graph.Outputs))
	}
	for i, file := range files {
		if err := r.compare(&r.model.Graph.Outputs[i], got, file); err != nil {
			return err
		}
	}
	return nil
}

// compare holds an output to the one in a file, and that to the model.
func (r running) compare(declared *onnx.ValueInfo, got map[string]tensor.Value, file string) error {
	name := declared.Name
	want, err := read(file, got[name].Type())
	if err != nil {
		return err
	}
	if t, ok := want.(*tensor.Tensor); ok && declared.Kind == onnx.TensorType && declared.Type != 0 {
		if onnx.TensorOf("", t).Type != declared.Type {
			return unsuited(fmt.Sprintf("its data are not what its model declares: output %q is %v in the data, and %v in the model", name, t.DType(), declared.Type))
		}
	}
	compare := Compare
	if r.drawn {
		compare = compareForms
	}
	if err := compare(got[name], want); err != nil {
		return fmt.Errorf("output %q: %w", name, err)
	}
	return nil
}

// numbered lists dir's files of a prefix, in the order of their numbers.
func numbered(dir, prefix string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, prefix+"*.pb"))
	if err != nil {
		return nil, err
	}
	number := func(file string) int {
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), prefix), ".pb"))
		if err != nil {
			return -1
		}
		return n
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	return files, nil
}

func read(file string, typ tensor.Type) (tensor.Value, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	v, err := onnx.UnmarshalValue(data, typ, onnx.DefaultLimits)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return v, nil
}
