package reference

import "math"

// tapsAt are the elements around a coordinate along one dimension and their
// weights: of a coordinate between 1 and 2, linear ones are at 1 and 2.
type tapsAt func(x float64) (first int, weights []float64)

// linearTaps are the two neighbours.
func linearTaps(x float64) (int, []float64) {
	first := math.Floor(x)
	return int(first), []float64{1 - (x - first), x - first}
}

// cubicTaps are four neighbours, weighed by Keys's cubic convolution (IEEE
// Transactions on Acoustics, Speech, and Signal Processing 29, 1981) with a.
func cubicTaps(a float64) tapsAt {
	return func(x float64) (int, []float64) {
		first := math.Floor(x)
		r := x - first
		return int(first) - 1, []float64{keys(a, 1+r), keys(a, r), keys(a, 1-r), keys(a, 2-r)}
	}
}

// keys is the cubic convolution kernel at a distance.
func keys(a, x float64) float64 {
	switch x = math.Abs(x); {
	case x <= 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	}
	return 0
}

// outside says which element stands for position i of a dimension of n elements;
// none if that counts as zero.
type outside func(dimension, i, n int) (at int, ok bool)

// zeroOutside counts what lies outside as zero.
func zeroOutside(_, i, n int) (int, bool) { return i, i >= 0 && i < n }

// blend is the sample of a picture of the given extents at a place between its
// elements.
func blend(picture []float64, extents []int, to []float64, taps tapsAt, beyond outside) float64 {
	return blendFrom(0, 0, picture, extents, to, taps, beyond)
}

func blendFrom(d, at int, picture []float64, extents []int, to []float64, taps tapsAt, beyond outside) float64 {
	if d == len(extents) {
		return picture[at]
	}
	first, weights := taps(to[d])
	sum := 0.0
	for k, w := range weights {
		if i, ok := beyond(d, first+k, extents[d]); ok && w != 0 {
			sum += w * blendFrom(d+1, at*extents[d]+i, picture, extents, to, taps, beyond)
		}
	}
	return sum
}
