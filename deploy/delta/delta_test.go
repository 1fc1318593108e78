package delta_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/delta"
)

// roundTrip encodes twice, applies, and returns the delta and its summary.
func roundTrip(t *testing.T, base, target delta.File) ([]byte, delta.Summary) {
	t.Helper()
	var first, second, made bytes.Buffer
	s, err := delta.Encode(&first, base, target)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := delta.Encode(&second, base, target); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("the same files gave two deltas, %v", err)
	}
	if s.Size != int64(first.Len()) || s.Copied+s.Subtracted+s.Raw != int64(len(target.Data)) {
		t.Errorf("%+v for %d bytes of delta and %d of target", s, first.Len(), len(target.Data))
	}
	if want := (delta.Pair{Base: identity(base.Data), Target: identity(target.Data)}); s.Pair != want {
		t.Errorf("the summary names %v, want %v", s.Pair, want)
	}
	if err := delta.Apply(bytes.NewReader(base.Data), iotest.HalfReader(bytes.NewReader(first.Bytes())), &made, s.Pair); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made.Bytes(), target.Data) {
		t.Error("the delta made another file")
	}
	return first.Bytes(), s
}

func identity(b []byte) delta.Identity {
	return delta.Identity{Digest: bundle.DigestOf(b), Size: int64(len(b))}
}

func chance(t *testing.T, seed uint64) *rand.Rand {
	t.Helper()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 7))
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// weights are float32 as a trained layer has them.
func weights(r *rand.Rand, n int) []byte {
	b := make([]byte, 0, 4*n)
	for range n {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(r.NormFloat64()*0.05)))
	}
	return b
}

// tuned are the weights after some more training.
func tuned(r *rand.Rand, b []byte, step float64) []byte {
	b = bytes.Clone(b)
	for i := 0; i+4 <= len(b); i += 4 {
		w := math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))
		binary.LittleEndian.PutUint32(b[i:], math.Float32bits(w+float32(step*r.NormFloat64())))
	}
	return b
}

// tensors is a file of tensors with something between them.
func tensors(names []string, data map[string][]byte) delta.File {
	var f delta.File
	for _, name := range names {
		f.Data = append(f.Data, fmt.Sprintf("<%s:%d>", name, len(data[name]))...)
		f.Regions = append(f.Regions, delta.Region{Key: name, Offset: int64(len(f.Data)), Length: int64(len(data[name])), ElementSize: 4})
		f.Data = append(f.Data, data[name]...)
	}
	f.Data = append(f.Data, "<end>"...)
	return f
}

func TestSmallAndOddFiles(t *testing.T) {
	r := chance(t, 1)
	long := noise(r, 3<<20+5)
	for name, c := range map[string]struct {
		base, target []byte
		most         int // bytes of the delta
	}{
		"both empty":                  {nil, nil, 88},
		"empty target":                {long, nil, 88},
		"empty base":                  {nil, long, len(long) + 150},
		"equal":                       {long, long, 88 + 30},
		"one byte":                    {[]byte("a"), []byte("b"), 92},
		"shorter than a block":        {long[:1000], append([]byte("x"), long[:1000]...), 88 + 1010},
		"a byte before everything":    {long, append([]byte("x"), long...), 9000},
		"a byte taken from the front": {long, long[1:], 9000},
		"the halves exchanged":        {long, append(bytes.Clone(long[len(long)/2:]), long[:len(long)/2]...), 20000},
		"nothing in common":           {long, noise(r, 2<<20+3), 2<<20 + 200},
		"zeros of nothing":            {nil, make([]byte, 3<<20), 400},
		"exactly a block":             {long, append(noise(r, 16), long[16:1<<20]...), 200000},
	} {
		d, _ := roundTrip(t, delta.File{Data: c.base}, delta.File{Data: c.target})
		if len(d) > c.most {
			t.Errorf("%s: a delta of %d bytes, want at most %d", name, len(d), c.most)
		}
	}
}

func TestEveryWidthWithUnalignedEnds(t *testing.T) {
	r := chance(t, 2)
	for _, width := range []int{1, 2, 4, 8} {
		for _, n := range []int{1, width, width + 1, 511, 4096*width + 3, 1<<20 + 17} {
			base := delta.File{Data: noise(r, n+5), Regions: []delta.Region{{Key: "w", Offset: 5, Length: int64(n), ElementSize: width}}}
			target := delta.File{Data: bytes.Clone(base.Data), Regions: base.Regions}
			for i := 5; i+width <= len(target.Data); i += width { // small differences, and some carries
				target.Data[i] += byte(r.IntN(3))
			}
			d, s := roundTrip(t, base, target)
			if n > 4096 && (len(d) > n*7/10 || s.Subtracted == 0) {
				t.Errorf("width %d, %d bytes: a delta of %d bytes, %+v", width, n, len(d), s)
			}
		}
	}
}

func TestRandomEdits(t *testing.T) {
	for seed := range uint64(60) {
		r := chance(t, seed)
		base := randomFile(r)
		target := edited(r, base)
		roundTrip(t, base, target)
	}
}

func randomFile(r *rand.Rand) delta.File {
	var f delta.File
	for i := range r.IntN(6) {
		f.Data = append(f.Data, noise(r, r.IntN(50))...)
		n := r.IntN(200 << r.IntN(10))
		f.Regions = append(f.Regions, delta.Region{Key: fmt.Sprint(i), Offset: int64(len(f.Data)), Length: int64(n), ElementSize: 1 << r.IntN(4)})
		f.Data = append(f.Data, noise(r, n)...)
	}
	f.Data = append(f.Data, noise(r, r.IntN(20000))...)
	return f
}

// edited changes tensors in place, takes some out, puts some in, and shifts all.
func edited(r *rand.Rand, f delta.File) delta.File {
	var out delta.File
	at := int64(0)
	for _, region := range f.Regions {
		out.Data = append(out.Data, f.Data[at:region.Offset]...)
		at = region.Offset + region.Length
		data := bytes.Clone(f.Data[region.Offset:at])
		switch r.IntN(5) {
		case 0:
			continue
		case 1:
			for i := range data {
				data[i] += byte(r.IntN(2))
			}
		case 2:
			if len(data) > 0 {
				data[r.IntN(len(data))]++
			}
		case 3:
			data = append(data, noise(r, r.IntN(100))...)
		}
		region.Offset, region.Length = int64(len(out.Data)), int64(len(data))
		out.Regions, out.Data = append(out.Regions, region), append(out.Data, data...)
	}
	out.Data = append(out.Data, f.Data[at:]...)
	return out
}

func TestAFineTunedModelIsSubtracted(t *testing.T) {
	r := chance(t, 3)
	w := map[string][]byte{"a": weights(r, 400_000), "b": weights(r, 1000), "c": weights(r, 100_000)}
	v := map[string][]byte{"a": tuned(r, w["a"], 1e-4), "b": tuned(r, w["b"], 1e-4), "c": tuned(r, w["c"], 1e-4)}
	names := []string{"a", "b", "c"}
	d, s := roundTrip(t, tensors(names, w), tensors(names, v))
	if s.Subtracted != 2_004_000 || float64(len(d)) > 0.6*float64(s.Target.Size) {
		t.Errorf("a delta of %d bytes, %+v", len(d), s)
	}
	if !s.Worthwhile() {
		t.Error("the delta is not worth publishing")
	}
}

func TestOnlyTheChangedTensorTravels(t *testing.T) {
	r := chance(t, 4)
	w := map[string][]byte{"a": weights(r, 300_000), "b": weights(r, 5000), "c": weights(r, 300_000)}
	v := map[string][]byte{"a": w["a"], "b": tuned(r, w["b"], 1e-3), "c": w["c"]}
	names := []string{"a", "b", "c"}
	if d, s := roundTrip(t, tensors(names, w), tensors(names, v)); len(d) > 16_000 || s.Raw != 0 {
		t.Errorf("a delta of %d bytes, %+v", len(d), s)
	}
}

func TestPartOfATensorChanges(t *testing.T) {
	r := chance(t, 5)
	a := weights(r, 1_000_000)
	b := append(bytes.Clone(a[:3_000_000]), tuned(r, a[3_000_000:3_100_000], 1e-3)...)
	b = append(b, a[3_100_000:]...)
	names := []string{"a"}
	if d, s := roundTrip(t, tensors(names, map[string][]byte{"a": a}), tensors(names, map[string][]byte{"a": b})); s.Copied < 3_800_000 || len(d) > 80_000 {
		t.Errorf("a delta of %d bytes, %+v", len(d), s)
	}
}

func TestInsertedRemovedAndRenamedTensors(t *testing.T) {
	r := chance(t, 6)
	w := map[string][]byte{"a": weights(r, 50_000), "b": weights(r, 60_000), "c": weights(r, 70_000), "d": weights(r, 60_000)}
	for name, c := range map[string]struct {
		names []string
		more  map[string][]byte
		most  int
	}{
		"removed":              {[]string{"a", "c", "d"}, nil, 400},
		"inserted in front":    {[]string{"n", "a", "b", "c", "d"}, map[string][]byte{"n": weights(r, 1000)}, 4400},
		"in another order":     {[]string{"d", "c", "a", "b"}, nil, 400},
		"renamed":              {[]string{"a", "b2", "c2", "d"}, map[string][]byte{"b2": tuned(r, w["b"], 1e-5), "c2": w["c"]}, 160_000},
		"renumbered":           {[]string{"b", "c", "d", "a"}, map[string][]byte{"b": w["a"], "c": w["b"], "d": w["c"], "a": w["d"]}, 240_000},
		"grown by some values": {[]string{"a", "b", "c", "d"}, map[string][]byte{"c": append(bytes.Clone(w["c"]), weights(r, 100)...)}, 4000},
	} {
		v := map[string][]byte{}
		for _, data := range []map[string][]byte{w, c.more} {
			for k, b := range data {
				v[k] = b
			}
		}
		if d, s := roundTrip(t, tensors([]string{"a", "b", "c", "d"}, w), tensors(c.names, v)); len(d) > c.most {
			t.Errorf("%s: a delta of %d bytes, want at most %d: %+v", name, len(d), c.most, s)
		}
	}
}

func TestPayloadBitsOfNaNAndInfinitySurvive(t *testing.T) {
	r := chance(t, 7)
	special := []uint32{0x7fc00001, 0xffc12345, 0x7f800001, 0x7f800000, 0xff800000, 0x80000000, 0, 1, 0x80000001, 0xffffffff, 0x7f7fffff}
	b, v := weights(r, 5000), weights(r, 5000)
	for range 2000 {
		binary.LittleEndian.PutUint32(b[4*r.IntN(5000):], special[r.IntN(len(special))])
		binary.LittleEndian.PutUint32(v[4*r.IntN(5000):], special[r.IntN(len(special))])
	}
	for _, target := range [][]byte{v, tuned(r, b, 0)} {
		roundTrip(t, tensors([]string{"a"}, map[string][]byte{"a": b}), tensors([]string{"a"}, map[string][]byte{"a": target}))
	}
}

func TestADeltaOfStrangersIsNotWorthwhile(t *testing.T) {
	r := chance(t, 8)
	_, s := roundTrip(t, delta.File{Data: noise(r, 100_000)}, delta.File{Data: noise(r, 100_000)})
	if s.Worthwhile() {
		t.Errorf("%+v is worthwhile", s)
	}
}

func TestEncodeRefusesRegionsThatAreNotTheFiles(t *testing.T) {
	data := make([]byte, 100)
	for name, regions := range map[string][]delta.Region{
		"past the end":        {{Offset: 90, Length: 11, ElementSize: 1}},
		"overflow":            {{Offset: 90, Length: math.MaxInt64, ElementSize: 1}},
		"negative offset":     {{Offset: -1, Length: 1, ElementSize: 1}},
		"negative length":     {{Offset: 1, Length: -1, ElementSize: 1}},
		"overlapping":         {{Offset: 0, Length: 10, ElementSize: 1}, {Offset: 9, Length: 1, ElementSize: 1}},
		"elements of 3":       {{Offset: 0, Length: 9, ElementSize: 3}},
		"elements of no size": {{Offset: 0, Length: 9}},
	} {
		f := delta.File{Data: data, Regions: regions}
		for _, pair := range [][2]delta.File{{f, {Data: data}}, {{Data: data}, f}} {
			if _, err := delta.Encode(&bytes.Buffer{}, pair[0], pair[1]); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
	}
}

func TestEncodeReportsAWriterThatFails(t *testing.T) {
	if _, err := delta.Encode(brokenDisk{}, delta.File{}, delta.File{Data: []byte("x")}); err == nil {
		t.Error("no error")
	}
}

type brokenDisk struct{}

func (brokenDisk) Write([]byte) (int, error) { return 0, fmt.Errorf("no space left on device") }
