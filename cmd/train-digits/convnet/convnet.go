// Package convnet is the network that reads one digit, and how it learns.
//
// It owns the network's layers, its first weights, its training by Gorgonia's
// automatic differentiation and its form as an ONNX file. It refuses to know
// where pictures come from and how good is good enough.
//
// The network, on pictures of Side×Side pixels scaled to −1…1:
//
//	conv1 3×3, 8 maps, same size → ReLU → max-pool 2×2
//	conv2 3×3, 16 maps, same size → ReLU → max-pool 2×2
//	fc1 → 64 (Hidden) or as many as asked for, ReLU
//	fc2 → 10 logits, one a digit
//
// Vocabulary: Weights are all that training changes; a Trainer changes them
// batch by batch; logits are the network's scores, one a digit.
//
//	t, err := convnet.NewTrainer(convnet.NewWeights(seed, convnet.Hidden))
//	if err != nil {
//		return err
//	}
//	defer t.Close()
//	for _, batch := range batches {
//		loss, err := t.Step(batch, 0.003)
//		…
//	}
//	model, err := convnet.Export(t.Weights())
package convnet

import (
	"math"
	"math/rand/v2"
	"slices"
)

// The network's measures. Batch is fixed: it is part of Gorgonia's graph.
const (
	Side   = 32 // of a picture, in pixels
	Digits = 10 // logits
	Batch  = 64 // pictures a step
	Hidden = 64 // outputs of fc1 in the demo's network
	kernel = 3
	maps1  = 8
	maps2  = 16
	pooled = Side / 4 // of a map after both pools
	flat   = maps2 * pooled * pooled
	pixels = Side * Side
)

// Weights are the network's parameters, in the order of its layers, each
// row-major. Convolutions are [out×in×3×3]; dense layers are [in×out].
type Weights struct {
	Conv1, Bias1  []float32
	Conv2, Bias2  []float32
	Dense1, Bias3 []float32
	Dense2, Bias4 []float32
}

// NewWeights draws, for a network with so many outputs of fc1, He-normal weights (He et al. 2015, "Delving Deep into
// Rectifiers", eq. 10) and zero biases. The same seed gives the same weights;
// Gorgonia's own initialisers take theirs from the clock.
func NewWeights(seed uint64, hidden int) Weights {
	chance := rand.New(rand.NewPCG(seed, 0))
	he := func(n, fanIn int) []float32 {
		w := make([]float32, n)
		for i := range w {
			w[i] = float32(chance.NormFloat64() * math.Sqrt(2/float64(fanIn)))
		}
		return w
	}
	const k = kernel * kernel
	return Weights{
		Conv1: he(maps1*k, k), Bias1: make([]float32, maps1),
		Conv2: he(maps2*maps1*k, maps1*k), Bias2: make([]float32, maps2),
		Dense1: he(flat*hidden, flat), Bias3: make([]float32, hidden),
		Dense2: he(hidden*Digits, hidden), Bias4: make([]float32, Digits),
	}
}

// hidden is the number of fc1's outputs.
func (w Weights) hidden() int { return len(w.Bias3) }

// Clone copies the weights.
func (w Weights) Clone() Weights {
	return Weights{
		Conv1: slices.Clone(w.Conv1), Bias1: slices.Clone(w.Bias1),
		Conv2: slices.Clone(w.Conv2), Bias2: slices.Clone(w.Bias2),
		Dense1: slices.Clone(w.Dense1), Bias3: slices.Clone(w.Bias3),
		Dense2: slices.Clone(w.Dense2), Bias4: slices.Clone(w.Bias4),
	}
}

// Damaged are the weights with the maps of the second convolution written one
// place too far and their biases left behind: the mistake of a converter that
// confuses the order of channels. Every number is a good one, every shape is
// right, and the network reads badly.
func (w Weights) Damaged() Weights {
	d := w.Clone()
	const size = maps1 * kernel * kernel
	copy(d.Conv2, w.Conv2[len(w.Conv2)-size:])
	copy(d.Conv2[size:], w.Conv2)
	return d
}
