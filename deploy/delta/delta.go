// Package delta is what a new version of a file shares with the version that a
// device already has: how a publisher writes it down, and how the device makes
// the new file of the old one and a few bytes.
//
// It owns the delta's format, the way to find what is shared, and the coding of
// what is not. It refuses to know file formats: a caller that does (for ONNX,
// package kernels/onnx) passes the places of its tensors as Regions. It opens no
// file, starts no goroutine and trusts no byte of a delta: Apply succeeds only if
// the whole result has the digest and the length that the caller was told by
// somebody it trusts.
//
// Vocabulary: the base is the old file, the target the new one. A Region is one
// tensor's numbers. A block is a part of the target of at most MaxBlock bytes,
// made in one way. A block is copied, subtracted (each element of the target is
// the base's plus a difference) or raw. An element is a little-endian integer of
// 1, 2, 4 or 8 bytes, whatever number its bits may mean.
//
//	summary, err := delta.Encode(out, delta.File{Data: old, Regions: oldTensors}, delta.File{Data: new, Regions: newTensors})
//	if err != nil || !summary.Worthwhile() {
//		return err // publish the whole file only
//	}
//
//	err := delta.Apply(base, download, temporary, delta.Pair{Base: have, Target: want})
//	if err != nil {
//		return err // remove temporary, fetch the whole file
//	}
//
// # Format, version 1
//
// Integers of a fixed size are little-endian; varint is protobuf's.
//
//	header   "SQDELTA" 0x01, base SHA-256, base length (8 bytes),
//	         target SHA-256, target length (8 bytes)
//	block    one byte: bits 0–1 kind (0 copied, 1 subtracted, 2 raw),
//	         bits 2–3 coding (0 stored, 1 zstd, 2 planes, 3 ranges),
//	         bits 4–5 log2 of the element's width, bits 6–7 zero
//	         varint: length of the target that it makes, 1 to MaxBlock
//	         copied, subtracted: zigzag varint: where in the base, from where
//	         the last block that read the base ended
//	         not stored: varint: length of the payload, less than the target's
//	         payload
//
// Blocks follow each other until the target is complete, and nothing follows
// them. A copied block has no coding, width and payload; a stored one is raw.
// Zstd is one frame. Planes are the bytes 0 of all elements, then the bytes 1 and
// so on, as one zstd frame. Ranges split each number into a symbol, coded by its
// frequency, and bits that are as good as random, which are stored (see split):
//
//	payload  one byte: contexts − 1, at most MaxContexts − 1; 0x80 if scaled
//	         if scaled: one byte, how many bits of an element are mantissa;
//	         varint: length of what follows; as one zstd frame, for each 64
//	         elements the step from the last scale to theirs, modulo 256
//	         for each context but the first: the key where it begins (2 bytes)
//	         for each context: the 256 symbols' frequencies as varints, which
//	         add up to 4096; after a 0 the number of further zeros; the list
//	         ends with the sum
//	         varint: number of words
//	         4 states (4 bytes each), the words (2 bytes each), the stored bits
//
// A subtracted number is the zigzag of target − base, modulo the width; a raw
// one is the element turned left by a bit, so that a float's sign comes last and
// its exponent first. The context of a subtracted number follows from the base's
// element (key), and if scaled, from how much the elements around it changed
// (scaling.key). The coder is rANS (Duda 2013, arXiv:1311.2540) with four states in
// turn, each 2^16 … 2^32−1.
package delta

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Bounds of the format. An encoder keeps them, a reader refuses what does not.
const (
	MaxBlock    = 1 << 20 // bytes of the target that one block makes
	MaxBlocks   = 1 << 20 // blocks of a delta
	MaxContexts = 16      // frequency tables of a block
)

// Identity names a file: what it hashes to and how long it is.
type Identity struct {
	Digest bundle.Digest
	Size   int64
}

func (i Identity) String() string { return fmt.Sprintf("%v of %d bytes", i.Digest, i.Size) }

// Pair says which file a delta needs and which it makes.
type Pair struct{ Base, Target Identity }

// The header.
const (
	magic      = "SQDELTA\x01"
	headerSize = len(magic) + 2*(len(bundle.Digest{})+8)
)

func (p Pair) header() []byte {
	b := append(make([]byte, 0, headerSize), magic...)
	for _, id := range []Identity{p.Base, p.Target} {
		b = append(b, id.Digest[:]...)
		b = binary.LittleEndian.AppendUint64(b, uint64(id.Size))
	}
	return b
}

// check reads a header and refuses any but p's.
func (p Pair) check(r io.Reader) error {
	got := make([]byte, headerSize)
	if _, err := io.ReadFull(r, got); err != nil {
		return fmt.Errorf("read its header: %w", cut(err))
	}
	if got[len(magic)-1] != magic[len(magic)-1] && bytes.HasPrefix(got, []byte(magic[:len(magic)-1])) {
		return fmt.Errorf("it has format version %d, and only version 1 is known here", got[len(magic)-1])
	}
	if !bytes.HasPrefix(got, []byte(magic)) {
		return errors.New("it does not begin as a delta does")
	}
	rest := got[len(magic):]
	for _, side := range []struct {
		name string
		want Identity
	}{{"base", p.Base}, {"target", p.Target}} {
		var id Identity
		rest = rest[copy(id.Digest[:], rest):]
		id.Size, rest = int64(binary.LittleEndian.Uint64(rest)), rest[8:]
		if id != side.want {
			return fmt.Errorf("its %s is %v, not %v", side.name, id, side.want)
		}
	}
	return nil
}

// cut says that a delta ends inside something, for a reader that just ended.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the delta is cut short: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// kind is how a block's bytes come about.
type kind uint8

const (
	copied kind = iota
	subtracted
	raw
)

// coding is how a block's payload is written.
type coding uint8

const (
	stored coding = iota
	zstdOnly
	planes
	ranges
)

// block is a block's head.
type block struct {
	kind    kind
	coding  coding
	width   int   // of an element: 1, 2, 4 or 8
	length  int   // bytes of the target
	from    int64 // place in the base, unless raw
	payload int   // bytes that follow, unless copied
}
