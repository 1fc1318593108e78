package reference

import (
	"cmp"
	"math"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// choosing finds the loops of an operator whose elements decide how many the
// outputs have.
func choosing(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.NonZero:
		return found(op, 1, func(w *ir.Watch, in args) (args, error) {
			y, err := nonZero(w, in[0])
			return args{y}, err
		})
	case ir.Compress:
		return found(op, 2, func(_ *ir.Watch, in args) (args, error) {
			y, err := compress(op, in[0], in[1])
			return args{y}, err
		})
	case ir.Unique:
		return found(op, 1, func(w *ir.Watch, in args) (args, error) { return unique(w, op, in[0]) })
	case ir.StringNormalizer:
		return found(op, 1, func(_ *ir.Watch, in args) (args, error) { return normalizeWords(op, in[0]) })
	case ir.StringSplit:
		return found(op, 1, func(_ *ir.Watch, in args) (args, error) { return splitStrings(op, in[0]) })
	}
	return kernel{}, false
}

// found is a kernel that makes its own outputs of tensors that op takes.
func found(op ir.Operator, needs int, make func(w *ir.Watch, in args) (args, error)) (kernel, bool) {
	return kernel{needs: needs, give: func(w *ir.Watch, in []tensor.Value) ([]tensor.Value, error) {
		tensors, err := tensorsOf(in)
		if err != nil {
			return nil, err
		}
		if _, err := op.Infer(known(tensors)); err != nil {
			return nil, err
		}
		out, err := make(w, pad(tensors))
		if err != nil {
			return nil, err
		}
		return tensor.Values(out), nil
	}}, true
}

// unique gives the distinct slices of X, where each comes first, which one each
// slice is, and how often each comes (ONNX Unique-11).
func unique(w *ir.Watch, op ir.Unique, xt *tensor.Tensor) (args, error) {
	if !op.HasAxis {
		flat, err := xt.Reshaped(xt.Len())
		if err != nil {
			return nil, err
		}
		xt = flat
	}
	axis := axisOf(op.Axis, len(xt.Shape()))
	n := xt.Shape()[axis]
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	compare := comparing(w, xt, axis)
	slices.SortStableFunc(order, compare)
	var first, counts []int64 // of each distinct slice
	which := make([]int64, n)
	for i, p := range order { // of alike ones, the first comes first
		if i == 0 || compare(order[i-1], p) != 0 {
			first, counts = append(first, int64(p)), append(counts, 0)
		}
		which[p] = int64(len(first) - 1)
		counts[len(counts)-1]++
	}
	if !op.Sorted {
		first, counts = byAppearance(first, counts, which)
	}
	at := make([]int, len(first))
	for i, p := range first {
		at[i] = int(p)
	}
	y, err := slicesAt(xt, axis, at)
	if err != nil {
		return nil, err
	}
	out := args{y}
	for _, list := range [][]int64{first, which, counts} {
		t, err := tensor.Of(append([]int64{}, list...), len(list))
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// byAppearance numbers distinct slices anew, in the order of their first places.
func byAppearance(first, counts, which []int64) (newFirst, newCounts []int64) {
	order := make([]int, len(first))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(first[a], first[b]) })
	number := make([]int64, len(first))
	for to, from := range order {
		newFirst, newCounts = append(newFirst, first[from]), append(newCounts, counts[from])
		number[from] = int64(to)
	}
	for i := range which {
		which[i] = number[which[i]]
	}
	return newFirst, newCounts
}

// comparing compares two slices of X along an axis, element by element; once the
// run is over it finds all alike.
func comparing(w *ir.Watch, xt *tensor.Tensor, axis int) func(a, b int) int {
	s := xt.Shape()
	extent, inner, outer := s[axis], 1, 1
	if xt.Len() > 0 {
		inner, outer = size(s[axis+1:]), size(s[:axis])
	} else {
		outer = 0 // all slices are alike
	}
	element := elementOrder(xt)
	return func(a, b int) int {
		for o := range outer {
			if w.Over(inner) {
				return 0
			}
			for i := range inner {
				if c := element((o*extent+a)*inner+i, (o*extent+b)*inner+i); c != 0 {
					return c
				}
			}
		}
		return 0
	}
}

// elementOrder compares elements i and j of a tensor; NaN comes last, as in numpy.
func elementOrder(t *tensor.Tensor) func(i, j int) int {
	switch d := t.DType(); {
	case d == tensor.String:
		return ordered(tensor.Data[string](t))
	case d == tensor.Uint64:
		return ordered(tensor.Data[uint64](t))
	case d == tensor.Complex64, d == tensor.Complex128:
		v := complexes(t)
		return func(i, j int) int {
			return cmp.Or(numbersInOrder(real(v[i]), real(v[j])), numbersInOrder(imag(v[i]), imag(v[j])))
		}
	case d.IsFloat():
		v := reals(t)
		return func(i, j int) int { return numbersInOrder(v[i], v[j]) }
	}
	return ordered(wholes(t))
}

func ordered[T cmp.Ordered](v []T) func(i, j int) int {
	return func(i, j int) int { return cmp.Compare(v[i], v[j]) }
}

func numbersInOrder(a, b float64) int {
	if math.IsNaN(a) || math.IsNaN(b) {
		return -cmp.Compare(a, b) // which has NaN first
	}
	return cmp.Compare(a, b)
}

// complexes are the elements of a tensor of complex numbers.
func complexes(t *tensor.Tensor) []complex128 {
	if v := tensor.Data[complex128](t); v != nil {
		return v
	}
	out := make([]complex128, t.Len())
	for i, c := range tensor.Data[complex64](t) {
		out[i] = complex128(c)
	}
	return out
}
