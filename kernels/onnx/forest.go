package onnx

import (
	"fmt"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// postTransforms in the order of TreeEnsemble-5's numbers.
var postTransforms = []string{"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"}

// aggregates in the order of TreeEnsemble-5's numbers.
var aggregates = []string{"AVERAGE", "SUM", "MIN", "MAX"}

// branchModes are the names before TreeEnsemble-5.
var branchModes = map[string]ir.BranchMode{
	"BRANCH_LEQ": ir.LessOrEqual, "BRANCH_LT": ir.Less, "BRANCH_GTE": ir.GreaterOrEqual,
	"BRANCH_GT": ir.Greater, "BRANCH_EQ": ir.Equal, "BRANCH_NEQ": ir.NotEqual,
}

func treeClassifier(r *reading) ir.Operator {
	labels := r.labels("classlabels_int64s", "classlabels_strings")
	op := ir.TreeEnsemble{Aggregate: "SUM", Labels: &labels, Targets: labels.Len()}
	r.treeAttributes(&op, "class")
	return op
}

func treeRegressor(r *reading) ir.Operator {
	op := ir.TreeEnsemble{Aggregate: r.choice("aggregate_function", "SUM", aggregates...), Targets: r.int("n_targets", 1)}
	r.treeAttributes(&op, "target")
	return op
}

// treeAttributes reads what the ensembles before TreeEnsemble-5 share: a list an
// attribute of nodes, which name each other by their tree and number, and of the
// votes of leaves.
func (r *reading) treeAttributes(op *ir.TreeEnsemble, votes string) {
	r.skip("nodes_hitrates", "nodes_hitrates_as_tensor")
	op.Post = r.choice("post_transform", "NONE", postTransforms...)
	op.Base = r.floatsOrDoubles("base_values")
	t := trees{
		tree: r.int64s("nodes_treeids"), id: r.int64s("nodes_nodeids"), feature: r.int64s("nodes_featureids"),
		yes: r.int64s("nodes_truenodeids"), no: r.int64s("nodes_falsenodeids"), missing: r.int64s("nodes_missing_value_tracks_true"),
		value: r.floatsOrDoubles("nodes_values"),
		votes: voteList{
			tree: r.int64s(votes + "_treeids"), node: r.int64s(votes + "_nodeids"), target: r.int64s(votes + "_ids"),
			weight: r.floatsOrDoubles(votes + "_weights"),
		},
	}
	t.mode, _ = r.texts("nodes_modes")
	if r.err != nil {
		return
	}
	if op.Targets < 1 || op.Targets > ir.MaxValueBytes {
		r.fail(fmt.Errorf("it has %d targets or classes", op.Targets))
		return
	}
	if n := len(op.Base); n != 0 && n != op.Targets && (op.Labels == nil || n > 2 || op.Targets > 2) {
		r.fail(fmt.Errorf("attribute base_values has %d values, want %d", n, op.Targets))
		return
	}
	forest, err := t.forest(op.Targets)
	r.fail(err)
	op.Forest = forest
}

// trees are the lists of nodes of a file.
type trees struct {
	tree, id, feature, yes, no, missing []int64
	value                               []float64
	mode                                []string
	votes                               voteList
}

type voteList struct {
	tree, node, target []int64
	weight             []float64
}

// nodeID names a node.
type nodeID struct{ tree, node int64 }

func (n nodeID) String() string { return fmt.Sprintf("node %d of tree %d", n.node, n.tree) }

// forest turns names into references: a branch is a node, a leaf its votes.
func (t trees) forest(targets int) (ir.Forest, error) {
	var f ir.Forest
	n := len(t.id)
	for name, have := range map[string]int{
		"nodes_treeids": len(t.tree), "nodes_featureids": len(t.feature), "nodes_truenodeids": len(t.yes),
		"nodes_falsenodeids": len(t.no), "nodes_values": len(t.value), "nodes_modes": len(t.mode),
	} {
		if have != n {
			return f, fmt.Errorf("attribute %q has %d values, and nodes_nodeids %d", name, have, n)
		}
	}
	if len(t.missing) != 0 && len(t.missing) != n {
		return f, fmt.Errorf(`attribute "nodes_missing_value_tracks_true" has %d values, and nodes_nodeids %d`, len(t.missing), n)
	}
	refs, leaves := map[nodeID]int{}, 0
	for i := range n {
		id := nodeID{t.tree[i], t.id[i]}
		if _, twice := refs[id]; twice {
			return f, fmt.Errorf("%v is given twice", id)
		}
		if t.mode[i] == "LEAF" {
			refs[id] = ^leaves
			leaves++
		} else {
			refs[id] = i - leaves
		}
	}
	f.Leaves = make([][]ir.Vote, leaves)
	ids, rooted := []nodeID{}, map[int64]bool{}
	for i := range n {
		id := nodeID{t.tree[i], t.id[i]}
		if !rooted[id.tree] { // the first node of a tree is its root
			rooted[id.tree] = true
			f.Roots = append(f.Roots, refs[id])
		}
		if t.mode[i] == "LEAF" {
			continue
		}
		b, err := t.branch(i, refs)
		if err != nil {
			return f, fmt.Errorf("%v: %w", id, err)
		}
		f.Nodes, ids = append(f.Nodes, b), append(ids, id)
	}
	if i, err := f.Check(); err != nil {
		return f, fmt.Errorf("%v: %w", ids[max(i, 0)], err)
	}
	return f, t.votes.cast(f, refs, targets)
}

// branch is node i.
func (t trees) branch(i int, refs map[nodeID]int) (ir.Branch, error) {
	mode, ok := branchModes[t.mode[i]]
	if !ok {
		return ir.Branch{}, fmt.Errorf("its mode %q is unknown", t.mode[i])
	}
	if t.feature[i] < 0 || t.feature[i] > ir.MaxValueBytes {
		return ir.Branch{}, fmt.Errorf("its feature %d is outside 0…%d", t.feature[i], ir.MaxValueBytes)
	}
	b := ir.Branch{Mode: mode, Feature: int(t.feature[i]), Value: t.value[i], MissingTrue: len(t.missing) != 0 && t.missing[i] != 0}
	for _, c := range []struct {
		to   *int
		node int64
	}{{&b.True, t.yes[i]}, {&b.False, t.no[i]}} {
		if *c.to, ok = refs[nodeID{t.tree[i], c.node}]; !ok {
			return b, fmt.Errorf("its child %d is missing", c.node)
		}
	}
	return b, nil
}

// cast gives the leaves their votes. Those for a branch are never counted.
func (v voteList) cast(f ir.Forest, refs map[nodeID]int, targets int) error {
	n := len(v.weight)
	if len(v.tree) != n || len(v.node) != n || len(v.target) != n {
		return fmt.Errorf("the leaves' trees, nodes, targets and weights are %d, %d, %d and %d: not as many", len(v.tree), len(v.node), len(v.target), n)
	}
	for i := range n {
		id := nodeID{v.tree[i], v.node[i]}
		ref, ok := refs[id]
		if !ok {
			return fmt.Errorf("a weight is of %v, which is missing", id)
		}
		if v.target[i] < 0 || v.target[i] >= int64(targets) {
			return fmt.Errorf("%v: its target or class %d is outside 0…%d", id, v.target[i], targets-1)
		}
		if ref < 0 {
			f.Leaves[^ref] = append(f.Leaves[^ref], ir.Vote{Target: int(v.target[i]), Weight: v.weight[i]})
		}
	}
	return nil
}

// treeEnsemble is TreeEnsemble-5, whose nodes name each other by place.
func treeEnsemble(r *reading) ir.Operator {
	op := ir.TreeEnsemble{Typed: true, Targets: r.int("n_targets", 1)}
	r.skip("nodes_hitrates")
	op.Post = r.numbered("post_transform", 0, postTransforms)
	op.Aggregate = r.numbered("aggregate_function", 1, aggregates)
	t := placedTrees{
		roots: r.int64s("tree_roots"), feature: r.int64s("nodes_featureids"),
		yes: r.int64s("nodes_truenodeids"), no: r.int64s("nodes_falsenodeids"),
		yesLeaf: r.int64s("nodes_trueleafs"), noLeaf: r.int64s("nodes_falseleafs"),
		missing: r.int64s("nodes_missing_value_tracks_true"), target: r.int64s("leaf_targetids"),
		mode: r.tensorReals("nodes_modes"), value: r.tensorReals("nodes_splits"),
		weight: r.tensorReals("leaf_weights"), members: r.tensorReals("membership_values"),
	}
	if r.err != nil {
		return op
	}
	if op.Targets < 1 || op.Targets > ir.MaxValueBytes {
		r.fail(fmt.Errorf("attribute %q is %d", "n_targets", op.Targets))
		return op
	}
	forest, err := t.forest(op.Targets)
	r.fail(err)
	op.Forest = forest
	return op
}

// placedTrees are the lists of TreeEnsemble-5.
type placedTrees struct {
	roots, feature, yes, no, yesLeaf, noLeaf, missing, target []int64
	mode, value, weight, members                              []float64
}

func (t placedTrees) forest(targets int) (ir.Forest, error) {
	var f ir.Forest
	n := len(t.feature)
	for name, have := range map[string]int{
		"nodes_truenodeids": len(t.yes), "nodes_falsenodeids": len(t.no), "nodes_trueleafs": len(t.yesLeaf),
		"nodes_falseleafs": len(t.noLeaf), "nodes_modes": len(t.mode), "nodes_splits": len(t.value),
	} {
		if have != n {
			return f, fmt.Errorf("attribute %q has %d values, and nodes_featureids %d", name, have, n)
		}
	}
	if len(t.missing) != 0 && len(t.missing) != n || len(t.target) != len(t.weight) {
		return f, fmt.Errorf("attributes nodes_missing_value_tracks_true and nodes_featureids, or leaf_targetids and leaf_weights, differ in length")
	}
	for i, w := range t.weight {
		if t.target[i] < 0 || t.target[i] >= int64(targets) {
			return f, fmt.Errorf("leaf %d: its target %d is outside 0…%d", i, t.target[i], targets-1)
		}
		f.Leaves = append(f.Leaves, []ir.Vote{{Target: int(t.target[i]), Weight: w}})
	}
	for i := range n {
		b, err := t.branch(i)
		if err != nil {
			return f, fmt.Errorf("node %d: %w", i, err)
		}
		f.Nodes = append(f.Nodes, b)
	}
	if err := t.root(&f); err != nil {
		return f, err
	}
	if i, err := f.Check(); err != nil {
		return f, fmt.Errorf("node %d: %w", i, err)
	}
	return f, t.sets(f)
}

func (t placedTrees) branch(i int) (ir.Branch, error) {
	mode := ir.BranchMode(t.mode[i])
	if float64(mode) != t.mode[i] || mode > ir.Member {
		return ir.Branch{}, fmt.Errorf("its mode %g is unknown", t.mode[i])
	}
	if t.feature[i] < 0 || t.feature[i] > ir.MaxValueBytes {
		return ir.Branch{}, fmt.Errorf("its feature %d is outside 0…%d", t.feature[i], ir.MaxValueBytes)
	}
	b := ir.Branch{Mode: mode, Feature: int(t.feature[i]), Value: t.value[i], MissingTrue: len(t.missing) != 0 && t.missing[i] != 0}
	for _, c := range []struct {
		to        *int
		ref, leaf int64
	}{{&b.True, t.yes[i], t.yesLeaf[i]}, {&b.False, t.no[i], t.noLeaf[i]}} {
		count := len(t.feature)
		if c.leaf != 0 {
			count = len(t.weight)
		}
		if c.ref < 0 || c.ref >= int64(count) {
			return b, fmt.Errorf("its child %d is missing", c.ref)
		}
		if *c.to = int(c.ref); c.leaf != 0 {
			*c.to = ^int(c.ref)
		}
	}
	return b, nil
}

// root finds the trees. One whose root has the same leaf on both sides is that
// leaf.
func (t placedTrees) root(f *ir.Forest) error {
	for _, r := range t.roots {
		if r < 0 || r >= int64(len(f.Nodes)) {
			return fmt.Errorf("attribute tree_roots: node %d is missing", r)
		}
		ref := int(r)
		if n := f.Nodes[r]; n.True < 0 && n.True == n.False {
			ref = n.True
		}
		f.Roots = append(f.Roots, ref)
	}
	return nil
}

// sets gives the nodes that ask for membership their sets, each ended by a NaN, in
// the order in which the trees are walked, true branches first.
func (t placedTrees) sets(f ir.Forest) error {
	rest := t.members
	given := make([]bool, len(f.Nodes))
	stack := slices.Clone(f.Roots)
	slices.Reverse(stack)
	for len(stack) > 0 {
		ref := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if ref < 0 || given[ref] {
			continue
		}
		given[ref] = true
		n := &f.Nodes[ref]
		stack = append(stack, n.False, n.True)
		if n.Mode != ir.Member {
			continue
		}
		end := slices.IndexFunc(rest, func(v float64) bool { return v != v })
		if end < 0 {
			return fmt.Errorf("node %d: its members are missing", ref)
		}
		n.Members, rest = rest[:end], rest[end+1:]
	}
	if len(rest) > 0 {
		return fmt.Errorf("attribute membership_values has %d values more than the nodes ask for", len(rest))
	}
	return nil
}

// numbered reads an int that stands for one of some names.
func (r *reading) numbered(name string, absent int64, names []string) string {
	i := r.int(name, absent)
	if i < 0 || i >= len(names) {
		r.fail(fmt.Errorf("attribute %q is %d, outside 0…%d", name, i, len(names)-1))
		return names[absent]
	}
	return names[i]
}

// int64s reads ints; none if they are absent.
func (r *reading) int64s(name string) []int64 {
	list, _ := r.ints(name)
	return list
}

// floatsOrDoubles reads floats, or since 3 the tensor of doubles in their place.
func (r *reading) floatsOrDoubles(name string) []float64 {
	list, given := r.floats(name)
	more := r.tensorReals(name + "_as_tensor")
	if given && len(list) > 0 && more != nil {
		r.fail(fmt.Errorf("attributes %q and %q are both given", name, name+"_as_tensor"))
	}
	if more != nil {
		return more
	}
	return widened(list)
}

func widened(list []float32) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = float64(v)
	}
	return out
}

// tensorReals reads the elements of a tensor; nil if it is absent.
func (r *reading) tensorReals(name string) []float64 {
	t := r.tensor(name)
	if t == nil {
		return nil
	}
	out := make([]float64, t.Len())
	format, _ := tensor.FormatOf(t.DType())
	for i := range out {
		switch t.DType() {
		case tensor.Float32:
			out[i] = float64(tensor.Data[float32](t)[i])
		case tensor.Float64:
			out[i] = tensor.Data[float64](t)[i]
		case tensor.Uint8:
			out[i] = float64(tensor.Data[uint8](t)[i])
		case tensor.Float16:
			out[i] = format.Decode(uint16(tensor.Data[tensor.F16](t)[i]))
		default:
			r.fail(fmt.Errorf("attribute %q is %v; supported are float, double, float16 and uint8", name, t))
			return nil
		}
	}
	return out
}
