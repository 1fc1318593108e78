package golden_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/agent/golden"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// shades is a model that tells how bright a one-pixel picture is: class c
// stands for the intensity 10·c. drift is added to every score, as a bad engine
// might; blindTo is a class that it takes for another, as a bad model would.
type shades struct {
	drift   float32
	blindTo int
	err     error
	during  func() // happens in the middle of a run
}

const classes = 4

func (s shades) Inputs() []ir.Value {
	return []ir.Value{{Name: "x", Info: ir.Info{DType: tensor.Float32, Shape: tensor.Shape{1, 1, 1, 1}}}}
}

func (s shades) Outputs() []ir.Value {
	return []ir.Value{{Name: "y", Info: ir.Info{DType: tensor.Float32, Shape: tensor.Shape{1, classes}}}}
}

func (s shades) Run(ctx context.Context, in map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	if s.during != nil {
		s.during()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x := tensor.Data[float32](in["x"])[0]
	scores := make([]float32, classes)
	for c := range scores {
		scores[c] = s.drift - float32(math.Abs(float64(x)-10*float64(c)))
	}
	if s.blindTo > 0 && x == float32(10*s.blindTo) {
		scores[0], scores[s.blindTo] = scores[s.blindTo], scores[0]
	}
	y, err := tensor.Of(scores, 1, classes)
	if err != nil {
		return nil, err
	}
	return map[string]*tensor.Tensor{"y": y}, s.err
}

var perfect = shades{}

// packed is a bundle of eight golden pictures, two a class, measured on s.
type packed struct {
	manifest bundle.Manifest
	objects  map[string][]byte // by path
}

func (p packed) open(path string) (io.ReadCloser, error) {
	b, ok := p.objects[path]
	if !ok {
		return nil, fmt.Errorf("no object %s", path)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (p packed) openFile(f bundle.File) (io.ReadCloser, error) { return p.open(f.Path) }

func pack(t *testing.T, s shades) (packed, golden.Result) {
	t.Helper()
	p := packed{objects: map[string][]byte{}}
	m := &p.manifest
	m.Pipeline = bundle.Pipeline{
		Input:  bundle.Input{Width: 1, Height: 1, Color: "gray", Fit: "stretch", Scale: 1, Mean: []float32{0}, Std: []float32{1}},
		Scores: "logits", Labels: []string{"dark", "dim", "fair", "bright"}, TopK: 1,
	}
	for i := range 2 * classes {
		path := fmt.Sprintf("golden/%d.png", i)
		var b bytes.Buffer
		if err := png.Encode(&b, &image.Gray{Pix: []byte{byte(10 * (i % classes))}, Stride: 1, Rect: image.Rect(0, 0, 1, 1)}); err != nil {
			t.Fatal(err)
		}
		p.objects[path] = b.Bytes()
		m.Files = append(m.Files, bundle.File{Path: path})
		m.Golden.Samples = append(m.Golden.Samples, bundle.Sample{Path: path, Label: m.Pipeline.Labels[i%classes]})
	}
	result, reference, err := golden.Measure(t.Context(), s, m.Pipeline, m.Golden.Samples, p.open)
	if err != nil {
		t.Fatal(err)
	}
	m.Golden.Reference, p.objects["golden/reference.f32"] = "golden/reference.f32", reference
	m.Files = append(m.Files, bundle.File{Path: "golden/reference.f32"})
	m.Golden.MinAgreement, m.Golden.Tolerance = 0.75, 1e-3
	return p, result
}

func TestWhatWasMeasuredPassesItsSelfTest(t *testing.T) {
	p, measured := pack(t, perfect)
	if want := 4 * classes * 2 * classes; measured.Agreement != 1 || len(p.objects["golden/reference.f32"]) != want {
		t.Errorf("measured %+v and %d bytes of reference, want %d", measured, len(p.objects["golden/reference.f32"]), want)
	}
	r, err := golden.SelfTest(t.Context(), perfect, &p.manifest, p.openFile)
	if err != nil || r.Samples != 8 || r.Agreement != 1 || r.MaxError != 0 || r.Latency <= 0 {
		t.Errorf("got %+v, %v", r, err)
	}
	if want := "read 8 of 8 golden pictures as their labels, scores within 0 of the reference"; r.String() != want {
		t.Errorf("got %q", r)
	}
}

// failure makes the self-test, which must fail, and gives its sentence.
func failure(t *testing.T, p packed, s shades) string {
	t.Helper()
	_, err := golden.SelfTest(t.Context(), s, &p.manifest, p.openFile)
	var f golden.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a failure", err)
	}
	return f.Error()
}

func TestABadModelIsCaughtByTheLabels(t *testing.T) {
	p, measured := pack(t, shades{blindTo: 2}) // the reference is as bad: only the labels tell
	if measured.Agreeing != 6 {
		t.Fatalf("measured %+v", measured)
	}
	if _, err := golden.SelfTest(t.Context(), shades{blindTo: 2}, &p.manifest, p.openFile); err != nil {
		t.Errorf("6 of 8 are the 75 %% that are needed: %v", err)
	}
	p.manifest.Golden.MinAgreement = 0.8
	const want = `read 6 of 8 golden pictures as their labels, needs 7; ` +
		`wrong are golden/2.png ("fair", read as "dark"), golden/6.png ("fair", read as "dark")`
	if got := failure(t, p, shades{blindTo: 2}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestABadEngineIsCaughtByTheReference(t *testing.T) {
	p, _ := pack(t, perfect)
	const want = `scored 8 of 8 golden pictures further than 0.001 from the reference: ` +
		`golden/0.png (0.0033), golden/1.png (0.005), golden/2.png (0.005) and 5 more`
	if got := failure(t, p, shades{drift: 0.1}); got != want { // every label is still right
		t.Errorf("got  %s\nwant %s", got, want)
	}
	p.manifest.Golden.Tolerance = 0.006
	if r, err := golden.SelfTest(t.Context(), shades{drift: 0.1}, &p.manifest, p.openFile); err != nil || r.MaxError < 0.004 {
		t.Errorf("within the tolerance: got %+v, %v", r, err)
	}
}

func TestBothFaultsStandInOneSentence(t *testing.T) {
	p, _ := pack(t, perfect)
	p.manifest.Golden.MinAgreement = 1
	got := failure(t, p, shades{blindTo: 1, drift: 5})
	if !strings.HasPrefix(got, "read 6 of 8 ") || !strings.Contains(got, "; and scored 8 of 8 ") || strings.Contains(got, "\n") {
		t.Errorf("got %s", got)
	}
}

func TestScoresThatAreNotFiniteFail(t *testing.T) {
	p, _ := pack(t, perfect)
	p.manifest.Golden.MinAgreement, p.manifest.Golden.Tolerance = 0, math.Inf(1)
	for _, drift := range []float64{math.NaN(), math.Inf(-1)} {
		if got := failure(t, p, shades{drift: float32(drift)}); !strings.Contains(got, "golden/0.png") || !strings.Contains(got, "finite") {
			t.Errorf("%v: got %s", drift, got)
		}
	}
}

func TestANotANumberInTheReferenceFails(t *testing.T) {
	p, _ := pack(t, perfect)
	copy(p.objects["golden/reference.f32"], []byte{0, 0, 0xc0, 0x7f})
	failure(t, p, perfect)
}

func TestAnEngineThatCannotRunFails(t *testing.T) {
	p, _ := pack(t, perfect)
	if got := failure(t, p, shades{err: errors.New("no kernel image")}); !strings.Contains(got, "no kernel image") {
		t.Errorf("got %s", got)
	}
}

func TestAModelThatDoesNotFitItsPipelineFails(t *testing.T) {
	p, _ := pack(t, perfect)
	p.manifest.Pipeline.Labels = append(p.manifest.Pipeline.Labels, "blinding")
	failure(t, p, perfect)
}

func TestATestThatCannotBeMadeIsNoVerdict(t *testing.T) {
	for name, damage := range map[string]func(*packed){
		"picture gone":    func(p *packed) { delete(p.objects, "golden/3.png") },
		"picture damaged": func(p *packed) { p.objects["golden/3.png"] = []byte("\x89PNG\r\n\x1a\nxx") },
		"reference gone":  func(p *packed) { delete(p.objects, "golden/reference.f32") },
		"reference short": func(p *packed) { p.objects["golden/reference.f32"] = make([]byte, 4*classes*7) },
		"not listed":      func(p *packed) { p.manifest.Golden.Samples[0].Path = "../../etc/passwd" },
	} {
		p, _ := pack(t, perfect)
		damage(&p)
		_, err := golden.SelfTest(t.Context(), perfect, &p.manifest, p.openFile)
		var f golden.Failure
		if err == nil || errors.As(err, &f) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	p, _ := pack(t, perfect)
	if _, err := golden.SelfTest(cancelled, perfect, &p.manifest, p.openFile); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	given, giveUp := context.WithCancel(t.Context())
	_, err := golden.SelfTest(given, shades{during: giveUp}, &p.manifest, p.openFile)
	if !errors.Is(err, context.Canceled) || errors.As(err, new(golden.Failure)) {
		t.Errorf("given up during a run: got %v", err)
	}
}

func TestABundleWithoutPicturesSaysSo(t *testing.T) {
	r, err := golden.SelfTest(t.Context(), perfect, &bundle.Manifest{}, nil)
	if err != nil || r.String() != "the bundle has no golden pictures" {
		t.Errorf("got %v, %v", r, err)
	}
}

func TestMeasureRefusesALabelThatNoModelCouldGive(t *testing.T) {
	p, _ := pack(t, perfect)
	p.manifest.Golden.Samples[5].Label = "pitch black"
	_, _, err := golden.Measure(t.Context(), perfect, p.manifest.Pipeline, p.manifest.Golden.Samples, p.open)
	if err == nil || !strings.Contains(err.Error(), "pitch black") {
		t.Errorf("got %v", err)
	}
}

func TestNeededDoesNotRoundAwayFromAWholeNumber(t *testing.T) {
	for _, c := range []struct {
		n    int
		min  float64
		want int
	}{{100, 0.55, 55}, {32, 0.9, 29}, {10, 0.7, 7}, {8, 0, 0}, {8, 1, 8}, {3, 0.34, 2}} {
		if got := golden.Needed(c.n, c.min); got != c.want {
			t.Errorf("%v of %d: got %d, want %d", c.min, c.n, got, c.want)
		}
	}
}
