package tensor

import (
	"math"
	"math/rand/v2"
	"testing"
)

// nearestCode looks through all codes for the number nearest to a finite v that is
// no larger than the largest; of two as near, it takes the one with an even code.
func nearestCode(f Format, v float64) uint16 {
	best, least := uint16(0), math.Inf(1)
	bits := f.Exponent + f.Mantissa
	if !f.Unsigned {
		bits++
	}
	for code := range 1 << bits {
		d := math.Abs(f.Decode(uint16(code)) - v)
		if d < least || d == least && code%2 == 0 {
			best, least = uint16(code), d
		}
	}
	return best
}

func TestEachCodeOfAFormatIsItsOwnNumbersCode(t *testing.T) {
	for d := range formats {
		f, ok := FormatOf(DType(d))
		if !ok {
			continue
		}
		for code := range 1 << DType(d).Bits() {
			v := f.Decode(uint16(code))
			got := f.Encode(v, false)
			if v != v {
				if w := f.Decode(got); w == w {
					t.Errorf("%v: NaN (code %#x) became %v", DType(d), code, w)
				}
			} else if got != uint16(code) {
				t.Errorf("%v: code %#x is %v, whose code is %#x", DType(d), code, v, got)
			}
		}
	}
}

func TestANumberIsRoundedToTheNearestCode(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, d := range []DType{Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ, Float4E2M1} {
		f, _ := FormatOf(d)
		largest := f.Decode(f.largest())
		smallest := f.Decode(1)
		var numbers []float64
		for code := range int(f.largest()) { // each number, and each middle between two
			a, b := f.Decode(uint16(code)), f.Decode(uint16(code+1))
			numbers = append(numbers, a, (a+b)/2, math.Nextafter((a+b)/2, 0), math.Nextafter((a+b)/2, b))
		}
		for range 1000 {
			numbers = append(numbers, r.Float64()*largest, r.Float64()*smallest*4)
		}
		for _, v := range numbers {
			for _, v := range []float64{v, -v} {
				got, want := f.Decode(f.Encode(v, true)), f.Decode(nearestCode(f, v))
				if got != want {
					t.Errorf("%v: %v became %v, want %v", d, v, got, want)
				}
			}
		}
	}
}

// The values are those of the ONNX specification's table of casts to 8-bit floats.
func TestWhatAFormatDoesNotHave(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		d        DType
		v        float64
		saturate bool
		want     float64
	}{
		{Float8E4M3FN, inf, true, 448}, {Float8E4M3FN, -1e9, true, -448}, {Float8E4M3FN, 1e9, false, math.NaN()},
		{Float8E4M3FNUZ, inf, true, 240}, {Float8E4M3FNUZ, -1e9, false, math.NaN()},
		{Float8E5M2, inf, true, 57344}, {Float8E5M2, inf, false, inf}, {Float8E5M2, -1e9, false, -inf},
		{Float8E5M2FNUZ, inf, true, 57344}, {Float8E5M2FNUZ, inf, false, math.NaN()},
		{Float4E2M1, inf, true, 6}, {Float4E2M1, -100, false, -6},
		{Float16, 65519.999, false, 65504}, {Float16, 65520, false, inf}, {Float16, math.Ldexp(1, -25), false, 0},
		{BFloat16, 1 + 1.0/256, false, 1}, {BFloat16, 1 + 3.0/256, false, 1 + 1.0/64},
		{Float8E8M0, 3, false, 4}, {Float8E8M0, 0, false, math.Ldexp(1, -127)},
	} {
		f, _ := FormatOf(c.d)
		got := f.Decode(f.Encode(c.v, c.saturate))
		if got != c.want && (got == got || c.want == c.want) {
			t.Errorf("%v of %v (saturate %t) is %v, want %v", c.d, c.v, c.saturate, got, c.want)
		}
	}
}

func TestBytesOfEveryTypeComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for d := Float32; d <= Float4E2M1; d++ {
		if d.Bits() == 0 {
			continue
		}
		raw := make([]byte, (15*d.Bits()+7)/8+1)[1:] // out of line
		for i := range raw {
			raw[i] = byte(r.Uint32())
			if d == Bool {
				raw[i] &= 1
			}
		}
		if d.Bits() == 4 {
			raw[len(raw)-1] &= 15
		}
		x, err := FromBytes(d, raw, 3, 5)
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.Clone().Bytes()
		if err != nil || string(got) != string(raw) {
			t.Errorf("%v: % x came back as % x, %v", d, raw, got, err)
		}
		if _, err := FromBytes(d, raw[:len(raw)-1], 3, 5); err == nil {
			t.Errorf("%v: too few bytes were taken", d)
		}
	}
}
