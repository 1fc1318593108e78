// Package bundletest makes small signed bundles for the controller's tests. It
// refuses to hold models that run: a controller never runs one.
//
//	p := bundletest.NewPublisher(t, "meter-*")
//	file := p.Bundle(t, "meter-reader", "1.0.0")
package bundletest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
)

// Publisher signs bundles with a key to which a fleet's owner delegates.
type Publisher struct {
	Key   trust.PrivateKey
	Keys  trust.Keys
	Owner *trusttest.Repository
}

// NewPublisher makes a publisher of the models that a pattern selects.
func NewPublisher(t testing.TB, models trust.Pattern) Publisher {
	t.Helper()
	owner := trusttest.At(t, time.Now().UTC(), models)
	return Publisher{Key: owner.Publishers["ada"], Keys: owner.Targets.Publishers(), Owner: owner}
}

// TrustFolder writes what the owner gives a controller.
func (p Publisher) TrustFolder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, from := range map[string]string{"1.root.json": "1.root.json", "targets.json": "1.targets.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), p.Owner.Files[from], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Bundle is a bundle file whose objects differ with its version.
func (p Publisher) Bundle(t testing.TB, name, version string) []byte {
	t.Helper()
	return p.BundleOf(t, name, version, []byte("weights of "+version))
}

// BundleOf is a bundle file of a model of these bytes.
func (p Publisher) BundleOf(t testing.TB, name, version string, model []byte) []byte {
	t.Helper()
	contents := map[string]string{
		"golden/7.png":      "a seven",
		"golden/scores.f32": strings.Repeat("\x00\x00\x80\x3f", 2),
		"model.onnx":        string(model),
	}
	m := manifest(name, version, contents)
	payload, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := trust.Sign(bundle.ManifestType, payload, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	open := func(f bundle.File) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(contents[f.Path])), nil
	}
	if err := bundle.Write(&file, envelope, m, open); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func manifest(name, version string, contents map[string]string) *bundle.Manifest {
	m := &bundle.Manifest{
		V: bundle.FormatVersion, Name: name, Version: version, Model: "model.onnx",
		Pipeline: bundle.Pipeline{
			Input:  bundle.Input{Width: 28, Height: 28, Color: "gray", Fit: "stretch", Scale: 1, Mean: []float32{0}, Std: []float32{1}},
			Scores: "logits", Labels: []string{"6", "7"}, TopK: 1,
		},
		Golden: bundle.Golden{
			Samples:      []bundle.Sample{{Path: "golden/7.png", Label: "7"}},
			MinAgreement: 0.9, Reference: "golden/scores.f32", Tolerance: 1e-3, Measured: 1,
		},
		Provenance: bundle.Provenance{Tool: "test", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
	}
	for path, data := range contents {
		m.Files = append(m.Files, bundle.File{Path: path, Digest: bundle.DigestOf([]byte(data)), Size: int64(len(data))})
	}
	slices.SortFunc(m.Files, func(a, b bundle.File) int { return strings.Compare(a.Path, b.Path) })
	return m
}
