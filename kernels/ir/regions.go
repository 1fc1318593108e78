package ir

import (
	"fmt"
	"slices"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// RoiAlign pools boxes of pictures into one size, from samples between the
// elements. Inputs: X [N×C×H×W], rois [R×4] (x1, y1, x2, y2), int64 batch_indices
// [R]. Output: [R×C×Height×Width]. (ONNX RoiAlign-22.)
type RoiAlign struct {
	Height, Width int
	Scale         float64 // of the boxes' coordinates
	Sampling      int     // samples a side of each cell; 0 for as many as it has elements
	Max           bool    // the maximum of the samples, not their mean
	HalfPixel     bool    // coordinates are of elements' edges, not of their middles
}

// Type is "RoiAlign".
func (RoiAlign) Type() string { return "RoiAlign" }

// Infer checks the boxes' shapes.
func (op RoiAlign) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "X", class: realNumbers}, parameter{name: "rois", class: realNumbers}, parameter{name: "batch_indices", dtype: tensor.Int64},
	); err != nil {
		return nil, err
	}
	if op.Sampling < 0 || op.Sampling > maxWindow {
		return nil, fmt.Errorf("attribute sampling_ratio is %d, outside 0…%d", op.Sampling, maxWindow)
	}
	out, err := boxes(in, 4, op.Height, op.Width)
	if err != nil {
		return nil, err
	}
	if err := operands(in).shaped(2, "batch_indices", in[1].Shape[0]); err != nil {
		return nil, err
	}
	return result(in[0].DType, out)
}

// boxes is the shape of boxes [R×columns] of X, pooled into one size.
func boxes(in []Info, columns, height, width int) (tensor.Shape, error) {
	x, rois := in[0].Shape, in[1].Shape
	if len(x) != 4 {
		return nil, fmt.Errorf("input 0 (X) has shape %v, want N×C×H×W", x)
	}
	if len(rois) != 2 || rois[1] != columns {
		return nil, fmt.Errorf("input 1 (rois) has shape %v, want R×%d", rois, columns)
	}
	if height < 1 || width < 1 || height > maxWindow || width > maxWindow {
		return nil, fmt.Errorf("an output of %d×%d is outside 1…%d", height, width, maxWindow)
	}
	if slices.Contains(x, 0) && rois[0] > 0 {
		return nil, fmt.Errorf("input 0 (X) has shape %v: there is nothing to pool", x)
	}
	return tensor.Shape{rois[0], x[1], height, width}, nil
}

// MaxRoiPool pools boxes of pictures into one size, from whole elements. Inputs: X
// [N×C×H×W], rois [R×5] (picture, x1, y1, x2, y2). Output: [R×C×Height×Width].
// (ONNX MaxRoiPool-22.)
type MaxRoiPool struct {
	Height, Width int
	Scale         float64 // of the boxes' coordinates
}

// Type is "MaxRoiPool".
func (MaxRoiPool) Type() string { return "MaxRoiPool" }

// Infer checks the boxes' shapes.
func (op MaxRoiPool) Infer(in []Info) ([]Info, error) {
	if err := operands(in).matchAlike(parameter{name: "X", class: realNumbers}, parameter{name: "rois", class: realNumbers}); err != nil {
		return nil, err
	}
	out, err := boxes(in, 5, op.Height, op.Width)
	if err != nil {
		return nil, err
	}
	return result(in[0].DType, out)
}

// NonMaxSuppression picks the boxes of the highest scores that no picked box of the
// class overlaps too much. Inputs: boxes [B×S×4], scores [B×C×S], and optional scalars
// int64 max_output_boxes_per_class (absent: 0), iou_threshold (absent: 0),
// score_threshold (absent: none). Output: int64 [picked×3], of batch, class and box.
// (ONNX NonMaxSuppression-11.)
type NonMaxSuppression struct {
	Center bool // boxes are x, y of the middle, width, height; not y1, x1, y2, x2 of two corners
}

// Type is "NonMaxSuppression".
func (NonMaxSuppression) Type() string { return "NonMaxSuppression" }

// Infer checks the shapes; how many boxes are picked is left to the run.
func (NonMaxSuppression) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "boxes", class: realNumbers}, parameter{name: "scores", class: realNumbers},
		parameter{name: "max_output_boxes_per_class", dtype: tensor.Int64, optional: true},
		parameter{name: "iou_threshold", class: realNumbers, optional: true},
		parameter{name: "score_threshold", class: realNumbers, optional: true},
	); err != nil {
		return nil, err
	}
	b, s := in[0].Shape, in[1].Shape
	if len(b) != 3 || b[2] != 4 {
		return nil, fmt.Errorf("input 0 (boxes) has shape %v, want B×S×4", b)
	}
	if len(s) != 3 || s[0] != b[0] || s[2] != b[1] {
		return nil, fmt.Errorf("input 1 (scores) has shape %v, want %d×C×%d", s, b[0], b[1])
	}
	for i, name := range []string{"max_output_boxes_per_class", "iou_threshold", "score_threshold"} {
		if q := operands(in); q.has(2 + i) {
			if err := q.perMap(2+i, name, 1); err != nil {
				return nil, err
			}
		}
	}
	return result(tensor.Int64, nil)
}

// MaxUnpool puts each element of X where a MaxPool of the same window found it, among
// zeros. Inputs: X [N×C×spatial…], int64 I as X, of places in the output as one array,
// optional int64 output_shape, to which zeros are added. (ONNX MaxUnpool-22.)
type MaxUnpool struct{ Window }

// Type is "MaxUnpool".
func (MaxUnpool) Type() string { return "MaxUnpool" }

// Infer undoes the windows.
func (op MaxUnpool) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "X", class: realNumbers}, parameter{name: "I", dtype: tensor.Int64},
		parameter{name: "output_shape", dtype: tensor.Int64, optional: true},
	); err != nil {
		return nil, err
	}
	if err := operands(in).shaped(1, "I", in[0].Shape...); err != nil {
		return nil, err
	}
	out, err := op.Fit(in[0].Shape)
	if err != nil || !operands(in).has(2) {
		return []Info{{DType: in[0].DType, Shape: out}}, err
	}
	list, known, err := operands(in).vector(2, "output_shape")
	if err != nil {
		return nil, err
	}
	if in[2].Shape[0] != len(out) {
		return nil, fmt.Errorf("input 2 (output_shape) has %d elements, want %d", in[2].Shape[0], len(out))
	}
	if !known {
		return result(in[0].DType, nil)
	}
	wide := make(tensor.Shape, len(out))
	for i, d := range list {
		if d < int64(out[i]) || d > MaxValueBytes {
			return nil, fmt.Errorf("input 2 (output_shape) %v does not hold %v", list, out)
		}
		wide[i] = int(d)
	}
	return result(in[0].DType, wide)
}

// Fit is the shape that the window was over, without output_shape.
func (op MaxUnpool) Fit(x tensor.Shape) (tensor.Shape, error) {
	if len(x) < 3 {
		return nil, fmt.Errorf("input 0 (X) has shape %v, want N×C×spatial", x)
	}
	w, err := op.filled(len(x) - 2)
	if err != nil {
		return nil, err
	}
	out := tensor.Shape{x[0], x[1]}
	for i := range w.Kernel {
		a := w.axis(i, x[2+i])
		if a.in > MaxValueBytes {
			return nil, fmt.Errorf("input 0 (X) has shape %v, too large", x)
		}
		extent := max((a.in-1)*a.stride+a.kernel-a.before-a.after, 0)
		out = append(out, extent)
	}
	return out, Info{DType: tensor.Float32, Shape: out}.Check()
}

// Col2Im adds up columns, each a block, where the windows of a picture lie. Inputs: X
// [N×C·block×L], int64 image_shape, int64 block_shape. Output: [N×C×image…]. (ONNX
// Col2Im-18.)
type Col2Im struct{ Window }

// Type is "Col2Im".
func (Col2Im) Type() string { return "Col2Im" }

// Infer checks that X has a column for each window, if those are known.
func (op Col2Im) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "input"}, parameter{name: "image_shape", dtype: tensor.Int64}, parameter{name: "block_shape", dtype: tensor.Int64}); err != nil {
		return nil, err
	}
	if !notString.has(in[0].DType) {
		return nil, fmt.Errorf("input 0 (input) is %v; supported is %s", in[0].DType, notString.name)
	}
	image, known, err := operands(in).vector(1, "image_shape")
	if err != nil {
		return nil, err
	}
	block, both, err := operands(in).vector(2, "block_shape")
	if err != nil {
		return nil, err
	}
	if len(in[0].Shape) != 3 || in[1].Shape[0] < 1 || !in[1].Shape.Equal(in[2].Shape) {
		return nil, fmt.Errorf("inputs input %v, image_shape %v and block_shape %v do not fit", in[0].Shape, in[1].Shape, in[2].Shape)
	}
	if !known || !both {
		return result(in[0].DType, nil)
	}
	_, out, err := op.Fit(in[0].Shape, image, block)
	if err != nil {
		return nil, err
	}
	return result(in[0].DType, out)
}

// Fit gives the window in explicit form and the output's shape.
func (op Col2Im) Fit(x tensor.Shape, image, block []int64) (Window, tensor.Shape, error) {
	w, spatial := op.Window, make([]int, len(image))
	w.Kernel = make([]int, len(block))
	taps := 1
	for i := range image {
		if block[i] < 1 || block[i] > maxWindow || image[i] < 1 || image[i] > MaxValueBytes {
			return Window{}, nil, fmt.Errorf("image_shape %v and block_shape %v are outside the limits", image, block)
		}
		w.Kernel[i], spatial[i] = int(block[i]), int(image[i])
		var err error
		if taps, err = scaled(taps, w.Kernel[i]); err != nil {
			return Window{}, nil, err
		}
	}
	w, windows, err := w.fit(spatial, false)
	if err != nil {
		return Window{}, nil, err
	}
	columns, err := windows.Elements()
	if err != nil {
		return Window{}, nil, err
	}
	if x[1]%taps != 0 || x[2] != columns {
		return Window{}, nil, fmt.Errorf("input 0 (input) has shape %v, want N×C·%d×%d", x, taps, columns)
	}
	return w, append(tensor.Shape{x[0], x[1] / taps}, spatial...), nil
}

// ImageDecoder decodes a picture file. Input: its uint8 bytes, a vector. Output:
// uint8 [height×width×channels]. (ONNX ImageDecoder-20.)
type ImageDecoder struct {
	Format string // of pixels: RGB, BGR or Grayscale
}

// Type is "ImageDecoder".
func (ImageDecoder) Type() string { return "ImageDecoder" }

// Infer leaves the shape to the run.
func (ImageDecoder) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "encoded_stream", dtype: tensor.Uint8}); err != nil {
		return nil, err
	}
	if len(in[0].Shape) != 1 {
		return nil, fmt.Errorf("input 0 (encoded_stream) has shape %v, want a vector", in[0].Shape)
	}
	return result(tensor.Uint8, nil)
}
