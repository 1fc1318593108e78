package reference

import (
	"math"
	"slices"

	"github.com/squadron-edge/squadron/kernels/ir"
)

// supportVectors is a support vector machine (ONNX ai.onnx.ml SVMClassifier-1,
// SVMRegressor-1).
func supportVectors(watch *ir.Watch, op ir.SVM, in, out args) error {
	x := features(in[0])
	rows, columns := tableOf(in[0])
	scores, winners := make([][]float64, rows), make([]int, rows)
	for r := range scores {
		if watch.Over(len(op.Vectors) + len(op.Coefficients) + 1) {
			return nil
		}
		row := x[r*columns:][:columns]
		switch {
		case op.Labels == nil:
			scores[r] = []float64{regress(op, row)}
			postTransform(op.Post, scores[r])
		case op.Supports == 0:
			scores[r], winners[r] = linearScores(op, row)
		default:
			scores[r], winners[r] = pairScores(op, row)
		}
	}
	if op.Labels == nil {
		putReals(out[0], slices.Concat(scores...))
		return nil
	}
	putLabels(*op.Labels, winners, out[0])
	putReals(out[1], slices.Concat(scores...))
	return nil
}

// regress is Σ coefficient·K(vector, row) + rho, or of one class its sign.
func regress(op ir.SVM, row []float64) float64 {
	s := op.Rho[0]
	if op.Supports == 0 {
		s += innerProduct(op.Coefficients, row)
	}
	for j := range op.Supports {
		s += op.Coefficients[j] * kernelOfSVM(op, op.Vectors[j*len(row):][:len(row)], row)
	}
	switch {
	case !op.OneClass:
		return s
	case s > 0:
		return 1
	}
	return -1
}

// kernelOfSVM is how alike two rows are.
func kernelOfSVM(op ir.SVM, a, b []float64) float64 {
	switch op.Kernel {
	case "POLY":
		return math.Pow(op.Gamma*innerProduct(a, b)+op.Coef0, op.Degree)
	case "SIGMOID":
		return math.Tanh(op.Gamma*innerProduct(a, b) + op.Coef0)
	case "RBF":
		sum := 0.0
		for i := range a {
			sum += (a[i] - b[i]) * (a[i] - b[i])
		}
		return math.Exp(-op.Gamma * sum)
	}
	return innerProduct(a, b)
}

func innerProduct(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// linearScores are one linear function a class.
func linearScores(op ir.SVM, row []float64) (scores []float64, winner int) {
	scores = make([]float64, op.Classes())
	for c := range scores {
		scores[c] = op.Rho[0] + innerProduct(op.Coefficients[c*len(row):][:len(row)], row)
	}
	if winner = winnerOf(scores); len(scores) == 1 && scores[0] > 0 {
		winner = 1
	}
	postTransform(op.Post, scores)
	return scores, winner
}

// pairScores are one function for each pair of classes, which vote, or the
// probabilities that follow from them. Of one pair without those, the score of each.
func pairScores(op ir.SVM, row []float64) (scores []float64, winner int) {
	classes := op.Classes()
	alike := make([]float64, op.Supports)
	for j := range alike {
		alike[j] = kernelOfSVM(op, op.Vectors[j*len(row):][:len(row)], row)
	}
	first := make([]int, classes+1)
	for c, n := range op.PerClass {
		first[c+1] = first[c] + n
	}
	votes := make([]float64, classes)
	for i := range classes {
		for j := i + 1; j < classes; j++ {
			s := op.Rho[len(scores)]
			for k := first[i]; k < first[i+1]; k++ {
				s += op.Coefficients[(j-1)*op.Supports+k] * alike[k]
			}
			for k := first[j]; k < first[j+1]; k++ {
				s += op.Coefficients[i*op.Supports+k] * alike[k]
			}
			if scores = append(scores, s); s > 0 {
				votes[i]++
			} else {
				votes[j]++
			}
		}
	}
	switch {
	case len(op.ProbA) > 0:
		scores = coupled(op, scores)
	case len(scores) == 1:
		scores = []float64{-scores[0], scores[0]}
	}
	postTransform(op.Post, scores)
	return scores, winnerOf(votes)
}

// coupled are the probabilities of the classes by those of each pair (Wu, Lin and Weng,
// Probability Estimates for Multi-class Classification by Pairwise Coupling, 2004,
// second method), which Platt's sigmoids give.
func coupled(op ir.SVM, scores []float64) []float64 {
	k := op.Classes()
	pair := make([]float64, k*k)
	at := 0
	for i := range k {
		for j := i + 1; j < k; j++ {
			p := logisticOf(-(op.ProbA[at]*scores[at] + op.ProbB[at]))
			p = min(max(p, 1e-7), 1-1e-7)
			pair[i*k+j], pair[j*k+i] = p, 1-p
			at++
		}
	}
	q, p := make([]float64, k*k), make([]float64, k)
	for t := range k {
		p[t] = 1 / float64(k)
		for j := range k {
			if j != t {
				q[t*k+t] += pair[j*k+t] * pair[j*k+t]
				q[t*k+j] = -pair[j*k+t] * pair[t*k+j]
			}
		}
	}
	for range max(100, k) {
		if settled(q, p) {
			break
		}
	}
	return p
}

// settled makes one step towards the p of least pᵀ·Q·p that adds up to 1, unless it
// is there.
func settled(q, p []float64) bool {
	k := len(p)
	qp, pqp := make([]float64, k), 0.0
	for t := range k {
		qp[t] = innerProduct(q[t*k:][:k], p)
		pqp += p[t] * qp[t]
	}
	worst := 0.0
	for _, v := range qp {
		worst = max(worst, math.Abs(v-pqp))
	}
	if !(worst >= 0.005/float64(k)) {
		return true
	}
	for t := range k {
		d := (pqp - qp[t]) / q[t*k+t]
		p[t] += d
		pqp = (pqp + d*(d*q[t*k+t]+2*qp[t])) / (1 + d) / (1 + d)
		for j := range k {
			qp[j] = (qp[j] + d*q[t*k+j]) / (1 + d)
			p[j] /= 1 + d
		}
	}
	return false
}
