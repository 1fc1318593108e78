// Package bundletest makes small signed bundles for the controller's tests. It
// refuses to hold models that run: a controller never runs one.
//
//	p := bundletest.NewPublisher(t, "meter-*")
//	file := p.Bundle(t, "meter-reader", "1.0.0")
package bundletest

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// Publisher signs bundles with a key that Keys trusts.
type Publisher struct {
	Key  trust.PrivateKey
	Keys trust.Keys
}

// NewPublisher makes a publisher of the models that the patterns select.
func NewPublisher(t testing.TB, models ...trust.Pattern) Publisher {
	t.Helper()
	key, err := trust.Generate(strings.NewReader(strings.Repeat("s", 32)))
	if err != nil {
		t.Fatal(err)
	}
	public := key.Public()
	return Publisher{Key: key, Keys: trust.Keys{V: 1, Publishers: []trust.Publisher{{Key: public, ID: public.ID(), Models: models}}}}
}

// Bundle is a bundle file whose objects differ with its version.
func (p Publisher) Bundle(t testing.TB, name, version string) []byte {
	t.Helper()
	contents := map[string]string{
		"golden/7.png":      "a seven",
		"golden/scores.f32": strings.Repeat("\x00\x00\x80\x3f", 2),
		"model.onnx":        "weights of " + version,
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
