package delta

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func randomBytes(n int) []byte {
	r := rand.New(rand.NewPCG(5, 5))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func cuts(b []byte) (lengths []int) {
	for len(b) > 0 {
		n := chunk(b)
		lengths, b = append(lengths, n), b[n:]
	}
	return lengths
}

func TestChunksKeepTheirSizes(t *testing.T) {
	lengths := cuts(randomBytes(16 << 20))
	for _, n := range lengths[:len(lengths)-1] {
		if n < minChunk || n > maxChunk {
			t.Fatalf("a chunk of %d bytes", n)
		}
	}
	if mean := (16 << 20) / len(lengths); mean < meanChunk*3/4 || mean > meanChunk*3/2 {
		t.Errorf("chunks have %d bytes on average", mean)
	}
	if got := cuts(make([]byte, 200_000)); slices.Max(got) > maxChunk {
		t.Errorf("zeros are cut into %v", got)
	}
}

func TestAnInsertedByteMovesOnlyTheCutsNearIt(t *testing.T) {
	b := randomBytes(1 << 20)
	before := cuts(b)
	after := cuts(slices.Insert(slices.Clone(b), 500_000, 'x'))
	same := 0
	for same < len(before) && before[len(before)-1-same] == after[len(after)-1-same] {
		same++
	}
	if same < len(before)/3 {
		t.Errorf("only the last %d of %d chunks are the same", same, len(before))
	}
}

func TestSharesGrowUpToTheEdit(t *testing.T) {
	base := randomBytes(1 << 20)
	target := slices.Insert(slices.Clone(base), 500_000, base[500_000]+1, base[500_000]-1)
	shared, end := 0, 0
	for _, s := range indexChunks(base).find(base, target) {
		if s.at < end {
			t.Fatalf("%+v overlaps the one before it, which ends at %d", s, end)
		}
		shared, end = shared+s.length, s.at+s.length
	}
	if shared != len(base) {
		t.Errorf("%d bytes are shared, want all %d", shared, len(base))
	}
}
