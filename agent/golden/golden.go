// Package golden proves that a model works where it is about to serve: it reads
// the pictures that its bundle brings along and compares.
//
// It owns the self-test that a device runs before it activates a model
// (SelfTest), and the making of what that test compares with, when a bundle is
// packed (Measure). It refuses to decide what follows from a failure, and
// trusts that the bundle's files were checked against their digests.
//
// Vocabulary: agreement is the share of golden pictures whose best label is the
// data set's: it catches a bad model; the error of a picture is max|a−b| ÷
// max|b| of its scores a against the reference engine's scores b: it catches a
// bad engine; a Failure is a verdict on the model, any other error says that
// the test could not be made.
//
//	result, err := golden.SelfTest(ctx, session, manifest, slot.Open)
//	var failure golden.Failure
//	if errors.As(err, &failure) {
//		return refuse(failure) // "read 7 of 32 golden pictures as their labels, needs 29; …"
//	}
package golden

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Result is what the golden pictures showed.
type Result struct {
	Samples   int           // pictures read
	Agreeing  int           // of them, read as the data set's label
	Agreement float64       // Agreeing ÷ Samples; 1 without samples
	MaxError  float64       // the largest error of a picture; 0 from Measure
	Latency   time.Duration // median of one picture, from pixels to scores
}

func (r Result) String() string {
	if r.Samples == 0 {
		return "the bundle has no golden pictures"
	}
	return fmt.Sprintf("read %d of %d golden pictures as their labels, scores within %.2g of the reference",
		r.Agreeing, r.Samples, r.MaxError)
}

// Failure is one plain sentence on how a model failed its self-test.
type Failure string

func (f Failure) Error() string { return string(f) }

// reader reads golden pictures one after the other and keeps the account.
type reader struct {
	model *pipeline.Model
	open  func(path string) (io.ReadCloser, error)

	result Result
	wrong  []string // the pictures read as another label, and as which
	took   []time.Duration
}

func newReader(s pipeline.Session, spec bundle.Pipeline, open func(path string) (io.ReadCloser, error)) (*reader, error) {
	m, err := pipeline.Bind(spec, s)
	if err != nil {
		return nil, Failure(err.Error())
	}
	return &reader{model: m, open: open}, nil
}

// read gives the model's scores of one sample, and counts whether its best
// label is the data set's. A model that cannot run or gives no numbers fails.
func (r *reader) read(ctx context.Context, s bundle.Sample) ([]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read golden pictures: %w", err)
	}
	scores, err := r.scores(ctx, s.Path)
	if err != nil {
		return nil, err
	}
	labels, err := r.model.Labels(scores)
	if err != nil {
		return nil, Failure(fmt.Sprintf("golden picture %s: %v", s.Path, err))
	}
	r.result.Samples++
	if labels[0].Label == s.Label {
		r.result.Agreeing++
	} else {
		r.wrong = append(r.wrong, fmt.Sprintf("%s (%q, read as %q)", s.Path, s.Label, labels[0].Label))
	}
	return scores, nil
}

func (r *reader) scores(ctx context.Context, path string) ([]float32, error) {
	f, err := r.open(path)
	if err != nil {
		return nil, fmt.Errorf("open golden picture %s: %w", path, err)
	}
	picture, err := pipeline.Decode(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("golden picture %s: %w", path, err)
	}
	start := time.Now()
	scores, err := r.model.Scores(ctx, picture)
	r.took = append(r.took, time.Since(start))
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("golden picture %s: %w", path, err)
	}
	if err != nil {
		return nil, Failure(fmt.Sprintf("golden picture %s: %v", path, err))
	}
	return scores, nil
}

// close computes the shares.
func (r *reader) close() Result {
	r.result.Agreement = 1
	if r.result.Samples > 0 {
		r.result.Agreement = float64(r.result.Agreeing) / float64(r.result.Samples)
		slices.Sort(r.took)
		r.result.Latency = r.took[len(r.took)/2]
	}
	return r.result
}
