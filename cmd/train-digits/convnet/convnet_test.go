package convnet_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/squadron-edge/squadron/cmd/train-digits/convnet"
	"github.com/squadron-edge/squadron/kernels/onnx"
)

func TestABatchIsLearntByHeart(t *testing.T) {
	trainer, err := convnet.NewTrainer(convnet.NewWeights(1, convnet.Hidden))
	if err != nil {
		t.Fatal(err)
	}
	batch := noise(convnet.Batch)
	var first, last float32
	for i := range 25 {
		if last, err = trainer.Step(batch, 0.003); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = last
		}
	}
	if first < 1.5 || last > first/4 {
		t.Errorf("the loss went from %v to %v: want a start near ln 10 and a quarter of it at the end", first, last)
	}
	if err := trainer.Close(); err != nil {
		t.Error(err)
	}
}

func TestATrainerLeavesItsFirstWeightsAlone(t *testing.T) {
	w := convnet.NewWeights(1, convnet.Hidden)
	trainer, err := convnet.NewTrainer(w)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trainer.Step(noise(convnet.Batch), 0.003); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(w, convnet.NewWeights(1, convnet.Hidden)) {
		t.Error("a step changed the weights that the trainer started from")
	}
	if reflect.DeepEqual(trainer.Weights(), w) {
		t.Error("a step changed nothing")
	}
}

func TestStepRefusesWhatIsNotABatch(t *testing.T) {
	trainer, err := convnet.NewTrainer(convnet.NewWeights(1, convnet.Hidden))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trainer.Step(noise(convnet.Batch-1), 0.003); err == nil {
		t.Error("63 pictures were taken as a batch of 64")
	}
}

func TestAPictureIsReadAlikeAloneAndAmongOthers(t *testing.T) {
	w := convnet.NewWeights(2, convnet.Hidden)
	const n = convnet.Batch + 3
	images := noise(n).Images
	all, err := convnet.Logits(w, images)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != n*convnet.Digits {
		t.Fatalf("%d logits for %d pictures", len(all), n)
	}
	const side = convnet.Side * convnet.Side
	for _, i := range []int{0, convnet.Batch - 1, n - 1} {
		alone, err := convnet.Logits(w, images[i*side:(i+1)*side])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(alone, all[i*convnet.Digits:(i+1)*convnet.Digits]) {
			t.Errorf("picture %d: %v alone, %v among others", i, alone, all[i*convnet.Digits:(i+1)*convnet.Digits])
		}
	}
}

func TestDamageMovesNumbersAndMakesNone(t *testing.T) {
	w := convnet.NewWeights(3, convnet.Hidden)
	d := w.Damaged()
	if slices.Equal(d.Conv2, w.Conv2) {
		t.Error("the damaged weights are in their old order")
	}
	slices.Sort(d.Conv2)
	before := w.Clone()
	slices.Sort(before.Conv2)
	if !reflect.DeepEqual(d, before) {
		t.Error("the damage did more than change the order of one layer")
	}
	if !reflect.DeepEqual(w, convnet.NewWeights(3, convnet.Hidden)) {
		t.Error("the damage reached the weights that it was made from")
	}
}

func TestExportIsTheGraphThatPyTorchWrites(t *testing.T) {
	data, err := convnet.Export(convnet.NewWeights(4, convnet.Hidden))
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Unmarshal(data, onnx.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for _, n := range m.Graph.Nodes {
		ops = append(ops, n.OpType)
	}
	want := []string{"Conv", "Relu", "MaxPool", "Conv", "Relu", "MaxPool", "Flatten", "Gemm", "Relu", "Gemm"}
	if !slices.Equal(ops, want) {
		t.Errorf("nodes %v, want %v", ops, want)
	}
	shapes := map[string][]int64{}
	for _, w := range m.Graph.Initializers {
		shapes[w.Name] = w.Dims
	}
	if want := map[string][]int64{
		"conv1.weight": {8, 1, 3, 3}, "conv1.bias": {8}, "conv2.weight": {16, 8, 3, 3}, "conv2.bias": {16},
		"fc1.weight": {64, 1024}, "fc1.bias": {64}, "fc2.weight": {10, 64}, "fc2.bias": {10},
	}; !reflect.DeepEqual(shapes, want) {
		t.Errorf("initializers %v, want %v", shapes, want)
	}
}

// noise is n pictures of nothing, with the digits in turn.
func noise(n int) convnet.Examples {
	chance := rand.New(rand.NewPCG(7, 7))
	e := convnet.Examples{Images: make([]float32, n*convnet.Side*convnet.Side)}
	for i := range e.Images {
		e.Images[i] = 2*chance.Float32() - 1
	}
	for i := range n {
		e.Digits = append(e.Digits, i%convnet.Digits)
	}
	return e
}
