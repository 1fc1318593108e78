package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/agent/golden"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/wire"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// release is one version of the model "shade", which reads a 2×2 picture as
// "dark" or "light".
type release struct {
	manifest bundle.Manifest
	objects  map[string][]byte
}

// newRelease makes a good model; with wrong, its labels are swapped after the
// golden samples were measured.
func newRelease(t testing.TB, version string, wrong bool) *release {
	t.Helper()
	return releaseWith(t, version, wrong, nil)
}

// releaseWith has a model with further weights that nothing uses.
func releaseWith(t testing.TB, version string, wrong bool, further []byte) *release {
	t.Helper()
	r := &release{objects: map[string][]byte{}}
	good := shadeModel(t, version, 1, further)
	pictures := map[string][]byte{"golden/black.png": picture(0), "golden/white.png": picture(255)}
	r.manifest = bundle.Manifest{
		V: bundle.FormatVersion, Name: "shade", Version: version, Model: "model.onnx",
		Pipeline: bundle.Pipeline{
			Input:  bundle.Input{Width: 2, Height: 2, Color: "gray", Fit: "stretch", Scale: 1. / 255, Mean: []float32{0}, Std: []float32{1}},
			Scores: "logits", Labels: []string{"dark", "light"}, TopK: 2,
		},
		Golden: bundle.Golden{
			Samples:      []bundle.Sample{{Path: "golden/black.png", Label: "dark"}, {Path: "golden/white.png", Label: "light"}},
			MinAgreement: 1, Tolerance: 1e-3, Measured: 1, Reference: "golden/reference.f32",
		},
		Provenance: bundle.Provenance{At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Tool: "test"},
	}
	scores := measure(t, good, r.manifest, pictures)
	if wrong {
		good = shadeModel(t, version, -1, further)
	}
	r.add("golden/black.png", pictures["golden/black.png"])
	r.add("golden/reference.f32", scores)
	r.add("golden/white.png", pictures["golden/white.png"])
	r.add("model.onnx", good)
	return r
}

func (r *release) add(name string, b []byte) {
	d := bundle.DigestOf(b)
	r.objects[d.Hex()] = b
	r.manifest.Files = append(r.manifest.Files, bundle.File{Path: name, Digest: d, Size: int64(len(b))})
}

func measure(t testing.TB, model []byte, m bundle.Manifest, pictures map[string][]byte) []byte {
	t.Helper()
	s, err := kernels.Load(model, kernels.Options{Engines: []kernels.Engine{reference.Engine{}}})
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(pictures[name])), nil }
	result, scores, err := golden.Measure(t.Context(), s, m.Pipeline, m.Golden.Samples, open)
	if err != nil || result.Agreement != 1 {
		t.Fatalf("the model measures %v, %v", result, err)
	}
	return scores
}

// publish signs a release and puts it where devices fetch from.
func (f *fleet) publish(r *release, key trust.PrivateKey) wire.DesiredModel {
	f.t.Helper()
	payload, err := r.manifest.Encode()
	if err != nil {
		f.t.Fatal(err)
	}
	return f.publishPayload(r, payload, key)
}

// publishPayload publishes a release under a manifest of whatever words.
func (f *fleet) publishPayload(r *release, payload []byte, key trust.PrivateKey) wire.DesiredModel {
	f.t.Helper()
	envelope, err := trust.Sign(bundle.ManifestType, payload, key)
	if err != nil {
		f.t.Fatal(err)
	}
	d := bundle.DigestOf(envelope)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trust.Publish("ada", trust.TargetPath(r.manifest.Name, r.manifest.Version), string(envelope), "")
	f.objects[d.Hex()] = envelope
	for name, b := range r.objects {
		f.objects[name] = b
	}
	return wire.DesiredModel{Name: r.manifest.Name, Version: r.manifest.Version, Digest: d, Size: int64(len(envelope)), Rollout: "r-" + wire.RolloutID(r.manifest.Version[:1]), Attempt: 1}
}

// shadeModel is Flatten and Gemm: the brighter the picture, the more "light";
// sign -1 makes it wrong. The version makes its bytes differ.
func shadeModel(t testing.TB, version string, sign float32, further []byte) []byte {
	t.Helper()
	weights := make([]byte, 0, 32)
	for range 4 {
		for _, w := range []float32{-sign, sign} {
			weights = binary.LittleEndian.AppendUint32(weights, math.Float32bits(w))
		}
	}
	bias := binary.LittleEndian.AppendUint32(nil, math.Float32bits(2*sign))
	bias = binary.LittleEndian.AppendUint32(bias, math.Float32bits(-2*sign))
	dims := func(n ...int64) []onnx.Dim {
		shape := make([]onnx.Dim, len(n))
		for i := range n {
			shape[i].Value = n[i]
		}
		return shape
	}
	b, err := onnx.Marshal(&onnx.Model{
		IRVersion: 8, Producer: "test " + version, Opsets: []onnx.Opset{{Version: 17}},
		Graph: onnx.Graph{
			Name: "shade",
			Nodes: []onnx.Node{
				{OpType: "Flatten", Inputs: []string{"picture"}, Outputs: []string{"flat"}},
				{OpType: "Gemm", Inputs: []string{"flat", "w", "b"}, Outputs: []string{"scores"}},
			},
			Initializers: []onnx.Tensor{
				{Name: "w", Type: onnx.Float, Dims: []int64{4, 2}, Raw: weights},
				{Name: "b", Type: onnx.Float, Dims: []int64{2}, Raw: bias},
				{Name: "further", Type: onnx.Float, Dims: []int64{int64(len(further) / 4)}, Raw: further},
			},
			Inputs:  []onnx.ValueInfo{{Name: "picture", TypeInfo: onnx.TypeInfo{Type: onnx.Float, Shape: dims(1, 1, 2, 2)}}},
			Outputs: []onnx.ValueInfo{{Name: "scores", TypeInfo: onnx.TypeInfo{Type: onnx.Float, Shape: dims(1, 2)}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// picture is a 2×2 PNG of one shade.
func picture(shade uint8) []byte {
	img := image.NewGray(image.Rect(0, 0, 2, 2))
	for i := range img.Pix {
		img.Pix[i] = color.Gray{Y: shade}.Y
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// moodyEngine is the reference engine, whose runs fail while its mood is bad.
type moodyEngine struct {
	reference.Engine
	bad *atomic.Bool
}

func (e moodyEngine) Compile(p *ir.Plan) (ir.Program, error) {
	program, err := e.Engine.Compile(p)
	return moodyProgram{program, e.bad}, err
}

type moodyProgram struct {
	ir.Program
	bad *atomic.Bool
}

func (p moodyProgram) Run(ctx context.Context, in, out []tensor.Value) error {
	if p.bad.Load() {
		return errors.New("the GPU fell off the bus")
	}
	return p.Program.Run(ctx, in, out)
}
