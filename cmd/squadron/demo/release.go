package demo

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"time"

	"github.com/squadron-edge/squadron/cmd/squadron/pack"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// Name is the model that the story is about.
const Name = "meter-reader"

// Versions are its releases, in the order in which they are published.
var Versions = []string{Early, Good, Damaged}

// minAgreement is the share of golden pictures that a release must read. It is
// low enough for the honest beginner 1.0.0.
const minAgreement = 0.7

// Pipeline says how a picture becomes the model's input and its scores labels.
func Pipeline() (bundle.Pipeline, error) {
	sheet, err := Pictures()
	if err != nil {
		return bundle.Pipeline{}, err
	}
	p := bundle.Pipeline{Input: sheet.Input, Scores: "logits", TopK: 3}
	for digit := range 10 {
		p.Labels = append(p.Labels, fmt.Sprint(digit))
	}
	return p, nil
}

// packRelease makes the bundle of a release, as squadron pack would.
func packRelease(ctx context.Context, version string, key trust.PrivateKey, allowFailing bool) (*pack.Package, error) {
	model, err := Model(version)
	if err != nil {
		return nil, err
	}
	pipeline, err := Pipeline()
	if err != nil {
		return nil, err
	}
	golden, err := goldenSamples()
	if err != nil {
		return nil, err
	}
	return pack.Prepare(ctx, pack.Options{
		Name: Name, Version: version, Model: model, Pipeline: pipeline, Golden: golden,
		MinAgreement: minAgreement, Tolerance: 1e-3, AllowFailing: allowFailing, Key: key,
		Provenance: bundle.Provenance{
			Datasets: []bundle.Dataset{{Name: "digits drawn by cmd/train-digits"}}, By: "the demo", At: time.Now().UTC().Truncate(time.Second), Tool: "squadron demo",
		},
	})
}

// goldenSamples are the golden pictures as files.
func goldenSamples() ([]pack.Sample, error) {
	sheet, err := GoldenPictures()
	if err != nil {
		return nil, err
	}
	samples := make([]pack.Sample, len(sheet.Labels))
	for i, label := range sheet.Labels {
		var b bytes.Buffer
		if err := png.Encode(&b, sheet.Picture(i)); err != nil {
			return nil, err
		}
		samples[i] = pack.Sample{Name: fmt.Sprintf("%03d.png", i), Label: label, Data: b.Bytes()}
	}
	return samples, nil
}
