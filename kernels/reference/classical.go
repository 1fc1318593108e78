package reference

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// classical finds the loops of an operator of ai.onnx.ml.
func classical(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.TreeEnsemble:
		return kernel{needs: 1, run: func(w *ir.Watch, in, out args) error { return treeEnsemble(w, op, in, out) }}, true
	case ir.SVM:
		return kernel{needs: 1, run: func(w *ir.Watch, in, out args) error { return supportVectors(w, op, in, out) }}, true
	case ir.LinearModel:
		return kernel{needs: 1, run: func(w *ir.Watch, in, out args) error { return linearModel(w, op, in, out) }}, true
	case ir.Rescale:
		return one(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return rescale(op, in[0], y) })
	case ir.RowNorm:
		return one(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return rowNorm(op, in[0], y) })
	case ir.Binarizer:
		return one(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return binarize(op, in[0], y) })
	case ir.Imputer:
		return one(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return impute(op, in[0], y) })
	case ir.FeatureVectorizer:
		return one(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return vectorize(op, in, y) })
	case ir.ArrayFeatureExtractor:
		return one(2, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return extractColumns(in[0], in[1], y) })
	}
	return labelling(op)
}

func labelling(op ir.Operator) (kernel, bool) {
	give := func(f func(v tensor.Value) (tensor.Value, error)) (kernel, bool) {
		return kernel{needs: 1, give: func(_ *ir.Watch, in []tensor.Value) ([]tensor.Value, error) {
			out, err := f(in[0])
			return []tensor.Value{out}, err
		}}, true
	}
	switch op := op.(type) {
	case ir.Categories:
		return one(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return oneOfCategories(op, in[0], y) })
	case ir.LabelEncoder:
		return one(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return encodeLabels(op, in[0], y) })
	case ir.CategoryMapper:
		return one(1, func(_ *ir.Watch, in args, y *tensor.Tensor) error { return mapCategories(op, in[0], y) })
	case ir.ZipMap:
		return give(func(v tensor.Value) (tensor.Value, error) { return zipMap(op, v) })
	case ir.DictVectorizer:
		return give(func(v tensor.Value) (tensor.Value, error) { return dictVectorizer(op, v) })
	case ir.CastMap:
		return give(func(v tensor.Value) (tensor.Value, error) { return castMap(op, v) })
	}
	return kernel{}, false
}

// linearModel is coefficients · row + intercepts (ONNX ai.onnx.ml LinearRegressor-1,
// LinearClassifier-1).
func linearModel(watch *ir.Watch, op ir.LinearModel, in, out args) error {
	x := features(in[0])
	rows, columns := tableOf(in[0])
	scores := make([][]float64, rows)
	for r := range scores {
		if watch.Over(len(op.Coefficients) + 1) {
			return nil
		}
		scores[r] = make([]float64, op.Targets)
		for t := range scores[r] {
			scores[r][t] = innerProduct(op.Coefficients[t*columns:][:columns], x[r*columns:][:columns])
			if len(op.Intercepts) > 0 {
				scores[r][t] += op.Intercepts[t]
			}
		}
		if op.Labels != nil && op.Scores() != op.Targets {
			scores[r] = []float64{-scores[r][0], scores[r][0]}
		}
		if op.Labels == nil {
			postTransform(op.Post, scores[r])
		}
	}
	if op.Labels == nil {
		putReals(out[0], slices.Concat(scores...))
		return nil
	}
	if op.Scores() == 1 {
		return oneScore(op, scores, out)
	}
	return classify(*op.Labels, scores, op.Post, out)
}

// oneScore takes the label if the only score says so, else 0 or "".
func oneScore(op ir.LinearModel, scores [][]float64, out args) error {
	winners, least := make([]int, len(scores)), 0.5
	if op.Post == "NONE" {
		least = 0
	}
	for r, s := range scores {
		postTransform(op.Post, s)
		if s[0] >= least {
			winners[r] = 1
		}
	}
	putLabels(ir.Labels{Ints: onlyFirst(op.Labels.Ints), Strings: onlyFirst(op.Labels.Strings)}, winners, out[0])
	putReals(out[1], slices.Concat(scores...))
	return nil
}

func onlyFirst[T any](list []T) []T { return list[:min(len(list), 1)] }

// ofColumn is the element of a list of one element or one a column.
func ofColumn(list []float64, i int) float64 { return list[i%len(list)] }

// rescale is (X − offset)·scale (ONNX ai.onnx.ml Scaler-1).
func rescale(op ir.Rescale, xt, yt *tensor.Tensor) error {
	x := reals(xt)
	for i, v := range x {
		x[i] = (v - ofColumn(op.Offset, i)) * ofColumn(op.Scale, i)
	}
	putReals(yt, x)
	return nil
}

// rowNorm divides rows by their norm, unless that is 0 (ONNX ai.onnx.ml
// Normalizer-1). The maximum is of magnitudes.
func rowNorm(op ir.RowNorm, xt, yt *tensor.Tensor) error {
	x := reals(xt)
	rows, columns := tableOf(xt)
	for r := range rows {
		row, norm := x[r*columns:][:columns], 0.0
		for _, v := range row {
			switch op.Norm {
			case "MAX":
				norm = max(norm, math.Abs(v))
			case "L1":
				norm += math.Abs(v)
			case "L2":
				norm += v * v
			}
		}
		if op.Norm == "L2" {
			norm = math.Sqrt(norm)
		}
		for i := range row {
			if norm != 0 {
				row[i] /= norm
			}
		}
	}
	putReals(yt, x)
	return nil
}

// binarize is 1 above the threshold (ONNX ai.onnx.ml Binarizer-1).
func binarize(op ir.Binarizer, xt, yt *tensor.Tensor) error {
	x := reals(xt)
	for i, v := range x {
		if x[i] = 0; v > op.Threshold {
			x[i] = 1
		}
	}
	putNearest(yt, x)
	return nil
}

// impute puts values in place of others (ONNX ai.onnx.ml Imputer-1).
func impute(op ir.Imputer, xt, yt *tensor.Tensor) error {
	if xt.DType().IsInteger() {
		x := wholes(xt)
		for i, v := range x {
			if v == op.ReplacedInt {
				x[i] = op.Ints[i%len(op.Ints)]
			}
		}
		putWholes(yt, x)
		return nil
	}
	x := reals(xt)
	for i, v := range x {
		if v == op.Replaced || v != v && op.Replaced != op.Replaced {
			x[i] = ofColumn(op.Values, i)
		}
	}
	putReals(yt, x)
	return nil
}

// vectorize joins columns (ONNX ai.onnx.ml FeatureVectorizer-1).
func vectorize(op ir.FeatureVectorizer, in args, yt *tensor.Tensor) error {
	y, width := make([]float64, yt.Len()), yt.Shape()[1]
	start := 0
	for i, n := range op.Dimensions {
		x := reals(in[i])
		rows, columns := tableOf(in[i])
		for r := range rows {
			copy(y[r*width+start:][:n], x[r*columns:][:columns])
		}
		start += n
	}
	putReals(yt, y)
	return nil
}

// extractColumns takes columns (ONNX ai.onnx.ml ArrayFeatureExtractor-1).
func extractColumns(xt, indices, yt *tensor.Tensor) error {
	s := xt.Shape()
	columns, list := s[len(s)-1], tensor.Data[int64](indices)
	for i := range yt.Len() {
		c := list[i%len(list)]
		if c < 0 || c >= int64(columns) {
			return fmt.Errorf("input 1 (Y): %d is outside 0…%d", c, columns-1)
		}
		if err := tensor.Copy(yt, i, xt, i/len(list)*columns+int(c), 1); err != nil {
			return err
		}
	}
	return nil
}

// oneOfCategories writes 1 at the place of each element in the list (ONNX ai.onnx.ml
// OneHotEncoder-1). Numbers are compared as whole ones.
func oneOfCategories(op ir.Categories, xt, yt *tensor.Tensor) error {
	y, n := tensor.Data[float32](yt), op.Of.Len()
	for i := range xt.Len() {
		at := -1
		if text := tensor.Data[string](xt); text != nil {
			at = slices.Index(op.Of.Strings, text[i])
		}
		if xt.DType() == tensor.String && at < 0 && !op.Zeros {
			return fmt.Errorf("input 0 (X): %q is no category", tensor.Data[string](xt)[i])
		}
		if at >= 0 {
			y[i*n+at] = 1
		}
	}
	if xt.DType() == tensor.String {
		return nil
	}
	for i, v := range wholeParts(xt) {
		at := slices.Index(op.Of.Ints, v)
		if at < 0 && !op.Zeros {
			return fmt.Errorf("input 0 (X): %d is no category", v)
		}
		if at >= 0 {
			y[i*n+at] = 1
		}
	}
	return nil
}

// wholeParts are numbers without their fractions.
func wholeParts(t *tensor.Tensor) []int64 {
	if t.DType().IsInteger() {
		return wholes(t)
	}
	out := make([]int64, t.Len())
	for i, v := range reals(t) {
		out[i] = int64(v)
	}
	return out
}

// encodeLabels puts the value of each key (ONNX ai.onnx.ml LabelEncoder-4).
func encodeLabels(op ir.LabelEncoder, xt, yt *tensor.Tensor) error {
	places := placesOf(op.Keys)
	for i := range xt.Len() {
		from, at := op.Default, 0
		if place, ok := places(xt, i); ok {
			from, at = op.Values, place
		}
		if err := tensor.Copy(yt, i, from, at, 1); err != nil {
			return err
		}
	}
	return nil
}

// placesOf finds the first place of a tensor's element among keys of its type. All
// NaN are one key.
func placesOf(keys *tensor.Tensor) func(t *tensor.Tensor, i int) (int, bool) {
	if words := tensor.Data[string](keys); words != nil {
		at := firstPlaces(words)
		return func(t *tensor.Tensor, i int) (int, bool) {
			place, ok := at[tensor.Data[string](t)[i]]
			return place, ok
		}
	}
	at, of := firstPlaces(keyBits(keys)), (*tensor.Tensor)(nil)
	var bits []uint64
	return func(t *tensor.Tensor, i int) (int, bool) {
		if t != of {
			of, bits = t, keyBits(t)
		}
		place, ok := at[bits[i]]
		return place, ok
	}
}

// firstPlaces is the first place of each element.
func firstPlaces[T comparable](list []T) map[T]int {
	at := make(map[T]int, len(list))
	for i, v := range list {
		if _, twice := at[v]; !twice {
			at[v] = i
		}
	}
	return at
}

// keyBits are equal for equal numbers of a type.
func keyBits(t *tensor.Tensor) []uint64 {
	out := make([]uint64, t.Len())
	if !t.DType().IsFloat() {
		for i, v := range wholes(t) {
			out[i] = uint64(v)
		}
		return out
	}
	for i, v := range reals(t) {
		switch {
		case v != v:
			out[i] = math.MaxUint64
		case v != 0: // zero has two signs
			out[i] = math.Float64bits(v)
		}
	}
	return out
}

// mapCategories exchanges strings and integers (ONNX ai.onnx.ml CategoryMapper-1).
func mapCategories(op ir.CategoryMapper, xt, yt *tensor.Tensor) error {
	if words := tensor.Data[string](xt); xt.DType() == tensor.String {
		at, y := firstPlaces(op.Strings), tensor.Data[int64](yt)
		for i, w := range words {
			y[i] = op.DefaultInt
			if place, ok := at[w]; ok {
				y[i] = op.Ints[place]
			}
		}
		return nil
	}
	at, y := firstPlaces(op.Ints), tensor.Data[string](yt)
	for i, v := range tensor.Data[int64](xt) {
		y[i] = op.DefaultString
		if place, ok := at[v]; ok {
			y[i] = op.Strings[place]
		}
	}
	return nil
}

// zipMap gives each row's scores their names (ONNX ai.onnx.ml ZipMap-1).
func zipMap(op ir.ZipMap, v tensor.Value) (tensor.Value, error) {
	in, err := inferred(op, []tensor.Value{v})
	if err != nil {
		return nil, err
	}
	keys, err := keysOf(op.Labels)
	if err != nil {
		return nil, err
	}
	out := &tensor.Sequence{Elem: op.MapType()}
	rows, columns := tableOf(in[0])
	for r := range rows {
		values, err := tensor.New(tensor.Float32, columns)
		if err != nil {
			return nil, err
		}
		if err := tensor.Copy(values, 0, in[0], r*columns, columns); err != nil {
			return nil, err
		}
		out.Values = append(out.Values, &tensor.Map{Keys: keys.Clone(), Values: values})
	}
	return out, nil
}

func keysOf(l ir.Labels) (*tensor.Tensor, error) {
	if len(l.Strings) > 0 {
		return tensor.Of(slices.Clone(l.Strings), len(l.Strings))
	}
	return tensor.Of(slices.Clone(l.Ints), len(l.Ints))
}

// dictVectorizer makes a row of a map's values (ONNX ai.onnx.ml DictVectorizer-1).
func dictVectorizer(op ir.DictVectorizer, v tensor.Value) (tensor.Value, error) {
	m, ok := v.(*tensor.Map)
	if !ok || m.Keys.DType() != op.Vocabulary.DType() {
		return nil, fmt.Errorf("input 0 (X) is a %v, want a map of %v", v.Type(), op.Vocabulary.DType())
	}
	words, err := keysOf(op.Vocabulary)
	if err != nil {
		return nil, err
	}
	out, err := tensor.New(m.Values.DType(), 1, words.Len())
	if err != nil {
		return nil, err
	}
	places := placesOf(m.Keys)
	for i := range words.Len() {
		if at, ok := places(words, i); ok {
			if err := tensor.Copy(out, i, m.Values, at, 1); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// castMap makes a row of a map's values (ONNX ai.onnx.ml CastMap-1).
func castMap(op ir.CastMap, v tensor.Value) (tensor.Value, error) {
	m, ok := v.(*tensor.Map)
	if !ok || m.Keys.DType() != tensor.Int64 || m.Values.DType() != tensor.String && m.Values.DType() != tensor.Float32 {
		return nil, fmt.Errorf("input 0 (X) is a %v, want a map of int64 to string or float32", v.Type())
	}
	keys, n := tensor.Data[int64](m.Keys), m.Keys.Len()
	order := make([]int, n) // of the values; without Sparse, all of them
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
	if op.Sparse {
		n = op.Max
	}
	out, err := tensor.New(op.To, 1, n)
	if err != nil {
		return nil, err
	}
	for place, from := range order {
		if op.Sparse {
			if place = int(keys[from]); keys[from] < 0 || keys[from] >= int64(n) {
				return nil, fmt.Errorf("input 0 (X) has key %d, outside 0…%d", keys[from], n-1)
			}
		}
		if err := castValue(out, place, m.Values, from); err != nil {
			return nil, fmt.Errorf("input 0 (X): %w", err)
		}
	}
	return out, nil
}

// castValue turns a string or float32 into one of these or an int64.
func castValue(to *tensor.Tensor, i int, from *tensor.Tensor, j int) error {
	if to.DType() == from.DType() {
		return tensor.Copy(to, i, from, j, 1)
	}
	if words := tensor.Data[string](to); words != nil {
		words[i] = strconv.FormatFloat(float64(tensor.Data[float32](from)[j]), 'g', -1, 32)
		return nil
	}
	v := 0.0
	if words := tensor.Data[string](from); words != nil {
		var err error
		if v, err = strconv.ParseFloat(words[j], 64); err != nil {
			return fmt.Errorf("%q is no number", words[j])
		}
	} else {
		v = float64(tensor.Data[float32](from)[j])
	}
	if y := tensor.Data[float32](to); y != nil {
		y[i] = float32(v)
		return nil
	}
	tensor.Data[int64](to)[i] = int64(v)
	return nil
}
