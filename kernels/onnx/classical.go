package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// classical are the operators of ai.onnx.ml.
var classical = family{
	"ArrayFeatureExtractor": plain(ir.ArrayFeatureExtractor{}),
	"Binarizer":             func(r *reading) ir.Operator { return ir.Binarizer{Threshold: float64(r.float("threshold", 0))} },
	"CastMap":               castMap,
	"CategoryMapper":        categoryMapper,
	"DictVectorizer": func(r *reading) ir.Operator {
		return ir.DictVectorizer{Vocabulary: r.labels("int64_vocabulary", "string_vocabulary")}
	},
	"FeatureVectorizer":      func(r *reading) ir.Operator { return ir.FeatureVectorizer{Dimensions: r.list("inputdimensions")} },
	"Imputer":                imputer,
	"LabelEncoder":           labelEncoder,
	"LinearClassifier":       linearClassifier,
	"LinearRegressor":        linearRegressor,
	"Normalizer":             func(r *reading) ir.Operator { return ir.RowNorm{Norm: r.choice("norm", "MAX", "MAX", "L1", "L2")} },
	"OneHotEncoder":          oneHotEncoder,
	"SVMClassifier":          svmClassifier,
	"SVMRegressor":           svmRegressor,
	"Scaler":                 scaler,
	"TreeEnsemble":           treeEnsemble,
	"TreeEnsembleClassifier": treeClassifier,
	"TreeEnsembleRegressor":  treeRegressor,
	"ZipMap": func(r *reading) ir.Operator {
		return ir.ZipMap{Labels: r.labels("classlabels_int64s", "classlabels_strings")}
	},
}

// labels reads a list of ints or strings, one of which must be given.
func (r *reading) labels(ints, strings string) ir.Labels {
	l := ir.Labels{Ints: r.int64s(ints)}
	l.Strings, _ = r.texts(strings)
	if (len(l.Ints) > 0) == (len(l.Strings) > 0) {
		r.fail(fmt.Errorf("one of the attributes %q and %q is wanted", ints, strings))
	}
	return l
}

// float64s reads floats; none if they are absent.
func (r *reading) float64s(name string) []float64 {
	list, _ := r.floats(name)
	return widened(list)
}

func scaler(r *reading) ir.Operator {
	op := ir.Rescale{Offset: r.float64s("offset"), Scale: r.float64s("scale")}
	if len(op.Offset) == 0 {
		op.Offset = []float64{0}
	}
	if len(op.Scale) == 0 {
		op.Scale = []float64{1}
	}
	return op
}

func imputer(r *reading) ir.Operator {
	return ir.Imputer{
		Values: r.float64s("imputed_value_floats"), Ints: r.int64s("imputed_value_int64s"),
		Replaced: float64(r.float("replaced_value_float", 0)), ReplacedInt: int64(r.int("replaced_value_int64", 0)),
	}
}

func oneHotEncoder(r *reading) ir.Operator {
	return ir.Categories{Of: r.labels("cats_int64s", "cats_strings"), Zeros: r.int("zeros", 1) != 0}
}

func linearRegressor(r *reading) ir.Operator {
	return ir.LinearModel{
		Coefficients: r.float64s("coefficients"), Intercepts: r.float64s("intercepts"), Targets: r.int("targets", 1),
		Post: r.choice("post_transform", "NONE", postTransforms...),
	}
}

// linearClassifier has as many targets as intercepts, or else as classes; one of two
// classes is the other's opposite.
func linearClassifier(r *reading) ir.Operator {
	labels := r.classLabels("classlabels_ints", "classlabels_strings")
	r.skip("multi_class") // the scores are the same
	r.required("coefficients")
	op := ir.LinearModel{
		Coefficients: r.float64s("coefficients"), Intercepts: r.float64s("intercepts"),
		Post: r.choice("post_transform", "NONE", postTransforms...), Labels: &labels,
	}
	if op.Targets = len(op.Intercepts); op.Targets == 0 {
		op.Targets = labels.Len()
	}
	if n := labels.Len(); n != 0 && op.Targets != n && !(op.Targets == 1 && n <= 2) {
		r.fail(fmt.Errorf("%d intercepts do not fit %d classes", op.Targets, n))
	}
	if labels.Len() == 0 { // numbered
		labels.Ints = []int64{1}
		for i := 0; op.Targets > 1 && i < op.Targets; i++ {
			labels.Ints = append(labels.Ints[:i:i], int64(i))
		}
	}
	return op
}

// classLabels reads labels that may be absent.
func (r *reading) classLabels(ints, strings string) ir.Labels {
	l := ir.Labels{Ints: r.int64s(ints)}
	l.Strings, _ = r.texts(strings)
	if len(l.Ints) > 0 && len(l.Strings) > 0 {
		r.fail(fmt.Errorf("attributes %q and %q are both given", ints, strings))
	}
	return l
}

func svmClassifier(r *reading) ir.Operator {
	labels := r.labels("classlabels_ints", "classlabels_strings")
	op := r.svm()
	op.Labels, op.PerClass = &labels, r.list("vectors_per_class")
	op.ProbA, op.ProbB = r.float64s("prob_a"), r.float64s("prob_b")
	for _, n := range op.PerClass {
		if n < 0 || n > len(op.Vectors) {
			r.fail(fmt.Errorf("attribute %q has %d, outside 0…%d", "vectors_per_class", n, len(op.Vectors)))
			return op
		}
		op.Supports += n
	}
	return op
}

func svmRegressor(r *reading) ir.Operator {
	op := r.svm()
	op.OneClass, op.Supports = r.flag("one_class", false), r.int("n_supports", 0)
	if op.Supports < 0 || op.Supports > len(op.Vectors) {
		r.fail(fmt.Errorf("attribute %q is %d, outside 0…%d", "n_supports", op.Supports, len(op.Vectors)))
	}
	return op
}

// svm reads what both machines share.
func (r *reading) svm() ir.SVM {
	op := ir.SVM{
		Kernel:  r.choice("kernel_type", "LINEAR", "LINEAR", "POLY", "RBF", "SIGMOID"),
		Vectors: r.float64s("support_vectors"), Coefficients: r.float64s("coefficients"), Rho: r.float64s("rho"),
		Post: r.choice("post_transform", "NONE", postTransforms...),
	}
	if p := r.float64s("kernel_params"); len(p) == 3 {
		op.Gamma, op.Coef0, op.Degree = p[0], p[1], math.Trunc(p[2])
	} else if len(p) != 0 {
		r.fail(fmt.Errorf("attribute %q has %d values, want 3", "kernel_params", len(p)))
	}
	return op
}

func categoryMapper(r *reading) ir.Operator {
	op := ir.CategoryMapper{Ints: r.int64s("cats_int64s"), DefaultString: r.text("default_string", "_Unused"), DefaultInt: int64(r.int("default_int64", -1))}
	op.Strings, _ = r.texts("cats_strings")
	if len(op.Strings) != len(op.Ints) {
		r.fail(fmt.Errorf("attributes cats_strings and cats_int64s have %d and %d values, want as many", len(op.Strings), len(op.Ints)))
	}
	return op
}

// labelEncoder: since 2 there are keys and values, since 4 they may be tensors.
func labelEncoder(r *reading) ir.Operator {
	if r.opset < 2 {
		op := ir.CategoryMapper{DefaultString: r.text("default_string", "_Unused"), DefaultInt: int64(r.int("default_int64", -1))}
		op.Strings, _ = r.texts("classes_strings")
		for i := range op.Strings {
			op.Ints = append(op.Ints, int64(i))
		}
		return op
	}
	op := ir.LabelEncoder{Keys: r.onlyGiven("keys"), Values: r.onlyGiven("values")}
	if r.err != nil {
		return op
	}
	if len(op.Keys.Shape()) != 1 || !op.Keys.Shape().Equal(op.Values.Shape()) {
		r.fail(fmt.Errorf("the keys are %v and the values %v, want vectors of one length", op.Keys, op.Values))
		return op
	}
	op.Default = r.defaultOf(op.Values.DType())
	return op
}

// onlyGiven reads the only given of four attributes of a list.
func (r *reading) onlyGiven(name string) *tensor.Tensor {
	var given []*tensor.Tensor
	add := func(t *tensor.Tensor, err error) {
		r.fail(err)
		given = append(given, t)
	}
	if v, ok := r.texts(name + "_strings"); ok && len(v) > 0 {
		add(tensor.Of(slices.Clone(v), len(v)))
	}
	if v, ok := r.ints(name + "_int64s"); ok && len(v) > 0 {
		add(tensor.Of(slices.Clone(v), len(v)))
	}
	if v, ok := r.floats(name + "_floats"); ok && len(v) > 0 {
		add(tensor.Of(slices.Clone(v), len(v)))
	}
	if t := r.tensor(name + "_tensor"); t != nil {
		add(t, nil)
	}
	if len(given) != 1 {
		r.fail(fmt.Errorf("one of the attributes %[1]s_strings, %[1]s_int64s, %[1]s_floats and %[1]s_tensor is wanted; %[2]d are given", name, len(given)))
		return nil
	}
	return given[0]
}

// defaultOf is the value of what is no key.
func (r *reading) defaultOf(dtype tensor.DType) *tensor.Tensor {
	words, whole, number := r.text("default_string", "_Unused"), int64(r.int("default_int64", -1)), r.float("default_float", float32(math.Copysign(0, -1)))
	var t *tensor.Tensor
	var err error
	if t = r.tensor("default_tensor"); t != nil {
		if t.DType() != dtype || t.Len() != 1 {
			r.fail(fmt.Errorf("attribute %q is %v, want one %v", "default_tensor", t, dtype))
		}
		return t
	}
	switch dtype {
	case tensor.String:
		t, err = tensor.Of([]string{words}, 1)
	case tensor.Int64:
		t, err = tensor.Of([]int64{whole}, 1)
	case tensor.Int32:
		t, err = tensor.Of([]int32{int32(whole)}, 1)
	case tensor.Int16:
		t, err = tensor.Of([]int16{int16(whole)}, 1)
	case tensor.Float32:
		t, err = tensor.Of([]float32{number}, 1)
	default:
		t, err = tensor.New(dtype, 1)
	}
	r.fail(err)
	return t
}

func castMap(r *reading) ir.Operator {
	to := map[string]tensor.DType{"TO_FLOAT": tensor.Float32, "TO_STRING": tensor.String, "TO_INT64": tensor.Int64}
	op := ir.CastMap{
		To:     to[r.choice("cast_to", "TO_FLOAT", "TO_FLOAT", "TO_STRING", "TO_INT64")],
		Sparse: r.choice("map_form", "DENSE", "DENSE", "SPARSE") == "SPARSE",
		Max:    r.int("max_map", 1),
	}
	if op.Sparse && (op.Max < 1 || op.Max > ir.MaxValueBytes/16) {
		r.fail(fmt.Errorf("attribute %q is %d, outside 1…%d", "max_map", op.Max, ir.MaxValueBytes/16))
	}
	return op
}
