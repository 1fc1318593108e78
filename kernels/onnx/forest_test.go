package onnx_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// classical is a model of one node of ai.onnx.ml.
func classical(opset int64, op string, attributes ...onnx.Attribute) *onnx.Model {
	m := single(21, op, []string{"x"}, attributes...)
	m.Opsets = append(m.Opsets, onnx.Opset{Domain: "ai.onnx.ml", Version: opset})
	m.Graph.Nodes[0].Domain = "ai.onnx.ml"
	return m
}

// stumpAttrs are one tree: is feature 1 less than 0.5? Its attributes can be
// replaced by name.
func stumpAttrs(votes string, others ...onnx.Attribute) []onnx.Attribute {
	attrs := []onnx.Attribute{
		intsAttr("nodes_treeids", 0, 0, 0), intsAttr("nodes_nodeids", 0, 1, 2), intsAttr("nodes_featureids", 1, 0, 0),
		intsAttr("nodes_truenodeids", 1, 0, 0), intsAttr("nodes_falsenodeids", 2, 0, 0), floatsAttr("nodes_values", 0.5, 0, 0),
		stringsAttr("nodes_modes", "BRANCH_LT", "LEAF", "LEAF"), intsAttr("nodes_missing_value_tracks_true", 1, 0, 0),
		intsAttr(votes+"_treeids", 0, 0), intsAttr(votes+"_nodeids", 1, 2), intsAttr(votes+"_ids", 0, 0), floatsAttr(votes+"_weights", 3, 4),
	}
	return replaced(attrs, others...)
}

func replaced(attrs []onnx.Attribute, others ...onnx.Attribute) []onnx.Attribute {
	for _, o := range others {
		found := false
		for i := range attrs {
			if attrs[i].Name == o.Name {
				attrs[i], found = o, true
			}
		}
		if !found {
			attrs = append(attrs, o)
		}
	}
	return attrs
}

func doublesOf(v ...float64) onnx.Tensor {
	t := onnx.Tensor{Type: 11, Dims: []int64{int64(len(v))}}
	for _, x := range v {
		b := math.Float64bits(x)
		for i := range 8 {
			t.Raw = append(t.Raw, byte(b>>(8*i)))
		}
	}
	return t
}

func TestTreesAreReadAsAForest(t *testing.T) {
	one := ir.Forest{
		Nodes:  []ir.Branch{{Mode: ir.Less, Feature: 1, Value: 0.5, MissingTrue: true, True: ^0, False: ^1}},
		Leaves: [][]ir.Vote{{{Target: 0, Weight: 3}}, {{Target: 0, Weight: 4}}}, Roots: []int{0},
	}
	precise := one
	precise.Nodes = []ir.Branch{{Mode: ir.Less, Feature: 1, Value: 0.1, MissingTrue: true, True: ^0, False: ^1}}
	asked := []onnx.Attribute{
		intAttr("n_targets", 1), intsAttr("tree_roots", 0), intsAttr("nodes_featureids", 0, 0), tensorAttr("nodes_splits", doublesOf(2, 0)),
		tensorAttr("nodes_modes", onnx.Tensor{Type: 2, Dims: []int64{2}, Raw: []byte{0, 6}}),
		intsAttr("nodes_truenodeids", 1, 0), intsAttr("nodes_trueleafs", 0, 1), intsAttr("nodes_falsenodeids", 1, 1), intsAttr("nodes_falseleafs", 1, 1),
		intsAttr("leaf_targetids", 0, 0), tensorAttr("leaf_weights", doublesOf(3, 4)), tensorAttr("membership_values", doublesOf(1, 7, math.NaN())),
	}
	for _, c := range []struct {
		name  string
		model *onnx.Model
		want  ir.TreeEnsemble
	}{
		{"regressor", classical(1, "TreeEnsembleRegressor", stumpAttrs("target", floatsAttr("base_values", 0.5), stringAttr("aggregate_function", "MAX"))...),
			ir.TreeEnsemble{Forest: one, Targets: 1, Aggregate: "MAX", Base: []float64{0.5}, Post: "NONE"}},
		{"classifier of doubles", classical(3, "TreeEnsembleClassifier", replaced(stumpAttrs("class", stringsAttr("classlabels_strings", "a", "b"),
			tensorAttr("nodes_values_as_tensor", doublesOf(0.1, 0, 0)), floatsAttr("nodes_values")))...),
			ir.TreeEnsemble{Forest: precise, Targets: 2, Aggregate: "SUM", Base: []float64{}, Post: "NONE", Labels: &ir.Labels{Strings: []string{"a", "b"}}}},
		{"TreeEnsemble", classical(5, "TreeEnsemble", asked...),
			ir.TreeEnsemble{Targets: 1, Aggregate: "SUM", Post: "NONE", Typed: true, Forest: ir.Forest{
				Nodes:  []ir.Branch{{Value: 2, True: 1, False: ^1}, {Mode: ir.Member, Members: []float64{1, 7}, True: ^0, False: ^1}},
				Leaves: one.Leaves, Roots: []int{0},
			}}},
	} {
		g, err := read(t, c.model)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got := g.Nodes[0].Op; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v\nwant %#v", c.name, got, c.want)
		}
	}
}

func TestHostileForestsAreRefusedByTheirNodes(t *testing.T) {
	regressor := func(others ...onnx.Attribute) *onnx.Model {
		return classical(3, "TreeEnsembleRegressor", stumpAttrs("target", others...)...)
	}
	for name, c := range map[string]struct {
		model *onnx.Model
		want  string
	}{
		"a cycle":           {regressor(intsAttr("nodes_truenodeids", 0, 0, 0)), "node 0 of tree 0: it is below itself"},
		"a missing child":   {regressor(intsAttr("nodes_falsenodeids", 9, 0, 0)), "node 0 of tree 0: its child 9 is missing"},
		"a node twice":      {regressor(intsAttr("nodes_nodeids", 0, 1, 1)), "node 1 of tree 0 is given twice"},
		"a target":          {regressor(intsAttr("target_ids", 0, 1)), "node 2 of tree 0: its target or class 1 is outside 0…0"},
		"a weight of none":  {regressor(intsAttr("target_nodeids", 1, 7)), "node 7 of tree 0, which is missing"},
		"a feature":         {regressor(intsAttr("nodes_featureids", -1, 0, 0)), "node 0 of tree 0: its feature -1"},
		"a short list":      {regressor(floatsAttr("nodes_values", 1)), `"nodes_values" has 1 values, and nodes_nodeids 3`},
		"a mode":            {regressor(stringsAttr("nodes_modes", "BRANCH_MAYBE", "LEAF", "LEAF")), `its mode "BRANCH_MAYBE" is unknown`},
		"base values":       {regressor(floatsAttr("base_values", 1, 2, 3)), "base_values has 3 values, want 1"},
		"floats twice":      {regressor(tensorAttr("nodes_values_as_tensor", doublesOf(1, 2, 3))), `"nodes_values" and "nodes_values_as_tensor" are both given`},
		"no classes":        {classical(3, "TreeEnsembleClassifier", stumpAttrs("class")...), `"classlabels_int64s" and "classlabels_strings" is wanted`},
		"a leaf beyond":     {classical(5, "TreeEnsemble", intsAttr("nodes_featureids", 0), tensorAttr("nodes_splits", doublesOf(2)), tensorAttr("nodes_modes", doublesOf(0)), intsAttr("nodes_truenodeids", 1), intsAttr("nodes_trueleafs", 1), intsAttr("nodes_falsenodeids", 0), intsAttr("nodes_falseleafs", 1), intsAttr("leaf_targetids", 0), tensorAttr("leaf_weights", doublesOf(1)), intsAttr("tree_roots", 0)), "node 0: its child 1 is missing"},
		"labels of another": {classical(2, "LabelEncoder", stringsAttr("keys_strings", "a"), intsAttr("values_int64s", 1, 2)), "want vectors of one length"},
		"no keys":           {classical(2, "LabelEncoder", intsAttr("values_int64s", 1)), "keys_tensor is wanted; 0 are given"},
		"supports":          {classical(1, "SVMRegressor", intAttr("n_supports", 1<<40)), `"n_supports" is 1099511627776`},
	} {
		if _, err := read(t, c.model); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestEveryOperatorSetOfClassicalModels(t *testing.T) {
	texts := func(v ...string) *tensor.Tensor { return mustTensor(tensor.Of(v, len(v))) }
	wholes := func(v ...int64) *tensor.Tensor { return mustTensor(tensor.Of(v, len(v))) }
	shorts := mustTensor(tensor.Of([]int16{5, 6}, 2))
	for _, c := range []struct {
		name  string
		model *onnx.Model
		want  ir.Operator
	}{
		{"LabelEncoder at 1", classical(1, "LabelEncoder", stringsAttr("classes_strings", "a", "b")), ir.CategoryMapper{Strings: []string{"a", "b"}, Ints: []int64{0, 1}, DefaultString: "_Unused", DefaultInt: -1}},
		{"LabelEncoder at 2", classical(2, "LabelEncoder", stringsAttr("keys_strings", "a", "b"), intsAttr("values_int64s", 3, 4)),
			ir.LabelEncoder{Keys: texts("a", "b"), Values: wholes(3, 4), Default: wholes(-1)}},
		{"LabelEncoder at 4", classical(4, "LabelEncoder", intsAttr("keys_int64s", 1, 2),
			tensorAttr("values_tensor", onnx.Tensor{Type: 5, Dims: []int64{2}, Raw: []byte{5, 0, 6, 0}}), tensorAttr("default_tensor", onnx.Tensor{Type: 5, Dims: []int64{1}, Raw: []byte{9, 0}})),
			ir.LabelEncoder{Keys: wholes(1, 2), Values: shorts, Default: mustTensor(tensor.Of([]int16{9}, 1))}},
		{"Scaler without lists", classical(1, "Scaler"), ir.Rescale{Offset: []float64{0}, Scale: []float64{1}}},
		{"LinearClassifier", classical(1, "LinearClassifier", floatsAttr("coefficients", 1, 2), floatsAttr("intercepts", 3), intsAttr("classlabels_ints", 0, 1), intAttr("multi_class", 1), stringAttr("post_transform", "LOGISTIC")),
			ir.LinearModel{Coefficients: []float64{1, 2}, Intercepts: []float64{3}, Targets: 1, Post: "LOGISTIC", Labels: &ir.Labels{Ints: []int64{0, 1}}}},
		{"CastMap", classical(1, "CastMap", stringAttr("cast_to", "TO_INT64"), stringAttr("map_form", "SPARSE"), intAttr("max_map", 3)), ir.CastMap{To: tensor.Int64, Sparse: true, Max: 3}},
	} {
		g, err := read(t, c.model)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got := g.Nodes[0].Op; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v\nwant %#v", c.name, got, c.want)
		}
	}
}

func mustTensor(t *tensor.Tensor, err error) *tensor.Tensor {
	if err != nil {
		panic(err)
	}
	return t
}
