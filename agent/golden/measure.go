package golden

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Measure makes what a bundle's golden samples compare with: on a session of
// the reference engine it reads every sample's picture, and returns the
// agreement and the content of the reference file: little-endian float32,
// [samples × labels], before any softmax. open gives a picture's bytes by its
// sample's path. A sample whose label the pipeline does not name is refused,
// since no model could agree with it.
func Measure(ctx context.Context, s pipeline.Session, spec bundle.Pipeline, samples []bundle.Sample,
	open func(path string) (io.ReadCloser, error)) (Result, []byte, error) {
	r, err := newReader(s, spec, open)
	if err != nil {
		return Result{}, nil, err
	}
	known := make(map[string]bool, len(spec.Labels))
	for _, l := range spec.Labels {
		known[l] = true
	}
	var reference []byte
	for _, sample := range samples {
		if !known[sample.Label] {
			return Result{}, nil, fmt.Errorf("golden picture %s has the label %q, which the pipeline does not name", sample.Path, sample.Label)
		}
		scores, err := r.read(ctx, sample)
		if err != nil {
			return Result{}, nil, err
		}
		if reference, err = binary.Append(reference, binary.LittleEndian, scores); err != nil {
			return Result{}, nil, fmt.Errorf("keep the scores of golden picture %s: %w", sample.Path, err)
		}
	}
	return r.close(), reference, nil
}
