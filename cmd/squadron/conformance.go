package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/squadron-edge/squadron/cmd/engines"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/conformance"
)

type conformanceCommand struct {
	Dirs   []string `arg:"" name:"dir" help:"Folders of cases, or of folders of them." type:"existingdir"`
	Engine string   `help:"Engine to run on: auto, cuda, gorgonia or reference." default:"auto"`
}

func (conformanceCommand) Help() string {
	return `Runs cases in the layout of ONNX's backend tests: folders with a model.onnx and test_data_set_*/input_*.pb and output_*.pb. Each runs twice on one session, and each output must have the type and shape that is wanted, and be within 1e-3 of it, relative, or 1e-7. A model that does not load is unsupported.

Example (the Debian package libonnx-testdata brings the cases):

  squadron conformance /usr/share/libonnx-testdata/data/node --engine reference

Ends with "N passed, N failed, N unsupported", and status 1 if any failed.`
}

// conformed is what came of all cases.
type conformed struct {
	Engine      string               `json:"engine"`
	Passed      int                  `json:"passed"`
	Failed      int                  `json:"failed"`
	Unsupported int                  `json:"unsupported"`
	Cases       []conformance.Result `json:"cases"`
}

func (c conformanceCommand) Run(ctx context.Context, s program.Streams) error {
	choice, err := engines.Named(c.Engine)
	if err != nil {
		return exit.AsUsage(err)
	}
	var cases []string
	for _, dir := range c.Dirs {
		found, err := conformance.Find(dir)
		if err != nil {
			return exit.AsUsage(err)
		}
		cases = append(cases, found...)
	}
	all := conformed{Engine: c.Engine}
	for _, dir := range cases {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("run the cases: stopped after %d of %d: %w", len(all.Cases), len(cases), err)
		}
		r := conformance.Run(ctx, dir, kernels.Options{Engines: choice})
		r.Name = filepath.Join(filepath.Base(filepath.Dir(dir)), r.Name) // names repeat between folders
		all.add(r)
		if !s.JSON && r.Verdict != conformance.Passed {
			fmt.Fprintf(s.Out, "%s %s: %s\n", r.Name, r.Verdict, r.Why)
		}
	}
	if err := s.Print(all, all.tell); err != nil {
		return err
	}
	if all.Failed > 0 {
		return fmt.Errorf("%d of %d cases failed", all.Failed, len(cases))
	}
	return nil
}

func (c *conformed) add(r conformance.Result) {
	c.Cases = append(c.Cases, r)
	switch r.Verdict {
	case conformance.Passed:
		c.Passed++
	case conformance.Failed:
		c.Failed++
	case conformance.Unsupported:
		c.Unsupported++
	}
}

func (c *conformed) tell(w io.Writer) {
	fmt.Fprintf(w, "%d passed, %d failed, %d unsupported\n", c.Passed, c.Failed, c.Unsupported)
}
