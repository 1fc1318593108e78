package golden

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

// namedAtMost bounds how many pictures a failure names.
const namedAtMost = 3

// SelfTest reads a bundle's golden pictures on the session that will serve. It
// returns a Failure if fewer than MinAgreement of them are read as the data
// set's labels, if scores are further than Tolerance from the reference, or if
// the model cannot read a picture at all; and another error if the test could
// not be made. open gives the bytes of one of the manifest's files.
func SelfTest(ctx context.Context, s pipeline.Session, m *bundle.Manifest,
	open func(bundle.File) (io.ReadCloser, error)) (result Result, err error) {
	if len(m.Golden.Samples) == 0 {
		return Result{Agreement: 1}, nil
	}
	byPath := func(path string) (io.ReadCloser, error) { return openPath(m, path, open) }
	r, err := newReader(s, m.Pipeline, byPath)
	if err != nil {
		return Result{}, err
	}
	reference, err := byPath(m.Golden.Reference)
	if err != nil {
		return Result{}, fmt.Errorf("open golden reference %s: %w", m.Golden.Reference, err)
	}
	defer func() {
		if cerr := reference.Close(); err == nil {
			err = cerr
		}
	}()
	return r.compare(ctx, m, reference)
}

// compare reads every sample beside its row of the reference.
func (r *reader) compare(ctx context.Context, m *bundle.Manifest, reference io.Reader) (Result, error) {
	row := make([]float32, len(m.Pipeline.Labels))
	var differing []string
	for _, s := range m.Golden.Samples {
		if err := binary.Read(reference, binary.LittleEndian, row); err != nil {
			return Result{}, fmt.Errorf("read golden reference %s, scores of %s: %w", m.Golden.Reference, s.Path, err)
		}
		scores, err := r.read(ctx, s)
		if err != nil {
			return Result{}, err
		}
		e := relativeError(scores, row)
		r.result.MaxError = max(r.result.MaxError, e)
		if !(e <= m.Golden.Tolerance) { // also when e is NaN, by a damaged reference
			differing = append(differing, fmt.Sprintf("%s (%.2g)", s.Path, e))
		}
	}
	return r.close(), r.verdict(m.Golden, differing)
}

// verdict puts every failure into one sentence, the model's before the
// engine's.
func (r *reader) verdict(g bundle.Golden, differing []string) error {
	var parts []string
	if needed := Needed(len(g.Samples), g.MinAgreement); r.result.Agreeing < needed {
		parts = append(parts, fmt.Sprintf("read %d of %d golden pictures as their labels, needs %d; wrong are %s",
			r.result.Agreeing, len(g.Samples), needed, some(r.wrong)))
	}
	if len(differing) > 0 {
		parts = append(parts, fmt.Sprintf("scored %d of %d golden pictures further than %.2g from the reference: %s",
			len(differing), len(g.Samples), g.Tolerance, some(differing)))
	}
	if len(parts) == 0 {
		return nil
	}
	return Failure(strings.Join(parts, "; and "))
}

// Needed is how many of n samples must agree for a minimum agreement of 0…1.
func Needed(n int, minAgreement float64) int {
	const rounding = 1e-9 // 0.55 × 100 is a little more than 55 in binary
	return int(math.Ceil(float64(n)*minAgreement - rounding))
}

// relativeError is max|a−b| ÷ max|b|; without any b it is 0 if a is the same
// and infinite if not.
func relativeError(a, b []float32) float64 {
	var difference, largest float64
	for i := range b {
		difference = math.Max(difference, math.Abs(float64(a[i])-float64(b[i])))
		largest = math.Max(largest, math.Abs(float64(b[i])))
	}
	if difference == 0 {
		return 0
	}
	return difference / largest
}

func some(names []string) string {
	if more := len(names) - namedAtMost; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:namedAtMost], ", "), more)
	}
	return strings.Join(names, ", ")
}

func openPath(m *bundle.Manifest, path string, open func(bundle.File) (io.ReadCloser, error)) (io.ReadCloser, error) {
	for _, f := range m.Files {
		if f.Path == path {
			return open(f)
		}
	}
	return nil, fmt.Errorf("the manifest lists no file %q", path)
}
