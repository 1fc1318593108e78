package delta

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Summary tells a publisher what a delta is worth.
type Summary struct {
	Pair
	Size int64 // bytes of the delta
	// The target's bytes by the way in which they are made.
	Copied, Subtracted, Raw int64
}

// MinTarget is the smallest file, in bytes, that is worth a delta: below it, a
// request costs as much as what it saves.
const MinTarget = 64 << 10

// worthwhilePercent is the most of the whole file that a delta may have to be
// worth a device's reading of its base and the store's room.
const worthwhilePercent = 90

// Worthwhile reports whether to publish the delta.
func (s Summary) Worthwhile() bool { return 100*s.Size <= worthwhilePercent*s.Target.Size }

// Encode writes to out the delta that makes target of base. The same files and
// regions give the same bytes. It wants both files in memory, and about half as
// much again as the base's for a target whose regions do not cover it.
func Encode(out io.Writer, base, target File) (Summary, error) {
	for name, f := range map[string]File{"base": base, "target": target} {
		if err := f.check(); err != nil {
			return Summary{}, fmt.Errorf("encode delta: the %s's %w", name, err)
		}
	}
	z, err := newCompressor()
	if err != nil {
		return Summary{}, fmt.Errorf("encode delta: %w", err)
	}
	e := encoder{out: out, base: base.Data, target: target.Data, zstd: z, summary: Summary{Pair: Pair{identify(base), identify(target)}}}
	e.write(e.summary.header())
	for _, s := range segments(base, target) {
		e.segment(s)
	}
	e.flush()
	if e.err != nil {
		return Summary{}, fmt.Errorf("encode delta: %w", e.err)
	}
	return e.summary, nil
}

func identify(f File) Identity { return Identity{bundle.DigestOf(f.Data), int64(len(f.Data))} }

// encoder writes blocks until the first error, which it keeps.
type encoder struct {
	out          io.Writer
	base, target []byte
	zstd         *zstd.Encoder
	ranges       rangesWriter
	chunks       chunkIndex // of the base, once it was needed
	summary      Summary
	blocks       int
	cursor       int   // end of the last place that was read in the base
	waiting      share // copied, but perhaps not all of it yet
	shift        int   // from − at of the last tensor that was matched
	err          error
}

func (e *encoder) write(b []byte) {
	if e.err == nil {
		_, e.err = e.out.Write(b)
		e.summary.Size += int64(len(b))
	}
}

func (e *encoder) segment(s segment) {
	switch {
	case s.from >= 0:
		e.shift = s.from - s.at
		e.tensor(s)
	case !s.tensor && e.unchanged(s.at, s.at+e.shift, s.length):
		e.copy(share{s.at, s.at + e.shift, s.length})
	default:
		e.unmatched(s)
	}
}

func (e *encoder) unchanged(at, from, n int) bool {
	return from >= 0 && from <= len(e.base)-n && bytes.Equal(e.base[from:from+n], e.target[at:at+n])
}

// An unchanged run within a tensor is copied if it is long enough to pay for the
// tables that the block behind it begins with. It is looked for in grains, which
// are whole elements.
const (
	grain   = 512
	longRun = 64 * grain
)

// tensor copies the long runs that did not change and subtracts the rest.
func (e *encoder) tensor(s segment) {
	changed, same := 0, 0 // where the changed part and the equal run behind it begin
	for i := 0; i < s.length; i += grain {
		n := min(grain, s.length-i)
		if e.unchanged(s.at+i, s.from+i, n) {
			continue
		}
		if i-same >= longRun {
			e.subtract(s.part(changed, same))
			e.copy(share{s.at + same, s.from + same, i - same})
			changed = i
		}
		same = i + n
	}
	if s.length-same < longRun && same > 0 {
		same = s.length
	}
	e.subtract(s.part(changed, same))
	e.copy(share{s.at + same, s.from + same, s.length - same})
}

// part is the segment from one of its bytes to another.
func (s segment) part(start, end int) segment {
	s.at, s.length = s.at+start, end-start
	if s.from >= 0 {
		s.from += start
	}
	return s
}

// unmatched copies the chunks that the base has too and leaves the rest raw.
func (e *encoder) unmatched(s segment) {
	done := 0
	if s.length >= minChunk {
		if e.chunks == nil {
			e.chunks = indexChunks(e.base)
		}
		for _, found := range e.chunks.find(e.base, e.target[s.at:s.at+s.length]) {
			start, end := found.at, found.at+found.length
			if s.tensor { // keep whole elements together
				start = (start + s.width - 1) / s.width * s.width
				end = end / s.width * s.width
			}
			e.raw(s.part(done, start))
			e.copy(share{s.at + start, found.from + start - found.at, end - start})
			done = end
		}
	}
	e.raw(s.part(done, s.length))
}

// copy puts off writing until it is known how far the copy goes on.
func (e *encoder) copy(c share) {
	if c.length == 0 {
		return
	}
	if e.waiting.at+e.waiting.length == c.at && e.waiting.from+e.waiting.length == c.from {
		e.waiting.length += c.length
		return
	}
	e.flush()
	e.waiting = c
}

func (e *encoder) flush() {
	for c := e.waiting; c.length > 0; {
		n := min(c.length, MaxBlock)
		e.block(block{kind: copied, width: 1, length: n, from: int64(c.from)}, nil)
		c = share{c.at + n, c.from + n, c.length - n}
	}
	e.waiting = share{}
}

func (e *encoder) subtract(s segment) { e.cut(s, e.subtractBlock) }
func (e *encoder) raw(s segment)      { e.cut(s, e.rawBlock) }

// cut gives a segment to encode block by block; bytes that are not a whole
// element at its end are a block of their own.
func (e *encoder) cut(s segment, encode func(segment)) {
	for s.length > 0 {
		n := min(s.length, MaxBlock)
		if n%s.width > 0 && n > s.width {
			n -= n % s.width
		}
		p := s.part(0, n)
		if n%s.width > 0 {
			p.width = 1
		}
		e.flush()
		encode(p)
		s = s.part(n, s.length)
	}
}

// subtractBlock writes the differences, or if they are longer, the target.
func (e *encoder) subtractBlock(s segment) {
	base, target := e.base[s.from:s.from+s.length], e.target[s.at:s.at+s.length]
	best := payload{ranges, e.ranges.encode(base, target, s.width, e.zstd)}
	if e.hasPatterns(base, target, s.width, len(best.bytes)) {
		best = best.or(planes, e.planes(differences(base, target, s.width), s.width))
	}
	if len(best.bytes) > s.length/4*3 { // the tensors may have nothing in common
		if r := e.rawPayload(target, s.width); len(r.bytes) <= len(best.bytes) {
			e.writeRaw(s, r)
			return
		}
	}
	e.block(block{kind: subtracted, coding: best.coding, width: s.width, length: s.length, from: int64(s.from)}, best.bytes)
}

func (e *encoder) rawBlock(s segment) {
	e.writeRaw(s, e.rawPayload(e.target[s.at:s.at+s.length], s.width))
}

func (e *encoder) writeRaw(s segment, p payload) {
	width := s.width
	if p.coding == stored || p.coding == zstdOnly {
		width = 1
	}
	e.block(block{kind: raw, coding: p.coding, width: width, length: s.length}, p.bytes)
}

// payload is one way to write a block.
type payload struct {
	coding coding
	bytes  []byte
}

// or is the shorter of two payloads.
func (p payload) or(c coding, bytes []byte) payload {
	if len(bytes) < len(p.bytes) {
		return payload{c, bytes}
	}
	return p
}

func (e *encoder) rawPayload(target []byte, width int) payload {
	best := payload{stored, target}.or(zstdOnly, e.zstd.EncodeAll(target, nil))
	if width > 1 {
		best = best.or(planes, e.planes(target, width))
	}
	return best.or(ranges, e.ranges.encode(nil, target, width, e.zstd))
}

func (e *encoder) planes(elements []byte, width int) []byte {
	p := make([]byte, len(elements))
	gather(p, elements, width)
	return e.zstd.EncodeAll(p, nil)
}

// hasPatterns tries zstd on a part of the differences: it finds what repeats,
// which frequencies do not see. Noise, the usual thing, is not worth the time.
func (e *encoder) hasPatterns(base, target []byte, width, length int) bool {
	n := min(len(target), 64<<10)
	return len(e.planes(differences(base[:n], target[:n], width), width)) < length*n/len(target)
}

// differences are the zigzagged elements of a subtracted block.
func differences(base, target []byte, width int) []byte {
	out := make([]byte, len(target))
	var b, v [run]uint64
	for i := 0; i < len(target)/width; i += run {
		m := min(run, len(target)/width-i)
		widen(b[:m], base[i*width:], width)
		widen(v[:m], target[i*width:], width)
		zigzag(v[:m], b[:m], width)
		narrow(out[i*width:], v[:m], width)
	}
	return out
}

func (e *encoder) block(b block, payload []byte) {
	if e.blocks++; e.blocks > MaxBlocks && e.err == nil {
		e.err = fmt.Errorf("more than %d blocks", MaxBlocks)
	}
	head := []byte{byte(b.kind) | byte(b.coding)<<2 | widthLog(b.width)<<4}
	head = binary.AppendUvarint(head, uint64(b.length))
	if b.kind != raw {
		head = binary.AppendVarint(head, b.from-int64(e.cursor))
		e.cursor = int(b.from) + b.length
	}
	if b.kind != copied && b.coding != stored {
		head = binary.AppendUvarint(head, uint64(len(payload)))
	}
	e.write(append(head, payload...))
	switch b.kind {
	case copied:
		e.summary.Copied += int64(b.length)
	case subtracted:
		e.summary.Subtracted += int64(b.length)
	case raw:
		e.summary.Raw += int64(b.length)
	}
}
