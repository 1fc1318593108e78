package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
)

// Bounds on a picture. The largest cameras that the boards take have some 12
// million pixels; 16 million keep a 16-bit picture within 128 MiB.
const (
	MaxPictureBytes  = 16 << 20 // of the file
	MaxPicturePixels = 16 << 20 // width × height
	MaxPictureSide   = 8192     // width or height, in pixels
)

// What Decode's errors wrap, for a server to choose its answer.
var (
	// ErrTooLarge marks a picture beyond a bound.
	ErrTooLarge = errors.New("too large")
	// ErrFormat marks bytes that are neither PNG nor JPEG.
	ErrFormat = errors.New("neither PNG nor JPEG")
)

// format is one kind of picture that is read. The formats are named here, not
// found through package image's registry, which any import could widen.
type format struct {
	name   string
	magic  string
	config func(io.Reader) (image.Config, error)
	check  func([]byte) error // what the header does not tell
	decode func(io.Reader) (image.Image, error)
}

var formats = []format{
	{"PNG", "\x89PNG\r\n\x1a\n", png.DecodeConfig, func([]byte) error { return nil }, png.Decode},
	{"JPEG", "\xff\xd8\xff", jpeg.DecodeConfig, checkScans, jpeg.Decode},
}

// Decode reads one PNG or JPEG, upright. It reads at most MaxPictureBytes + 1
// bytes, and allocates for pixels only after the header has promised no more
// than the bounds.
func Decode(r io.Reader) (image.Image, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxPictureBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	return DecodeBytes(data)
}

// DecodeBytes is Decode for a picture that is in memory already.
func DecodeBytes(data []byte) (image.Image, error) {
	if len(data) > MaxPictureBytes {
		return nil, fmt.Errorf("picture of more than %d bytes: %w", MaxPictureBytes, ErrTooLarge)
	}
	for _, f := range formats {
		if bytes.HasPrefix(data, []byte(f.magic)) {
			return f.read(data)
		}
	}
	return nil, fmt.Errorf("picture of %d bytes: %w", len(data), ErrFormat)
}

func (f format) read(data []byte) (image.Image, error) {
	header, err := f.config(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read %s header: %w", f.name, err)
	}
	if err := checkSize(header.Width, header.Height); err != nil {
		return nil, err
	}
	if err := f.check(data); err != nil {
		return nil, err
	}
	picture, err := f.decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decode %s of %d×%d pixels: %w", f.name, header.Width, header.Height, err)
	}
	if turn := orientationOf(data); f.name == "JPEG" && turn != upright {
		return turned{flat: picture, turn: turn}, nil
	}
	return picture, nil
}

// PixelsOf is how many pixels the header of a picture promises, for a server to
// make room; 0 if DecodeBytes would refuse it by its header.
func PixelsOf(data []byte) int {
	for _, f := range formats {
		if !bytes.HasPrefix(data, []byte(f.magic)) {
			continue
		}
		header, err := f.config(bytes.NewReader(data))
		if err != nil || checkSize(header.Width, header.Height) != nil {
			return 0
		}
		return header.Width * header.Height
	}
	return 0
}

// checkSize holds for any picture, decoded here or not.
func checkSize(w, h int) error {
	switch {
	case w < 1 || h < 1:
		return fmt.Errorf("picture of %d×%d pixels: it is empty", w, h)
	case max(w, h) > MaxPictureSide:
		return fmt.Errorf("picture of %d×%d pixels: %w, a side may have %d", w, h, ErrTooLarge, MaxPictureSide)
	case w*h > MaxPicturePixels:
		return fmt.Errorf("picture of %d×%d pixels: %w, it may have %d in all", w, h, ErrTooLarge, MaxPicturePixels)
	}
	return nil
}
