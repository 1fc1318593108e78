package photo

import (
	"hash/fnv"
	"image"
	"math/rand/v2"
)

// Sample is a picture and the digit that it shows.
type Sample struct {
	Picture *image.Gray // Side×Side
	Digit   int
	Family  string
}

// Series names an endless row of scenes. Two series of the same seed but
// different names share no scene; the same series is the same row for ever.
type Series struct {
	Seed uint64
	Name string // such as "train"
}

// Draw photographs the first n scenes of the series, each in one of the faces.
// The digits go round: sample i shows i modulo 10.
func Draw(series Series, faces []*Face, n int) []Sample {
	samples := make([]Sample, n)
	for i := range samples {
		chance := series.chance(i)
		scene := drawScene(chance, i%10, faces[chance.IntN(len(faces))])
		samples[i] = Sample{Picture: scene.Picture(chance), Digit: scene.Digit, Family: scene.Face.Family}
	}
	return samples
}

// chance is sample i's own source, so that a sample depends on no other.
func (s Series) chance(i int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(s.Name))
	return rand.New(rand.NewPCG(s.Seed, h.Sum64()+uint64(i)))
}
