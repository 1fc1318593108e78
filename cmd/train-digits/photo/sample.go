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

// Series is an endless row of scenes. Two series of the same seed but different
// names share no scene; the same series is the same row for ever.
type Series struct {
	Seed  uint64
	Name  string // such as "train"
	Faces []*Face
}

// Samples photographs the scenes from … to−1, each in one of the faces. The
// digits go round: sample i shows i modulo 10.
func (s Series) Samples(from, to int) []Sample {
	samples := make([]Sample, 0, to-from)
	for i := from; i < to; i++ {
		chance := s.chance(i)
		scene := drawScene(chance, i%10, s.Faces[chance.IntN(len(s.Faces))])
		samples = append(samples, Sample{Picture: scene.Picture(chance), Digit: scene.Digit, Family: scene.Face.Family})
	}
	return samples
}

// chance is sample i's own source, so that a sample depends on no other.
func (s Series) chance(i int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(s.Name))
	return rand.New(rand.NewPCG(s.Seed, h.Sum64()+uint64(i)))
}
