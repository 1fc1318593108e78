package main

import (
	"fmt"
	"image"
	"os"
	"path/filepath"

	"github.com/squadron-edge/squadron/cmd/squadron/demo/digits"
	"github.com/squadron-edge/squadron/cmd/train-digits/convnet"
	"github.com/squadron-edge/squadron/cmd/train-digits/photo"
)

// artefact is a file to commit.
type artefact struct {
	name string
	data []byte
}

// maxModelBytes keeps the models small enough to live in the repository.
const maxModelBytes = 1 << 20

// columns are two rounds of the ten digits.
const columns = 20

// artefacts are the models, the sheet and the golden sheet.
func artefacts(releases []*release, t trials) ([]artefact, error) {
	var all []artefact
	for _, r := range releases {
		model, err := convnet.Export(r.weights)
		if err != nil {
			return nil, fmt.Errorf("export %s: %w", r.version, err)
		}
		if len(model) > maxModelBytes {
			return nil, fmt.Errorf("export %s: the file has %d bytes, more than %d", r.version, len(model), maxModelBytes)
		}
		all = append(all, artefact{"meter-reader-" + r.version + ".onnx", model})
	}
	sheet, err := t.lay("digits", t.sheet(), releases, func(r *release) float64 { return r.sheet })
	if err != nil {
		return nil, err
	}
	golden, err := t.lay("golden", t.golden, releases, func(r *release) float64 { return r.golden })
	if err != nil {
		return nil, err
	}
	return append(append(all, sheet...), golden...), nil
}

// lay makes the two files of a sheet: name.png and name.json. read is how much
// of the sheet a release reads.
func (t trials) lay(name string, samples []photo.Sample, releases []*release, read func(*release) float64) ([]artefact, error) {
	s := digits.Sheet{Columns: columns, Seed: t.seed, Input: input}
	for _, f := range photo.Unseen {
		s.Families = append(s.Families, f.Name)
	}
	for _, r := range releases {
		s.Measured = append(s.Measured, digits.Measurement{
			Version: r.version, Sheet: read(r), Unseen: r.unseen, UnseenPictures: len(t.unseen),
		})
	}
	var pictures []*image.Gray
	for _, sample := range samples {
		s.Labels = append(s.Labels, fmt.Sprint(sample.Digit))
		pictures = append(pictures, sample.Picture)
	}
	grid, index, err := digits.Write(s, pictures)
	if err != nil {
		return nil, fmt.Errorf("make sheet %s: %w", name, err)
	}
	return []artefact{{name + ".png", grid}, {name + ".json", index}}, nil
}

// writeTo writes the file into dir.
func (a artefact) writeTo(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write %s: %w", a.name, err)
	}
	if err := os.WriteFile(filepath.Join(dir, a.name), a.data, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", a.name, err)
	}
	return nil
}
