package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// LinearModel is a linear function of each row, and with Labels the class of the
// largest. Input: X [N×C], of which a vector is one row. Outputs are TreeEnsemble's. (ONNX
// ai.onnx.ml LinearClassifier-1, LinearRegressor-1.)
type LinearModel struct {
	Coefficients []float64 // [Targets×C]
	Intercepts   []float64 // [Targets], or none
	Targets      int
	Post         string // as TreeEnsemble's
	Labels       *Labels
}

// Type is "LinearClassifier" or "LinearRegressor".
func (op LinearModel) Type() string {
	if op.Labels != nil {
		return "LinearClassifier"
	}
	return "LinearRegressor"
}

// Infer checks X's columns against the coefficients.
func (op LinearModel) Infer(in []Info) ([]Info, error) {
	n, columns, err := table(in, "X", classicalNumbers)
	if err != nil {
		return nil, err
	}
	if want, err := scaled(op.Targets, columns); op.Targets < 1 || err != nil || len(op.Coefficients) != want {
		return nil, fmt.Errorf("%d coefficients are not %d for each of %d columns of X %v", len(op.Coefficients), op.Targets, columns, in[0].Shape)
	}
	if len(op.Intercepts) != 0 && len(op.Intercepts) != op.Targets {
		return nil, fmt.Errorf("%d intercepts, want %d", len(op.Intercepts), op.Targets)
	}
	if op.Labels == nil {
		return result(tensor.Float32, tensor.Shape{n, op.Targets})
	}
	return labelled(n, *op.Labels, op.Scores()), nil
}

// Scores is how many a classifier gives a row: of one target and two classes, two.
func (op LinearModel) Scores() int {
	if op.Targets == 1 && op.Labels.Len() == 2 {
		return 2
	}
	return op.Targets
}

// SVM is a support vector machine. Input: X [N×C], of which a vector is one row.
// Outputs are TreeEnsemble's. (ONNX ai.onnx.ml SVMClassifier-1, SVMRegressor-1; the
// classifier is libsvm's.)
type SVM struct {
	Kernel               string // LINEAR, POLY, RBF or SIGMOID
	Gamma, Coef0, Degree float64
	Vectors              []float64 // [supports×C]
	Coefficients         []float64 // [classes−1×supports], [supports]; without vectors [classes×C], [C]
	Rho                  []float64
	ProbA, ProbB         []float64 // of each pair of classes, or none
	PerClass             []int     // supports of each class
	Supports             int
	OneClass             bool
	Post                 string
	Labels               *Labels // of a classifier
}

// Type is "SVMClassifier" or "SVMRegressor".
func (op SVM) Type() string {
	if op.Labels != nil {
		return "SVMClassifier"
	}
	return "SVMRegressor"
}

// Classes is how many a classifier tells apart.
func (op SVM) Classes() int { return max(op.Labels.Len(), 1) }

// Infer checks the lengths of all attributes against X's columns.
func (op SVM) Infer(in []Info) ([]Info, error) {
	n, columns, err := table(in, "X", classicalNumbers)
	if err != nil {
		return nil, err
	}
	if want, err := scaled(op.Supports, columns); err != nil || len(op.Vectors) != want {
		return nil, fmt.Errorf("support_vectors has %d elements, want %d of %d columns of X %v", len(op.Vectors), op.Supports, columns, in[0].Shape)
	}
	coefficients, rho := op.Supports, 1
	if op.Supports == 0 {
		coefficients = columns
	}
	if op.Labels != nil {
		classes := op.Classes()
		switch {
		case op.Supports == 0:
			coefficients, err = scaled(classes, columns)
		case len(op.PerClass) != classes:
			return nil, fmt.Errorf("vectors_per_class has %d values, want %d", len(op.PerClass), classes)
		default:
			coefficients, err = scaled(classes-1, op.Supports)
			rho = classes * (classes - 1) / 2
		}
	}
	if err != nil || len(op.Coefficients) != coefficients {
		return nil, fmt.Errorf("coefficients has %d elements, want %d", len(op.Coefficients), coefficients)
	}
	if len(op.Rho) < rho || len(op.ProbA) != len(op.ProbB) || len(op.ProbA) != 0 && len(op.ProbA) < rho {
		return nil, fmt.Errorf("rho has %d, prob_a %d and prob_b %d values, want %d", len(op.Rho), len(op.ProbA), len(op.ProbB), rho)
	}
	if op.Labels == nil {
		return result(tensor.Float32, tensor.Shape{n, 1})
	}
	return labelled(n, *op.Labels, op.Scores()), nil
}

// Scores is how many a classifier gives a row: of two classes, two.
func (op SVM) Scores() int {
	classes := op.Classes()
	switch {
	case op.Supports == 0 || len(op.ProbA) > 0 || classes == 2:
		return classes
	}
	return classes * (classes - 1) / 2
}

// Rescale is (X − Offset)·Scale, each of one element or one a column, into float32. (ONNX
// ai.onnx.ml Scaler-1.)
type Rescale struct{ Offset, Scale []float64 }

// Type is "Scaler".
func (Rescale) Type() string { return "Scaler" }

// Infer checks the lists against the columns.
func (op Rescale) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", class: classicalNumbers}); err != nil {
		return nil, err
	}
	if err := perColumn("offset", len(op.Offset), in[0].Shape); err != nil {
		return nil, err
	}
	if err := perColumn("scale", len(op.Scale), in[0].Shape); err != nil {
		return nil, err
	}
	return result(tensor.Float32, in[0].Shape.Clone())
}

// perColumn refuses a list that is neither of one element nor one a column.
func perColumn(name string, n int, x tensor.Shape) error {
	columns := 1
	if len(x) > 0 {
		columns = x[len(x)-1]
	}
	if n != 1 && n != columns {
		return fmt.Errorf("attribute %s has %d elements, want 1 or %d for X %v", name, n, columns, x)
	}
	return nil
}

// RowNorm divides each row by its norm: MAX, L1 or L2, into float32. (ONNX ai.onnx.ml
// Normalizer-1.)
type RowNorm struct{ Norm string }

// Type is "Normalizer".
func (RowNorm) Type() string { return "Normalizer" }

// Infer keeps the shape.
func (RowNorm) Infer(in []Info) ([]Info, error) {
	if _, _, err := table(in, "X", classicalNumbers); err != nil {
		return nil, err
	}
	return result(tensor.Float32, in[0].Shape.Clone())
}

// Binarizer is 1 where X is above the threshold, else 0. (ONNX ai.onnx.ml Binarizer-1.)
type Binarizer struct{ Threshold float64 }

// Type is "Binarizer".
func (Binarizer) Type() string { return "Binarizer" }

// Infer keeps type and shape.
func (Binarizer) Infer(in []Info) ([]Info, error) { return unchanged(in) }

func unchanged(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", class: classicalNumbers}); err != nil {
		return nil, err
	}
	return result(in[0].DType, in[0].Shape.Clone())
}

// Imputer puts values, one or one a column, in place of a value, which may be NaN. For
// floats there are Values, for integers Ints. (ONNX ai.onnx.ml Imputer-1.)
type Imputer struct {
	Values      []float64
	Ints        []int64
	Replaced    float64
	ReplacedInt int64
}

// Type is "Imputer".
func (Imputer) Type() string { return "Imputer" }

// Infer keeps type and shape.
func (op Imputer) Infer(in []Info) ([]Info, error) {
	out, err := unchanged(in)
	if err != nil {
		return nil, err
	}
	name, n := "imputed_value_floats", len(op.Values)
	if in[0].DType.IsInteger() {
		name, n = "imputed_value_int64s", len(op.Ints)
	}
	return out, perColumn(name, n, in[0].Shape)
}

// Categories is 1 at the place of X's element in a list, else 0, in a new last dimension of
// float32. An element that is not listed is refused, unless Zeros. (ONNX
// ai.onnx.ml OneHotEncoder-1.)
type Categories struct {
	Of    Labels
	Zeros bool
}

// Type is "OneHotEncoder".
func (Categories) Type() string { return "OneHotEncoder" }

// Infer adds the dimension.
func (op Categories) Infer(in []Info) ([]Info, error) {
	of := classicalNumbers
	if len(op.Of.Strings) > 0 {
		of = class{"string", func(d tensor.DType) bool { return d == tensor.String }}
	}
	if err := operands(in).match(parameter{name: "X", class: of}); err != nil {
		return nil, err
	}
	return result(tensor.Float32, append(in[0].Shape.Clone(), op.Of.Len()))
}

// LabelEncoder maps each element of X, a key, to the value at its place in a list.
// NaN is a key as any other. (ONNX ai.onnx.ml LabelEncoder-4.)
type LabelEncoder struct {
	Keys, Values *tensor.Tensor // vectors of one length
	Default      *tensor.Tensor // one element: the value of what is no key
}

// Type is "LabelEncoder".
func (LabelEncoder) Type() string { return "LabelEncoder" }

// Infer keeps the shape.
func (op LabelEncoder) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", dtype: op.Keys.DType()}); err != nil {
		return nil, err
	}
	return result(op.Values.DType(), in[0].Shape.Clone())
}

// CategoryMapper maps strings to integers, and integers to strings. (ONNX ai.onnx.ml
// CategoryMapper-1; LabelEncoder-1 is one with the places as integers.)
type CategoryMapper struct {
	Strings       []string
	Ints          []int64
	DefaultString string
	DefaultInt    int64
}

// Type is "CategoryMapper".
func (CategoryMapper) Type() string { return "CategoryMapper" }

// Infer exchanges the types.
func (op CategoryMapper) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X"}); err != nil {
		return nil, err
	}
	switch in[0].DType {
	case tensor.String:
		return result(tensor.Int64, in[0].Shape.Clone())
	case tensor.Int64:
		return result(tensor.String, in[0].Shape.Clone())
	}
	return nil, fmt.Errorf("input 0 (X) is %v; supported are string and int64", in[0].DType)
}

// ArrayFeatureExtractor takes columns of X by int64 indices. Output: [rows…×indices], of a
// vector [1×indices]. (ONNX ai.onnx.ml ArrayFeatureExtractor-1.)
type ArrayFeatureExtractor struct{}

// Type is "ArrayFeatureExtractor".
func (ArrayFeatureExtractor) Type() string { return "ArrayFeatureExtractor" }

// Infer counts the indices.
func (ArrayFeatureExtractor) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X"}, parameter{name: "Y", dtype: tensor.Int64}); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) == 0 {
		return nil, fmt.Errorf("input 0 (X) is a scalar, which has no columns")
	}
	n, err := in[1].Shape.Elements()
	if err != nil {
		return nil, err
	}
	if len(x) == 1 {
		return result(in[0].DType, tensor.Shape{1, n})
	}
	return result(in[0].DType, append(x[:len(x)-1].Clone(), n))
}

// FeatureVectorizer joins the columns of its inputs, as many of each as Dimensions
// says: more are cut off, fewer filled with zeros. Output: float32 [N×sum]. (ONNX ai.onnx.ml
// FeatureVectorizer-1.)
type FeatureVectorizer struct{ Dimensions []int }

// Type is "FeatureVectorizer".
func (FeatureVectorizer) Type() string { return "FeatureVectorizer" }

// Infer adds up the columns.
func (op FeatureVectorizer) Infer(in []Info) ([]Info, error) {
	if len(in) == 0 || len(in) != len(op.Dimensions) {
		return nil, fmt.Errorf("%d inputs, want the %d of inputdimensions", len(in), len(op.Dimensions))
	}
	rows, sum := 0, 0
	for i := range in {
		n, _, err := table(in[i:i+1], "X", classicalNumbers)
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		if i > 0 && n != rows {
			return nil, fmt.Errorf("input %d has %d rows and input 0 has %d", i, n, rows)
		}
		if op.Dimensions[i] < 0 || op.Dimensions[i] > MaxValueBytes {
			return nil, fmt.Errorf("attribute inputdimensions %v: %d is outside 0…%d", op.Dimensions, op.Dimensions[i], MaxValueBytes)
		}
		rows, sum = n, plus(sum, op.Dimensions[i])
	}
	return result(tensor.Float32, tensor.Shape{rows, sum})
}

// DictVectorizer makes a row of a map's values, in the order of a vocabulary; of what
// the map lacks, zero or "". Output: [1×vocabulary]. (ONNX ai.onnx.ml DictVectorizer-1.)
type DictVectorizer struct{ Vocabulary Labels }

// Type is "DictVectorizer".
func (DictVectorizer) Type() string { return "DictVectorizer" }

// Infer leaves the type to the map.
func (DictVectorizer) Infer(in []Info) ([]Info, error) { return ofMap(in) }

func ofMap(in []Info) ([]Info, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("%d inputs, want 1", len(in))
	}
	if in[0].DType != tensor.Invalid {
		return nil, fmt.Errorf("input 0 (X) is %v, not a map", in[0].DType)
	}
	return []Info{{}}, nil
}

// CastMap makes a row of a map's values: in the order of its int64 keys, or with Sparse
// each at the place of its key, of Max. Output: [1×values]. (ONNX ai.onnx.ml CastMap-1.)
type CastMap struct {
	To     tensor.DType // float32, int64 or string
	Sparse bool
	Max    int
}

// Type is "CastMap".
func (CastMap) Type() string { return "CastMap" }

// Infer leaves the shape to the map.
func (CastMap) Infer(in []Info) ([]Info, error) { return ofMap(in) }

// ZipMap makes a map of each row's scores, by the names of the columns. Input: float32 X
// [N×C], of which a vector is one row. Output: a sequence of N maps. (ONNX ai.onnx.ml
// ZipMap-1.)
type ZipMap struct{ Labels Labels }

// Type is "ZipMap".
func (ZipMap) Type() string { return "ZipMap" }

// Infer gives the type of the sequence.
func (op ZipMap) Infer(in []Info) ([]Info, error) {
	_, columns, err := table(in, "X", class{"float32", func(d tensor.DType) bool { return d == tensor.Float32 }})
	if err != nil {
		return nil, err
	}
	if columns != op.Labels.Len() {
		return nil, fmt.Errorf("input 0 (X) has shape %v, and there are %d labels", in[0].Shape, op.Labels.Len())
	}
	maps := tensor.SequenceOf(op.MapType())
	return []Info{{Compound: &maps}}, nil
}

// MapType is that of a row.
func (op ZipMap) MapType() tensor.Type {
	return tensor.Type{Kind: tensor.IsMap, Key: op.Labels.DType(), Elem: &tensor.Type{DType: tensor.Float32}}
}
