package conformance

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/squadron-edge/squadron/kernels/onnx"
)

// chance are the operators whose numbers each runtime draws as it likes: a case
// of theirs tells the type and shape alone. Dropout is not among them, since its
// cases take their numbers from the seed as numpy does.
var chance = []string{"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}

// draws reports whether the model of the case in dir has such an operator.
func draws(dir string) (bool, error) {
	data, err := os.ReadFile(filepath.Join(dir, modelFile))
	if err != nil {
		return false, err
	}
	m, err := onnx.Unmarshal(data, onnx.DefaultLimits)
	if err != nil {
		return false, err
	}
	nodes := m.Graph.Nodes
	for _, f := range m.Functions {
		nodes = append(nodes, f.Nodes...)
	}
	return slices.ContainsFunc(nodes, func(n onnx.Node) bool { return slices.Contains(chance, n.OpType) }), nil
}
