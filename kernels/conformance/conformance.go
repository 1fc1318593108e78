// Package conformance runs cases of the ONNX backend test suite: folders with a
// model, inputs and the outputs that every runtime must give.
//
// It owns the layout of such folders and the comparison that the suite's own runner
// makes. It refuses to judge: a case that the runtime cannot load is unsupported,
// with the reason, and any other that goes wrong has failed.
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
	Unsupported Verdict = "unsupported" // the model was not loaded
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

// Run loads the model of the case in dir once and runs each of its data sets
// twice, in turn, so that a run that spoils the next is seen.
func Run(ctx context.Context, dir string, o kernels.Options) (r Result) {
	r.Name = filepath.Base(dir)
	s, err := kernels.Open(filepath.Join(dir, modelFile), o)
	if err != nil {
		r.Verdict, r.Why = Unsupported, err.Error()
		return r
	}
	r.Verdict = Passed
	if err := errors.Join(runAll(ctx, s, dir), s.Close()); err != nil {
		r.Verdict, r.Why = Failed, err.Error()
	}
	return r
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
	compare := Compare
	if drawn, err := draws(dir); err != nil {
		return err
	} else if drawn {
		compare = compareForms
	}
	for turn := 1; turn <= 2; turn++ {
		for _, set := range sets {
			if err := runSet(ctx, s, set, compare); err != nil {
				return fmt.Errorf("%s, run %d: %w", filepath.Base(set), turn, err)
			}
		}
	}
	return nil
}

// runSet runs one data set and compares what it gives.
func runSet(ctx context.Context, s *kernels.Session, dir string, compare func(got, want tensor.Value) error) error {
	inputs := map[string]tensor.Value{}
	files, err := numbered(dir, "input_")
	if err != nil {
		return err
	}
	if len(files) > len(s.Inputs()) {
		return fmt.Errorf("%d inputs are given; the model has %d", len(files), len(s.Inputs()))
	}
	for i, file := range files {
		in := s.Inputs()[i]
		if inputs[in.Name], err = read(file, in.Type()); err != nil {
			return err
		}
	}
	got, err := s.RunValues(ctx, inputs)
	if err != nil {
		return err
	}
	if files, err = numbered(dir, "output_"); err != nil {
		return err
	}
	if len(files) > len(s.Outputs()) {
		return fmt.Errorf("%d outputs are wanted; the model has %d", len(files), len(s.Outputs()))
	}
	for i, file := range files {
		name := s.Outputs()[i].Name
		want, err := read(file, got[name].Type())
		if err != nil {
			return err
		}
		if err := compare(got[name], want); err != nil {
			return fmt.Errorf("output %q: %w", name, err)
		}
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
