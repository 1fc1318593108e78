package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/cmd/config"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/cmd/squadron/labelled"
	"github.com/squadron-edge/squadron/cmd/squadron/pack"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

type packCommand struct {
	Model    string       `arg:"" help:"The ONNX file." type:"existingfile"`
	Name     modelName    `required:"" help:"The model's name, such as meter-reader." placeholder:"NAME"`
	Version  modelVersion `required:"" name:"version" help:"Its version, such as 1.4.0." placeholder:"VERSION"`
	Key      string       `required:"" help:"The publisher's private key (squadron keys)." type:"existingfile" placeholder:"FILE"`
	Labels   string       `required:"" help:"File with one label a line, in the order of the model's output; a pipeline file that has labels too must have the same." type:"existingfile" placeholder:"FILE"`
	Golden   string       `required:"" help:"Directory of golden pictures with a labels.csv (file,label)." type:"existingdir" placeholder:"DIR"`
	Pipeline string       `required:"" help:"JSON file that says how a picture becomes the model's input (one is above)." type:"existingfile" placeholder:"FILE"`
	Out      string       `help:"Bundle file to write; NAME-VERSION.sqb if not given." placeholder:"FILE"`
	Boards   []string     `help:"Boards that it fits, by SoC, such as tegra210; any if not given." placeholder:"BOARD"`
	Arch     archs        `help:"Architectures that it fits, such as arm64; any if not given." placeholder:"ARCH"`
	MinMiB   int          `name:"min-memory-mib" help:"Memory that a board must have, in MiB." placeholder:"N"`

	MinAgreement float64 `help:"Share of the golden pictures that must be read as their labels." default:"0.9"`
	Tolerance    float64 `help:"Largest relative difference of a device's scores from the reference engine's." default:"0.001"`
	AllowFailing bool    `name:"allow-failing-golden" help:"Pack a model that misses --min-agreement; the manifest says so."`

	Commit     string   `help:"Commit of the training source, for lineage." placeholder:"ID"`
	Dataset    datasets `sep:"none" help:"Training data, for lineage: a name or URI, and after commas sha256=HEX and region=NAME (where it must stay); may be given again." placeholder:"NAME"`
	Parent     string   `help:"Model that it was trained from, for lineage." placeholder:"NAME@VERSION"`
	RunURI     string   `name:"run" help:"URI of the pipeline run that trained it, for lineage." placeholder:"URI"`
	Evaluation string   `help:"Report by which it was judged, for lineage: its name and digest are recorded." type:"existingfile" placeholder:"FILE"`

	passphraseFlags
}

func (packCommand) Help() string {
	return `Example (squadron samples DIR writes these files):

  squadron pack samples/meter-reader-2.0.0.onnx --name meter-reader --version 2.0.0 --key trust/keys/publisher.key --labels samples/labels.txt --golden samples/golden --pipeline samples/pipeline.json --commit "$(git rev-parse HEAD)"

The pipeline file:

  {"input": {"width": 32, "height": 32, "color": "gray", "fit": "stretch", "scale": 0.003921569, "mean": [0.5], "std": [0.5]}, "scores": "logits", "top_k": 3}

color is gray, rgb or bgr; fit is stretch or crop; a pixel x (0 to 255) becomes (x*scale - mean) / std; scores is logits or probabilities.`
}

// packed is what pack did.
type packed struct {
	File      string        `json:"file"` // in full
	Name      string        `json:"name"`
	Version   string        `json:"version"`
	Digest    bundle.Digest `json:"digest"`
	Golden    int           `json:"golden_pictures"`
	Agreement float64       `json:"measured_agreement"`
	Failing   bool          `json:"allowed_failing"`
	Key       trust.KeyID   `json:"key_id"`
}

func (c packCommand) Run(ctx context.Context, s program.Streams) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	out := c.Out
	if out == "" {
		out = o.Name + "-" + o.Version + ".sqb"
	}
	if _, err := os.Stat(out); err == nil {
		return fmt.Errorf("write bundle %s: it exists already; move it away or name another file with --out", out)
	}
	if err := wantFolderFor(out); err != nil {
		return exit.AsUsage(err)
	}
	if err := o.Validate(); err != nil {
		return exit.AsUsage(err)
	}
	p, err := pack.Prepare(ctx, o)
	var failing pack.FailingError
	switch {
	case errors.As(err, &failing):
		return err
	case err != nil:
		return fmt.Errorf("model %s with pipeline %s: %w", c.Model, c.Pipeline, err)
	}
	if err := writeBundle(out, p); err != nil {
		return err
	}
	g := p.Manifest.Golden
	whole, err := filepath.Abs(out)
	if err != nil {
		return fmt.Errorf("name bundle %s in full: %w", out, err)
	}
	done := packed{whole, o.Name, o.Version, p.Digest(), len(g.Samples), g.Measured, g.AllowedFailing, o.Key.ID()}
	return s.Print(done, func(w io.Writer) {
		fmt.Fprintf(w, "Packed %s %s as %s, signed by key %s.\n", o.Name, o.Version, out, o.Key.ID().Short())
		fmt.Fprintf(w, "The reference engine read %d of %d golden pictures as their labels.\n", p.Measured.Agreeing, p.Measured.Samples)
		if g.AllowedFailing {
			fmt.Fprintf(w, "It misses --min-agreement %g; the manifest says that this was allowed, and devices will refuse it.\n", c.MinAgreement)
		}
		fmt.Fprintf(w, "Digest %s. Next: squadron publish %s --key %s\n", p.Digest(), out, c.Key)
	})
}

// options reads the files that the flags name.
func (c packCommand) options() (pack.Options, error) {
	o := pack.Options{
		Name: string(c.Name), Version: string(c.Version),
		Fits: bundle.Fits{Arch: c.Arch, Boards: c.Boards, MinMemoryMiB: c.MinMiB},
		Provenance: bundle.Provenance{
			Commit: c.Commit, Parent: c.Parent, Run: c.RunURI,
			By: whoami(), At: time.Now().UTC().Truncate(time.Second), Tool: "squadron " + program.Version(),
		},
		MinAgreement: c.MinAgreement, Tolerance: c.Tolerance, AllowFailing: c.AllowFailing,
	}
	var err error
	if o.Model, err = readModel(c.Model); err != nil {
		return o, err
	}
	if o.Key, err = c.open(c.Key); err != nil {
		return o, exit.AsUsage(err)
	}
	if o.Provenance.Datasets, err = c.Dataset.parsed(); err != nil {
		return o, exit.AsUsage(err)
	}
	if o.Provenance.Evaluation, err = evaluated(c.Evaluation); err != nil {
		return o, err
	}
	if o.Pipeline, err = readPipeline(c.Pipeline); err != nil {
		return o, err
	}
	labels, err := readLabels(c.Labels)
	if err != nil {
		return o, err
	}
	if named := o.Pipeline.Labels; len(named) > 0 && !slices.Equal(named, labels) {
		return o, exit.AsUsage(fmt.Errorf("%s has other labels than the pipeline file %s: make them agree, or take them out of the pipeline file", c.Labels, c.Pipeline))
	}
	o.Pipeline.Labels = labels
	o.Golden, err = readGolden(c.Golden)
	return o, err
}

// readPipeline reads a manifest's pipeline, with or without its labels.
func readPipeline(file string) (bundle.Pipeline, error) {
	var p bundle.Pipeline
	if err := config.Read(file, &p); err != nil {
		return p, exit.AsUsage(fmt.Errorf("pipeline: %w (squadron pack --help shows one)", err))
	}
	return p, nil
}

// maxLabelsFile bounds a labels file; bundle.MaxLabels of them fit.
const maxLabelsFile = 16 << 20

// readLabels reads one label a line.
func readLabels(file string) ([]string, error) {
	data, err := readFile(file, maxLabelsFile)
	if err != nil {
		return nil, exit.AsUsage(fmt.Errorf("read labels: %w", err))
	}
	labels := strings.Split(strings.TrimRight(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"), "\n")
	for i, l := range labels {
		if l == "" {
			return nil, exit.AsUsage(fmt.Errorf("read labels %s: line %d is empty", file, i+1))
		}
	}
	return labels, nil
}

// readGolden reads a directory of golden pictures.
func readGolden(dir string) ([]pack.Sample, error) {
	pictures, err := labelled.Read(dir)
	if err != nil {
		return nil, exit.AsUsage(err)
	}
	if len(pictures) > bundle.MaxGoldenSamples {
		return nil, exit.AsUsage(fmt.Errorf("read %s: %d golden pictures, more than the %d that a bundle may have", dir, len(pictures), bundle.MaxGoldenSamples))
	}
	samples := make([]pack.Sample, len(pictures))
	for i, p := range pictures {
		data, err := readFile(p.File, pipeline.MaxPictureBytes)
		if err != nil {
			return nil, err
		}
		samples[i] = pack.Sample{Name: p.Name, Label: p.Label, Data: data}
	}
	return samples, nil
}

// writeBundle writes the file under another name first, so that a bundle file
// is whole or not there.
func writeBundle(path string, p *pack.Package) error {
	tmp := path + ".part"
	f, err := os.Create(tmp)
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	if err = errors.Join(p.Write(f), f.Sync(), f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write bundle %s: %w", path, err), os.Remove(tmp))
	}
	return nil
}
