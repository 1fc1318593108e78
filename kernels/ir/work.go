package ir

import (
	"fmt"
	"math"
)

// MaxMultiplyAdds is the most that one run of a plan may take. One core of a
// Jetson Nano makes at most 5.7 thousand million a second (4 lanes at 1.43 GHz),
// and so 3.4 million million in the ten minutes that a device gives a self-test:
// what lies above cannot pass its test there on any kernel. ResNet-50 takes
// 4 thousand million, a large detector a hundred.
const MaxMultiplyAdds = 1 << 42

// work counts the multiply-adds of all nodes, and refuses more than a plan may
// take.
func (g *Graph) work() (int, error) {
	total := 0
	for _, n := range g.Nodes {
		if !g.static(n) {
			continue
		}
		total = plus(total, g.workOf(n))
		if total > MaxMultiplyAdds {
			return 0, fmt.Errorf("%s and the nodes before it take %d multiply-adds a run, more than the limit of %d", g.Label(n), total, MaxMultiplyAdds)
		}
	}
	return total, nil
}

// workOf counts what a node computes: of a product or a window, the elements
// that each output is made of; of a mean, the inputs; at least the outputs.
func (g *Graph) workOf(n Node) int {
	outputs := 0
	for _, id := range n.Outputs {
		if id != NoValue {
			outputs = plus(outputs, times(1, g.Values[id].Shape...))
		}
	}
	return max(outputs, g.workFor(outputs, n))
}

func (g *Graph) workFor(outputs int, n Node) int {
	switch op := n.Op.(type) {
	case Conv:
		return times(outputs, g.Values[n.Inputs[1]].Shape[1:]...)
	case Gemm:
		_, inner := oriented(g.Values[n.Inputs[0]].Shape, op.TransA)
		return times(outputs, inner)
	case MatMul, MatMulInteger, QLinearMatMul:
		a := g.Values[n.Inputs[0]].Shape
		return times(outputs, a[len(a)-1])
	case QGemm:
		_, inner := oriented(g.Values[n.Inputs[0]].Shape, op.TransA)
		return times(outputs, inner)
	case MaxPool:
		return times(outputs, op.Kernel...)
	case AveragePool:
		return times(outputs, op.Kernel...)
	case LpPool:
		return times(outputs, op.Kernel...)
	case ConvInteger:
		return times(outputs, g.Values[n.Inputs[1]].Shape[1:]...)
	case QLinearConv:
		return times(outputs, g.Values[n.Inputs[3]].Shape[1:]...)
	case DeformConv:
		w := g.Values[n.Inputs[1]].Shape
		return times(times(outputs, w[1:]...), 1<<(len(w)-2))
	case ConvTranspose:
		return times(times(1, g.Values[n.Inputs[0]].Shape...), g.Values[n.Inputs[1]].Shape[1:]...)
	case Resize:
		if y := n.Outputs[0]; y != NoValue {
			return times(outputs, op.taps(g.Values[n.Inputs[0]].Shape, g.Values[y].Shape))
		}
	case GridSample:
		return times(outputs, op.taps(len(g.Values[n.Inputs[0]].Shape)-2))
	case RoiAlign:
		return times(outputs, 4, max(op.Sampling, 1), max(op.Sampling, 1))
	case Col2Im, MaxUnpool, GlobalMaxPool, GlobalLpPool:
		return times(1, g.Values[n.Inputs[0]].Shape...)
	case TreeEnsemble:
		return times(g.Values[n.Inputs[0]].rows(), op.Forest.Steps())
	case SVM:
		return times(g.Values[n.Inputs[0]].rows(), len(op.Vectors)+len(op.Coefficients))
	case LinearModel:
		return times(g.Values[n.Inputs[0]].rows(), len(op.Coefficients))
	case GlobalAveragePool, Reduce, ArgExtreme, TopK:
		return times(1, g.Values[n.Inputs[0]].Shape...)
	case heavy:
		return g.heavyWork(op, n)
	}
	return outputs
}

// static reports whether all that the node reads and gives is known.
func (g *Graph) static(n Node) bool {
	for _, ids := range [][]ValueID{n.Inputs, n.Outputs} {
		for _, id := range ids {
			if id != NoValue && !g.Values[id].Known() {
				return false
			}
		}
	}
	return true
}

// times multiplies extents, up to the largest int.
func times(n int, extents ...int) int {
	for _, d := range extents {
		if d > 0 && n > math.MaxInt/d {
			return math.MaxInt
		}
		n *= d
	}
	return n
}

// plus adds, up to the largest int.
func plus(a, b int) int { return a + min(b, math.MaxInt-a) }
