package reference_test

import (
	"math"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/reference"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

func words(shape []int, v ...string) *tensor.Tensor { return must(tensor.Of(v, shape...)) }

// stump asks one question of feature 0: leaf 0 if it is so, else leaf 1.
func stump(mode ir.BranchMode, value float64, missing bool, leaves ...[]ir.Vote) ir.Forest {
	return ir.Forest{Nodes: []ir.Branch{{Mode: mode, Value: value, MissingTrue: missing, True: ^0, False: ^1}}, Leaves: leaves, Roots: []int{0}}
}

func vote(target int, weight float64) []ir.Vote {
	return []ir.Vote{{Target: target, Weight: weight}}
}

// twoStumps vote on one target: 1 or 2, and 10 or 20.
func twoStumps() ir.Forest {
	return ir.Forest{
		Nodes:  []ir.Branch{{Mode: ir.Less, Value: 0, True: ^0, False: ^1}, {Mode: ir.Less, Value: 5, True: ^2, False: ^3}},
		Leaves: [][]ir.Vote{vote(0, 1), vote(0, 2), vote(0, 10), vote(0, 20)}, Roots: []int{0, 1},
	}
}

func TestTreesByHand(t *testing.T) {
	nan, third := math.NaN(), float64(float32(1)/3)
	column := of([]int{3, 1}, 1, 2, 3)
	ask := func(mode ir.BranchMode, missing bool) ir.TreeEnsemble {
		return ir.TreeEnsemble{Forest: stump(mode, 2, missing, vote(0, 1), vote(0, -1)), Targets: 1, Aggregate: "SUM", Post: "NONE"}
	}
	joined := func(aggregate string, base ...float64) ir.TreeEnsemble {
		return ir.TreeEnsemble{Forest: twoStumps(), Targets: 1, Aggregate: aggregate, Base: base, Post: "NONE"}
	}
	member := ask(ir.Member, false)
	member.Forest.Nodes[0].Members = []float64{3, 1}
	exact := ir.TreeEnsemble{Forest: stump(ir.Less, third, false, vote(0, 1), vote(0, 2)), Targets: 1, Post: "NONE"}
	abc, yesNo := &ir.Labels{Strings: []string{"a", "b", "c"}}, &ir.Labels{Ints: []int64{4, 7}}
	classes := ir.TreeEnsemble{
		Forest:  stump(ir.Less, 2, false, []ir.Vote{{Target: 0, Weight: 0.2}, {Target: 2, Weight: 0.8}}, []ir.Vote{{Target: 0, Weight: 0.5}, {Target: 1, Weight: 0.5}}),
		Targets: 3, Labels: abc, Post: "NONE", Aggregate: "SUM",
	}
	binary := func(post string, low, high float64, base ...float64) ir.TreeEnsemble {
		return ir.TreeEnsemble{Forest: stump(ir.Less, 2, false, vote(0, low), vote(0, high)), Targets: 2, Labels: yesNo, Post: post, Aggregate: "SUM", Base: base}
	}
	softmax := classes
	softmax.Post = "SOFTMAX"
	typed := exact
	typed.Typed = true
	checkSamples(t, []sample{
		{"at most", ask(ir.LessOrEqual, false), []*tensor.Tensor{column}, "float32[3×1] 1 1 -1"},
		{"less", ask(ir.Less, false), []*tensor.Tensor{column}, "float32[3×1] 1 -1 -1"},
		{"at least", ask(ir.GreaterOrEqual, false), []*tensor.Tensor{column}, "float32[3×1] -1 1 1"},
		{"greater", ask(ir.Greater, false), []*tensor.Tensor{column}, "float32[3×1] -1 -1 1"},
		{"equal", ask(ir.Equal, false), []*tensor.Tensor{column}, "float32[3×1] -1 1 -1"},
		{"not equal", ask(ir.NotEqual, false), []*tensor.Tensor{column}, "float32[3×1] 1 -1 1"},
		{"member", member, []*tensor.Tensor{column}, "float32[3×1] 1 -1 1"},
		{"missing goes false", ask(ir.Less, false), []*tensor.Tensor{of([]int{1, 1}, float32(nan))}, "float32[1×1] -1"},
		{"missing goes true", ask(ir.Less, true), []*tensor.Tensor{of([]int{1, 1}, float32(nan))}, "float32[1×1] 1"},
		{"integers", ask(ir.Less, false), []*tensor.Tensor{ints([]int{2, 1}, 1, 2)}, "float32[2×1] 1 -1"},
		{"a vector is a row", ask(ir.Less, false), []*tensor.Tensor{of([]int{2}, 1, 9)}, "float32[1×1] 1"},
		// The float32 nearest to a third is not less than itself, and a double third is.
		{"a threshold of float32", exact, []*tensor.Tensor{of([]int{1, 1}, float32(third))}, "float32[1×1] 2"},
		{"a double below it", exact, []*tensor.Tensor{doubles([]int{1, 1}, 1.0/3)}, "float32[1×1] 1"},
		{"a double that float32 rounds to it", exact, []*tensor.Tensor{doubles([]int{1, 1}, math.Nextafter(third, 0))}, "float32[1×1] 1"},
		{"a double output", typed, []*tensor.Tensor{doubles([]int{1, 1}, 9)}, "float64[1×1] 2"},
		// −1: 1 and 10; 1: 2 and 10.
		{"sum", joined("SUM", 0.5), []*tensor.Tensor{of([]int{2, 1}, -1, 1)}, "float32[2×1] 11.5 12.5"},
		{"average", joined("AVERAGE", 0.5), []*tensor.Tensor{of([]int{2, 1}, -1, 1)}, "float32[2×1] 6 6.5"},
		{"minimum", joined("MIN", 0.5), []*tensor.Tensor{of([]int{2, 1}, -1, 1)}, "float32[2×1] 1.5 2.5"},
		{"maximum", joined("MAX"), []*tensor.Tensor{of([]int{2, 1}, -1, 9)}, "float32[2×1] 10 20"},
		{"classes", classes, []*tensor.Tensor{of([]int{2, 1}, 1, 3)}, "string[2] c a; float32[2×3] 0.2 0 0.8 0.5 0.5 0"},
		// e^0.2 : 1 : e^0.8 = 1.2214 : 1 : 2.2255.
		{"softmax", softmax, []*tensor.Tensor{of([]int{1, 1}, 1)}, "string[1] c; float32[1×3] 0.27466 0.22487 0.50047"},
		// As LightGBM and XGBoost export: one score, whose logistic is the second class's.
		{"logistic", binary("LOGISTIC", -1, 2), []*tensor.Tensor{of([]int{2, 1}, 1, 3)}, "int64[2] 4 7; float32[2×2] 0.73106 0.26894 0.1192 0.8808"},
		{"logistic above a base value", binary("LOGISTIC", -1, 2, 1.5), []*tensor.Tensor{of([]int{1, 1}, 1)}, "int64[1] 7; float32[1×2] 0.37754 0.62246"},
		{"a probability", binary("NONE", 0.25, 0.75), []*tensor.Tensor{of([]int{2, 1}, 1, 3)}, "int64[2] 4 7; float32[2×2] 0.75 0.25 0.25 0.75"},
		{"one class", ir.TreeEnsemble{Forest: stump(ir.Less, 2, false, vote(0, 0.25), vote(0, 0.75)), Targets: 1, Labels: &ir.Labels{Ints: []int64{1}}, Post: "NONE"}, []*tensor.Tensor{of([]int{2, 1}, 1, 3)}, "int64[2] 0 1; float32[2×2] 0.75 0.25 0.25 0.75"},
		{"one class without votes", ir.TreeEnsemble{Targets: 1, Labels: &ir.Labels{Ints: []int64{1}}, Post: "NONE"}, []*tensor.Tensor{of([]int{1, 1}, 1)}, "int64[1] 0; float32[1×2] 1 0"},
		{"a margin", binary("NONE", -1, 2), []*tensor.Tensor{of([]int{2, 1}, 1, 3)}, "int64[2] 4 7; float32[2×2] 1 -1 -2 2"},
		// The approximation's value of √2·erf⁻¹(0.5), which is 0.67449.
		{"probit", ir.TreeEnsemble{Forest: stump(ir.Less, 2, false, vote(0, 0.75), vote(0, 0.5)), Targets: 1, Post: "PROBIT"}, []*tensor.Tensor{column}, "float32[3×1] 0.67457 0 0"},
		// 0 stays 0·e^−max; e^0 : e^−1.
		{"softmax of zero", ir.LinearModel{Coefficients: []float64{1, 1, 1}, Intercepts: []float64{0, 1, 2}, Targets: 3, Post: "SOFTMAX_ZERO"}, []*tensor.Tensor{of([]int{1, 1}, 0)}, "float32[1×3] 0 0.26894 0.73106"},
	})
}

func TestHostileTreesAreRefused(t *testing.T) {
	leaf := [][]ir.Vote{vote(0, 1)}
	for name, c := range map[string]struct {
		f    ir.Forest
		node int
		want string
	}{
		"a missing node":   {ir.Forest{Nodes: []ir.Branch{{True: 1, False: ^0}}, Leaves: leaf}, 0, "child is missing"},
		"a missing leaf":   {ir.Forest{Nodes: []ir.Branch{{True: ^0, False: ^1}}, Leaves: leaf}, 0, "child is missing"},
		"a missing root":   {ir.Forest{Leaves: leaf, Roots: []int{0}}, -1, "root is missing"},
		"itself":           {ir.Forest{Nodes: []ir.Branch{{True: 0, False: ^0}}, Leaves: leaf}, 0, "below itself"},
		"a ring":           {ir.Forest{Nodes: []ir.Branch{{True: 1, False: ^0}, {True: ^0, False: 2}, {True: 1, False: ^0}}, Leaves: leaf}, 1, "below itself"},
		"a feature before": {ir.Forest{Nodes: []ir.Branch{{Feature: -1, True: ^0, False: ^0}}, Leaves: leaf}, 0, "feature -1"},
	} {
		if node, err := c.f.Check(); err == nil || node != c.node || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got node %d, %v, want %d, %q", name, node, err, c.node, c.want)
		}
	}
	deep := ir.Forest{Leaves: leaf, Roots: []int{0}}
	for i := range 1 << 20 {
		deep.Nodes = append(deep.Nodes, ir.Branch{True: i + 1, False: i + 1})
	}
	deep.Nodes[len(deep.Nodes)-1] = ir.Branch{True: ^0, False: ^0}
	if _, err := deep.Check(); err != nil {
		t.Errorf("a deep tree whose branches meet again: %v", err)
	}
	if got := deep.Steps(); got != 1<<20+1 {
		t.Errorf("it takes %d steps, want %d", got, 1<<20+1)
	}
}

func TestClassicalModelsByHand(t *testing.T) {
	ab, pq := &ir.Labels{Strings: []string{"a", "b"}}, &ir.Labels{Ints: []int64{3, 5, 8}}
	x := of([]int{2, 2}, 1, 2, -3, 4)
	pair := ir.SVM{
		Kernel: "LINEAR", Vectors: []float64{1, 0, 0, 1}, Coefficients: []float64{1, -1}, Rho: []float64{0.5}, PerClass: []int{1, 1}, Supports: 2,
		Post: "NONE", Labels: ab,
	}
	sure := pair
	sure.ProbA, sure.ProbB = []float64{-1}, []float64{0}
	three := ir.SVM{
		Kernel: "LINEAR", Vectors: []float64{1, 0, 0, 1, 1, 1}, Coefficients: []float64{1, 1, -1, 2, -1, -2}, Rho: []float64{0, 0, 0},
		PerClass: []int{1, 1, 1}, Supports: 3, Post: "NONE", Labels: pq,
	}
	kernel := func(name string) ir.SVM {
		return ir.SVM{Kernel: name, Gamma: 0.5, Coef0: 1, Degree: 2, Vectors: []float64{1, 0}, Coefficients: []float64{2}, Rho: []float64{-1}, Supports: 1, Post: "NONE"}
	}
	oneClass := kernel("LINEAR")
	oneClass.OneClass = true
	linear := ir.SVM{Kernel: "LINEAR", Coefficients: []float64{1, 1, 1, -1, 0, 0}, Rho: []float64{0.5}, Post: "NONE", Labels: pq}
	checkSamples(t, []sample{
		// 1·2 + 2·3 + 0.5, …
		{"regressor", ir.LinearModel{Coefficients: []float64{2, 3, 0, 1}, Intercepts: []float64{0.5, 0}, Targets: 2, Post: "NONE"}, []*tensor.Tensor{x}, "float32[2×2] 8.5 2 6.5 4"},
		{"classifier", ir.LinearModel{Coefficients: []float64{1, 0, 0, 1, 0, 0}, Intercepts: []float64{0, 0, 3}, Targets: 3, Labels: pq, Post: "NONE"}, []*tensor.Tensor{x}, "int64[2] 8 5; float32[2×3] 1 2 3 -3 4 3"},
		{"classifier of integers", ir.LinearModel{Coefficients: []float64{1}, Targets: 1, Labels: ab, Post: "LOGISTIC"}, []*tensor.Tensor{ints([]int{2, 1}, 1, -1)}, "string[2] b a; float32[2×2] 0.26894 0.73106 0.73106 0.26894"},
		{"a single score", ir.LinearModel{Coefficients: []float64{1}, Targets: 1, Labels: &ir.Labels{Ints: []int64{1}}, Post: "NONE"}, []*tensor.Tensor{of([]int{2, 1}, 1, -1)}, "int64[2] 1 0; float32[2×1] 1 -1"},

		// 1·1 − 1·2 + 0.5 = −0.5, so b; −3 − 4 + 0.5.
		{"a pair", pair, []*tensor.Tensor{x}, "string[2] b b; float32[2×2] 0.5 -0.5 6.5 -6.5"},
		// Platt: 1/(1+e^(−s)) of a, 0.37754 for s = −0.5, to which a step of the coupling from ½ comes so near.
		{"a pair's probabilities", sure, []*tensor.Tensor{x}, "string[2] b b; float32[2×2] 0.37554 0.62446 6.7911e-06 0.99999"},
		// K = 1, 2, 3. Of 0 and 1: 1·1 + 1·2; 0 and 2: 2·1 − 1·3; 1 and 2: −1·2 − 2·3 = −8.
		{"three classes vote", three, []*tensor.Tensor{of([]int{1, 2}, 1, 2)}, "int64[1] 8; float32[1×3] 3 -1 -8"},
		{"linear without vectors", linear, []*tensor.Tensor{x}, "int64[2] 3 3; float32[2×3] 3.5 -0.5 0.5 1.5 -6.5 0.5"},
		// K of (1, 0) and (1, 2), (−3, 4): 1, −3.
		{"linear kernel", kernel("LINEAR"), []*tensor.Tensor{x}, "float32[2×1] 1 -7"},
		{"polynomial", kernel("POLY"), []*tensor.Tensor{x}, "float32[2×1] 3.5 -0.5"},
		// e^(−0.5·4), e^(−0.5·32).
		{"radial", kernel("RBF"), []*tensor.Tensor{x}, "float32[2×1] -0.72933 -1"},
		// tanh 1.5, tanh −0.5.
		{"sigmoid", kernel("SIGMOID"), []*tensor.Tensor{x}, "float32[2×1] 0.8103 -1.9242"},
		{"one class", oneClass, []*tensor.Tensor{x}, "float32[2×1] 1 -1"},
	})
}

func TestFeaturesByHand(t *testing.T) {
	nan := math.NaN()
	x := of([]int{2, 2}, 3, -4, 0, 0)
	keys := func(k, v, d *tensor.Tensor) ir.LabelEncoder { return ir.LabelEncoder{Keys: k, Values: v, Default: d} }
	shorts := func(v ...int16) *tensor.Tensor { return must(tensor.Of(v, len(v))) }
	cats := ir.CategoryMapper{Strings: []string{"a", "b"}, Ints: []int64{7, 8}, DefaultString: "_Unused", DefaultInt: -1}
	checkSamples(t, []sample{
		{"scaler", ir.Rescale{Offset: []float64{1, 2}, Scale: []float64{10}}, []*tensor.Tensor{x}, "float32[2×2] 20 -60 -10 -20"},
		{"scaler of integers", ir.Rescale{Offset: []float64{1}, Scale: []float64{0.5}}, []*tensor.Tensor{ints([]int{1, 2}, 2, 3)}, "float32[1×2] 0.5 1"},
		{"L1", ir.RowNorm{Norm: "L1"}, []*tensor.Tensor{x}, "float32[2×2] 0.42857 -0.57143 0 0"},
		{"L2", ir.RowNorm{Norm: "L2"}, []*tensor.Tensor{x}, "float32[2×2] 0.6 -0.8 0 0"},
		{"MAX", ir.RowNorm{Norm: "MAX"}, []*tensor.Tensor{x}, "float32[2×2] 0.75 -1 0 0"},
		{"binarizer", ir.Binarizer{Threshold: 0}, []*tensor.Tensor{x}, "float32[2×2] 1 0 0 0"},
		{"binarizer of integers", ir.Binarizer{Threshold: 1}, []*tensor.Tensor{ints([]int{2}, 1, 2)}, "int64[2] 0 1"},
		{"imputer of what is no number", ir.Imputer{Values: []float64{5, 6}, Replaced: nan}, []*tensor.Tensor{of([]int{2, 2}, float32(nan), 1, 2, float32(nan))}, "float32[2×2] 5 1 2 6"},
		{"imputer of integers", ir.Imputer{Ints: []int64{9}, ReplacedInt: -1}, []*tensor.Tensor{ints([]int{3}, -1, 0, -1)}, "int64[3] 9 0 9"},
		{"vectorizer", ir.FeatureVectorizer{Dimensions: []int{1, 3}}, []*tensor.Tensor{of([]int{2, 2}, 1, 2, 3, 4), ints([]int{2, 2}, 5, 6, 7, 8)}, "float32[2×4] 1 5 6 0 3 7 8 0"},
		{"columns", ir.ArrayFeatureExtractor{}, []*tensor.Tensor{words([]int{2, 3}, "a", "b", "c", "d", "e", "f"), ints([]int{2}, 2, 0)}, "string[2×2] c a f d"},
		{"columns of a vector", ir.ArrayFeatureExtractor{}, []*tensor.Tensor{of([]int{3}, 1, 2, 3), ints([]int{1, 2}, 2, 0)}, "float32[1×2] 3 1"},
		{"one hot", ir.Categories{Of: ir.Labels{Ints: []int64{4, 5}}, Zeros: true}, []*tensor.Tensor{of([]int{3}, 5, 4.5, 6)}, "float32[3×2] 0 1 1 0 0 0"},
		{"one hot of words", ir.Categories{Of: ir.Labels{Strings: []string{"a", "b"}}}, []*tensor.Tensor{words([]int{1, 2}, "b", "a")}, "float32[1×2×2] 0 1 1 0"},
		{"labels", keys(words([]int{3}, "a", "b", "a"), ints([]int{3}, 0, 1, 2), ints([]int{1}, 42)), []*tensor.Tensor{words([]int{4}, "a", "b", "d", "a")}, "int64[4] 0 1 42 0"},
		{"labels of NaN and both zeros", keys(of([]int{2}, float32(nan), 0), words([]int{2}, "none", "zero"), words([]int{1}, "other")), []*tensor.Tensor{of([]int{3}, float32(nan), float32(math.Copysign(0, -1)), 1)}, "string[3] none zero other"},
		{"labels of other types", keys(doubles([]int{1}, 0.1), shorts(7), shorts(-3)), []*tensor.Tensor{doubles([]int{2}, 0.1, 0.2)}, "int16[2] 7 -3"},
		{"categories of words", cats, []*tensor.Tensor{words([]int{3}, "b", "a", "z")}, "int64[3] 8 7 -1"},
		{"categories of numbers", cats, []*tensor.Tensor{ints([]int{2}, 7, 1)}, "string[2] a _Unused"},
	})
}

func TestMapsByHand(t *testing.T) {
	run := func(op ir.Operator, in tensor.Value) tensor.Value {
		t.Helper()
		out, err := reference.Evaluate(new(ir.Watch), op, []tensor.Value{in})
		if err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	zipped := run(ir.ZipMap{Labels: ir.Labels{Strings: []string{"no", "yes"}}}, of([]int{2, 2}, 0.25, 0.75, 1, 0)).(*tensor.Sequence)
	if got := zipped.Type().String(); got != "sequence(map(string, float32))" || len(zipped.Values) != 2 {
		t.Fatalf("got %d of %s", len(zipped.Values), got)
	}
	first := zipped.Values[0].(*tensor.Map)
	if got := writtenOf(first.Keys) + writtenOf(first.Values); got != "string[2] no yesfloat32[2] 0.25 0.75" {
		t.Errorf("got %s", got)
	}
	if got := writtenOf(run(ir.DictVectorizer{Vocabulary: ir.Labels{Strings: []string{"yes", "maybe"}}}, first).(*tensor.Tensor)); got != "float32[1×2] 0.75 0" {
		t.Errorf("got %s", got)
	}
	counted := &tensor.Map{Keys: ints([]int{2}, 3, 1), Values: words([]int{2}, "2.5", "-1")}
	for _, c := range []struct {
		op   ir.CastMap
		want string
	}{
		{ir.CastMap{To: tensor.Float32}, "float32[1×2] -1 2.5"},
		{ir.CastMap{To: tensor.Int64, Sparse: true, Max: 5}, "int64[1×5] 0 -1 0 2 0"},
		{ir.CastMap{To: tensor.String}, "string[1×2] -1 2.5"},
	} {
		if got := writtenOf(run(c.op, counted).(*tensor.Tensor)); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestClassicalRefusals(t *testing.T) {
	x := of([]int{1, 2}, 1, 2)
	asks := stump(ir.Less, 0, false, vote(0, 1), vote(0, 2))
	asks.Nodes[0].Feature = 2
	tall := ir.SVM{Kernel: "RBF", Vectors: []float64{1}, Coefficients: []float64{1}, Rho: []float64{0}, Supports: 1}
	for name, c := range map[string]struct {
		op   ir.Operator
		in   *tensor.Tensor
		want string
	}{
		"a feature beyond":    {ir.TreeEnsemble{Forest: asks, Targets: 1}, x, "the trees ask about 3 features"},
		"a tensor of three":   {ir.TreeEnsemble{Forest: asks, Targets: 1}, count(1, 1, 3), "want N×C or C"},
		"words":               {ir.TreeEnsemble{Forest: asks, Targets: 1}, words([]int{1, 3}, "a", "b", "c"), "input 0 (X) is string"},
		"other columns":       {ir.LinearModel{Coefficients: []float64{1}, Targets: 1}, x, "1 coefficients are not 1 for each of 2 columns"},
		"short vectors":       {tall, x, "support_vectors has 1 elements, want 1 of 2 columns"},
		"offsets":             {ir.Rescale{Offset: []float64{1, 2, 3}, Scale: []float64{1}}, x, "attribute offset has 3 elements, want 1 or 2"},
		"no imputed value":    {ir.Imputer{}, x, "imputed_value_floats has 0 elements"},
		"no such category":    {ir.Categories{Of: ir.Labels{Ints: []int64{1}}}, x, "2 is no category"},
		"no such word":        {ir.Categories{Of: ir.Labels{Strings: []string{"a"}}}, words([]int{1}, "b"), `"b" is no category`},
		"keys of another":     {ir.LabelEncoder{Keys: ints([]int{1}, 1), Values: ints([]int{1}, 1), Default: ints([]int{1}, 1)}, x, "input 0 (X) is float32; supported is int64"},
		"labels":              {ir.ZipMap{Labels: ir.Labels{Ints: []int64{1}}}, x, "there are 1 labels"},
		"a tensor for a map":  {ir.DictVectorizer{Vocabulary: ir.Labels{Ints: []int64{1}}}, x, "input 0 (X) is a float32, want a map of int64"},
		"a tensor for a cast": {ir.CastMap{}, x, "input 0 (X) is a float32, want a map"},
	} {
		_, err := reference.Evaluate(new(ir.Watch), c.op, []tensor.Value{c.in})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	_, err := reference.Eval(ir.ArrayFeatureExtractor{}, []*tensor.Tensor{x, ints([]int{1}, 2)})
	if err == nil || !strings.Contains(err.Error(), "input 1 (Y): 2 is outside 0…1") {
		t.Errorf("a column beyond: got %v", err)
	}
}
