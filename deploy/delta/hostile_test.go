package delta_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"github.com/squadron-edge/squadron/deploy/delta"
)

var (
	victimBase   = []byte(strings.Repeat("base ", 2000))
	victimTarget = []byte(strings.Repeat("made ", 2000))
	victim       = delta.Pair{Base: identity(victimBase), Target: identity(victimTarget)}
)

// headed is a delta for the victim with hand-made blocks.
func headed(blocks ...[]byte) []byte {
	b := []byte("SQDELTA\x01")
	for _, id := range []delta.Identity{victim.Base, victim.Target} {
		b = append(b, id.Digest[:]...)
		b = binary.LittleEndian.AppendUint64(b, uint64(id.Size))
	}
	return append(b, bytes.Join(blocks, nil)...)
}

// blockOf is a first byte and numbers, then bytes as they are.
func blockOf(first byte, numbers []uint64, rest ...byte) []byte {
	b := []byte{first}
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return append(b, rest...)
}

func numbers(n ...uint64) []uint64 { return n }

func back(n int64) uint64 { return uint64(n<<1 ^ n>>63) } // as a signed varint

const (
	copying     = 0
	subtracting = 1 | 3<<2 | 2<<4 // ranges of 4 bytes
	storing     = 2
	squeezed    = 2 | 1<<2
	inPlanes    = 2 | 2<<2 | 2<<4
	inRanges    = 2 | 3<<2 | 2<<4
)

func zipped(t testing.TB, b []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll(b, nil)
}

// attacks are deltas that must be refused, each with a part of the reason.
func attacks(t testing.TB) map[string]struct {
	delta []byte
	want  string
} {
	whole := blockOf(storing, numbers(10000), victimTarget...)
	patch := func(at int, v byte) []byte {
		b := headed(whole)
		b[at] ^= v
		return b
	}
	bomb := zipped(t, make([]byte, 64<<20))
	long := zipped(t, make([]byte, 10001))
	short, three := zipped(t, make([]byte, 100)), zipped(t, make([]byte, 3))
	table := []byte{0, 0x80, 0x20, 0} // one context whose symbol 0 has all 4096, no words
	at := bytes.Repeat([]byte{0, 0, 1, 0}, 4)
	type a = struct {
		delta []byte
		want  string
	}
	return map[string]a{
		"empty":                  {nil, "header: the delta is cut short"},
		"half a header":          {headed()[:50], "header: the delta is cut short"},
		"another magic":          {patch(0, 1), "does not begin as a delta does"},
		"a later version":        {patch(7, 3), "format version 2"},
		"another base":           {patch(8, 1), "its base is"},
		"another base's length":  {patch(40, 1), "its base is"},
		"another target":         {patch(48, 1), "its target is"},
		"an absurd target":       {patch(87, 0x7f), "its target is"},
		"negative target length": {patch(87, 0x80), "its target is"},
		"no blocks":              {headed(), "block 1: the delta is cut short"},
		"cut in a length":        {headed([]byte{storing, 0x80}), "block 1: the delta is cut short"},
		"cut in stored bytes":    {headed(whole[:5000]), "block 1: the delta is cut short"},
		"cut in a payload":       {headed(blockOf(squeezed, numbers(10000, 500), 1, 2)), "block 1: the delta is cut short"},
		"more after the end":     {headed(whole, []byte{0}), "more follows"},
		"a block after the end":  {headed(whole, whole), "more follows"},
		"one byte wrong":         {patch(88+3+77, 1), "the result is"},

		"a kind that is not":          {headed(blockOf(3, numbers(1))), "no such block as 0x03"},
		"reserved bits":               {headed(blockOf(storing|0x40, numbers(1), 1)), "no such block as 0x42"},
		"stored with a width":         {headed(blockOf(storing|0x10, numbers(2), 1, 2)), "no such block"},
		"copied with a coding":        {headed(blockOf(copying|4, numbers(2, 0, 1), 1)), "no such block"},
		"subtracted and stored":       {headed(blockOf(1, numbers(2, 0), 1, 2)), "no such block"},
		"a block of nothing":          {headed(blockOf(storing, numbers(0))), "it has 0 bytes of the target"},
		"past the target":             {headed(blockOf(storing, numbers(10001))), "it has 10001 bytes of the target, want 1 to 10000"},
		"past the target, second":     {headed(blockOf(storing, numbers(9999), victimTarget[:9999]...), blockOf(copying, numbers(2, 0))), "block 2: it has 2 bytes"},
		"length past 64 bits":         {headed([]byte{storing}, bytes.Repeat([]byte{0xff}, 11)), "overflow"},
		"length of 2⁶⁴−1":             {headed(blockOf(storing, numbers(math.MaxUint64))), "bytes of the target"},
		"half an element":             {headed(blockOf(inRanges, numbers(10, 5))), "not whole elements of 4"},
		"copy before the base":        {headed(blockOf(copying, numbers(10, back(-1)))), "outside the base"},
		"copy past the base":          {headed(blockOf(copying, numbers(10, back(9991)))), "outside the base"},
		"copy from an overflow":       {headed(blockOf(copying, numbers(10, back(math.MaxInt64)))), "outside the base"},
		"copy from an underflow":      {headed(blockOf(copying, numbers(10, back(math.MinInt64)))), "outside the base"},
		"subtract past the base":      {headed(blockOf(subtracting, numbers(8, back(9996), 4), 1, 2, 3, 4)), "outside the base"},
		"payload as long as its part": {headed(blockOf(squeezed, numbers(10, 10))), "it has 10 bytes of payload, want 1 to 9"},
		"payload of 2⁶³":              {headed(blockOf(squeezed, numbers(10, 1<<63))), "bytes of payload"},
		"no payload":                  {headed(blockOf(squeezed, numbers(10, 0))), "0 bytes of payload"},

		"zstd bomb":                {headed(blockOf(squeezed, numbers(10000, uint64(len(bomb))), bomb...)), "zstd"},
		"planes' bomb":             {headed(blockOf(inPlanes, numbers(10000, uint64(len(bomb))), bomb...)), "zstd"},
		"zstd past its block":      {headed(blockOf(squeezed, numbers(10000, uint64(len(long))), long...)), "its zstd payload: "},
		"zstd too short":           {headed(blockOf(squeezed, numbers(10000, uint64(len(short))), short...)), "too short"},
		"zstd with a huge window":  {headed(blockOf(squeezed, numbers(10000, 9), 0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1, 0, 0)), "zstd"},
		"zstd claims 2⁶³":          {headed(blockOf(squeezed, numbers(10000, 16), 0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 0)), "zstd"},
		"zstd that is none":        {headed(blockOf(squeezed, numbers(10000, 4), 1, 2, 3, 4)), "zstd"},
		"contexts without base":    {headed(blockOf(inRanges, numbers(8000, 2), 1, 0)), "more contexts"},
		"contexts of few":          {headed(blockOf(subtracting, numbers(400, 0, 2), 1, 0)), "more contexts"},
		"255 contexts":             {headed(blockOf(subtracting, numbers(10000, 0, 2), 255, 0)), "more contexts"},
		"scales without base":      {headed(blockOf(inRanges, numbers(8000, 2), 0x80, 23)), "more contexts"},
		"scales cut short":         {headed(blockOf(subtracting, numbers(8000, 0, 1), 0x80)), "has its mantissa"},
		"another mantissa":         {headed(blockOf(subtracting, numbers(8000, 0, 3), 0x80, 10, 0)), "has its mantissa"},
		"scales past the payload":  {headed(blockOf(subtracting, numbers(8000, 0, 4), 0x80, 23, 2, 0)), "cut short"},
		"2⁶³ scales":               {headed(blockOf(subtracting, numbers(8000, 0, 12), 0x80, 23, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)), "out of bounds"},
		"too few scales":           {headed(blockOf(subtracting, numbers(8000, 0, uint64(len(three)+3)), append([]byte{0x80, 23, byte(len(three))}, three...)...)), "too short"},
		"a bomb of scales":         {headed(blockOf(subtracting, numbers(8000, 0, uint64(len(bomb)+4)), append(binary.AppendUvarint([]byte{0x80, 23}, uint64(len(bomb))), bomb...)...)), "zstd"},
		"contexts cut short":       {headed(blockOf(subtracting, numbers(10000, 0, 2), 2, 0)), "cut short"},
		"contexts out of order":    {headed(blockOf(subtracting, numbers(10000, 0, 5), 2, 5, 0, 5, 0)), "out of order"},
		"a context past the keys":  {headed(blockOf(subtracting, numbers(10000, 0, 3), 1, 0, 4)), "out of order"},
		"frequencies past 4096":    {headed(blockOf(inRanges, numbers(10000, 3), 0, 0x81, 0x20)), "out of bounds"},
		"frequencies that miss":    {headed(blockOf(inRanges, numbers(10000, 4), 0, 0, 0xff, 1)), "do not add up"},
		"zeros past the symbols":   {headed(blockOf(inRanges, numbers(10000, 4), 0, 0, 0x80, 2)), "out of bounds"},
		"frequencies cut short":    {headed(blockOf(inRanges, numbers(10000, 2), 0, 1)), "cut short"},
		"words past the payload":   {headed(blockOf(inRanges, numbers(10000, 20), append([]byte{0, 0x80, 0x20, 9}, at...)...)), "cut short"},
		"2⁶³ words":                {headed(blockOf(inRanges, numbers(10000, 13), 0, 0x80, 0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0)), "out of bounds"},
		"a state of 0":             {headed(blockOf(inRanges, numbers(10000, 20), append(table, make([]byte, 16)...)...)), "state"},
		"words that end early":     {headed(blockOf(inRanges, numbers(10000, 21), append([]byte{0, 0x80, 0x10, 0x80, 0x10, 0}, at[:15]...)...)), "cut short"},
		"stored bits that miss":    {headed(blockOf(inRanges, numbers(10000, 20), append(table, at...)...)), "not that of its elements"},
		"stored bits that remain":  {headed(blockOf(2|3<<2, numbers(10000, 21), append(append(table, at...), 0)...)), "not that of its elements"},
		"words that nobody needed": {headed(blockOf(2|3<<2, numbers(10000, 22), append(append([]byte{0, 0x80, 0x20, 1}, at...), 0, 0)...)), "not that of its elements"},
	}
}

func TestHostileDeltasAreRefused(t *testing.T) {
	for name, a := range attacks(t) {
		var out bytes.Buffer
		err := delta.Apply(bytes.NewReader(victimBase), bytes.NewReader(a.delta), &out, victim)
		if err == nil || !strings.Contains(err.Error(), a.want) || !strings.HasPrefix(err.Error(), "apply delta: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: want an error with %q, got %v", name, a.want, err)
		}
		if out.Len() > len(victimTarget) {
			t.Errorf("%s: it wrote %d bytes of at most %d", name, out.Len(), len(victimTarget))
		}
	}
}

func TestMoreBlocksThanAnyEncoderWritesAreRefused(t *testing.T) {
	target := make([]byte, delta.MaxBlocks+1)
	want := delta.Pair{Base: victim.Base, Target: identity(target)}
	d := bytes.Clone(headed()[:48])
	d = append(d, want.Target.Digest[:]...)
	d = binary.LittleEndian.AppendUint64(d, uint64(want.Target.Size))
	d = append(d, bytes.Repeat([]byte{storing, 1, 0}, len(target))...)
	if err := delta.Apply(bytes.NewReader(victimBase), bytes.NewReader(d), io.Discard, want); err == nil || !strings.Contains(err.Error(), "more than 1048576 blocks") {
		t.Errorf("got %v", err)
	}
}

func TestTheHeaderIsRefusedBeforeAnyWork(t *testing.T) {
	d := headed(blockOf(storing, numbers(10000), victimTarget...))
	for name, want := range map[string]delta.Pair{
		"base":           {Base: victim.Target, Target: victim.Target},
		"target":         {Base: victim.Base, Target: victim.Base},
		"target's size":  {Base: victim.Base, Target: delta.Identity{Digest: victim.Target.Digest, Size: 9999}},
		"negative size":  {Base: victim.Base, Target: delta.Identity{Digest: victim.Target.Digest, Size: -1}},
		"no digest":      {Base: victim.Base},
		"base's smaller": {Base: delta.Identity{Digest: victim.Base.Digest, Size: 9999}, Target: victim.Target},
	} {
		var out bytes.Buffer
		if err := delta.Apply(unreadable{}, bytes.NewReader(d), &out, want); err == nil || errors.Is(err, errFlash) || out.Len() > 0 {
			t.Errorf("%s: wrote %d bytes, %v", name, out.Len(), err)
		}
	}
}

func TestEveryTruncationAndEveryFlippedByteIsRefused(t *testing.T) {
	d, base, want := smallDelta(t)
	for n := range d {
		if err := delta.Apply(bytes.NewReader(base), bytes.NewReader(d[:n]), io.Discard, want); err == nil {
			t.Fatalf("the first %d of %d bytes were enough", n, len(d))
		}
		flipped := bytes.Clone(d)
		flipped[n] ^= 0x10
		if err := delta.Apply(bytes.NewReader(base), bytes.NewReader(flipped), io.Discard, want); err == nil {
			t.Fatalf("byte %d of %d could be another", n, len(d))
		}
	}
}

// smallDelta has blocks of every kind.
func smallDelta(t testing.TB) ([]byte, []byte, delta.Pair) {
	t.Helper()
	r := rand.New(rand.NewPCG(9, 9))
	w := map[string][]byte{"a": weights(r, 600), "b": weights(r, 2000), "c": bytes.Repeat([]byte{1, 2, 3, 4}, 3000)}
	v := map[string][]byte{"a": tuned(r, w["a"], 1e-6), "b": w["b"], "c": bytes.Repeat([]byte{2, 2, 3, 4}, 3000), "d": weights(r, 40)}
	base, target := tensors([]string{"a", "b", "c"}, w), tensors([]string{"d", "a", "b", "c"}, v)
	var out bytes.Buffer
	s, err := delta.Encode(&out, base, target)
	if err != nil || s.Copied == 0 || s.Subtracted == 0 || s.Raw == 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	return out.Bytes(), base.Data, s.Pair
}

func TestAWrongBaseNeverGivesATarget(t *testing.T) {
	d, base, want := smallDelta(t)
	for name, b := range map[string][]byte{
		"empty":         nil,
		"cut short":     base[:len(base)-3],
		"one bit wrong": append(bytes.Clone(base[:500]), append([]byte{base[500] ^ 1}, base[501:]...)...),
		"all zeros":     make([]byte, len(base)),
	} {
		if err := delta.Apply(bytes.NewReader(b), bytes.NewReader(d), io.Discard, want); err == nil {
			t.Errorf("%s: no error", name)
		}
		if err := delta.VerifyBase(bytes.NewReader(b), want.Base); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
	if err := delta.VerifyBase(bytes.NewReader(append(bytes.Clone(base), 0)), want.Base); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a base that goes on: %v", err)
	}
	if err := delta.VerifyBase(bytes.NewReader(base), want.Base); err != nil {
		t.Error(err)
	}
}

var errFlash = errors.New("input/output error")

type unreadable struct{}

func (unreadable) ReadAt([]byte, int64) (int, error) { return 0, errFlash }

func TestFailuresOfTheSurroundingsAreReported(t *testing.T) {
	d, base, want := smallDelta(t)
	if err := delta.Apply(unreadable{}, bytes.NewReader(d), io.Discard, want); !errors.Is(err, errFlash) {
		t.Errorf("base: %v", err)
	}
	if err := delta.VerifyBase(unreadable{}, want.Base); !errors.Is(err, errFlash) {
		t.Errorf("base to verify: %v", err)
	}
	for n := range int64(len(d)) {
		broken := io.MultiReader(bytes.NewReader(d[:n]), iotest.ErrReader(errFlash))
		if err := delta.Apply(bytes.NewReader(base), broken, io.Discard, want); !errors.Is(err, errFlash) {
			t.Fatalf("delta at byte %d: %v", n, err)
		}
	}
	if err := delta.Apply(bytes.NewReader(base), io.MultiReader(bytes.NewReader(d), iotest.ErrReader(errFlash)), io.Discard, want); !errors.Is(err, errFlash) {
		t.Errorf("delta at its end: %v", err)
	}
	if err := delta.Apply(bytes.NewReader(base), bytes.NewReader(d), brokenDisk{}, want); err == nil {
		t.Error("output: no error")
	}
}

func TestApplyNeedsAFewMiBOnly(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 9))
	a := weights(r, 4<<20)
	words := make([]byte, 3<<20) // for zstd
	for i := range words {
		words[i] = "to and fro"[(i*i/97+r.IntN(2))%10]
	}
	base := tensors([]string{"a", "b"}, map[string][]byte{"a": a, "b": a[:4<<20]})
	target := tensors([]string{"a", "b", "c"}, map[string][]byte{"a": tuned(r, a, 1e-3), "b": sparse(a[:4<<20]), "c": words})
	var d bytes.Buffer
	s, err := delta.Encode(&d, base, target)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := delta.Apply(bytes.NewReader(base.Data), &d, io.Discard, s.Pair); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 { // what was ever allocated, so no peak is higher
		t.Errorf("%d bytes allocated for a target of %d", got, s.Target.Size)
	}
}

// sparse changes every seventh weight in the same way: zstd sees the pattern.
func sparse(b []byte) []byte {
	b = bytes.Clone(b)
	for i := 0; i+4 <= len(b); i += 28 {
		b[i] ^= byte(i / 28 % 5)
	}
	return b
}

// capped counts, and remembers whether it was given too much.
type capped struct{ n, most int64 }

func (c *capped) Write(b []byte) (int, error) { c.n += int64(len(b)); return len(b), nil }

func FuzzApply(f *testing.F) {
	small, base, want := smallDelta(f)
	f.Add(small[88:], true)
	for _, a := range attacks(f) {
		if len(a.delta) > 88 {
			f.Add(a.delta[88:], false)
		}
	}
	f.Add(blockOf(storing, numbers(10000), victimTarget...), false)
	f.Fuzz(func(t *testing.T, blocks []byte, isSmall bool) {
		b, w, d := victimBase, victim, headed(blocks)
		if isSmall {
			b, w, d = base, want, append(bytes.Clone(small[:88]), blocks...)
		}
		var out bytes.Buffer
		err := delta.Apply(bytes.NewReader(b), bytes.NewReader(d), &out, w)
		if int64(out.Len()) > w.Target.Size {
			t.Errorf("wrote %d bytes of %d", out.Len(), w.Target.Size)
		}
		if made := identity(out.Bytes()); err == nil && made != w.Target {
			t.Errorf("made %v without an error", made)
		}
	})
}

// FuzzApplyHeader has no header to lean on.
func FuzzApplyHeader(f *testing.F) {
	small, base, want := smallDelta(f)
	f.Add(small)
	f.Add(headed())
	f.Fuzz(func(t *testing.T, d []byte) {
		out := capped{most: want.Target.Size}
		if err := delta.Apply(bytes.NewReader(base), bytes.NewReader(d), &out, want); err == nil && !bytes.Equal(d[:88], small[:88]) {
			t.Error("another header was taken")
		}
		if out.n > out.most {
			t.Errorf("wrote %d bytes of %d", out.n, out.most)
		}
	})
}

// FuzzRoundTrip edits a file in ways that no test thought of.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("base base"), []byte("base made"), uint8(2))
	f.Fuzz(func(t *testing.T, base, target []byte, log uint8) {
		width := 1 << (log % 4)
		file := func(b []byte) delta.File {
			return delta.File{Data: b, Regions: []delta.Region{{Key: "w", Length: int64(len(b)), ElementSize: width}}}
		}
		roundTrip(t, file(base), file(target))
	})
}
