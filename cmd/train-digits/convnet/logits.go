package convnet

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Logits applies the weights to any number of pictures: images is
// [n×1×Side×Side] in −1…1, the result [n×Digits].
func Logits(w Weights, images []float32) (logits []float32, err error) {
	g, err := newGraph(w)
	if err != nil {
		return nil, err
	}
	var scores G.Value
	G.Read(g.logits, &scores)
	machine := G.NewTapeMachine(g.expr)
	defer func() {
		if closed := machine.Close(); err == nil {
			err = closed
		}
	}()
	n := len(images) / pixels
	for first := 0; first < n; first += Batch {
		batch := make([]float32, Batch*pixels) // the last one ends in black pictures
		copy(batch, images[first*pixels:])
		if err := let(g.image, batch); err != nil {
			return nil, err
		}
		if err := machine.RunAll(); err != nil {
			return nil, fmt.Errorf("read pictures %d to %d: %w", first, first+Batch-1, err)
		}
		logits = append(logits, scores.Data().([]float32)...)
		machine.Reset()
	}
	return logits[:n*Digits], nil
}
