package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Forest is decision trees. A reference to a node is its index, to a leaf the
// complement ^i of its index.
type Forest struct {
	Nodes  []Branch
	Leaves [][]Vote
	Roots  []int // references
}

// Branch is a node that asks about one feature.
type Branch struct {
	Mode        BranchMode
	Feature     int
	Value       float64
	Members     []float64 // of Member, in place of Value
	MissingTrue bool      // where a feature that is not a number goes
	True, False int       // references
}

// BranchMode is how a feature is compared with a node's value.
type BranchMode uint8

// The comparisons, in the order of ONNX TreeEnsemble-5.
const (
	LessOrEqual BranchMode = iota
	Less
	GreaterOrEqual
	Greater
	Equal
	NotEqual
	Member
)

// Vote is what a leaf adds to a target or class.
type Vote struct {
	Target int
	Weight float64
}

// Check refuses references to what is not there, and a node below itself, by the
// node's index; before it, a forest may not be used.
func (f Forest) Check() (node int, err error) {
	for i, n := range f.Nodes {
		for _, to := range []int{n.True, n.False} {
			if !f.holds(to) {
				return i, fmt.Errorf("its child is missing")
			}
		}
		if n.Feature < 0 {
			return i, fmt.Errorf("its feature %d is negative", n.Feature)
		}
	}
	for _, r := range f.Roots {
		if !f.holds(r) {
			return -1, fmt.Errorf("a root is missing")
		}
	}
	if _, loop := f.depths(); loop >= 0 {
		return loop, fmt.Errorf("it is below itself")
	}
	return -1, nil
}

func (f Forest) holds(ref int) bool { return ref < len(f.Nodes) && ^ref < len(f.Leaves) }

// depths gives the longest way down from each node, or a node that is below
// itself.
func (f Forest) depths() (depth []int, loop int) {
	depth = make([]int, len(f.Nodes))
	const under = -1 // a node whose children are under way
	for start := range f.Nodes {
		for stack := []int{start}; len(stack) > 0; {
			i := stack[len(stack)-1]
			if depth[i] > 0 {
				stack = stack[:len(stack)-1]
				continue
			}
			deepest, ready := 0, true
			for _, to := range []int{f.Nodes[i].True, f.Nodes[i].False} {
				switch {
				case to < 0:
				case depth[to] > 0:
					deepest = max(deepest, depth[to])
				case depth[to] == under:
					return nil, to
				default:
					ready = false
					stack = append(stack, to)
				}
			}
			depth[i] = under
			if ready {
				depth[i] = deepest + 1
				stack = stack[:len(stack)-1]
			}
		}
	}
	return depth, -1
}

// Steps is the most comparisons and votes that one row takes.
func (f Forest) Steps() int {
	depth, _ := f.depths()
	votes := 1
	for _, leaf := range f.Leaves {
		votes = max(votes, len(leaf))
	}
	sum := times(len(f.Roots), votes)
	for _, r := range f.Roots {
		if r >= 0 && depth != nil {
			sum = plus(sum, depth[r])
		}
	}
	return sum
}

// features is how many the nodes ask about.
func (f Forest) features() int {
	n := 0
	for _, b := range f.Nodes {
		n = max(n, b.Feature+1)
	}
	return n
}

// Labels are the classes of a classifier: Ints, or Strings.
type Labels struct {
	Ints    []int64
	Strings []string
}

// Len is the number of classes.
func (l Labels) Len() int { return max(len(l.Ints), len(l.Strings)) }

// DType is the type of a label.
func (l Labels) DType() tensor.DType {
	if len(l.Strings) > 0 {
		return tensor.String
	}
	return tensor.Int64
}

// TreeEnsemble adds up the votes of trees. Input: X [N×C], of which a vector is
// one row. Output: float32 [N×Targets]; of a classifier the labels [N] and float32 scores
// [N×classes]. (ONNX ai.onnx.ml TreeEnsembleClassifier-5, TreeEnsembleRegressor-5,
// TreeEnsemble-5.)
type TreeEnsemble struct {
	Forest    Forest
	Targets   int
	Aggregate string    // SUM, AVERAGE, MIN or MAX
	Base      []float64 // of each target, or none
	Post      string    // NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT
	Labels    *Labels   // of a classifier
	Typed     bool      // TreeEnsemble: the output is of X's type
}

// Type is the name of the version that the file has.
func (op TreeEnsemble) Type() string {
	switch {
	case op.Labels != nil:
		return "TreeEnsembleClassifier"
	case op.Typed:
		return "TreeEnsemble"
	}
	return "TreeEnsembleRegressor"
}

// Infer checks that X has each feature.
func (op TreeEnsemble) Infer(in []Info) ([]Info, error) {
	n, columns, err := table(in, "X", classicalNumbers)
	if err != nil {
		return nil, err
	}
	if op.Typed && !in[0].DType.IsFloat() {
		return nil, fmt.Errorf("input 0 (X) is %v; supported is %s", in[0].DType, realNumbers.name)
	}
	if want := op.Forest.features(); columns < want {
		return nil, fmt.Errorf("input 0 (X) has shape %v, and the trees ask about %d features", in[0].Shape, want)
	}
	if op.Labels != nil {
		return labelled(n, *op.Labels, max(op.Labels.Len(), 2)), nil
	}
	dtype := tensor.Float32
	if op.Typed {
		dtype = in[0].DType
	}
	return result(dtype, tensor.Shape{n, op.Targets})
}

// labelled are the labels and scores of n rows.
func labelled(n int, labels Labels, scores int) []Info {
	return []Info{{DType: labels.DType(), Shape: tensor.Shape{n}}, {DType: tensor.Float32, Shape: tensor.Shape{n, scores}}}
}

// classicalNumbers are what the operators of ai.onnx.ml compute with.
var classicalNumbers = class{"float, double, int64 or int32", func(d tensor.DType) bool {
	return d == tensor.Float32 || d == tensor.Float64 || d == tensor.Int64 || d == tensor.Int32
}}

// table is the rows and columns of the only input; a vector is one row.
func table(in []Info, name string, of class) (rows, columns int, err error) {
	if err := operands(in).match(parameter{name: name, class: of}); err != nil {
		return 0, 0, err
	}
	switch s := in[0].Shape; len(s) {
	case 1:
		return 1, s[0], nil
	case 2:
		return s[0], s[1], nil
	default:
		return 0, 0, fmt.Errorf("input 0 (%s) has shape %v, want N×C or C", name, s)
	}
}

// rows are those of a table.
func (i Info) rows() int {
	if len(i.Shape) == 2 {
		return i.Shape[0]
	}
	return 1
}
