package reference

import (
	"fmt"
	"math"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// loop runs the body until its trips are over or its condition is false (ONNX
// Loop-24).
func (d *driving) loop(op ir.Loop, in []tensor.Value) ([]tensor.Value, error) {
	in = append(in, nil, nil)[:max(2, len(in))]
	trips, on := int64(math.MaxInt64), true
	if in[0] != nil {
		t, ok := in[0].(*tensor.Tensor)
		if !ok || t.DType() != tensor.Int64 || t.Len() != 1 {
			return nil, fmt.Errorf("input M is %v, want one int64", in[0])
		}
		trips = tensor.Data[int64](t)[0]
	}
	if in[1] != nil {
		var err error
		if on, err = truth(in[1], "cond"); err != nil {
			return nil, err
		}
	}
	carried := in[2:]
	if own := len(op.Body.Own()); own != 2+len(carried) || len(op.Body.Graph.Outputs) < 1+len(carried) {
		return nil, fmt.Errorf("%d values for a body of %d inputs and %d outputs", len(carried), own, len(op.Body.Graph.Outputs))
	}
	stacks := make([]stack, len(op.Body.Graph.Outputs)-1-len(carried))
	for trip := int64(0); trip < trips && on; trip++ {
		out, err := d.trip(trip, carried)
		if err != nil {
			return nil, fmt.Errorf("trip %d: %w", trip, err)
		}
		if on, err = truth(out[0], "cond of the body"); err != nil {
			return nil, fmt.Errorf("trip %d: %w", trip, err)
		}
		carried = out[1:][:len(carried)]
		if err := collect(stacks, out[1+len(carried):], carried); err != nil {
			return nil, fmt.Errorf("trip %d: %w", trip, err)
		}
	}
	out := slices.Clone(carried)
	for i := range stacks {
		t, err := stacks[i].tensor(declared(op.Outputs, 1+len(carried)+i), 0, false)
		if err != nil {
			return nil, fmt.Errorf("scan output %d: %w", i, err)
		}
		out = append(out, t)
	}
	return out, nil
}

// trip runs a loop's body once.
func (d *driving) trip(number int64, carried []tensor.Value) ([]tensor.Value, error) {
	n, err := tensor.Of([]int64{number})
	if err != nil {
		return nil, err
	}
	on, err := tensor.Of([]bool{true})
	if err != nil {
		return nil, err
	}
	return d.run(d.bodies[0], slices.Concat([]tensor.Value{n, on}, carried)...)
}

// collect adds a trip's slices to their stacks, and refuses what with the values
// of the next trip would take more than a run may.
func collect(stacks []stack, slices, carried []tensor.Value) error {
	var budget ir.Budget
	for _, v := range carried {
		if err := budget.Take(tensor.Bytes(v)); err != nil {
			return err
		}
	}
	for i := range stacks {
		if err := stacks[i].add(slices[i]); err != nil {
			return fmt.Errorf("scan output %d: %w", i, err)
		}
		if err := budget.Take(stacks[i].bytes()); err != nil {
			return err
		}
	}
	return nil
}

// declared is the type of a body's output i, if the file says it.
func declared(infos []ir.Info, i int) ir.Info {
	if i < len(infos) {
		return infos[i]
	}
	return ir.Info{}
}

// stack is tensors of one type and shape on top of each other.
type stack struct {
	shape tensor.Shape   // of each
	all   *tensor.Tensor // their elements in a vector, with room for more
	n     int
}

func (s *stack) bytes() int {
	if s.all == nil {
		return 0
	}
	return tensor.Bytes(s.all)
}

func (s *stack) add(v tensor.Value) error {
	t, ok := v.(*tensor.Tensor)
	if !ok {
		return fmt.Errorf("it is a %v, not a tensor", v.Type())
	}
	if s.all == nil {
		s.shape, s.all = t.Shape().Clone(), t.Clone()
	}
	if t.DType() != s.all.DType() || !t.Shape().Equal(s.shape) {
		return fmt.Errorf("it is %v after %v%v", t, s.all.DType(), s.shape)
	}
	shape := append(tensor.Shape{s.n + 1}, s.shape...)
	if err := (ir.Info{DType: t.DType(), Shape: shape}).Check(); err != nil {
		return err
	}
	if (s.n+1)*t.Len() > s.all.Len() {
		more, err := tensor.New(t.DType(), 2*(s.n+1)*t.Len())
		if err != nil {
			return err
		}
		if err := tensor.Copy(more, 0, s.all, 0, s.n*t.Len()); err != nil {
			return err
		}
		s.all = more
	}
	s.n++
	return tensor.Copy(s.all, (s.n-1)*t.Len(), t, 0, t.Len())
}

// tensor is the stack with a new dimension at an axis. One of nothing has the
// declared type of what would have been stacked, and open extents of 0.
func (s *stack) tensor(declared ir.Info, axis int, reverse bool) (*tensor.Tensor, error) {
	dtype, shape := declared.DType, declared.Shape.Clone()
	if s.n > 0 {
		dtype, shape = s.all.DType(), s.shape
	}
	if dtype == tensor.Invalid {
		return nil, fmt.Errorf("there is none, and the body does not say its type")
	}
	for i := range shape {
		shape[i] = max(shape[i], 0)
	}
	axis, err := ir.Axis(axis, len(shape)+1)
	if err != nil {
		return nil, err
	}
	info := ir.Info{DType: dtype, Shape: append(tensor.Shape{s.n}, shape...)}
	if err := info.Check(); err != nil {
		return nil, err
	}
	out, err := tensor.New(dtype, info.Shape...)
	if err != nil || out.Len() == 0 {
		return moved(out, axis, err)
	}
	block := out.Len() / s.n
	for i := range s.n {
		from := i
		if reverse {
			from = s.n - 1 - i
		}
		if err := tensor.Copy(out, i*block, s.all, from*block, block); err != nil {
			return nil, err
		}
	}
	return moved(out, axis, nil)
}

// moved is a tensor with its first dimension at an axis.
func moved(t *tensor.Tensor, axis int, err error) (*tensor.Tensor, error) {
	if err != nil || axis == 0 {
		return t, err
	}
	perm := make([]int, len(t.Shape()))
	for i := range perm {
		switch {
		case i < axis:
			perm[i] = i + 1
		case i > axis:
			perm[i] = i
		}
	}
	op := ir.Transpose{Perm: perm}
	out, err := results(op, []*tensor.Tensor{t})
	if err != nil || t.Len() == 0 {
		return first(out), err
	}
	return out[0], transpose(new(ir.Watch), op, t, out[0])
}

func first(a args) *tensor.Tensor {
	if len(a) == 0 {
		return nil
	}
	return a[0]
}

// scan runs the body for each slice (ONNX Scan-24), or batch by batch (ONNX
// Scan-8).
func (d *driving) scan(op ir.Scan, in []tensor.Value) ([]tensor.Value, error) {
	var lengths tensor.Value
	if op.Batch && len(in) > 0 {
		lengths, in = in[0], in[1:]
	}
	states := len(in) - len(op.InputAxes)
	own, outputs := len(op.Body.Own()), len(op.Body.Graph.Outputs)
	if states < 0 || own != len(in) || outputs != states+len(op.OutputAxes) {
		return nil, fmt.Errorf("%d inputs for a body of %d inputs and %d outputs", len(in), own, outputs)
	}
	if op.Batch {
		return d.scanBatches(op, lengths, in, states)
	}
	scanned, err := scannedBy(op, in[states:])
	if err != nil {
		return nil, err
	}
	return d.scanSlices(op, in[:states], scanned, scanned[0].extent())
}

// scanned is an input of Scan, of which the body reads slices.
type scanned struct {
	t       *tensor.Tensor
	axis    int
	reverse bool
}

func (s scanned) extent() int { return s.t.Shape()[s.axis] }

// slice is the i-th slice of n, without its axis.
func (s scanned) slice(i, n int) (*tensor.Tensor, error) {
	if s.reverse {
		i = n - 1 - i
	}
	t, err := rangeOf(s.t, s.axis, i, 1)
	if err != nil {
		return nil, err
	}
	return t.Reshaped(slices.Delete(t.Shape().Clone(), s.axis, s.axis+1)...)
}

func scannedBy(op ir.Scan, in []tensor.Value) ([]scanned, error) {
	out := make([]scanned, len(in))
	for i, v := range in {
		t, ok := v.(*tensor.Tensor)
		if !ok {
			return nil, fmt.Errorf("scan input %d is %v, not a tensor", i, v)
		}
		axis, err := ir.Axis(op.InputAxes[i], len(t.Shape()))
		if err != nil {
			return nil, fmt.Errorf("scan input %d: %w", i, err)
		}
		out[i] = scanned{t, axis, op.InputReverse[i]}
		if out[i].extent() != out[0].extent() {
			return nil, fmt.Errorf("scan inputs 0 and %d have %d and %d slices", i, out[0].extent(), out[i].extent())
		}
	}
	return out, nil
}

// scanSlices runs the body for n slices.
func (d *driving) scanSlices(op ir.Scan, state []tensor.Value, inputs []scanned, n int) ([]tensor.Value, error) {
	stacks := make([]stack, len(op.OutputAxes))
	for i := range n {
		in := slices.Clone(state)
		for _, s := range inputs {
			t, err := s.slice(i, n)
			if err != nil {
				return nil, err
			}
			in = append(in, t)
		}
		out, err := d.run(d.bodies[0], in...)
		if err != nil {
			return nil, fmt.Errorf("slice %d: %w", i, err)
		}
		state = out[:len(state)]
		if err := collect(stacks, out[len(state):], state); err != nil {
			return nil, fmt.Errorf("slice %d: %w", i, err)
		}
	}
	out := slices.Clone(state)
	for i := range stacks {
		t, err := stacks[i].tensor(declared(op.Outputs, len(state)+i), op.OutputAxes[i], op.OutputReverse[i])
		if err != nil {
			return nil, fmt.Errorf("scan output %d: %w", i, err)
		}
		out = append(out, t)
	}
	return out, nil
}

// scanBatches scans each batch by itself, as far as its length; what lies beyond
// is 0 in the outputs.
func (d *driving) scanBatches(op ir.Scan, lengths tensor.Value, in []tensor.Value, states int) ([]tensor.Value, error) {
	batches, err := tensorsOf(in)
	if err != nil {
		return nil, err
	}
	n, extent := -1, 0
	for i, t := range batches {
		if t == nil || len(t.Shape()) == 0 || n >= 0 && t.Shape()[0] != n || i >= states && len(t.Shape()) < 2 {
			return nil, fmt.Errorf("input %d is %v, which has no batch of %d", i+1, t, n)
		}
		if n = t.Shape()[0]; i >= states {
			extent = t.Shape()[1]
		}
	}
	lens, err := lengthsOf(lengths, n, extent)
	if err != nil {
		return nil, err
	}
	stacks := make([]stack, len(op.Body.Graph.Outputs))
	for b := range n {
		parts := make([]tensor.Value, len(batches))
		for i, t := range batches {
			if parts[i], err = (scanned{t: t}).slice(b, n); err != nil {
				return nil, err
			}
		}
		inputs, err := scannedBy(op, parts[states:])
		if err != nil {
			return nil, err
		}
		for i := range inputs { // reversed, a batch begins at the end of its own length
			if inputs[i].t, err = rangeOf(inputs[i].t, 0, 0, lens[b]); err != nil {
				return nil, err
			}
		}
		out, err := d.scanSlices(op, parts[:states], inputs, lens[b])
		if err != nil {
			return nil, fmt.Errorf("batch %d: %w", b, err)
		}
		for i := states; i < len(out); i++ {
			if out[i], err = filledUp(out[i].(*tensor.Tensor), extent); err != nil {
				return nil, err
			}
		}
		if err := collect(stacks, out, nil); err != nil {
			return nil, fmt.Errorf("batch %d: %w", b, err)
		}
	}
	out := make([]tensor.Value, len(stacks))
	for i := range stacks {
		info := declared(op.Outputs, i)
		if i >= states {
			info.Shape = append(tensor.Shape{extent}, info.Shape...)
		}
		if out[i], err = stacks[i].tensor(info, 0, false); err != nil {
			return nil, fmt.Errorf("output %d: %w", i, err)
		}
	}
	return out, nil
}

// lengthsOf are the lengths of n batches; without an input all are the extent.
func lengthsOf(v tensor.Value, n, extent int) ([]int, error) {
	out := make([]int, n)
	t, ok := v.(*tensor.Tensor)
	if v != nil && (!ok || t.DType() != tensor.Int64 || t.Len() != n) {
		return nil, fmt.Errorf("input 0 (sequence_lens) is %v, want %d int64", v, n)
	}
	for i := range out {
		if out[i] = extent; v == nil {
			continue
		}
		l := tensor.Data[int64](t)[i]
		if l < 0 || l > int64(extent) {
			return nil, fmt.Errorf("input 0 (sequence_lens): %d is outside [0, %d]", l, extent)
		}
		out[i] = int(l)
	}
	return out, nil
}

// filledUp is a tensor with zeros up to an extent of its first dimension.
func filledUp(t *tensor.Tensor, extent int) (*tensor.Tensor, error) {
	shape := t.Shape().Clone()
	shape[0] = extent
	if err := (ir.Info{DType: t.DType(), Shape: shape}).Check(); err != nil {
		return nil, err
	}
	out, err := tensor.New(t.DType(), shape...)
	if err != nil {
		return nil, err
	}
	return out, tensor.Copy(out, 0, t, 0, t.Len())
}

// sequenceMap runs the body for each element of the first input (ONNX
// SequenceMap-17).
func (d *driving) sequenceMap(op ir.SequenceMap, in []tensor.Value) ([]tensor.Value, error) {
	if len(in) == 0 || in[0] == nil {
		return nil, fmt.Errorf("input 0 is missing")
	}
	s, err := sequenceOf(in[0])
	if err != nil {
		return nil, err
	}
	out := make([]*tensor.Sequence, len(op.Body.Graph.Outputs))
	for i := range out {
		out[i] = &tensor.Sequence{Elem: declared(op.Outputs, i).Type()}
	}
	var budget ir.Budget
	for i := range s.Values {
		args := slices.Clone(in)
		for j, v := range in {
			other, ok := v.(*tensor.Sequence)
			if !ok {
				continue
			}
			if len(other.Values) != len(s.Values) {
				return nil, fmt.Errorf("inputs 0 and %d are sequences of %d and %d elements", j, len(s.Values), len(other.Values))
			}
			args[j] = other.Values[i]
		}
		given, err := d.run(d.bodies[0], args...)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		for j, v := range given {
			if err := budget.Take(tensor.Bytes(v)); err != nil {
				return nil, err
			}
			out[j].Elem, out[j].Values = v.Type(), append(out[j].Values, v)
		}
	}
	values := make([]tensor.Value, len(out))
	for i := range out {
		values[i] = out[i]
	}
	return values, nil
}
