package delta

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// rangesReader decodes blocks. Its table is too large to be made for each.
type rangesReader struct {
	of    *[1 << keyBits]byte
	scale scaling                          // without scales if there are none
	table [MaxContexts << scaleBits]uint32 // symbol (8 bits), frequency − 1 (12), bias (12)
	x     [states]uint32
	words []byte
	rest  bitReader
	// Of a run.
	base, v [run]uint64
	symbol  [run]byte
}

// decode makes the target of a payload; base is nil for a raw block. Both have
// whole elements of the width, which the caller checked.
func (r *rangesReader) decode(target, base, payload []byte, width int, z *zstd.Decoder) error {
	n := len(target) / width
	payload, count, err := r.head(payload, n, width, base == nil, z)
	if err != nil {
		return err
	}
	if err := r.begin(payload, count); err != nil {
		return err
	}
	k := raw
	if base != nil {
		k = subtracted
	}
	s := splits[k][width]
	for i := 0; i < n; i += run {
		m := min(run, n-i)
		b, v, symbols := r.base[:m], r.v[:m], r.symbol[:m]
		clear(symbols) // the only context of a raw block
		if base != nil {
			widen(b, base[i*width:], width)
			r.contexts(symbols, b, i/group, width)
		}
		if err := r.symbols(symbols); err != nil {
			return err
		}
		s.join(v, symbols, &r.rest)
		if base != nil {
			unzigzag(v, b)
		} else {
			turnBack(v, width)
		}
		narrow(target[i*width:], v, width)
	}
	return r.end()
}

// contexts gives each element its context; the first is in the group g.
func (r *rangesReader) contexts(to []byte, base []uint64, g, width int) {
	to = to[:len(base)]
	if len(r.scale.scales) == 0 {
		for i, x := range base {
			to[i] = r.of[key(x, width)%(1<<keyBits)]
		}
		return
	}
	mask, mantissa, highest := uint64(1)<<(8*width-1)-1, r.scale.mantissa&63, reference(width, r.scale.mantissa)
	for i, x := range base {
		if scale := r.scale.scales[g+i/group]; scale > 0 { // scaling.key, for speed
			k := int(scale) + highest - int(x&mask>>mantissa)
			to[i] = r.of[min(max(k, 1), 1<<keyBits-1)]
		}
	}
}

// isScaled is a bit beside the number of contexts.
const isScaled = 0x80

// head reads the number of contexts, and the scales if there are some.
func (r *rangesReader) head(b []byte, elements, width int, isRaw bool, z *zstd.Decoder) (rest []byte, contexts int, err error) {
	r.scale = scaling{width: width, scales: r.scale.scales[:0]}
	if len(b) == 0 {
		return nil, 0, errors.New("its payload is cut short")
	}
	first, b := b[0], b[1:]
	contexts = int(first&^isScaled) + 1
	if contexts > maxContexts(elements) || isRaw && first > 0 {
		return nil, 0, errors.New("it has more contexts than its elements allow")
	}
	if first&isScaled == 0 {
		return b, contexts, nil
	}
	if len(b) == 0 || !slices.Contains(mantissas[width], int(b[0])) {
		return nil, 0, fmt.Errorf("no float of %d bytes has its mantissa", width)
	}
	r.scale.mantissa = int(b[0])
	n, b, err := uvarint(b[1:], MaxBlock)
	if err != nil {
		return nil, 0, err
	}
	if n > uint64(len(b)) {
		return nil, 0, errors.New("its payload is cut short")
	}
	r.scale.scales = slices.Grow(r.scale.scales, MaxBlock/group)[:(elements+group-1)/group]
	if err := decompress(z, r.scale.scales, b[:n]); err != nil {
		return nil, 0, err
	}
	unstep(r.scale.scales)
	return b[n:], contexts, nil
}

// begin reads everything between the head and the words.
func (r *rangesReader) begin(b []byte, count int) error {
	starts := make([]uint16, count)
	if len(b) < 2*(count-1) {
		return errors.New("its payload is cut short")
	}
	for i := 1; i < count; i++ {
		starts[i], b = binary.LittleEndian.Uint16(b), b[2:]
		if starts[i] <= starts[i-1] || starts[i] >= 1<<keyBits {
			return errors.New("its contexts are out of order")
		}
	}
	r.of = contextsByKey(starts)
	for t := range count {
		var f frequencies
		var err error
		if b, err = f.read(b); err != nil {
			return err
		}
		r.fill(t, &f)
	}
	return r.beginWords(b)
}

func (r *rangesReader) beginWords(b []byte) error {
	n, b, err := uvarint(b, MaxBlock)
	if err != nil {
		return err
	}
	if uint64(len(b)) < 4*states+2*n {
		return errors.New("its payload is cut short")
	}
	for i := range r.x {
		if r.x[i], b = binary.LittleEndian.Uint32(b), b[4:]; r.x[i] < ransLow {
			return errors.New("a coder's state is out of bounds")
		}
	}
	r.words, r.rest = b[:2*n], bitReader{bytes: b[2*n:]}
	return nil
}

// fill makes table t of its frequencies.
func (r *rangesReader) fill(t int, f *frequencies) {
	slots := r.table[t<<scaleBits : (t+1)<<scaleBits]
	for s, n := range f {
		for bias := range uint32(n) {
			slots[bias] = uint32(s)<<24 | uint32(n-1)<<12 | bias
		}
		slots = slots[n:]
	}
}

// symbols replaces each context by the symbol that is next in it.
func (r *rangesReader) symbols(s []byte) error {
	words, table := r.words, &r.table
	x0, x1, x2, x3 := r.x[0], r.x[1], r.x[2], r.x[3]
	for ; len(s) >= states && len(words) >= 2*states; s = s[states:] {
		e0 := table[uint32(s[0])%MaxContexts<<scaleBits|x0%scale]
		e1 := table[uint32(s[1])%MaxContexts<<scaleBits|x1%scale]
		e2 := table[uint32(s[2])%MaxContexts<<scaleBits|x2%scale]
		e3 := table[uint32(s[3])%MaxContexts<<scaleBits|x3%scale]
		s[0], s[1], s[2], s[3] = byte(e0>>24), byte(e1>>24), byte(e2>>24), byte(e3>>24)
		x0 = (e0>>12%scale+1)*(x0>>scaleBits) + e0%scale
		x1 = (e1>>12%scale+1)*(x1>>scaleBits) + e1%scale
		x2 = (e2>>12%scale+1)*(x2>>scaleBits) + e2%scale
		x3 = (e3>>12%scale+1)*(x3>>scaleBits) + e3%scale
		if x0 < ransLow {
			x0, words = x0<<16|uint32(binary.LittleEndian.Uint16(words)), words[2:]
		}
		if x1 < ransLow {
			x1, words = x1<<16|uint32(binary.LittleEndian.Uint16(words)), words[2:]
		}
		if x2 < ransLow {
			x2, words = x2<<16|uint32(binary.LittleEndian.Uint16(words)), words[2:]
		}
		if x3 < ransLow {
			x3, words = x3<<16|uint32(binary.LittleEndian.Uint16(words)), words[2:]
		}
	}
	r.x, r.words = [states]uint32{x0, x1, x2, x3}, words
	return r.lastSymbols(s)
}

// lastSymbols is symbols where fewer words are left than four states may take.
func (r *rangesReader) lastSymbols(s []byte) error {
	for i, context := range s {
		x := &r.x[i%states]
		e := r.table[uint32(context)%MaxContexts<<scaleBits|*x%scale]
		s[i] = byte(e >> 24)
		*x = (e>>12%scale+1)*(*x>>scaleBits) + e%scale
		if *x >= ransLow {
			continue
		}
		if len(r.words) == 0 {
			return errors.New("its words end too early")
		}
		*x, r.words = *x<<16|uint32(binary.LittleEndian.Uint16(r.words)), r.words[2:]
	}
	return nil
}

// join makes numbers of symbols and their stored bits. Its loop is read and fill
// for what is usual; the rest is theirs.
func (s *split) join(v []uint64, symbols []byte, rest *bitReader) {
	r := *rest
	v = v[:len(symbols)]
	for i, symbol := range symbols {
		n := int(s.stored[symbol])
		if r.n < n {
			if len(r.bytes) < 8 || n > 32 || r.n < 0 {
				v[i] = s.first[symbol] + r.read(n)<<(s.shift&1)
				continue
			}
			r.held |= binary.LittleEndian.Uint64(r.bytes) << (r.n & 63)
			r.bytes = r.bytes[(63-r.n)>>3:]
			r.n |= 56
		}
		v[i] = s.first[symbol] + r.held&(1<<(n&63)-1)<<(s.shift&1)
		r.held >>= n & 63
		r.n -= n
	}
	*rest = r
}

// end checks that a payload was used up.
func (r *rangesReader) end() error {
	if r.x != [states]uint32{ransLow, ransLow, ransLow, ransLow} || len(r.words) > 0 || !r.rest.exact() {
		return errors.New("its payload is not that of its elements")
	}
	return nil
}
