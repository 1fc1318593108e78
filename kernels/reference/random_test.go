package reference_test

import (
	"math"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func seeded(v uint32) ir.Seed { return ir.Seed{Given: true, Value: v} }

// The numbers are those of numpy.random.RandomState(0): rand and randn.
func TestSeededNumbersAreThoseOfNumpy(t *testing.T) {
	shape := tensor.Shape{3}
	uniform := ir.Random{High: 1, DType: tensor.Float64, Shape: shape, Seed: seeded(0)}
	normal := ir.Random{Normal: true, High: 1, DType: tensor.Float64, Shape: shape, Seed: seeded(0)}
	examples(t, []example{
		{"uniform", uniform, nil, "float64[3] [0.54881 0.71519 0.60276]"},
		{"normal", normal, nil, "float64[3] [1.7641 0.40016 0.97874]"},
		{"of a range", ir.Random{Low: 10, High: 20, DType: tensor.Float32, Shape: shape, Seed: seeded(0)}, nil, "float32[3] [15.488 17.152 16.028]"},
		{"of a mean and deviation", ir.Random{Normal: true, Low: 10, High: 2, DType: tensor.Float32, Shape: shape, Seed: seeded(0)}, nil, "float32[3] [13.528 10.8 11.957]"},
		{"like another", ir.RandomLike{Random: ir.Random{High: 1, Seed: seeded(0)}}, list(halves(7)), "float16[1] [0.54883]"},
		{"like another in shape only", ir.RandomLike{Random: ir.Random{High: 1, DType: tensor.Float64, Seed: seeded(0)}}, list(vector[int32](7)), "float64[1] [0.54881]"},
		{"a scalar", ir.Random{High: 1, DType: tensor.Float32, Seed: seeded(0)}, nil, "float32[] [0.54881]"},
		{"as likely as 0.55, 0.72 and 0.60 are less", ir.Bernoulli{Seed: seeded(0)}, list(of([]int{3}, 0.55, 0.71, 0.61)), "float32[3] [1 0 1]"},
		{"as another type", ir.Bernoulli{DType: tensor.Bool, Seed: seeded(0)}, list(of([]int{3}, 0.55, 0.71, 0.61)), "bool[3] [true false true]"},
		{"never and always", ir.Bernoulli{DType: tensor.Int32}, list(vector(0.0, 1)), "int32[2] [0 1]"},
		{"dropout of half", ir.Dropout{Seed: seeded(0)}, list(of([]int{3}, 1, 2, 3), scalar[float32](0.6), scalar(true)), "float32[3] [0 5 7.5], bool[3] [false true true]"},
		{"dropout of nothing", ir.Dropout{}, list(of([]int{2}, 1, 2), scalar[float32](0), scalar(true)), "float32[2] [1 2], bool[2] [true true]"},
		{"dropout at inference", ir.Dropout{}, list(halves(1, 2), halves(0.9)), "float16[2] [1 2], bool[2] [true true]"},
		{"dropout's old mask", ir.Dropout{MaskOfData: true}, list(of([]int{2}, 1, 2)), "float32[2] [1 2], float32[2] [1 1]"},
	})
	refusals(t, []refusal{
		{"integers", ir.Random{DType: tensor.Int32}, nil, "attribute dtype: numbers are drawn as int32"},
		{"integers like another", ir.RandomLike{}, list(vector[int32](1)), "attribute dtype: numbers are drawn as int32"},
		{"a shape below 0", ir.Random{DType: tensor.Float32, Shape: tensor.Shape{-1}}, nil, "attribute shape"},
		{"a shape past all bounds", ir.Random{DType: tensor.Float32, Shape: tensor.Shape{1 << 20, 1 << 20}}, nil, "limit"},
		{"all dropped", ir.Dropout{}, list(count(2), scalar[float32](1), scalar(true)), "input 1 (ratio) is 1"},
		{"two ratios", ir.Dropout{}, list(count(2), count(2)), "input 1 (ratio) has shape [2], want a scalar"},
		{"strings drawn", ir.Bernoulli{DType: tensor.String}, list(count(1)), "attribute dtype is string"},
		{"classes of a vector", ir.Multinomial{Samples: 1, DType: tensor.Int32}, list(count(2)), "want batch × classes"},
		{"no classes", ir.Multinomial{Samples: 1, DType: tensor.Int32}, list(count(2, 0)), "there are no classes"},
		{"no samples", ir.Multinomial{DType: tensor.Int32}, list(count(1, 2)), "attribute sample_size is 0"},
		{"samples of floats", ir.Multinomial{Samples: 1, DType: tensor.Float32}, list(count(1, 2)), "attribute dtype is float32"},
		{"no probabilities", ir.Multinomial{Samples: 1, DType: tensor.Int32}, list(of([]int{1, 2}, float32(nan), 0)), "row 0 gives no probabilities"},
	})
}

func TestNumbersWithoutASeedDiffer(t *testing.T) {
	op := ir.Random{High: 1, DType: tensor.Float64, Shape: tensor.Shape{8}}
	if a, b := drawn(t, op), drawn(t, op); printed(a) == printed(b) {
		t.Errorf("two runs gave %s", printed(a))
	}
}

// With a given seed these are always the same numbers; the bounds are 5 standard
// deviations.
func TestDistributions(t *testing.T) {
	const n = 100000
	within := func(what string, got, want, deviation float64) {
		t.Helper()
		if math.Abs(got-want) > 5*deviation/math.Sqrt(n) {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	moments := func(x *tensor.Tensor) (mean, variance float64) {
		for _, v := range tensor.Data[float64](x) {
			mean += v / n
		}
		for _, v := range tensor.Data[float64](x) {
			variance += (v - mean) * (v - mean) / n
		}
		return mean, variance
	}
	mean, variance := moments(drawn(t, ir.Random{Low: -1, High: 3, DType: tensor.Float64, Shape: tensor.Shape{n}, Seed: seeded(1)}))
	within("the mean of uniform numbers", mean, 1, 1.2)
	within("the variance of uniform numbers", variance, 16.0/12, 1.2)
	mean, variance = moments(drawn(t, ir.Random{Normal: true, Low: 2, High: 3, DType: tensor.Float64, Shape: tensor.Shape{n}, Seed: seeded(1)}))
	within("the mean of normal numbers", mean, 2, 3)
	within("the variance of normal numbers", variance, 9, 9*math.Sqrt2)

	p := must(tensor.New(tensor.Float64, n))
	for i := range n {
		tensor.Data[float64](p)[i] = 0.3
	}
	mean, _ = moments(drawn(t, ir.Bernoulli{Seed: seeded(1)}, p))
	within("the share of ones", mean, 0.3, math.Sqrt(0.21))

	// Weights 1 : 2 : 5, of which a constant can be taken.
	x := vector(math.Log(1)-700, math.Log(2)-700, math.Log(5)-700)
	x = must(x.Reshaped(1, 3))
	classes := drawn(t, ir.Multinomial{Samples: n, DType: tensor.Int64, Seed: seeded(1)}, x)
	if !classes.Shape().Equal(tensor.Shape{1, n}) {
		t.Fatalf("gave %v", classes)
	}
	var count [3]float64
	for _, c := range tensor.Data[int64](classes) {
		count[c]++
	}
	for c, weight := range []float64{1, 2, 5} {
		share := weight / 8
		within("the share of a class", count[c]/n, share, math.Sqrt(share*(1-share)))
	}
	if a, b := drawn(t, ir.Multinomial{Samples: 20, DType: tensor.Int32, Seed: seeded(7)}, x), drawn(t, ir.Multinomial{Samples: 20, DType: tensor.Int32, Seed: seeded(7)}, x); printed(a) != printed(b) {
		t.Errorf("one seed gave %s and %s", printed(a), printed(b))
	}
}

func drawn(t *testing.T, op ir.Operator, in ...*tensor.Tensor) *tensor.Tensor {
	t.Helper()
	out, err := reference.Eval(op, in)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}
