package delta

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/bits"

	"github.com/klauspost/compress/zstd"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// Apply writes to out the target that delta makes of base. It reads delta once
// from front to back, writes out once from front to back and never more than
// want.Target.Size bytes, and needs less than 8 MiB whatever the files' length.
//
// It returns nil only if what it wrote has want.Target's digest and length. What
// it wrote before an error is worth nothing: let out be a temporary file. A delta
// whose header does not name exactly want is refused before any work.
//
// Apply does not check the base's digest. A base that is not want.Base can only
// make a target that is refused, and the blocks may not even read all of it; to
// check it first would read the flash twice in every update, to tell apart in a
// rare one whether base or delta was bad. VerifyBase tells after a failure.
func Apply(base io.ReaderAt, delta io.Reader, out io.Writer, want Pair) error {
	if err := apply(base, delta, out, want); err != nil {
		return fmt.Errorf("apply delta: %w", err)
	}
	return nil
}

// VerifyBase reads all of the base and refuses any but want.
func VerifyBase(base io.ReaderAt, want Identity) error {
	// One byte more shows a base that is too long.
	digest, n, err := bundle.DigestReader(io.NewSectionReader(base, 0, want.Size+1))
	if err != nil {
		return fmt.Errorf("verify the delta's base: %w", err)
	}
	if got := (Identity{digest, n}); n > want.Size {
		return fmt.Errorf("verify the delta's base: it has more than the %d bytes of %v", want.Size, want.Digest)
	} else if got != want {
		return fmt.Errorf("verify the delta's base: it is %v, not %v", got, want)
	}
	return nil
}

func apply(base io.ReaderAt, delta io.Reader, out io.Writer, want Pair) error {
	if want.Base.Size < 0 || want.Target.Size < 0 {
		return errors.New("a length is negative")
	}
	in := bufio.NewReaderSize(delta, 64<<10)
	if err := want.check(in); err != nil {
		return err
	}
	z, err := newDecompressor()
	if err != nil {
		return err
	}
	defer z.Close()
	a := applier{in: in, base: base, out: out, hash: sha256.New(), want: want, zstd: z}
	for number := 1; a.written < want.Target.Size; number++ {
		if number > MaxBlocks {
			return fmt.Errorf("it has more than %d blocks", MaxBlocks)
		}
		if err := a.block(); err != nil {
			return fmt.Errorf("block %d: %w", number, err)
		}
	}
	if _, err := in.ReadByte(); err == nil {
		return errors.New("more follows after the last block")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("read its end: %w", err)
	}
	if got := bundle.Digest(a.hash.Sum(nil)); got != want.Target.Digest {
		return fmt.Errorf("the result is %v, not %v: the base is not what it should be, or the delta is bad", got, want.Target.Digest)
	}
	return nil
}

// applier makes the target block by block.
type applier struct {
	in      *bufio.Reader
	base    io.ReaderAt
	out     io.Writer
	hash    hash.Hash
	want    Pair
	zstd    *zstd.Decoder
	ranges  *rangesReader // once it was needed
	cursor  int64         // end of the last place that was read in the base
	written int64
	// Of a block.
	target, reference, payload, planes buffer
}

// buffer is memory that is kept between blocks: for the small ones of a small
// file, or once for any.
type buffer []byte

func (b *buffer) of(n int) []byte {
	const small = MaxBlock / 16
	switch {
	case n <= cap(*b):
	case n <= small:
		*b = make([]byte, small)
	default:
		*b = make([]byte, MaxBlock)
	}
	return (*b)[:n]
}

// block reads a block and writes its part of the target.
func (a *applier) block() error {
	b, err := a.head()
	if err != nil {
		return err
	}
	target, err := a.make(b)
	if err != nil {
		return err
	}
	a.hash.Write(target)
	a.written += int64(len(target))
	_, err = a.out.Write(target)
	return err
}

// head reads and bounds everything before the payload.
func (a *applier) head() (b block, err error) {
	first, err := a.in.ReadByte()
	if err != nil {
		return b, cut(err)
	}
	b = block{kind: kind(first & 3), coding: coding(first >> 2 & 3), width: 1 << (first >> 4 & 3)}
	if err := b.check(first); err != nil {
		return b, err
	}
	if b.length, err = a.bounded(1, min(MaxBlock, a.want.Target.Size-a.written), "bytes of the target"); err != nil {
		return b, err
	}
	if b.length%b.width != 0 {
		return b, fmt.Errorf("%d bytes are not whole elements of %d", b.length, b.width)
	}
	if b.kind != raw {
		if b.from, err = a.place(b.length); err != nil {
			return b, err
		}
	}
	switch {
	case b.kind == copied:
	case b.coding == stored:
		b.payload = b.length
	default:
		b.payload, err = a.bounded(1, int64(b.length)-1, "bytes of payload")
	}
	return b, err
}

// check refuses what no encoder writes.
func (b block) check(first byte) error {
	plain := b.coding == stored || b.coding == zstdOnly
	switch {
	case first>>6 != 0, b.kind > raw,
		plain && b.width != 1,
		b.kind == copied && b.coding != stored,
		b.kind == subtracted && plain:
		return fmt.Errorf("there is no such block as %#02x", first)
	}
	return nil
}

// bounded reads a number between two others.
func (a *applier) bounded(low, high int64, what string) (int, error) {
	n, err := binary.ReadUvarint(a.in)
	if err != nil {
		return 0, cut(err)
	}
	if high < low || n < uint64(low) || n > uint64(high) {
		return 0, fmt.Errorf("it has %d %s, want %d to %d", n, what, low, high)
	}
	return int(n), nil
}

// place reads where in the base n bytes are and moves the cursor behind them.
func (a *applier) place(n int) (int64, error) {
	step, err := binary.ReadVarint(a.in)
	if err != nil {
		return 0, cut(err)
	}
	last := a.want.Base.Size - int64(n)
	if last < 0 || step < -a.cursor || step > last-a.cursor {
		return 0, fmt.Errorf("its %d bytes, %d from byte %d, are outside the base's %d", n, step, a.cursor, a.want.Base.Size)
	}
	from := a.cursor + step
	a.cursor = from + int64(n)
	return from, nil
}

// make is the target's part, in memory that the next block uses again.
func (a *applier) make(b block) ([]byte, error) {
	target := a.target.of(b.length)
	if b.kind == copied {
		return target, a.read(target, b.from)
	}
	if b.kind == raw && b.coding == stored {
		_, err := io.ReadFull(a.in, target)
		return target, cut(err)
	}
	payload := a.payload.of(b.payload)
	if _, err := io.ReadFull(a.in, payload); err != nil {
		return nil, cut(err)
	}
	var reference []byte
	if b.kind == subtracted {
		reference = a.reference.of(b.length)
		if err := a.read(reference, b.from); err != nil {
			return nil, err
		}
	}
	return target, a.decode(b, target, reference, payload)
}

// read fills to from the base.
func (a *applier) read(to []byte, from int64) error {
	if n, err := a.base.ReadAt(to, from); n < len(to) {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the base ends at byte %d, before its %d", from+int64(n), a.want.Base.Size)
		}
		return fmt.Errorf("read the base at byte %d: %w", from, err)
	}
	return nil
}

func (a *applier) decode(b block, target, reference, payload []byte) error {
	switch b.coding {
	case zstdOnly:
		return decompress(a.zstd, target, payload)
	case planes:
		p := a.planes.of(b.length)
		if err := decompress(a.zstd, p, payload); err != nil {
			return err
		}
		scatter(target, p, b.width)
		if reference != nil {
			addAll(target, reference, b.width)
		}
		return nil
	default:
		if a.ranges == nil {
			a.ranges = new(rangesReader)
		}
		return a.ranges.decode(target, reference, payload, b.width, a.zstd)
	}
}

// addAll makes elements of zigzagged differences.
func addAll(target, base []byte, width int) {
	var b, v [run]uint64
	for i := 0; i < len(target)/width; i += run {
		m := min(run, len(target)/width-i)
		widen(b[:m], base[i*width:], width)
		widen(v[:m], target[i*width:], width)
		unzigzag(v[:m], b[:m])
		narrow(target[i*width:], v[:m], width)
	}
}

// widthLog is the binary logarithm of an element's width.
func widthLog(width int) byte { return byte(bits.Len(uint(width)) - 1) }
