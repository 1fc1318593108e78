package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/squadron-edge/squadron/cmd/train-digits/photo"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestAFineTunedModelHasItsBasesShapesAndNearlyItsWeights(t *testing.T) {
	faces := goFaces(t)
	stages := []stage{{"base", "pair", 2, 0.001}, {"tuned", "pair without feet", 1, 0.00003}}
	files, err := trainStages(context.Background(), 1, 80, stages, [][]*photo.Face{faces, photo.WithoutFeet(faces)}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || files[0].name != "base.onnx" || files[1].name != "tuned.onnx" || len(files[0].data) != len(files[1].data) {
		t.Fatalf("%d files, want base.onnx and tuned.onnx of one length", len(files))
	}
	base, tuned := layer(t, files[0].data, "fc1.weight"), layer(t, files[1].data, "fc1.weight")
	if len(base) != 80*1024 || len(tuned) != len(base) {
		t.Fatalf("fc1 has %d and %d weights", len(base), len(tuned))
	}
	changed := 0
	for i := range base {
		if d := tuned[i] - base[i]; d > 0.0001 || d < -0.0001 {
			t.Fatalf("weight %d went from %v to %v in one step", i, base[i], tuned[i])
		}
		if base[i] != tuned[i] {
			changed++
		}
	}
	if changed < len(base)/10 {
		t.Errorf("%d of %d weights changed", changed, len(base))
	}
}

// layer is the weights of a layer of a model file.
func layer(t *testing.T, data []byte, name string) []float32 {
	t.Helper()
	m, err := onnx.Unmarshal(bytes.Clone(data), onnx.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	for _, init := range m.Graph.Initializers {
		if init.Name == name {
			decoded, err := init.Decode()
			if err != nil {
				t.Fatal(err)
			}
			return tensor.Data[float32](decoded)
		}
	}
	t.Fatalf("no %s", name)
	return nil
}

func TestTrainingAPairStopsWhenItsContextDoes(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := buildPair(ctx, pairFlags{Out: t.TempDir(), Seed: 1}, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
