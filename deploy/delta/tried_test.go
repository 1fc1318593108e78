package delta

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// BenchmarkCodings says what else was tried on 16 MiB of float32 and what it gave,
// in percent of the file: docs/decisions/0005-delta.md. Each change stands alone.
func BenchmarkCodings(b *testing.B) {
	for _, c := range []struct {
		name   string
		change func(w, n float64, i int) float64
	}{
		{"relative 1e-4", func(w, n float64, _ int) float64 { return w * (1 + 1e-4*n) }},
		{"relative 1e-2", func(w, n float64, _ int) float64 { return w * (1 + 1e-2*n) }},
		{"absolute 1e-3 σ", func(w, n float64, _ int) float64 { return w + 2e-5*n }},
		{"absolute, by rows", func(w, n float64, i int) float64 { return w + 2e-5*n*math.Exp2(float64(i/1024*7%9-4)) }},
	} {
		r := rand.New(rand.NewPCG(1, 1))
		var base, target []byte
		for i := range 4 << 20 {
			w, n := 0.02*r.NormFloat64(), r.NormFloat64()
			base = binary.LittleEndian.AppendUint32(base, math.Float32bits(float32(w)))
			target = binary.LittleEndian.AppendUint32(target, math.Float32bits(float32(c.change(w, n, i))))
		}
		xor := make([]byte, len(base))
		for i := range xor {
			xor[i] = base[i] ^ target[i]
		}
		zeros := make([]byte, len(base))
		for _, way := range []struct {
			name  string
			bytes func(e *encoder, from, to int) int
		}{
			{"xor, planes, zstd default", func(e *encoder, from, to int) int { return len(e.planes(xor[from:to], 4)) }},
			{"xor, ranges, no contexts", func(e *encoder, from, to int) int {
				return len(e.ranges.encode(zeros[from:to], xor[from:to], 4, e.zstd))
			}},
			{"subtracted, planes, zstd default", func(e *encoder, from, to int) int {
				return len(e.planes(differences(base[from:to], target[from:to], 4), 4))
			}},
			{"subtracted, planes, zstd fastest", func(e *encoder, from, to int) int {
				fast := *e
				fast.zstd = fastest
				return len(fast.planes(differences(base[from:to], target[from:to], 4), 4))
			}},
			{"subtracted, ranges, one table", func(e *encoder, from, to int) int {
				return e.oneTable(base[from:to], target[from:to])
			}},
			{"subtracted, ranges, as it is", func(e *encoder, from, to int) int {
				return len(e.ranges.encode(base[from:to], target[from:to], 4, e.zstd))
			}},
		} {
			b.Run(c.name+"/"+way.name, func(b *testing.B) {
				z, err := newCompressor()
				if err != nil {
					b.Fatal(err)
				}
				e := &encoder{zstd: z}
				b.SetBytes(int64(len(base)))
				for b.Loop() {
					sum := 0
					for at := 0; at < len(base); at += MaxBlock {
						sum += way.bytes(e, at, at+MaxBlock)
					}
					b.ReportMetric(100*float64(sum)/float64(len(base)), "%")
				}
			})
		}
	}
}

var fastest = func() *zstd.Encoder {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithAllLitEntropyCompression(true))
	if err != nil {
		panic(err)
	}
	return z
}()

// oneTable is about the length of a block whose numbers are all in one context.
func (e *encoder) oneTable(base, target []byte) int {
	e.ranges.split(splits[subtracted][4], base, target, 4)
	var c counts
	for _, s := range e.ranges.symbols {
		c.of[s]++
		c.total++
	}
	return int(c.cost()/8) + len(e.ranges.rest.end())
}
