package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/squadron-edge/squadron/cmd/squadron/layout"
	"github.com/squadron-edge/squadron/deploy/delta"
)

// benchCase is a pair of files, made when its turn comes.
type benchCase struct {
	name string
	make func() (base, target delta.File, err error)
	// earlier is what a prototype needed for the like of it, in percent of the
	// file: integer subtraction, byte planes and zstd.
	earlier float64
}

// sigma is the standard deviation of the drawn weights.
const sigma = 0.02

// The drawn files' lengths in elements.
const (
	large = 100 << 20 / 4
	small = 10_000_000
)

// change is what a fine-tuning does to a weight; n is normally distributed.
type change func(w, n float64) float64

func times(share float64) change         { return func(w, n float64) float64 { return w * (1 + share*n) } }
func plus(share float64) change          { return func(w, n float64) float64 { return w + share*sigma*n } }
func drawn(_, n float64) float64         { return sigma * n }
func gaussian(chance *rand.Rand) float64 { return sigma * chance.NormFloat64() }

// synthetic are drawn weights in one tensor of which a last part changed.
func synthetic(name string, n int, to format, lastPart float64, c change, earlier float64) benchCase {
	return benchCase{name: name, earlier: earlier, make: func() (base, target delta.File, err error) {
		chance := rand.New(rand.NewPCG(1, 1))
		var b, t []byte
		for i := range n {
			w, tuned := gaussian(chance), chance.NormFloat64()
			b = to.append(b, w)
			if float64(i) < float64(n)*(1-lastPart) {
				t = to.append(t, w)
			} else {
				t = to.append(t, c(w, tuned))
			}
		}
		regions := []delta.Region{{Key: "weights", Length: int64(len(b)), ElementSize: to.size}}
		return delta.File{Data: b, Regions: regions}, delta.File{Data: t, Regions: regions}, nil
	}}
}

// format writes a weight as a kind of number.
type format struct {
	size   int
	append func(to []byte, w float64) []byte
}

var (
	float32s = format{4, func(to []byte, w float64) []byte {
		return binary.LittleEndian.AppendUint32(to, math.Float32bits(float32(w)))
	}}
	float16s = format{2, func(to []byte, w float64) []byte { return binary.LittleEndian.AppendUint16(to, half(w)) }}
	int8s    = format{1, func(to []byte, w float64) []byte { // 127 is at 4.5 sigma
		return append(to, byte(int8(math.RoundToEven(max(-127, min(127, w*127/(4.5*sigma)))))))
	}}
)

// half is w as IEEE 754 binary16, rounded to even, for |w| below 65504.
func half(w float64) uint16 {
	sign := uint16(0)
	if math.Signbit(w) {
		sign, w = 1<<15, -w
	}
	e := max(math.Ilogb(max(w, 1e-30)), -14) // −14: subnormal numbers have that exponent
	m := uint16(math.RoundToEven(math.Ldexp(w, 10-e)))
	return sign | (uint16(e+14)<<10 + m) // the mantissa's leading bit adds the last 1
}

func allCases(pair string) []benchCase {
	cases := []benchCase{
		synthetic("float32, 100 MiB, last tenth + 0.1 σ·N", large, float32s, 0.1, plus(0.1), 7.64),
		synthetic("float32, 100 MiB, last tenth drawn anew", large, float32s, 0.1, drawn, 0),
		synthetic("float32, 100 MiB, all × (1 + 1e-4·N)", large, float32s, 1, times(1e-4), 38.7),
		synthetic("float32, 100 MiB, all × (1 + 1e-2·N)", large, float32s, 1, times(1e-2), 61.3),
		synthetic("float32, 10 M, all + 1e-3 σ·N", small, float32s, 1, plus(1e-3), 57.1),
		synthetic("float16, 10 M, all + 1e-3 σ·N", small, float16s, 1, plus(1e-3), 31.1),
		synthetic("int8, 10 M, all + 1e-3 σ·N", small, int8s, 1, plus(1e-3), 3.4),
		synthetic("float32, 10 M, last 5 % + 0.1 σ·N", small, float32s, 0.05, plus(0.1), 3.9),
		synthetic("float16, 10 M, last 5 % + 0.1 σ·N", small, float16s, 0.05, plus(0.1), 3.7),
		synthetic("int8, 10 M, last 5 % + 0.1 σ·N", small, int8s, 0.05, plus(0.1), 2.6),
	}
	if pair == "" {
		return cases
	}
	return append(cases, benchCase{name: "digit reader of 2.65 M float32, really fine-tuned (ONNX)", make: func() (base, target delta.File, err error) {
		if base, err = model(filepath.Join(pair, "base.onnx")); err != nil {
			return base, target, err
		}
		target, err = model(filepath.Join(pair, "tuned.onnx"))
		return base, target, err
	}})
}

func model(path string) (delta.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return delta.File{}, fmt.Errorf("read the fine-tuned pair (go run ./cmd/train-digits pair makes it): %w", err)
	}
	return delta.File{Data: data, Regions: layout.Of(data)}, nil
}
