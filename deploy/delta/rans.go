package delta

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// rANS keeps a number, the state, in [ransLow, 2^32). To decode a symbol is to
// take it from the state; a state that falls below ransLow takes in another
// word of 16 bits. Encoding does the reverse, from the last symbol to the first.
// Four states take turns, so that a processor can work on four symbols at once.
const (
	ransLow = 1 << 16
	states  = 4
)

// rangesWriter encodes blocks. Its memory is used again for each.
type rangesWriter struct {
	symbols []byte
	keys    []uint16
	words   []uint16 // the last first
	rest    bitWriter
	scaled  []scaling // one a mantissa that the width may have
	b, v    [run]uint64
}

// encode is the payload for a block of elements: base is nil for a raw block.
func (w *rangesWriter) encode(base, target []byte, width int, z *zstd.Encoder) []byte {
	k := raw
	if base != nil {
		k = subtracted
	}
	w.split(splits[k][width], base, target, width)
	c, head := w.contexts(z)
	out := append(make([]byte, 0, len(target)+len(target)/8+256), head...)
	for _, start := range c.starts[1:] {
		out = binary.LittleEndian.AppendUint16(out, start)
	}
	tables := make([]frequencies, len(c.counts))
	for i := range c.counts {
		tables[i] = c.counts[i].frequencies()
		out = tables[i].append(out)
	}
	return append(w.encodeSymbols(out, c.byKey(), tables), w.rest.end()...)
}

// contexts chooses the keys, and gives the contexts and the payload's beginning.
func (w *rangesWriter) contexts(z *zstd.Encoder) (best contexts, head []byte) {
	best = newContexts(w.keys, w.symbols)
	head = []byte{byte(len(best.starts) - 1)}
	least := best.cost()
	for i := range w.scaled {
		s := &w.scaled[i]
		c := newContexts(s.keys, w.symbols)
		if c.cost() >= least {
			continue
		}
		steps := z.EncodeAll(s.steps(), nil)
		if cost := c.cost() + 8*uint64(len(steps)); cost < least {
			best, least, w.keys = c, cost, s.keys
			head = binary.AppendUvarint([]byte{byte(len(c.starts)-1) | isScaled, byte(s.mantissa)}, uint64(len(steps)))
			head = append(head, steps...)
		}
	}
	return best, head
}

// split gives each element its symbol and keys, and keeps the stored bits.
func (w *rangesWriter) split(s *split, base, target []byte, width int) {
	w.symbols, w.keys, w.rest = w.symbols[:0], nil, bitWriter{bytes: w.rest.bytes[:0]}
	w.scaled = nil
	if base != nil {
		for _, m := range mantissas[width] {
			w.scaled = append(w.scaled, scaling{width: width, mantissa: m})
		}
	}
	n := len(target) / width
	for i := 0; i < n; i += run {
		b, v := w.b[:min(run, n-i)], w.v[:min(run, n-i)]
		widen(v, target[i*width:], width)
		if base == nil {
			clear(b) // one key
			turn(v, width)
		} else {
			widen(b, base[i*width:], width)
			zigzag(v, b, width)
		}
		for j, x := range v {
			symbol, bits := s.symbol(x)
			w.symbols, w.keys = append(w.symbols, symbol), append(w.keys, key(b[j], width))
			w.rest.write(bits, int(s.stored[symbol]))
		}
		for k := range w.scaled {
			w.scaled[k].add(b, v)
		}
	}
}

// encodeSymbols appends the number of words, the states and the words.
func (w *rangesWriter) encodeSymbols(out []byte, of *[1 << keyBits]byte, tables []frequencies) []byte {
	starts := make([][256]uint16, len(tables))
	for t := range tables {
		sum := uint16(0)
		for s, f := range tables[t] {
			starts[t][s] = sum
			sum += f
		}
	}
	x := [states]uint32{ransLow, ransLow, ransLow, ransLow}
	w.words = w.words[:0]
	for i, s := range slices.Backward(w.symbols) {
		t := of[w.keys[i]]
		f, state := uint32(tables[t][s]), x[i%states]
		if uint64(state) >= uint64(f)<<(32-scaleBits) {
			w.words = append(w.words, uint16(state))
			state >>= 16
		}
		x[i%states] = state/f<<scaleBits + state%f + uint32(starts[t][s])
	}
	out = binary.AppendUvarint(out, uint64(len(w.words)))
	for _, state := range x {
		out = binary.LittleEndian.AppendUint32(out, state)
	}
	for _, word := range slices.Backward(w.words) {
		out = binary.LittleEndian.AppendUint16(out, word)
	}
	return out
}

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
