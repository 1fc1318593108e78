package reference

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// mostSamples bounds the samples of one side of a box's cell.
const mostSamples = 1 << 16

// roiAlign pools boxes from samples in a grid within each cell, each linear in X (ONNX
// RoiAlign-22). X is [N×C×H×W], rois [R×4] of x1, y1, x2, y2, Y [R×C×height×width].
func roiAlign(watch *ir.Watch, op ir.RoiAlign, xt, roist, batch, yt *tensor.Tensor) error {
	xs := xt.Shape()
	x, rois, y := reals(xt), reals(roist), make([]float64, yt.Len())
	cells, area := op.Height*op.Width, xs[2]*xs[3]
	for r, picture := range tensor.Data[int64](batch) {
		if picture < 0 || picture >= int64(xs[0]) {
			return fmt.Errorf("input 2 (batch_indices): %d is outside 0…%d", picture, xs[0]-1)
		}
		b, err := newAligned(op, rois[r*4:][:4], xs[2], xs[3])
		if err != nil {
			return fmt.Errorf("input 1 (rois): box %d: %w", r, err)
		}
		for c := range xs[1] {
			channel := x[(int(picture)*xs[1]+c)*area:][:area]
			for cell := range cells {
				if watch.Over(4*b.samples[0]*b.samples[1] + 1) {
					return nil
				}
				y[(r*xs[1]+c)*cells+cell] = b.cell(channel, cell/op.Width, cell%op.Width)
			}
		}
	}
	putReals(yt, y)
	return nil
}

// aligned is one box over a picture; rows come before columns.
type aligned struct {
	max         bool
	extents     []int
	start, step [2]float64 // of the box, and the extent of a cell
	samples     [2]int
}

func newAligned(op ir.RoiAlign, box []float64, height, width int) (aligned, error) {
	b := aligned{max: op.Max, extents: []int{height, width}}
	half := 0.0
	if op.HalfPixel {
		half = 0.5
	}
	for d, cells := range []int{op.Height, op.Width} {
		b.start[d] = box[1-d]*op.Scale - half
		extent := box[3-d]*op.Scale - half - b.start[d]
		if !op.HalfPixel {
			extent = max(extent, 1)
		}
		b.step[d] = extent / float64(cells)
		samples := float64(op.Sampling)
		if op.Sampling == 0 {
			samples = max(math.Ceil(b.step[d]), 0)
		}
		if !(samples <= mostSamples) {
			return b, fmt.Errorf("a cell of extent %g takes more than the limit of %d samples a side", b.step[d], mostSamples)
		}
		b.samples[d] = int(samples)
	}
	return b, nil
}

// cell is the mean of a cell's samples, or the largest of their neighbours' shares.
func (b aligned) cell(channel []float64, row, column int) float64 {
	sum, best := 0.0, math.Inf(-1)
	for i := range b.samples[0] {
		for j := range b.samples[1] {
			for _, v := range b.shares(channel, b.sample(0, row, i), b.sample(1, column, j)) {
				sum += v
				best = max(best, v)
			}
		}
	}
	n := b.samples[0] * b.samples[1]
	switch {
	case n == 0:
		return 0
	case b.max:
		return best
	}
	return sum / float64(n)
}

// sample is where sample i of a cell lies.
func (b aligned) sample(d, cell, i int) float64 {
	return b.start[d] + float64(cell)*b.step[d] + (float64(i)+0.5)*b.step[d]/float64(b.samples[d])
}

// shares are what the four neighbours give to a sample; nothing more than an
// element away from the picture.
func (b aligned) shares(channel []float64, y, x float64) [4]float64 {
	h, w := b.extents[0], b.extents[1]
	if !(y >= -1 && y <= float64(h) && x >= -1 && x <= float64(w)) {
		return [4]float64{}
	}
	top, bottom, down := neighbours(y, h)
	left, right, across := neighbours(x, w)
	return [4]float64{
		(1 - down) * (1 - across) * channel[top*w+left], (1 - down) * across * channel[top*w+right],
		down * (1 - across) * channel[bottom*w+left], down * across * channel[bottom*w+right],
	}
}

// neighbours are the elements around x of n, and how far it is from the first.
func neighbours(x float64, n int) (low, high int, far float64) {
	x = max(x, 0)
	if low = int(x); low >= n-1 {
		return n - 1, n - 1, 0
	}
	return low, low + 1, x - float64(low)
}

// maxRoiPool is the largest element of each cell of a box (ONNX MaxRoiPool-22; Girshick,
// Fast R-CNN, 2015). X is [N×C×H×W], rois [R×5] of picture, x1, y1, x2, y2, Y
// [R×C×height×width]; an empty cell is 0.
func maxRoiPool(watch *ir.Watch, op ir.MaxRoiPool, xt, roist, yt *tensor.Tensor) error {
	xs := xt.Shape()
	x, rois, y := reals(xt), reals(roist), make([]float64, yt.Len())
	cells, area := op.Height*op.Width, xs[2]*xs[3]
	for i := range y {
		r, c, cell := i/cells/xs[1], i/cells%xs[1], i%cells
		box := rois[r*5:][:5]
		if !(box[0] >= 0 && box[0] < float64(xs[0])) {
			return fmt.Errorf("input 1 (rois): box %d is of picture %g, outside 0…%d", r, box[0], xs[0]-1)
		}
		top, bottom := boxCell(box[2]*op.Scale, box[4]*op.Scale, cell/op.Width, op.Height, xs[2])
		left, right := boxCell(box[1]*op.Scale, box[3]*op.Scale, cell%op.Width, op.Width, xs[3])
		if watch.Over(max(bottom-top, 1) * max(right-left, 1)) {
			return nil
		}
		channel := x[(int(box[0])*xs[1]+c)*area:][:area]
		best := math.Inf(-1)
		for row := top; row < bottom; row++ {
			for column := left; column < right; column++ {
				best = max(best, channel[row*xs[3]+column])
			}
		}
		if bottom > top && right > left {
			y[i] = best
		}
	}
	putReals(yt, y)
	return nil
}

// boxCell is the range of elements of one of some cells between two coordinates,
// which are rounded.
func boxCell(from, to float64, cell, cells, extent int) (lo, hi int) {
	start := math.Round(from)
	step := max(math.Round(to)-start+1, 1) / float64(cells)
	clamp := func(v float64) int { return int(max(0, min(v, float64(extent)))) }
	if start != start || step != step {
		return 0, 0
	}
	return clamp(math.Floor(float64(cell)*step) + start), clamp(math.Ceil(float64(cell+1)*step) + start)
}

// nonMaxSuppression picks, of each class of each picture, the boxes of the highest
// scores that overlap no picked one by more than the threshold (ONNX
// NonMaxSuppression-11). Of equal scores, the first box comes first.
func nonMaxSuppression(watch *ir.Watch, op ir.NonMaxSuppression, values []tensor.Value) ([]tensor.Value, error) {
	in, err := inferred(op, values)
	if err != nil {
		return nil, err
	}
	s := suppression{iou: scalarOf(in[3], 0), least: scalarOf(in[4], math.Inf(-1))}
	if s.most = 0; in[2] != nil {
		s.most = tensor.Data[int64](in[2])[0]
	}
	if !(s.iou >= 0 && s.iou <= 1) {
		return nil, fmt.Errorf("input 3 (iou_threshold) is %g, outside 0…1", s.iou)
	}
	coordinates, scores := reals(in[0]), reals(in[1])
	shape := in[1].Shape()
	n := shape[2]
	var picked []int64
	for batch := range shape[0] {
		rects := make([]rect, n)
		for i := range rects {
			rects[i] = newRect(coordinates[(batch*n+i)*4:][:4], op.Center)
		}
		for class := range shape[1] {
			for _, i := range s.pick(watch, rects, scores[(batch*shape[1]+class)*n:][:n], in[4] != nil) {
				picked = append(picked, int64(batch), int64(class), int64(i))
			}
		}
	}
	out, err := tensor.Of(picked, len(picked)/3, 3)
	return []tensor.Value{out}, err
}

// scalarOf is a tensor's only element, or what stands for an absent one.
func scalarOf(t *tensor.Tensor, absent float64) float64 {
	if t == nil {
		return absent
	}
	return reals(t)[0]
}

type suppression struct {
	most       int64 // boxes of a class
	iou, least float64
}

// pick gives the boxes that stay, in the order of their scores.
func (s suppression) pick(watch *ir.Watch, rects []rect, scores []float64, limited bool) []int {
	var order, kept []int
	for i, v := range scores {
		if !limited || v > s.least {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	for _, i := range order {
		if int64(len(kept)) >= s.most || watch.Over(8*len(kept)+1) {
			break
		}
		if !slices.ContainsFunc(kept, func(k int) bool { return rects[k].overlap(rects[i]) > s.iou }) {
			kept = append(kept, i)
		}
	}
	return kept
}

// rect is a box with its sides in order.
type rect struct{ y1, x1, y2, x2 float64 }

func newRect(b []float64, center bool) rect {
	if center { // x, y, width, height
		return rect{b[1] - b[3]/2, b[0] - b[2]/2, b[1] + b[3]/2, b[0] + b[2]/2}
	}
	return rect{min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])}
}

// overlap is the share of two boxes' area that both cover.
func (r rect) overlap(o rect) float64 {
	both := max(min(r.y2, o.y2)-max(r.y1, o.y1), 0) * max(min(r.x2, o.x2)-max(r.x1, o.x1), 0)
	area := (r.y2-r.y1)*(r.x2-r.x1) + (o.y2-o.y1)*(o.x2-o.x1) - both
	if !(both > 0 && area > 0) {
		return 0
	}
	return both / area
}

// maxUnpool puts X's elements where I says, in what the window was over, and that at
// the beginning of Y (ONNX MaxUnpool-22).
func maxUnpool(op ir.MaxUnpool, xt, places, yt *tensor.Tensor) error {
	inner, err := op.Fit(xt.Shape())
	if err != nil {
		return err
	}
	ys, n, at := yt.Shape(), size(inner), make([]int, len(inner))
	for i, place := range tensor.Data[int64](places) {
		if place < 0 || place >= int64(n) {
			return fmt.Errorf("input 1 (I): %d is outside 0…%d", place, n-1)
		}
		windowAt(int(place), inner, at)
		to := 0
		for d := range at {
			to = to*ys[d] + at[d]
		}
		if err := tensor.Copy(yt, to, xt, i, 1); err != nil {
			return err
		}
	}
	return nil
}

// col2Im adds up the columns' blocks under their windows (ONNX Col2Im-18). X is
// [N×C·block×L], Y [N×C×image…].
func col2Im(watch *ir.Watch, op ir.Col2Im, xt, image, block, yt *tensor.Tensor) error {
	xs := xt.Shape()
	window, ys, err := op.Fit(xs, tensor.Data[int64](image), tensor.Data[int64](block))
	if err != nil {
		return err
	}
	windows := append(tensor.Shape{0, 0}, make([]int, len(ys)-2)...)
	ax := axes(window, ys, windows)
	for i, a := range ax {
		windows[2+i] = (a.in+a.before+a.after-(a.kernel-1)*a.dilation-1)/a.stride + 1
	}
	x, y := reals(xt), make([]float64, yt.Len())
	taps, area, at := size(window.Kernel), size(ys[2:]), make([]int, len(ax))
	for plane := range xs[0] * ys[1] {
		for l := range xs[2] {
			if watch.Over(taps) {
				return nil
			}
			windowAt(l, windows[2:], at)
			under(ax, at, 0, 0, func(tap, to int) { y[plane*area+to] += x[(plane*taps+tap)*xs[2]+l] })
		}
	}
	putNearest(yt, y)
	return nil
}
