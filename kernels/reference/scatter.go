package reference

import (
	"fmt"
	"math"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// indexing finds the loops of an operator whose indices say what goes where.
func indexing(op ir.Operator) (kernel, bool) {
	switch op := op.(type) {
	case ir.GatherElements:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return gatherElements(w, op, in[0], in[1], y) })
	case ir.GatherND:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return gatherND(w, op, in[0], in[1], y) })
	case ir.ScatterElements:
		return one(3, func(w *ir.Watch, in args, y *tensor.Tensor) error {
			return scatterElements(w, op, in[0], in[1], in[2], y)
		})
	case ir.ScatterND:
		return one(3, func(w *ir.Watch, in args, y *tensor.Tensor) error { return scatterND(w, op, in[0], in[1], in[2], y) })
	case ir.TensorScatter:
		return one(2, func(w *ir.Watch, in args, y *tensor.Tensor) error { return tensorScatter(w, op, in, y) })
	}
	return kernel{}, false
}

// gatherElements takes the element beside each index (ONNX GatherElements-13).
func gatherElements(w *ir.Watch, op ir.GatherElements, xt, indices, yt *tensor.Tensor) error {
	b := beside(op.Axis, xt, indices)
	for i := range yt.Len() {
		if w.Over(1) {
			return nil
		}
		from, err := b.place(i)
		if err != nil {
			return err
		}
		if err := tensor.Copy(yt, i, xt, from, 1); err != nil {
			return err
		}
	}
	return nil
}

// besides are the places beside indices: where each stands, but for one axis.
type besides struct {
	axis    int
	indices []int64
	shape   tensor.Shape // of the indices
	data    tensor.Shape
	steps   []int
	at      []int
}

func beside(axis int, data, indices *tensor.Tensor) besides {
	rank := len(data.Shape())
	return besides{axisOf(axis, rank), wholes(indices), indices.Shape(), data.Shape(), rowMajor(data.Shape()), make([]int, rank)}
}

// place is where in the data the i-th index leads.
func (b besides) place(i int) (int, error) {
	position(b.at, i, b.shape)
	p, err := indexIn(b.indices[i], b.data[b.axis], "input 1 (indices)")
	if err != nil {
		return 0, err
	}
	b.at[b.axis] = p
	to := 0
	for d, p := range b.at {
		to += p * b.steps[d]
	}
	return to, nil
}

// gatherND takes the slice to which each vector of indices leads (ONNX
// GatherND-13).
func gatherND(w *ir.Watch, op ir.GatherND, xt, indices, yt *tensor.Tensor) error {
	x, at := xt.Shape(), indices.Shape()
	k, b := at[len(at)-1], op.BatchDims
	inner, batch := size(x[b+k:]), size(x[b:])
	vectors := size(at[b : len(at)-1])
	list := wholes(indices)
	for i := range len(list) / k {
		if w.Over(inner + k) {
			return nil
		}
		to, err := lead(list[i*k:][:k], x[b:])
		if err != nil {
			return err
		}
		if err := tensor.Copy(yt, i*inner, xt, i/vectors*batch+to, inner); err != nil {
			return err
		}
	}
	return nil
}

// lead is where a slice begins to which indices lead in a tensor of the shape.
func lead(indices []int64, shape tensor.Shape) (int, error) {
	to := 0
	for d, extent := range shape {
		p := 0
		if d < len(indices) {
			var err error
			if p, err = indexIn(indices[d], extent, "input 1 (indices)"); err != nil {
				return 0, err
			}
		}
		to = to*extent + p
	}
	return to, nil
}

// scatterElements puts updates beside their indices (ONNX ScatterElements-18).
func scatterElements(w *ir.Watch, op ir.ScatterElements, xt, indices, updates, yt *tensor.Tensor) error {
	b := beside(op.Axis, xt, indices)
	return scatter(w, op.Reduction, xt, updates, yt, 1, b.place)
}

// scatterND puts slices of updates where vectors of indices lead (ONNX
// ScatterND-18).
func scatterND(w *ir.Watch, op ir.ScatterND, xt, indices, updates, yt *tensor.Tensor) error {
	k := indices.Shape()[len(indices.Shape())-1]
	list := wholes(indices)
	return scatter(w, op.Reduction, xt, updates, yt, size(xt.Shape()[k:]), func(i int) (int, error) {
		return lead(list[i*k:][:k], xt.Shape())
	})
}

// scatter copies X and then puts each block of updates to its place.
func scatter(w *ir.Watch, r ir.Scattering, xt, updates, yt *tensor.Tensor, block int, place func(i int) (int, error)) error {
	if err := copyElements(xt, yt); err != nil || block == 0 {
		return err
	}
	put, done := reducer(r, updates, yt)
	for i := range updates.Len() / block {
		if w.Over(block) {
			return nil
		}
		to, err := place(i)
		if err != nil {
			return err
		}
		if err := put(to, i*block, block); err != nil {
			return err
		}
	}
	done()
	return nil
}

// reducer is how n updates from the j-th on meet Y's elements from the i-th on;
// done stores them at the end. Y already has what they meet.
func reducer(r ir.Scattering, updates, yt *tensor.Tensor) (put func(i, j, n int) error, done func()) {
	switch {
	case r == ir.ScatterReplace:
		return func(i, j, n int) error { return tensor.Copy(yt, i, updates, j, n) }, func() {}
	case yt.DType().IsFloat():
		y, u := reals(yt), reals(updates)
		return meet(y, u, realReductions[r]), func() { putReals(yt, y) }
	}
	y, u := wholes(yt), wholes(updates)
	combine := wholeReductions[r]
	if yt.DType() == tensor.Uint64 { // whose bits wholes keeps
		switch r {
		case ir.ScatterMax:
			combine = func(a, b int64) int64 { return int64(max(uint64(a), uint64(b))) }
		case ir.ScatterMin:
			combine = func(a, b int64) int64 { return int64(min(uint64(a), uint64(b))) }
		}
	}
	return meet(y, u, combine), func() { putWholes(yt, y) }
}

func meet[T any](y, u []T, combine func(a, b T) T) func(i, j, n int) error {
	return func(i, j, n int) error {
		for e := range n {
			y[i+e] = combine(y[i+e], u[j+e])
		}
		return nil
	}
}

var realReductions = map[ir.Scattering]func(a, b float64) float64{
	ir.ScatterAdd: func(a, b float64) float64 { return a + b },
	ir.ScatterMul: func(a, b float64) float64 { return a * b },
	ir.ScatterMax: math.Max,
	ir.ScatterMin: math.Min,
}

var wholeReductions = map[ir.Scattering]func(a, b int64) int64{
	ir.ScatterAdd: func(a, b int64) int64 { return a + b },
	ir.ScatterMul: func(a, b int64) int64 { return a * b },
	ir.ScatterMax: func(a, b int64) int64 { return max(a, b) },
	ir.ScatterMin: func(a, b int64) int64 { return min(a, b) },
}

// tensorScatter writes updates into a cache along Axis (ONNX TensorScatter-24).
func tensorScatter(w *ir.Watch, op ir.TensorScatter, in args, yt *tensor.Tensor) error {
	xt, update := in[0], in[1]
	if err := copyElements(xt, yt); err != nil {
		return err
	}
	x := xt.Shape()
	axis := axisOf(op.Axis, len(x))
	inner, length, extent := size(x[axis+1:]), update.Shape()[axis], x[axis]
	outer, starts := size(x[1:axis]), maybe(in[2])
	for o := range x[0] * outer {
		start := int64(0)
		if starts != nil {
			start = starts[o/outer]
		}
		if op.Circular {
			start = (start%int64(extent) + int64(extent)) % int64(extent)
		} else if start < 0 || start > int64(extent-length) {
			return fmt.Errorf("input 2 (write_indices): %d elements from %d on lie outside an extent of %d", length, start, extent)
		}
		if w.Over(length * inner) {
			return nil
		}
		for s := range length {
			to := (int(start) + s) % extent
			if err := tensor.Copy(yt, (o*extent+to)*inner, update, (o*length+s)*inner, inner); err != nil {
				return err
			}
		}
	}
	return nil
}
