package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/cmd/engines"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/cmd/squadron/labelled"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

type runCommand struct {
	Model     string   `arg:"" help:"The ONNX file." type:"existingfile"`
	Image     []string `help:"PNG or JPEG to read; or a directory with a labels.csv (file,label), for an accuracy. May be repeated." type:"path" placeholder:"PATH"`
	Input     []string `help:"Input of the model and the file that holds it: .npy (NumPy), .pb (ONNX), .json (nested lists), or a PNG or JPEG. Once for each input; NAME= can be left out if there is one." sep:"none" placeholder:"NAME=FILE"`
	OutputDir string   `help:"Folder to write the outputs of --input to, as NAME.npy or, for what NumPy has no type for, NAME.json." type:"path" placeholder:"DIR"`
	Engine    string   `help:"Engine to run on: auto, cuda, gorgonia or reference." default:"auto"`
	Pipeline  string   `help:"JSON file that says how a picture becomes the input (squadron pack --help shows one). Without it: the model's own size, color by its channels, values 0 to 1." type:"existingfile" placeholder:"FILE"`
	Labels    string   `help:"File with one label a line. Without it: 0, 1, 2, …" type:"existingfile" placeholder:"FILE"`
}

func (runCommand) Help() string {
	return `Examples (squadron samples DIR writes these files):

  squadron run samples/meter-reader-2.0.0.onnx --pipeline samples/pipeline.json --image samples/pictures/000.png
  squadron run samples/meter-reader-2.0.0.onnx --pipeline samples/pipeline.json --image samples/pictures --engine gorgonia

Any other model takes its inputs from files and gives its outputs as they are:

  squadron run model.onnx --input x=x.npy --input lengths=lengths.json --output-dir out`
}

// answer is what the model read in one picture.
type answer struct {
	Image  string           `json:"image"`
	Label  string           `json:"data_set_label,omitempty"`
	Read   []pipeline.Label `json:"labels"`
	TookMS float64          `json:"took_ms"`
}

// reading is what run did.
type reading struct {
	Engine   string   `json:"engine"`
	Why      string   `json:"engine_why"`
	Answers  []answer `json:"answers"`
	Labelled int      `json:"labelled"`
	Right    int      `json:"right"`
	Accuracy *float64 `json:"accuracy,omitempty"`
}

func (c runCommand) Run(ctx context.Context, s program.Streams) (err error) {
	choice, err := engines.Named(c.Engine)
	if err != nil {
		return exit.AsUsage(err)
	}
	switch {
	case len(c.Image) == 0 && len(c.Input) == 0:
		return exit.AsUsage(errors.New("nothing to run the model on: give pictures with --image, or its inputs with --input NAME=FILE"))
	case len(c.Image) > 0 && len(c.Input) > 0:
		return exit.AsUsage(errors.New("--image and --input exclude each other: a picture can be an input too, --input NAME=photo.jpg"))
	case c.OutputDir != "" && len(c.Input) == 0:
		return exit.AsUsage(errors.New("--output-dir is for the outputs of --input"))
	}
	if err := wantModel(c.Model); err != nil {
		return err
	}
	session, err := kernels.Open(c.Model, kernels.Options{Engines: choice})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	if len(c.Input) > 0 {
		return c.runOnce(ctx, s, session)
	}
	spec, err := c.spec(session)
	if err != nil {
		return err
	}
	model, err := pipeline.Bind(spec, session)
	if err != nil {
		return fmt.Errorf("run %s, pipeline %s: %w", c.Model, textOr(c.Pipeline, "its own"), err)
	}
	pictures, err := picturesOf(c.Image)
	if err != nil {
		return err
	}
	r := reading{Engine: session.Engine(), Why: session.Why()}
	for _, p := range pictures {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.read(ctx, model, p); err != nil {
			return err
		}
	}
	return s.Print(r, r.tell)
}

// spec is the pipeline that the flags ask for, with defaults from the model.
func (c runCommand) spec(session *kernels.Session) (bundle.Pipeline, error) {
	var spec bundle.Pipeline
	var err error
	if c.Pipeline != "" {
		spec, err = readPipeline(c.Pipeline)
	} else {
		spec, err = defaultPipeline(session)
	}
	if err != nil {
		return spec, err
	}
	switch classes := classesOf(session); {
	case c.Labels != "":
		spec.Labels, err = readLabels(c.Labels)
	case len(spec.Labels) == 0 && classes > 0:
		spec.Labels = make([]string, classes)
		for i := range spec.Labels {
			spec.Labels[i] = strconv.Itoa(i)
		}
	}
	return spec, err
}

// defaultPipeline reads a picture of the model's own size as values 0 to 1.
func defaultPipeline(session *kernels.Session) (bundle.Pipeline, error) {
	in := session.Inputs()
	if len(in) != 1 || in[0].DType != tensor.Float32 || len(in[0].Shape) != 4 || in[0].Shape[2] < 1 || in[0].Shape[3] < 1 {
		return bundle.Pipeline{}, exit.AsUsage(errors.New("the model's input is not one float32 picture [N×channels×height×width] of known size: say how a picture becomes its input with --pipeline"))
	}
	p := bundle.Pipeline{
		Input:  bundle.Input{Width: in[0].Shape[3], Height: in[0].Shape[2], Fit: "stretch", Scale: 1.0 / 255},
		Scores: "logits", TopK: 3,
	}
	switch in[0].Shape[1] {
	case 1:
		p.Input.Color = "gray"
	case 3:
		p.Input.Color = "rgb"
	default:
		return p, exit.AsUsage(fmt.Errorf("the model's input has %d channels, and a picture has 1 or 3: say how it becomes the input with --pipeline", in[0].Shape[1]))
	}
	for range in[0].Shape[1] {
		p.Input.Mean = append(p.Input.Mean, 0)
		p.Input.Std = append(p.Input.Std, 1)
	}
	return p, nil
}

// classesOf is the number of scores in the model's first output; 0 if open.
func classesOf(session *kernels.Session) int {
	out := session.Outputs()
	if len(out) == 0 || len(out[0].Shape) == 0 {
		return 0
	}
	return max(0, out[0].Shape[len(out[0].Shape)-1])
}

// picturesOf lists the pictures behind the paths: a file is itself, a directory
// what its list names.
func picturesOf(paths []string) ([]labelled.Picture, error) {
	var all []labelled.Picture
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, exit.AsUsage(fmt.Errorf("read pictures: %w", err))
		}
		if !info.IsDir() {
			all = append(all, labelled.Picture{Name: filepath.Base(path), File: path})
			continue
		}
		pictures, err := labelled.Read(path)
		if err != nil {
			return nil, exit.AsUsage(err)
		}
		all = append(all, pictures...)
	}
	return all, nil
}

// read runs the model on one picture and keeps the account.
func (r *reading) read(ctx context.Context, model *pipeline.Model, p labelled.Picture) error {
	f, err := os.Open(p.File)
	if err != nil {
		return err
	}
	picture, err := pipeline.Decode(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("read %s: %w", p.File, err)
	}
	start := time.Now()
	labels, err := model.Read(ctx, picture)
	if err != nil {
		return fmt.Errorf("run the model on %s: %w", p.File, err)
	}
	r.Answers = append(r.Answers, answer{p.Name, p.Label, labels, float64(time.Since(start).Microseconds()) / 1000})
	if p.Label == "" {
		return nil
	}
	r.Labelled++
	if labels[0].Label == p.Label {
		r.Right++
	}
	accuracy := float64(r.Right) / float64(r.Labelled)
	r.Accuracy = &accuracy
	return nil
}

// tell writes the answers for a person: each picture, but of labelled ones
// only those that were read as something else.
func (r *reading) tell(w io.Writer) {
	fmt.Fprintf(w, "On %s: %s\n", r.Engine, r.Why)
	for _, a := range r.Answers {
		if a.Label != "" && a.Label == a.Read[0].Label {
			continue
		}
		fmt.Fprintf(w, "%s:", a.Image)
		for _, l := range a.Read {
			fmt.Fprintf(w, "  %s %.1f %%", l.Label, 100*l.Score)
		}
		if a.Label != "" {
			fmt.Fprintf(w, "  (the data set says %s)", a.Label)
		}
		fmt.Fprintf(w, "  in %.2f ms\n", a.TookMS)
	}
	if r.Accuracy != nil {
		fmt.Fprintf(w, "Read %d of %d labelled pictures as their labels: %.1f %%.\n", r.Right, r.Labelled, 100**r.Accuracy)
	}
}
