package conformance

import (
	"slices"

	"github.com/squadron-edge/squadron/kernels/onnx"
)

// chance are the operators whose numbers each runtime draws as it likes: no case
// of theirs tells more than the type and shape. Dropout is not among them, since its
// cases take their numbers from the seed as numpy does.
var chance = []string{"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}

// draws reports whether a model has such an operator.
func draws(m *onnx.Model) bool {
	nodes := m.Graph.Nodes
	for _, f := range m.Functions {
		nodes = append(nodes, f.Nodes...)
	}
	return slices.ContainsFunc(nodes, func(n onnx.Node) bool { return slices.Contains(chance, n.OpType) })
}
