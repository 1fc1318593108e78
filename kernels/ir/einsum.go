package ir

import (
	"fmt"
	"strings"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Einsum sums products of elements of its inputs as Equation says: each letter
// names a dimension of the inputs, those that the output lacks are summed over, and
// "..." stands for dimensions that broadcast. (ONNX Einsum-12.)
type Einsum struct{ Equation string }

// Type is "Einsum".
func (Einsum) Type() string { return "Einsum" }

// Infer gives the extents that the output's letters have in the inputs.
func (op Einsum) Infer(in []Info) ([]Info, error) {
	want := make([]parameter, len(in))
	for i := range want {
		want[i] = parameter{name: "Inputs", class: numbers}
		if i > 0 {
			want[i] = parameter{name: "Inputs", dtype: in[0].DType}
		}
	}
	if err := operands(in).match(want...); err != nil {
		return nil, err
	}
	shapes := make([]tensor.Shape, len(in))
	for i, x := range in {
		shapes[i] = x.Shape
	}
	s, err := op.Subscripts(shapes)
	if err != nil {
		return nil, err
	}
	return result(in[0].DType, s.Extents[:s.Outputs].Clone())
}

func (op Einsum) multiplyAdds(in, _ []Info) int {
	shapes := make([]tensor.Shape, len(in))
	for i, x := range in {
		shapes[i] = x.Shape
	}
	s, err := op.Subscripts(shapes)
	if err != nil {
		return 0
	}
	return times(len(in), s.Extents...)
}

// Subscripts is an equation fitted to its inputs.
type Subscripts struct {
	// Extents are those of the output's dimensions, and after these Outputs many
	// those that are summed over.
	Extents tensor.Shape
	Outputs int
	// Inputs tells for each dimension of each input which of Extents runs along it.
	Inputs [][]int
}

// Subscripts fits the equation to the inputs' shapes.
func (op Einsum) Subscripts(shapes []tensor.Shape) (*Subscripts, error) {
	terms, out, explicit := strings.Cut(strings.ReplaceAll(op.Equation, " ", ""), "->")
	inputs := strings.Split(terms, ",")
	fail := func(format string, args ...any) error {
		return fmt.Errorf("attribute equation %q: "+format, append([]any{op.Equation}, args...)...)
	}
	if len(inputs) != len(shapes) {
		return nil, fail("%d terms for %d inputs", len(inputs), len(shapes))
	}
	e := equation{extents: map[string]int{}, count: map[string]int{}}
	labels := make([][]string, len(inputs))
	for i, term := range inputs {
		list, err := e.labels(term, len(shapes[i]))
		if err == nil {
			err = e.take(list, shapes[i])
		}
		if err != nil {
			return nil, fail("input %d of shape %v: %w", i, shapes[i], err)
		}
		labels[i] = list
	}
	outputs, err := e.outputs(out, explicit)
	if err != nil {
		return nil, fail("output: %w", err)
	}
	return e.subscripts(labels, outputs), nil
}

// equation is one being fitted. A dimension of the ellipsis is named by its
// distance from the ellipsis' end.
type equation struct {
	extents map[string]int
	count   map[string]int // of a label in all inputs
	order   []string       // of the labels as they come
	around  int            // the most dimensions of an ellipsis
}

// labels names the dimensions of a term; rank is of the input, and -1 of the
// output.
func (e *equation) labels(term string, rank int) ([]string, error) {
	before, after, ellipsis := strings.Cut(term, "...")
	hidden := 0
	switch letters := len(before) + len(after); {
	case ellipsis && rank >= 0:
		hidden = rank - letters
		e.around = max(e.around, hidden)
	case ellipsis:
		hidden = e.around
	}
	if rank >= 0 && len(before)+len(after)+hidden != rank || hidden < 0 {
		return nil, fmt.Errorf("%q does not name its dimensions", term)
	}
	var list []string
	for _, c := range before {
		list = append(list, string(c))
	}
	for i := hidden; i > 0; i-- {
		list = append(list, fmt.Sprint(i))
	}
	for _, c := range after {
		list = append(list, string(c))
	}
	for _, c := range before + after {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return nil, fmt.Errorf("%q is not a letter", c)
		}
	}
	return list, nil
}

// take notes the extents of an input's labels. An extent of 1 is broadcast.
func (e *equation) take(labels []string, shape tensor.Shape) error {
	for i, label := range labels {
		have, seen := e.extents[label]
		switch {
		case !seen:
			e.order = append(e.order, label)
			e.extents[label] = shape[i]
		case have == 1:
			e.extents[label] = shape[i]
		case shape[i] != 1 && shape[i] != have:
			return fmt.Errorf("dimension %d is %d, elsewhere %q is %d", i, shape[i], label, have)
		}
		e.count[label]++
	}
	return nil
}

// outputs are the output's labels: without an arrow the ellipsis, and then in
// alphabetical order what occurs once.
func (e *equation) outputs(term string, explicit bool) ([]string, error) {
	if !explicit {
		term = "..."
		for c := 'A'; c <= 'z'; c++ {
			if e.count[string(c)] == 1 {
				term += string(c)
			}
		}
	}
	list, err := e.labels(term, -1)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, label := range list {
		if _, known := e.extents[label]; !known || seen[label] {
			return nil, fmt.Errorf("%q is in no input, or twice in the output", label)
		}
		seen[label] = true
	}
	return list, nil
}

func (e *equation) subscripts(inputs [][]string, outputs []string) *Subscripts {
	s := &Subscripts{Outputs: len(outputs), Extents: tensor.Shape{}}
	at := map[string]int{}
	for _, label := range append(append([]string{}, outputs...), e.order...) {
		if _, placed := at[label]; !placed {
			at[label] = len(s.Extents)
			s.Extents = append(s.Extents, e.extents[label])
		}
	}
	for _, labels := range inputs {
		dims := make([]int, len(labels))
		for i, label := range labels {
			dims[i] = at[label]
		}
		s.Inputs = append(s.Inputs, dims)
	}
	return s
}

// Det is the determinant of each square matrix of the last two dimensions. Input:
// X […×M×M]. Output: […]. (ONNX Det-22.)
type Det struct{}

// Type is "Det".
func (Det) Type() string { return "Det" }

// Infer removes the last two dimensions.
func (Det) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "X", class: realNumbers}); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if len(x) < 2 || x[len(x)-1] != x[len(x)-2] {
		return nil, fmt.Errorf("input 0 (X) has shape %v, want square matrices", x)
	}
	return result(in[0].DType, x[:len(x)-2].Clone())
}

func (Det) multiplyAdds(in, _ []Info) int {
	x := in[0].Shape
	return times(volume(x), x[len(x)-1])
}
