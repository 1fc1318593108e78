package pipeline

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Label is one class with its probability, 0…1.
type Label struct {
	Label string  `json:"label"`
	Score float32 `json:"score"`
}

// Labels names the TopK best classes, best first; equal ones stay in the
// manifest's order. scores holds one number a class, as the model gave them.
// Scores that are not finite are refused.
func (p *Pipeline) Labels(scores []float32) ([]Label, error) {
	if err := p.checkScores(scores); err != nil {
		return nil, err
	}
	if p.spec.Scores == "logits" {
		scores = softmax(scores)
	}
	labels := make([]Label, len(scores))
	for i, s := range scores {
		labels[i] = Label{Label: p.spec.Labels[i], Score: s}
	}
	slices.SortStableFunc(labels, func(a, b Label) int { return cmp.Compare(b.Score, a.Score) })
	return labels[:min(max(p.spec.TopK, 1), len(labels))], nil
}

func (p *Pipeline) checkScores(scores []float32) error {
	if len(scores) != len(p.spec.Labels) {
		return fmt.Errorf("the model gave %d scores for %d labels", len(scores), len(p.spec.Labels))
	}
	for i, s := range scores {
		if math.IsNaN(float64(s)) || math.IsInf(float64(s), 0) {
			return fmt.Errorf("the model's score for %q is %v, not a finite number", p.spec.Labels[i], s)
		}
	}
	return nil
}

// softmax subtracts the largest score first, so that no exponential overflows.
func softmax(scores []float32) []float32 {
	largest, sum := slices.Max(scores), 0.0
	out := make([]float32, len(scores))
	for _, s := range scores {
		sum += math.Exp(float64(s) - float64(largest))
	}
	for i, s := range scores {
		out[i] = float32(math.Exp(float64(s)-float64(largest)) / sum)
	}
	return out
}
