package tensor

import "math"

// Format is a binary floating-point format of at most 16 bits: a sign unless it
// is Unsigned, Exponent bits with a Bias, and Mantissa bits of fraction. Numbers
// below the smallest exponent are subnormal, as in IEEE 754.
type Format struct {
	Exponent, Mantissa int
	Bias               int
	Special            Special
	Unsigned           bool // there is neither a sign nor a zero nor a subnormal
}

// Special says which codes are not numbers.
type Special uint8

// The sets of codes that are not numbers.
const (
	// IEEE: the largest exponent is infinity, or with a fraction NaN.
	IEEE Special = iota
	// FiniteNaN ("FN"): all ones are NaN, and nothing is infinite.
	FiniteNaN
	// UnsignedZero ("FNUZ"): the code of minus zero is NaN, and nothing is
	// infinite.
	UnsignedZero
	// Finite: every code is a finite number.
	Finite
)

var formats = [...]Format{
	Float16:        {Exponent: 5, Mantissa: 10, Bias: 15},
	BFloat16:       {Exponent: 8, Mantissa: 7, Bias: 127},
	Float8E4M3FN:   {Exponent: 4, Mantissa: 3, Bias: 7, Special: FiniteNaN},
	Float8E4M3FNUZ: {Exponent: 4, Mantissa: 3, Bias: 8, Special: UnsignedZero},
	Float8E5M2:     {Exponent: 5, Mantissa: 2, Bias: 15},
	Float8E5M2FNUZ: {Exponent: 5, Mantissa: 2, Bias: 16, Special: UnsignedZero},
	Float8E8M0:     {Exponent: 8, Mantissa: 0, Bias: 127, Special: FiniteNaN, Unsigned: true},
	Float4E2M1:     {Exponent: 2, Mantissa: 1, Bias: 1, Special: Finite},
}

// FormatOf is the format of a float type of at most 16 bits.
func FormatOf(d DType) (Format, bool) {
	if int(d) >= len(formats) || formats[d].Exponent == 0 {
		return Format{}, false
	}
	return formats[d], true
}

// Decode is the number that a code stands for. It is exact.
func (f Format) Decode(code uint16) float64 {
	fraction := int(code) & (1<<f.Mantissa - 1)
	exponent := int(code) >> f.Mantissa & (1<<f.Exponent - 1)
	negative := !f.Unsigned && code>>(f.Exponent+f.Mantissa)&1 != 0
	if f.isNaN(negative, exponent, fraction) {
		return math.NaN()
	}
	var v float64
	switch {
	case f.Special == IEEE && exponent == 1<<f.Exponent-1:
		v = math.Inf(1)
	case exponent == 0 && !f.Unsigned:
		v = math.Ldexp(float64(fraction), 1-f.Bias-f.Mantissa)
	default:
		v = math.Ldexp(float64(1<<f.Mantissa|fraction), exponent-f.Bias-f.Mantissa)
	}
	if negative {
		return -v
	}
	return v
}

func (f Format) isNaN(negative bool, exponent, fraction int) bool {
	highest := exponent == 1<<f.Exponent-1
	switch f.Special {
	case IEEE:
		return highest && fraction != 0
	case FiniteNaN:
		return highest && fraction == 1<<f.Mantissa-1
	case UnsignedZero:
		return negative && exponent == 0 && fraction == 0
	}
	return false
}

// Encode is the code of the number nearest to v, ties to even. What is larger
// than the largest number becomes that number with saturate, and otherwise
// infinity, or NaN in a format that has none. A format without NaN gives 0 for
// it.
func (f Format) Encode(v float64, saturate bool) uint16 {
	switch {
	case v != v:
		return f.nan(v)
	case f.Unsigned:
		return f.power(v, saturate)
	}
	sign := uint16(0)
	if math.Signbit(v) {
		sign, v = 1<<(f.Exponent+f.Mantissa), -v
	}
	code, largest := f.nearest(v), f.largest()
	switch {
	case code <= largest && (code != 0 || f.Special != UnsignedZero):
		return sign | code
	case code == 0:
		return 0
	case saturate || f.Special == Finite:
		return sign | largest
	case f.Special == IEEE:
		return sign | (largest + 1)
	}
	return f.nan(math.Copysign(math.NaN(), 1)) | sign&f.nanSign()
}

// nearest rounds a magnitude to the code of a format whose exponents never end.
func (f Format) nearest(v float64) uint16 {
	if v == 0 {
		return 0
	}
	limit := float64(f.largest())
	_, exponent := math.Frexp(v) // v is in [2^(e-1), 2^e)
	exponent = max(exponent-1, 1-f.Bias)
	units := math.RoundToEven(math.Ldexp(v, f.Mantissa-exponent))
	// A code is the exponent's steps and then the units beyond the leading one.
	code := units + float64(exponent+f.Bias-1)*float64(int(1)<<f.Mantissa)
	return uint16(min(code, limit+1)) // infinity too
}

// largest is the code of the largest finite number.
func (f Format) largest() uint16 {
	all := uint16(1)<<(f.Exponent+f.Mantissa) - 1
	switch f.Special {
	case IEEE:
		return all - 1<<f.Mantissa
	case FiniteNaN:
		return all - 1
	}
	return all
}

// nan is the code of what is not a number, with v's sign where NaN has one.
func (f Format) nan(v float64) uint16 {
	sign := uint16(0)
	if math.Signbit(v) && !f.Unsigned {
		sign = 1 << (f.Exponent + f.Mantissa)
	}
	all := uint16(1)<<(f.Exponent+f.Mantissa) - 1
	switch f.Special {
	case IEEE: // quiet
		return sign | all&^(1<<f.Mantissa-1) | 1<<(f.Mantissa-1)
	case FiniteNaN:
		return sign | all
	case UnsignedZero:
		return 1 << (f.Exponent + f.Mantissa)
	}
	return 0
}

// nanSign is the sign bit where NaN may have it.
func (f Format) nanSign() uint16 {
	if f.Special == UnsignedZero || f.Unsigned {
		return 0
	}
	return 1 << (f.Exponent + f.Mantissa)
}

// power is the code of the power of two nearest to v, of which the smallest
// stands for all that is not above it.
func (f Format) power(v float64, saturate bool) uint16 {
	if v <= math.Ldexp(1, -f.Bias) {
		return 0
	}
	if math.IsInf(v, 1) {
		return f.beyond(saturate)
	}
	fraction, exponent := math.Frexp(v)
	exponent--
	if fraction >= 0.75 { // ties go to the even power's neighbour above
		exponent++
	}
	if code := exponent + f.Bias; code <= int(f.largest()) {
		return uint16(code)
	}
	return f.beyond(saturate)
}

func (f Format) beyond(saturate bool) uint16 {
	if saturate {
		return f.largest()
	}
	return f.nan(1)
}
