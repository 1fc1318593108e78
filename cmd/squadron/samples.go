package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/cmd/squadron/demo"
	"github.com/squadron-edge/squadron/cmd/squadron/demo/digits"
	"github.com/squadron-edge/squadron/cmd/squadron/labelled"
)

type samplesCommand struct {
	Dir string `arg:"" help:"Directory to make; it must not exist yet." type:"path"`
}

func (samplesCommand) Help() string {
	return `Example:

  squadron samples samples
  squadron run samples/meter-reader-2.0.0.onnx --pipeline samples/pipeline.json --image samples/pictures

Writes what the demo is made of, to try the other commands on: three versions of a model that reads a digit of a meter, pictures with labels, golden pictures, and the pipeline and labels files for squadron pack.`
}

// sampled is what samples wrote.
type sampled struct {
	Dir      string   `json:"dir"`
	Models   []string `json:"models"`
	Pictures int      `json:"pictures"`
	Golden   int      `json:"golden_pictures"`
}

func (c samplesCommand) Run(s program.Streams) error {
	if err := wantFolderFor(c.Dir); err != nil {
		return exit.AsUsage(err)
	}
	pictures, err := demo.Pictures()
	if err != nil {
		return err
	}
	golden, err := demo.GoldenPictures()
	if err != nil {
		return err
	}
	if err := os.Mkdir(c.Dir, 0o755); err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	done := sampled{Dir: c.Dir, Pictures: len(pictures.Labels), Golden: len(golden.Labels)}
	err = errors.Join(
		writeSheet(filepath.Join(c.Dir, "pictures"), pictures),
		writeSheet(filepath.Join(c.Dir, "golden"), golden),
		writePipeline(c.Dir),
	)
	for _, v := range demo.Versions {
		name := filepath.Join(c.Dir, demo.Name+"-"+v+".onnx")
		model, merr := demo.Model(v)
		err = errors.Join(err, merr, os.WriteFile(name, model, 0o644))
		done.Models = append(done.Models, name)
	}
	if err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	return s.Print(done, func(w io.Writer) {
		fmt.Fprintf(w, "Wrote %d models, %d pictures and %d golden pictures to %s.\n", len(done.Models), done.Pictures, done.Golden, done.Dir)
		fmt.Fprintf(w, "Next: squadron run %s --pipeline %s --image %s\n", done.Models[1], filepath.Join(c.Dir, pipelineFile), filepath.Join(c.Dir, "pictures"))
	})
}

// writeSheet writes each picture as a file, and their labels.
func writeSheet(dir string, sheet *digits.Sheet) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	var list bytes.Buffer
	rows := csv.NewWriter(&list)
	err := rows.Write([]string{"file", "label"})
	for i, label := range sheet.Labels {
		name := fmt.Sprintf("%03d.png", i)
		var b bytes.Buffer
		err = errors.Join(err, png.Encode(&b, sheet.Picture(i)),
			os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644), rows.Write([]string{name, label}))
	}
	rows.Flush()
	return errors.Join(err, rows.Error(), os.WriteFile(filepath.Join(dir, labelled.List), list.Bytes(), 0o644))
}

// pipelineFile says how a picture becomes the input. The models learnt with
// values of -1 to 1, not those that run takes without it.
const pipelineFile = "pipeline.json"

// writePipeline writes the files that say what goes in and what comes out.
func writePipeline(dir string) error {
	spec, err := demo.Pipeline()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "labels.txt"), []byte(strings.Join(spec.Labels, "\n")+"\n"), 0o644),
		os.WriteFile(filepath.Join(dir, pipelineFile), append(text, '\n'), 0o644),
	)
}
