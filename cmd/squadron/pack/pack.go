// Package pack makes a signed bundle of a model and what proves it.
//
// It owns the order of packing: run the reference engine on every golden
// picture, refuse a model that fails its own labels, write the manifest, sign
// it. It refuses to read files or flags: everything comes in as values, so that
// the demo packs as an operator does.
//
//	p, err := pack.Prepare(ctx, pack.Options{Name: "meter-reader", Version: "1.0.0", …})
//	if err != nil {
//		return err // for instance a model that fails its golden pictures
//	}
//	err = p.Write(file)
package pack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/squadron-edge/squadron/agent/golden"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/reference"
)

// The paths inside a bundle.
const (
	modelPath     = "model.onnx"
	goldenDir     = "golden/"
	referencePath = "golden/reference.f32"
)

// Options is what a bundle is made of.
type Options struct {
	Name, Version string
	Model         []byte // the ONNX file
	Pipeline      bundle.Pipeline
	Fits          bundle.Fits
	Provenance    bundle.Provenance

	Golden       []Sample
	MinAgreement float64 // of the golden pictures with their labels, 0…1
	Tolerance    float64 // of scores with the reference engine's, relative
	// AllowFailing packs a model that misses MinAgreement; the manifest says so.
	AllowFailing bool

	Key trust.PrivateKey
}

// Sample is one golden picture.
type Sample struct {
	Name  string // of the file, without a folder
	Label string
	Data  []byte // PNG or JPEG
}

// Package is a bundle that is ready to be written.
type Package struct {
	Manifest *bundle.Manifest
	Measured golden.Result // what the reference engine made of the golden pictures

	envelope []byte
	objects  map[bundle.Digest][]byte
}

// FailingError refuses a model that does not read its own golden pictures.
type FailingError struct {
	Name, Version string
	Measured      golden.Result
	Needed        int
}

func (e FailingError) Error() string {
	return fmt.Sprintf("pack %s %s: it read %d of its %d golden pictures as their labels, and needs %d; nothing was written. "+
		"Train it further; or ask less of it with --min-agreement; or pack it all the same with --allow-failing-golden: "+
		"the manifest will say so, and devices will still test it and refuse it",
		e.Name, e.Version, e.Measured.Agreeing, e.Measured.Samples, e.Needed)
}

// Validate refuses what no manifest may say, before the model runs: that of a
// model which reads every golden picture rightly is tried.
func (o Options) Validate() error {
	if len(o.Golden) == 0 {
		return fmt.Errorf("pack %s %s: no golden pictures; without them a device could not test the model before it serves", o.Name, o.Version)
	}
	p := begin(o)
	p.addSamples(o)
	g := &p.Manifest.Golden
	g.Reference, g.Measured = referencePath, 1
	scores := bundle.File{Path: referencePath, Digest: bundle.DigestOf(nil), Size: int64(len(o.Golden)) * int64(len(o.Pipeline.Labels)) * 4}
	p.Manifest.Files = append(p.Manifest.Files, scores)
	p.sortFiles()
	if err := p.Manifest.Validate(); err != nil {
		return fmt.Errorf("pack %s %s: %w", o.Name, o.Version, err)
	}
	return nil
}

// Prepare runs the golden pictures, fills the manifest and signs it.
func Prepare(ctx context.Context, o Options) (*Package, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	p := begin(o)
	if err := p.measure(ctx, o); err != nil {
		return nil, err
	}
	p.sortFiles()
	payload, err := p.Manifest.Encode()
	if err != nil {
		return nil, fmt.Errorf("pack %s %s: %w", o.Name, o.Version, err)
	}
	if p.envelope, err = trust.Sign(bundle.ManifestType, payload, o.Key); err != nil {
		return nil, fmt.Errorf("pack %s %s: sign the manifest: %w", o.Name, o.Version, err)
	}
	return p, nil
}

// begin is a package of the model alone.
func begin(o Options) *Package {
	p := &Package{
		Manifest: &bundle.Manifest{
			V: bundle.FormatVersion, Name: o.Name, Version: o.Version, Model: modelPath,
			Pipeline: o.Pipeline, Fits: o.Fits, Provenance: o.Provenance,
			Golden: bundle.Golden{MinAgreement: o.MinAgreement, Tolerance: o.Tolerance},
		},
		objects: map[bundle.Digest][]byte{},
	}
	p.add(modelPath, o.Model)
	return p
}

// addSamples takes the golden pictures into the bundle.
func (p *Package) addSamples(o Options) {
	for _, s := range o.Golden {
		p.add(goldenDir+s.Name, s.Data)
		p.Manifest.Golden.Samples = append(p.Manifest.Golden.Samples, bundle.Sample{Path: goldenDir + s.Name, Label: s.Label})
	}
}

// measure runs the model on its golden pictures, and holds it to their labels.
func (p *Package) measure(ctx context.Context, o Options) error {
	g := &p.Manifest.Golden
	p.addSamples(o)
	session, err := kernels.Load(o.Model, kernels.Options{Engines: []kernels.Engine{reference.Engine{}}})
	if err != nil {
		return fmt.Errorf("pack %s %s: %w", o.Name, o.Version, err)
	}
	measured, scores, err := golden.Measure(ctx, session, o.Pipeline, g.Samples, p.open)
	if err = errors.Join(err, session.Close()); err != nil {
		return fmt.Errorf("pack %s %s: %w", o.Name, o.Version, err)
	}
	p.add(referencePath, scores)
	p.Measured, g.Reference, g.Measured = measured, referencePath, measured.Agreement
	if needed := golden.Needed(measured.Samples, o.MinAgreement); measured.Agreeing < needed {
		if !o.AllowFailing {
			return FailingError{o.Name, o.Version, measured, needed}
		}
		g.AllowedFailing = true
	}
	return nil
}

// add takes a file into the bundle.
func (p *Package) add(path string, data []byte) {
	d := bundle.DigestOf(data)
	p.objects[d] = data
	p.Manifest.Files = append(p.Manifest.Files, bundle.File{Path: path, Digest: d, Size: int64(len(data))})
}

func (p *Package) sortFiles() {
	slices.SortFunc(p.Manifest.Files, func(a, b bundle.File) int { return cmp.Compare(a.Path, b.Path) })
}

// open gives a file's bytes by its path.
func (p *Package) open(path string) (io.ReadCloser, error) {
	for _, f := range p.Manifest.Files {
		if f.Path == path {
			return io.NopCloser(bytes.NewReader(p.objects[f.Digest])), nil
		}
	}
	return nil, fmt.Errorf("the bundle has no file %s", path)
}

// Digest is the bundle's identity: that of its signed envelope.
func (p *Package) Digest() bundle.Digest { return bundle.DigestOf(p.envelope) }

// Write writes the bundle file.
func (p *Package) Write(w io.Writer) error {
	return bundle.Write(w, p.envelope, p.Manifest, func(f bundle.File) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(p.objects[f.Digest])), nil
	})
}
