package delta

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

var widths = []int{1, 2, 4, 8}

// numbers are all that a width's arithmetic could get wrong, and some others.
func numbers(r *rand.Rand, width, n int) []uint64 {
	mask := uint64(1)<<(8*width) - 1
	edges := []uint64{0, 1, 2, mask, mask - 1, mask >> 1, mask>>1 + 1, 127, 128, 255, 256}
	v := make([]uint64, n)
	for i := range v {
		v[i] = r.Uint64() >> r.IntN(64) & mask
		if r.IntN(3) == 0 {
			v[i] = edges[r.IntN(len(edges))] & mask
		}
	}
	return v
}

func TestZigzagIsTheTwins(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, width := range widths {
		mask := uint64(1)<<(8*width) - 1
		base, target := numbers(r, width, run), numbers(r, width, run)
		got := slices.Clone(target)
		zigzag(got, base, width)
		for i := range got {
			// The twin: count up 0, −1, +1, −2, …
			d := (target[i] - base[i]) & mask
			want := 2 * d
			if d > mask>>1 {
				want = 2*(mask-d) + 1
			}
			if got[i] != want {
				t.Fatalf("width %d: %#x − %#x gave %#x, want %#x", width, target[i], base[i], got[i], want)
			}
		}
		unzigzag(got, base)
		for i := range got {
			if got[i]&mask != target[i] {
				t.Fatalf("width %d: %#x came back as %#x", width, target[i], got[i])
			}
		}
	}
}

func TestPlanesAreTheTwins(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for _, width := range widths {
		const n = 1000
		elements := make([]byte, n*width)
		for i := range elements {
			elements[i] = byte(r.Uint32())
		}
		got, back := make([]byte, len(elements)), make([]byte, len(elements))
		gather(got, elements, width)
		var want []byte
		for p := range width {
			for e := range n {
				want = append(want, elements[e*width:][p])
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("width %d: not the twin's planes", width)
		}
		if scatter(back, got, width); !bytes.Equal(back, elements) {
			t.Errorf("width %d: the planes came back as something else", width)
		}
	}
}

func TestTurnKeepsEveryBit(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for _, width := range widths {
		v := numbers(r, width, run)
		got := slices.Clone(v)
		turn(got, width)
		for i := range v {
			if top := v[i] >> (8*width - 1); got[i]&1 != top || got[i]>>1 != v[i]&(1<<(8*width-1)-1) {
				t.Fatalf("width %d: %#x was turned to %#x", width, v[i], got[i])
			}
		}
		if turnBack(got, width); !slices.Equal(got, v) {
			t.Errorf("width %d: did not come back", width)
		}
	}
}

func TestSplitsJoinAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	for kind, byWidth := range splits {
		for width, s := range byWidth {
			v := numbers(r, width, run)
			var w bitWriter
			symbols := make([]byte, len(v))
			for i, x := range v {
				var rest uint64
				symbols[i], rest = s.symbol(x)
				if rest >= 1<<s.stored[symbols[i]] {
					t.Fatalf("%d bits are too few for %#x", s.stored[symbols[i]], rest)
				}
				w.write(rest, int(s.stored[symbols[i]]))
			}
			got, rest := make([]uint64, len(v)), bitReader{bytes: w.end()}
			if s.join(got, symbols, &rest); !slices.Equal(got, v) || !rest.exact() {
				t.Errorf("kind %d, width %d: the numbers did not come back, %+v", kind, width, rest)
			}
		}
	}
}

func TestNeighbouringNumbersShareASymbolOnlyWithTheirSign(t *testing.T) {
	s := splits[subtracted][4]
	for z := range uint64(1 << 16) {
		symbol, _ := s.symbol(z)
		if uint64(symbol&1) != z&1 {
			t.Fatalf("%d has symbol %d", z, symbol)
		}
		if next, _ := s.symbol(z + 2); next < symbol || next > symbol+2 {
			t.Fatalf("%d has symbol %d and %d has %d", z, symbol, z+2, next)
		}
	}
}
