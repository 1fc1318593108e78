package delta

import (
	"encoding/binary"
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
	keys    []uint16 // those that were chosen: plain, or of a scaling
	plain   []uint16
	scaled  []scaling // one a mantissa that the width may have
	rest    bitWriter
	words   []uint16 // the last first
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
	w.keys = w.plain
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
	w.symbols, w.plain, w.rest = w.symbols[:0], w.plain[:0], bitWriter{bytes: w.rest.bytes[:0]}
	w.beginScaled(base, width)
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
			w.symbols, w.plain = append(w.symbols, symbol), append(w.plain, key(b[j], width))
			w.rest.write(bits, int(s.stored[symbol]))
		}
		for k := range w.scaled {
			w.scaled[k].add(b, v)
		}
	}
}

func (w *rangesWriter) beginScaled(base []byte, width int) {
	all := w.scaled[:cap(w.scaled)]
	w.scaled = w.scaled[:0]
	if base == nil {
		return
	}
	for i, m := range mantissas[width] {
		s := scaling{width: width, mantissa: m}
		if i < len(all) {
			s.scales, s.keys = all[i].scales[:0], all[i].keys[:0]
		}
		w.scaled = append(w.scaled, s)
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
