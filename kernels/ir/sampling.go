package ir

import (
	"fmt"
	"math"
	"slices"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// maxSampled is the most dimensions that are sampled between elements: each doubles
// what one sample reads.
const maxSampled = 8

// Resize samples X at the places that the elements of another size stand for.
// Inputs: X, optional roi (starts, then ends, as parts of the extents), and one of
// float32 scales and int64 sizes, of all axes or of Axes; an empty one is absent.
// (ONNX Resize-19; Upsample-9 is one with Asymmetric and Floor.)
type Resize struct {
	Mode           string // nearest, linear or cubic
	Coordinates    string // half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric, tf_crop_and_resize or (of 11) tf_half_pixel_for_nn
	Nearest        string // round_prefer_floor, round_prefer_ceil, floor, ceil, or simple: ceil of what is made smaller, else floor
	Policy         string // stretch, not_larger or not_smaller: what sizes mean for the ratio of the extents
	CubicA         float64
	Extrapolation  float64 // outside the roi's picture
	ExcludeOutside bool
	Antialias      bool
	Axes           []int // nil for all
}

// Type is "Resize".
func (Resize) Type() string { return "Resize" }

// Infer scales the extents, if scales or sizes are known.
func (op Resize) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "X"},
		parameter{name: "roi", class: realNumbers, optional: true},
		parameter{name: "scales", dtype: tensor.Float32, optional: true},
		parameter{name: "sizes", dtype: tensor.Int64, optional: true},
	); err != nil {
		return nil, err
	}
	if x := in[0].DType; op.Mode != "nearest" && !notString.has(x) {
		return nil, fmt.Errorf("input 0 (X) is %v; supported with mode %s is %s", x, op.Mode, notString.name)
	}
	if op.Mode == "nearest" && op.Antialias {
		return nil, fmt.Errorf("attribute antialias has no meaning with mode nearest")
	}
	q := operands(in)
	for i := 1; i < len(in); i++ {
		if given := q.filled(i); given && in[i].Const == nil && i > 1 {
			return result(in[0].DType, nil)
		}
	}
	_, out, err := op.Fit(in)
	if err != nil {
		return nil, err
	}
	return result(in[0].DType, out)
}

// filled reports whether an optional input is there and not empty.
func (in operands) filled(i int) bool {
	return in.has(i) && !slices.Contains(in[i].Shape, 0)
}

// Fit gives the scale of each dimension of X, and the output's shape. It needs the
// elements of scales or sizes.
func (op Resize) Fit(in []Info) ([]float64, tensor.Shape, error) {
	q, x := operands(in), in[0].Shape
	axes, err := op.axes(len(x))
	if err != nil {
		return nil, nil, err
	}
	roi := q.filled(1)
	if op.Coordinates == "tf_crop_and_resize" && !roi {
		return nil, nil, fmt.Errorf("input 1 (roi) is missing for tf_crop_and_resize")
	}
	if roi && op.Coordinates == "tf_crop_and_resize" && !in[1].Shape.Equal(tensor.Shape{2 * len(axes)}) {
		return nil, nil, fmt.Errorf("input 1 (roi) has shape %v, want %v", in[1].Shape, tensor.Shape{2 * len(axes)})
	}
	name, i := "scales", 2
	if q.filled(3) {
		name, i = "sizes", 3
	}
	if q.filled(2) == q.filled(3) && len(axes) > 0 {
		return nil, nil, fmt.Errorf("one of input 2 (scales) and input 3 (sizes) is wanted")
	}
	if len(axes) > 0 && !in[i].Shape.Equal(tensor.Shape{len(axes)}) {
		return nil, nil, fmt.Errorf("input %d (%s) has shape %v, want %v", i, name, in[i].Shape, tensor.Shape{len(axes)})
	}
	scales, out := make([]float64, len(x)), x.Clone()
	for d := range scales {
		scales[d] = 1
	}
	if len(axes) == 0 {
		return scales, out, nil
	}
	if i == 2 {
		err = byScales(tensor.Data[float32](in[2].Const), axes, x, scales, out)
	} else {
		err = op.bySizes(tensor.Data[int64](in[3].Const), axes, x, scales, out)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("input %d (%s): %w", i, name, err)
	}
	return scales, out, nil
}

func (op Resize) axes(rank int) ([]int, error) {
	if op.Axes == nil {
		all := make([]int, rank)
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	axes := make([]int, len(op.Axes))
	for i, a := range op.Axes {
		d, err := Axis(a, rank)
		if err != nil {
			return nil, fmt.Errorf("attribute axes: %w", err)
		}
		if slices.Contains(axes[:i], d) {
			return nil, fmt.Errorf("attribute axes names axis %d twice", d)
		}
		axes[i] = d
	}
	return axes, nil
}

// byScales rounds extents down, in float32 as ONNX's own inference does.
func byScales(list []float32, axes, x []int, scales []float64, out tensor.Shape) error {
	for i, d := range axes {
		s := list[i]
		if !(s > 0) || math.IsInf(float64(s), 0) {
			return fmt.Errorf("scale %g of axis %d is not a positive number", s, d)
		}
		extent := math.Floor(float64(float32(x[d]) * s))
		if extent > MaxValueBytes {
			return fmt.Errorf("an extent of %d scaled by %g is more than the limit of %d", x[d], s, MaxValueBytes)
		}
		scales[d], out[d] = float64(s), int(extent)
	}
	return nil
}

// bySizes takes the sizes themselves, or the largest or smallest scale of them for
// all axes.
func (op Resize) bySizes(list []int64, axes, x []int, scales []float64, out tensor.Shape) error {
	for i, d := range axes {
		if list[i] < 0 || list[i] > MaxValueBytes {
			return fmt.Errorf("size %d of axis %d is outside 0…%d", list[i], d, MaxValueBytes)
		}
		if x[d] == 0 && list[i] != 0 {
			return fmt.Errorf("an extent of 0 (axis %d) cannot become %d", d, list[i])
		}
		out[d] = int(list[i])
		if x[d] > 0 {
			scales[d] = float64(list[i]) / float64(x[d])
		}
	}
	if op.Policy == "stretch" || op.Policy == "" {
		return nil
	}
	one := scales[axes[0]]
	for _, d := range axes {
		if op.Policy == "not_larger" {
			one = min(one, scales[d])
		} else {
			one = max(one, scales[d])
		}
	}
	for _, d := range axes {
		extent := math.Floor(one*float64(x[d]) + 0.5)
		if extent > MaxValueBytes {
			return fmt.Errorf("an extent of %d scaled by %g is more than the limit of %d", x[d], one, MaxValueBytes)
		}
		scales[d], out[d] = one, int(extent)
	}
	return nil
}

// taps is how many elements of x one of the result is made of.
func (op Resize) taps(x, out tensor.Shape) int {
	n, reach := 1, 2
	switch op.Mode {
	case "nearest":
		return 1
	case "cubic":
		reach = 4
	}
	for d := range x {
		if x[d] == out[d] {
			continue
		}
		n = times(n, reach)
		if op.Antialias && out[d] > 0 {
			n = times(n, (x[d]+out[d]-1)/out[d])
		}
	}
	return n
}

// GridSample samples X at given places. Inputs: X [N×C×spatial…], grid
// [N×out…×D], whose last dimension are the D coordinates, the innermost first, -1
// and 1 at X's borders. Output: [N×C×out…]. (ONNX GridSample-22.)
type GridSample struct {
	Mode         string // linear, nearest or cubic
	Padding      string // zeros, border or reflection
	AlignCorners bool   // -1 and 1 are the middles of the outermost elements, not their edges
}

// Type is "GridSample".
func (GridSample) Type() string { return "GridSample" }

// Infer checks the grid against X.
func (op GridSample) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X"}, parameter{name: "grid", class: realNumbers}); err != nil {
		return nil, err
	}
	x, grid := in[0].Shape, in[1].Shape
	if !notString.has(in[0].DType) && op.Mode != "nearest" {
		return nil, fmt.Errorf("input 0 (X) is %v; supported with mode %s is %s", in[0].DType, op.Mode, notString.name)
	}
	if err := operands(in).picture(0, "X"); err != nil {
		return nil, err
	}
	if len(x)-2 > maxSampled {
		return nil, fmt.Errorf("input 0 (X) has shape %v, want at most %d spatial dimensions", x, maxSampled)
	}
	if len(grid) != len(x) || grid[0] != x[0] || grid[len(grid)-1] != len(x)-2 {
		return nil, fmt.Errorf("input 1 (grid) has shape %v, want N×out×%d for X %v", grid, len(x)-2, x)
	}
	out := append(tensor.Shape{x[0], x[1]}, grid[1:len(grid)-1]...)
	if slices.Contains(x, 0) && !slices.Contains(out, 0) {
		return nil, fmt.Errorf("input 0 (X) has shape %v: there is nothing to sample", x)
	}
	return result(in[0].DType, out)
}

// taps is how many elements of X, of some dimensions, one sample reads.
func (op GridSample) taps(dimensions int) int {
	reach, n := map[string]int{"nearest": 1, "linear": 2, "cubic": 4}[op.Mode], 1
	for range dimensions {
		n *= reach
	}
	return n
}

// AffineGrid makes a grid for GridSample of affine transformations. Inputs: theta
// [N×D×(D+1)] for D of 2 or 3, int64 size (N, C and the spatial extents). Output:
// [N×spatial…×D]. (ONNX AffineGrid-20.)
type AffineGrid struct{ AlignCorners bool }

// Type is "AffineGrid".
func (AffineGrid) Type() string { return "AffineGrid" }

// Infer takes the output's extents from size, if it is known.
func (AffineGrid) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "theta", class: realNumbers}, parameter{name: "size", dtype: tensor.Int64}); err != nil {
		return nil, err
	}
	size, known, err := operands(in).vector(1, "size")
	if err != nil {
		return nil, err
	}
	n, theta := in[1].Shape[0]-2, in[0].Shape
	if n != 2 && n != 3 {
		return nil, fmt.Errorf("input 1 (size) has %d elements, want 4 or 5", n+2)
	}
	if len(theta) != 3 || theta[1] != n || theta[2] != n+1 {
		return nil, fmt.Errorf("input 0 (theta) has shape %v, want N×%d×%d", theta, n, n+1)
	}
	if !known {
		return result(in[0].DType, nil)
	}
	out := tensor.Shape{theta[0]}
	for _, d := range size[2:] {
		if d < 0 || d > MaxValueBytes {
			return nil, fmt.Errorf("input 1 (size) %v: %d is outside 0…%d", size, d, MaxValueBytes)
		}
		out = append(out, int(d))
	}
	if size[0] != int64(theta[0]) {
		return nil, fmt.Errorf("input 1 (size) %v is for %d pictures, theta %v for %d", size, size[0], theta, theta[0])
	}
	return result(in[0].DType, append(out, n))
}
