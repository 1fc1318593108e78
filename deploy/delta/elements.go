package delta

import (
	"encoding/binary"
	"math/bits"
)

// run is how many elements are worked on at a time: they stay in the cache.
const run = 4096

// widen reads elements of a width into numbers.
func widen(to []uint64, from []byte, width int) {
	switch width {
	case 1:
		from = from[:len(to)]
		for i := range to {
			to[i] = uint64(from[i])
		}
	case 2:
		for i := range to {
			to[i], from = uint64(binary.LittleEndian.Uint16(from)), from[2:]
		}
	case 4:
		for i := range to {
			to[i], from = uint64(binary.LittleEndian.Uint32(from)), from[4:]
		}
	case 8:
		for i := range to {
			to[i], from = binary.LittleEndian.Uint64(from), from[8:]
		}
	}
}

// narrow writes numbers as elements of a width; higher bits are left out.
func narrow(to []byte, from []uint64, width int) {
	switch width {
	case 1:
		to = to[:len(from)]
		for i, v := range from {
			to[i] = byte(v)
		}
	case 2:
		for _, v := range from {
			binary.LittleEndian.PutUint16(to, uint16(v))
			to = to[2:]
		}
	case 4:
		for _, v := range from {
			binary.LittleEndian.PutUint32(to, uint32(v))
			to = to[4:]
		}
	case 8:
		for _, v := range from {
			binary.LittleEndian.PutUint64(to, v)
			to = to[8:]
		}
	}
}

// zigzag makes differences target − base, modulo the width, small when they are
// near zero: 0, −1, 1, −2 … become 0, 1, 2, 3 …
func zigzag(target, base []uint64, width int) {
	unused := 64 - 8*width
	for i, b := range base {
		d := int64((target[i]-b)<<unused) >> unused
		target[i] = uint64(d<<1 ^ d>>63)
	}
}

// unzigzag adds zigzagged differences to the base. Bits above the width are
// garbage, which narrow leaves out.
func unzigzag(differences, base []uint64) {
	for i, b := range base {
		z := differences[i]
		differences[i] = b + (z>>1 ^ -(z & 1))
	}
}

// turn moves the highest bit of each element to the lowest place.
func turn(v []uint64, width int) {
	top := 8*width - 1
	for i := range v {
		v[i] = v[i]<<1&(1<<(top+1)-1) | v[i]>>top
	}
}

// turnBack undoes turn.
func turnBack(v []uint64, width int) {
	top := 8*width - 1
	for i := range v {
		v[i] = v[i]>>1 | v[i]<<63>>(63-top)
	}
}

// split says how a number of a width becomes one of 256 symbols and some bits
// that are stored as they are.
//
// Zigzagged numbers are split as floats are: the symbol holds the sign, the place
// of the highest bit of the magnitude and the mantissa's next bits. Within one
// symbol the numbers are nearly equally likely whatever their distribution, so
// coding the rest would save nothing; small numbers have a symbol each. Turned
// numbers have their highest eight bits as the symbol.
type split struct {
	mantissa int       // bits of it in a symbol; below 0 for turned numbers
	shift    int       // places below the stored bits
	stored   [256]byte // how many bits a symbol has stored
	first    [256]uint64
}

// mantissaBits fill the 256 symbols as far as each width's magnitudes allow.
var mantissaBits = map[int]int{1: 6, 2: 3, 4: 2, 8: 1}

// splits has one split a kind and width.
var splits = map[kind]map[int]*split{
	subtracted: {1: newZigzagSplit(1), 2: newZigzagSplit(2), 4: newZigzagSplit(4), 8: newZigzagSplit(8)},
	raw:        {1: newTurnedSplit(1), 2: newTurnedSplit(2), 4: newTurnedSplit(4), 8: newTurnedSplit(8)},
}

func newZigzagSplit(width int) *split {
	m := mantissaBits[width]
	s := &split{mantissa: m, shift: 1}
	for sym := range 256 {
		k, sign := uint64(sym>>1), uint64(sym&1)
		if k >= 2<<m {
			e := k>>m - 1
			s.stored[sym] = byte(e)
			k = (1<<m | k&(1<<m-1)) << e
		}
		s.first[sym] = k<<1 | sign
	}
	return s
}

func newTurnedSplit(width int) *split {
	s := &split{mantissa: -1}
	for sym := range 256 {
		s.stored[sym] = byte(8*width - 8)
		s.first[sym] = uint64(sym) << (8*width - 8)
	}
	return s
}

// symbol is v's, and the bits beside it.
func (s *split) symbol(v uint64) (symbol byte, rest uint64) {
	if s.mantissa < 0 {
		n := s.stored[0]
		return byte(v >> n), v & (1<<n - 1)
	}
	a := v >> 1
	if a < 2<<s.mantissa {
		return byte(v), 0
	}
	e := bits.Len64(a) - 1 - s.mantissa
	k := uint64(e)<<s.mantissa + a>>e
	return byte(k<<1 | v&1), a & (1<<e - 1)
}

// keyBits is the length of an element's key.
const keyBits = 10

// key sorts base elements by what a difference's size may depend on: a float's
// exponent and the mantissa's next bits (its magnitude, in other words), a
// byte's value.
func key(base uint64, width int) uint16 {
	if width == 1 {
		return uint16(base)
	}
	return uint16(base << 1 & (1<<(8*width) - 1) >> (8*width - keyBits))
}
