package bundle

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxDatasets bounds what one model can be said to be trained on.
const maxDatasets = 64

// Provenance leads from a running model back to what it was made of, and by
// whom. It is what the publisher says; nobody else checks it.
type Provenance struct {
	Commit     string     `json:"commit,omitempty"`   // of the training source
	Datasets   []Dataset  `json:"datasets,omitempty"` // that it was trained on
	Parent     string     `json:"parent,omitempty"`   // NAME@VERSION that it was trained from
	Run        string     `json:"run,omitempty"`      // URI of the pipeline run that trained it
	Evaluation Evaluation `json:"evaluation,omitzero"`
	By         string     `json:"by,omitempty"` // who packed it
	At         time.Time  `json:"at"`           // when it was packed
	Tool       string     `json:"tool"`         // what packed it
}

// Dataset is data that a model was trained on.
type Dataset struct {
	Name   string `json:"name"`             // or URI
	Digest Digest `json:"sha256,omitzero"`  // as its keeper hashes it
	Region string `json:"region,omitempty"` // where the data must stay, such as "eu"
}

// Evaluation is the report by which a model was judged before it was packed.
type Evaluation struct {
	Report string `json:"report"`          // name or URI
	Digest Digest `json:"sha256,omitzero"` // of the report's bytes
}

func (p *Provenance) check() error {
	texts := []struct{ key, text string }{
		{"commit", p.Commit}, {"parent", p.Parent}, {"run", p.Run}, {"report", p.Evaluation.Report}, {"by", p.By}, {"tool", p.Tool},
	}
	if n := len(p.Datasets); n > maxDatasets {
		return fmt.Errorf("provenance: %d datasets, at most %d are allowed", n, maxDatasets)
	}
	for _, d := range p.Datasets {
		if d.Name == "" {
			return errors.New("provenance: a dataset has no name")
		}
		texts = append(texts, struct{ key, text string }{"dataset", d.Name}, struct{ key, text string }{"region", d.Region})
	}
	for _, t := range texts {
		if len(t.text) > maxText || !printable(t.text) {
			return fmt.Errorf("provenance: %s must be text of at most %d bytes", t.key, maxText)
		}
	}
	if err := checkParent(p.Parent); err != nil {
		return err
	}
	if p.Evaluation.Report == "" && !p.Evaluation.Digest.IsZero() {
		return errors.New("provenance: an evaluation's digest needs its report's name")
	}
	if p.Tool == "" || p.At.IsZero() {
		return errors.New("provenance: it must say what packed the bundle (tool) and when (at)")
	}
	return nil
}

func checkParent(parent string) error {
	if parent == "" {
		return nil
	}
	name, version, ok := strings.Cut(parent, "@")
	if !ok || ValidName(name) != nil || ValidVersion(version) != nil {
		return fmt.Errorf("provenance: parent %.80q: want NAME@VERSION, such as meter-reader@1.4.0", parent)
	}
	return nil
}

// ParseDataset reads what a person types of a dataset: its name, and after it,
// separated by commas, sha256=HEX and region=NAME.
func ParseDataset(s string) (Dataset, error) {
	parts := strings.Split(s, ",")
	d := Dataset{Name: parts[0]}
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "sha256":
			var err error
			if d.Digest, err = ParseDigest(digestPrefix + value); err != nil {
				return Dataset{}, fmt.Errorf("dataset %.80q: %w", s, err)
			}
		case "region":
			d.Region = value
		default:
			return Dataset{}, fmt.Errorf("dataset %.80q: %.40q: want a name, and after commas sha256=HEX or region=NAME", s, part)
		}
	}
	if d.Name == "" {
		return Dataset{}, fmt.Errorf("dataset %.80q: it has no name", s)
	}
	return d, nil
}
