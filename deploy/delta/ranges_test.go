package delta

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

func encodeAlone(t *testing.T, base, target []byte, width int) []byte {
	t.Helper()
	z, err := newCompressor()
	if err != nil {
		t.Fatal(err)
	}
	return new(rangesWriter).encode(base, target, width, z)
}

func decodeAlone(t *testing.T, target, base, payload []byte, width int) error {
	t.Helper()
	z, err := newDecompressor()
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return new(rangesReader).decode(target, base, payload, width, z)
}

// entropy is what no code of single symbols can go below, in bytes.
func entropy(symbols []byte) float64 {
	var n [256]float64
	for _, s := range symbols {
		n[s]++
	}
	bits := 0.0
	for _, c := range n {
		if c > 0 {
			bits -= c * math.Log2(c/float64(len(symbols)))
		}
	}
	return bits / 8
}

func TestRangesComeWithinAPercentOfTheEntropy(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() byte{
		"uniform":        func() byte { return byte(r.Uint32()) },
		"one value":      func() byte { return 77 },
		"two values":     func() byte { return byte(r.IntN(2)) },
		"rarely not 0":   func() byte { return byte(max(0, r.IntN(1000)-998)) },
		"bell":           func() byte { return byte(int8(r.NormFloat64() * 9)) },
		"long tail":      func() byte { return byte(min(255, r.ExpFloat64()*r.ExpFloat64()*4)) },
		"all, one often": func() byte { return byte(max(0, r.IntN(2560)-2304)) },
	} {
		for _, n := range []int{1, 2, 3, 4, 5, 4095, 4096, 4097, 300_001} {
			base, target := make([]byte, n), make([]byte, n)
			for i := range target {
				target[i] = draw()
			}
			p := encodeAlone(t, base, target, 1)
			got := make([]byte, n)
			if err := decodeAlone(t, got, base, p, 1); err != nil || !bytes.Equal(got, target) {
				t.Fatalf("%s, %d numbers: did not come back, %v", name, n, err)
			}
			if most := entropy(target)*1.01 + 600; float64(len(p)) > most {
				t.Errorf("%s, %d numbers: %d bytes, want at most %.0f", name, n, len(p), most)
			}
		}
	}
}

func TestDifferencesThatGrowWithTheBaseGetTheirOwnTables(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	const n = 100_000
	base, v := make([]uint64, n), make([]uint64, n)
	for i := range base {
		base[i] = uint64(1+r.IntN(4)) << 28
		v[i] = base[i] + uint64(int64(r.NormFloat64()*float64(base[i]>>24)))
	}
	b, target, got := make([]byte, 4*n), make([]byte, 4*n), make([]byte, 4*n)
	narrow(b, base, 4)
	narrow(target, v, 4)
	p := encodeAlone(t, b, target, 4)
	if p[0] == 0 {
		t.Error("one context only")
	}
	if err := decodeAlone(t, got, b, p, 4); err != nil || !bytes.Equal(got, target) {
		t.Errorf("did not come back, %v", err)
	}
}

func TestRowsThatHardlyChangeGetTheirOwnTables(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	for _, width := range widths {
		const n = 64_100
		base, v := make([]uint64, n), make([]uint64, n)
		for i := range base {
			// A float of the width with a random exponent among eight.
			m := mantissas[width][0]
			base[i] = uint64(r.IntN(8)+min(8, reference(width, m)/2))<<m | r.Uint64()&(1<<m-1)
			if width == 1 {
				base[i] = r.Uint64N(100)
			}
			change := []float64{0, 1, 30, 0, 2}[i/1000%5]
			e := int(base[i]&(1<<(8*width-1)-1)) >> m
			v[i] = base[i] + uint64(int64(r.NormFloat64()*change*math.Ldexp(1, max(8-e, 0))))
		}
		b, target, got := make([]byte, width*n), make([]byte, width*n), make([]byte, width*n)
		narrow(b, base, width)
		narrow(target, v, width)
		p := encodeAlone(t, b, target, width)
		if p[0]&isScaled == 0 {
			t.Errorf("width %d: no scales", width)
		}
		if err := decodeAlone(t, got, b, p, width); err != nil || !bytes.Equal(got, target) {
			t.Errorf("width %d: did not come back, %v", width, err)
		}
	}
}

func TestFrequenciesAddUpAndLeaveNobodyOut(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 2))
	for i := range 2000 {
		var c counts
		for s := range c.of {
			switch r.IntN(4) {
			case 0:
				c.of[s] = 1
			case 1:
				c.of[s] = r.Uint32N(1 << r.IntN(18))
			}
			if i == 0 { // all are rounded up, by more than the commonest has
				c.of[s] = 33
				if s >= 240 {
					c.of[s] = 17
				}
			}
			c.total += c.of[s]
		}
		if c.total == 0 {
			continue
		}
		f := c.frequencies()
		sum := 0
		for s, n := range f {
			sum += int(n)
			if (n == 0) != (c.of[s] == 0) {
				t.Fatalf("%d symbols of %d have the frequency %d", c.of[s], c.total, n)
			}
		}
		var back frequencies
		rest, err := back.read(append(f.append(nil), "rest"...))
		if sum != scale || err != nil || back != f || string(rest) != "rest" {
			t.Fatalf("sum %d, read %v with %q left, %v", sum, back == f, rest, err)
		}
	}
}

func TestLog2(t *testing.T) {
	for _, n := range []uint32{1, 2, 3, 5, 1000, 1 << 20, 1<<31 - 1, math.MaxUint32} {
		if got, want := float64(log2(n))/(1<<logBits), math.Log2(float64(n)); math.Abs(got-want) > 0.001 {
			t.Errorf("log2 %d is %v, want %v", n, got, want)
		}
	}
}
