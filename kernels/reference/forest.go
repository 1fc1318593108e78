package reference

import (
	"math"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// treeEnsemble adds up, for each row, the votes of the leaf that it comes to in each
// tree (ONNX ai.onnx.ml TreeEnsembleRegressor-5, TreeEnsembleClassifier-5,
// TreeEnsemble-5). Features are compared as float32 unless X is double.
func treeEnsemble(watch *ir.Watch, op ir.TreeEnsemble, in, out args) error {
	x := features(in[0])
	rows, columns := tableOf(in[0])
	scores := make([][]float64, rows)
	steps := op.Forest.Steps()
	voted := make([]bool, op.Targets)
	for r := range scores {
		if watch.Over(steps) {
			return nil
		}
		scores[r] = make([]float64, op.Targets)
		vote(op, x[r*columns:][:columns], scores[r], voted)
		if op.Labels == nil {
			base(op, scores[r])
			postTransform(op.Post, scores[r])
		}
	}
	if op.Labels == nil {
		putReals(out[0], slices.Concat(scores...))
		return nil
	}
	return classifyTrees(op, scores, out)
}

// features are X's elements as the trees compare them: integers, too, as float32.
func features(xt *tensor.Tensor) []float64 {
	x := reals(xt)
	if xt.DType() != tensor.Float64 {
		for i, v := range x {
			x[i] = float64(float32(v))
		}
	}
	return x
}

// tableOf is the rows and columns of a matrix, or of a vector as one row.
func tableOf(xt *tensor.Tensor) (rows, columns int) {
	if s := xt.Shape(); len(s) == 2 {
		return s[0], s[1]
	}
	return 1, xt.Len()
}

// vote sends a row down all trees and joins what their leaves say.
func vote(op ir.TreeEnsemble, row, scores []float64, voted []bool) {
	clear(voted)
	for _, ref := range op.Forest.Roots {
		for ref >= 0 {
			n := &op.Forest.Nodes[ref]
			if goesTrue(n, row[n.Feature]) {
				ref = n.True
			} else {
				ref = n.False
			}
		}
		for _, v := range op.Forest.Leaves[^ref] {
			s := &scores[v.Target]
			switch {
			case op.Aggregate == "MIN" && voted[v.Target]:
				*s = min(*s, v.Weight)
			case op.Aggregate == "MAX" && voted[v.Target]:
				*s = max(*s, v.Weight)
			default: // the first vote of MIN and MAX too
				*s += v.Weight
			}
			voted[v.Target] = true
		}
	}
	if op.Aggregate == "AVERAGE" {
		for i := range scores {
			scores[i] /= float64(len(op.Forest.Roots))
		}
	}
}

// goesTrue is what a node says of a feature.
func goesTrue(n *ir.Branch, v float64) bool {
	if v != v && n.MissingTrue {
		return true
	}
	switch n.Mode {
	case ir.LessOrEqual:
		return v <= n.Value
	case ir.Less:
		return v < n.Value
	case ir.GreaterOrEqual:
		return v >= n.Value
	case ir.Greater:
		return v > n.Value
	case ir.Equal:
		return v == n.Value
	case ir.NotEqual:
		return v != n.Value
	}
	return slices.Contains(n.Members, v)
}

// base adds the base values to a row's scores.
func base(op ir.TreeEnsemble, scores []float64) {
	for i, v := range op.Base {
		if i < len(scores) {
			scores[i] += v
		}
	}
}

// classifyTrees makes labels and scores. If all votes are for one of two classes, that is the
// score of the second, and the first has what is left.
func classifyTrees(op ir.TreeEnsemble, scores [][]float64, out args) error {
	only, positive := soleTarget(op.Forest)
	binary := only >= 0 && op.Labels.Len() <= 2
	if op.Labels.Len() == 1 {
		only, binary = 0, true
	}
	for r := range scores {
		if binary {
			s := scores[r][only]
			if n := len(op.Base); n > 0 {
				s += op.Base[n-1]
			}
			scores[r] = twoScores(s, op.Post, positive)
		} else {
			base(op, scores[r])
		}
	}
	return classify(*op.Labels, scores, op.Post, out)
}

// soleTarget is the target of all votes, or -1, and whether none of them is
// negative.
func soleTarget(f ir.Forest) (target int, positive bool) {
	target, positive = -1, true
	for i, leaf := range slices.Concat(f.Leaves...) {
		if i > 0 && leaf.Target != target {
			return -1, positive
		}
		target, positive = leaf.Target, positive && leaf.Weight >= 0
	}
	return target, positive
}

// twoScores are those of two classes by the score of the second: a probability, or
// a number whose sign decides.
func twoScores(s float64, post string, probability bool) []float64 {
	if post == "PROBIT" || post == "NONE" && probability {
		return []float64{1 - s, s}
	}
	return []float64{-s, s}
}

// classify transforms the scores and takes the label of the largest, the first of
// equals.
func classify(labels ir.Labels, scores [][]float64, post string, out args) error {
	winners := make([]int, len(scores))
	for r, s := range scores {
		postTransform(post, s)
		winners[r] = winnerOf(s)
	}
	putLabels(labels, winners, out[0])
	putReals(out[1], slices.Concat(scores...))
	return nil
}

// putLabels names the winners. Of one label it is that of the second class.
func putLabels(labels ir.Labels, winners []int, out *tensor.Tensor) {
	for r, w := range winners {
		if labels.Len() == 1 {
			w--
		}
		switch {
		case len(labels.Strings) == 0 && w >= 0 && w < len(labels.Ints):
			tensor.Data[int64](out)[r] = labels.Ints[w]
		case w >= 0 && w < len(labels.Strings):
			tensor.Data[string](out)[r] = labels.Strings[w]
		}
	}
}

func winnerOf(v []float64) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}

// postTransform applies a post_transform to a row's scores.
func postTransform(post string, s []float64) {
	switch post {
	case "LOGISTIC":
		for i, v := range s {
			s[i] = logisticOf(v)
		}
	case "PROBIT":
		for i, v := range s {
			s[i] = probit(v)
		}
	case "SOFTMAX", "SOFTMAX_ZERO":
		if len(s) > 0 {
			softmaxOf(s, post == "SOFTMAX_ZERO")
		}
	}
}

func logisticOf(v float64) float64 { return 1 / (1 + math.Exp(-v)) }

// probit is the inverse of the normal distribution, with Winitzki's approximation of
// the inverse error function (2008), which the runtimes share.
func probit(v float64) float64 {
	x := 2*v - 1
	log := math.Log((1 - x) * (1 + x))
	if math.IsInf(log, -1) {
		return 0
	}
	const a = 0.147
	b := 2/(math.Pi*a) + log/2
	return math.Sqrt2 * math.Copysign(math.Sqrt(math.Sqrt(b*b-log/a)-b), x)
}

// softmaxOf normalises exponentials; with zero, a score of 0 stays near it.
func softmaxOf(s []float64, zero bool) {
	most, sum := slices.Max(s), 0.0
	for i, v := range s {
		if s[i] = math.Exp(v - most); zero && math.Abs(v) <= 1e-7 {
			s[i] = v * math.Exp(-most)
		}
		sum += s[i]
	}
	for i := range s {
		if s[i] /= sum; sum == 0 {
			s[i] = 0.5
		}
	}
}
