package delta

import "math"

// A training step changes some rows of a tensor much and others hardly or not at
// all. So the elements are cut into groups, and for each group it is told how
// large its changes are, about. With the base element's exponent that tells how
// large its difference will be, and that is the key to its frequencies.
const group = 64

// scaling has the groups' scales of a block and its elements' keys.
type scaling struct {
	width    int
	mantissa int // bits of it, if the elements are floats
	scales   []byte
	keys     []uint16
}

// mantissas are those that elements of a width may have: integers and bytes have
// no exponent, so all bits below the sign.
var mantissas = map[int][]int{1: {7}, 2: {10, 7}, 4: {23}, 8: {52}}

// reference is the exponent that changes are measured by, such that those of all
// likely weights give scales of a byte: the highest, but of float64 that of 2^77.
func reference(width, mantissa int) int { return min(1<<(8*width-1-mantissa)-1, 1100) }

// scaleBias makes the scale 1 of the smallest change that is told from none.
const scaleBias = 222

// shrink has the powers 2^0, 2^−1 …
var shrink = func() (table [256]float64) {
	for i := range table {
		table[i] = math.Ldexp(1, -i)
	}
	return table
}()

// add appends a run of elements of the base with their zigzagged differences.
func (s *scaling) add(base, differences []uint64) {
	for len(base) > 0 {
		n := min(group, len(base))
		scale := s.scale(base[:n], differences[:n])
		s.scales = append(s.scales, scale)
		for _, b := range base[:n] {
			s.keys = append(s.keys, s.key(scale, b))
		}
		base, differences = base[n:], differences[n:]
	}
}

// scale is the binary logarithm of the mean change, or 0 without a change. A
// change is a difference times the weight of its last bit. (The products are
// exact and the sum's order is fixed, so any machine has the same result.)
func (s *scaling) scale(base, differences []uint64) byte {
	sum, highest := 0.0, reference(s.width, s.mantissa)
	for i, d := range differences {
		sum += float64(d) * shrink[min(max(highest-s.exponent(base[i]), 0), 255)]
	}
	if sum == 0 {
		return 0
	}
	_, log := math.Frexp(sum / float64(len(base)))
	return byte(min(max(log+scaleBias, 1), 255))
}

func (s *scaling) exponent(base uint64) int {
	return int(base & (1<<(8*s.width-1) - 1) >> s.mantissa)
}

// key is a base element's in a group of the given scale.
func (s *scaling) key(scale byte, base uint64) uint16 {
	if scale == 0 {
		return 0
	}
	return uint16(min(max(int(scale)+reference(s.width, s.mantissa)-s.exponent(base), 1), 1<<keyBits-1))
}

// steps are the scales as differences from one to the next.
func (s *scaling) steps() []byte {
	steps := make([]byte, len(s.scales))
	last := byte(0)
	for i, scale := range s.scales {
		steps[i], last = scale-last, scale
	}
	return steps
}

// unstep undoes steps in place.
func unstep(scales []byte) {
	last := byte(0)
	for i := range scales {
		scales[i] += last
		last = scales[i]
	}
}
