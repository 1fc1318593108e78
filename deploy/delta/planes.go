package delta

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// gather puts the bytes 0 of all elements first, then the bytes 1 and so on.
func gather(planes, elements []byte, width int) {
	n := len(elements) / width
	for p := range width {
		plane := planes[p*n : (p+1)*n]
		for i := range plane {
			plane[i] = elements[i*width+p]
		}
	}
}

// scatter undoes gather.
func scatter(elements, planes []byte, width int) {
	n := len(elements) / width
	for p := range width {
		for i, b := range planes[p*n : (p+1)*n] {
			elements[i*width+p] = b
		}
	}
}

func newCompressor() (*zstd.Encoder, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithAllLitEntropyCompression(true), zstd.WithWindowSize(MaxBlock), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return z, nil
}

func newDecompressor() (*zstd.Decoder, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(MaxBlock), zstd.WithDecoderMaxWindow(MaxBlock), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return z, nil
}

// decompress fills to with exactly its length of bytes.
func decompress(z *zstd.Decoder, to, payload []byte) error {
	got, err := z.DecodeAll(payload, to[:0:len(to)])
	if err != nil {
		return fmt.Errorf("its zstd payload: %w", err)
	}
	if len(got) != len(to) {
		return errors.New("its zstd payload is too short")
	}
	return nil
}
