package pipeline_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/agent/pipeline"
)

func pngOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(t *testing.T, data []byte) image.Image {
	t.Helper()
	img, err := pipeline.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// withSize rewrites a PNG's header to promise another size.
func withSize(data []byte, w, h uint32) []byte {
	data = bytes.Clone(data)
	const header = 16 // after the magic, the chunk's length and its type
	binary.BigEndian.PutUint32(data[header:], w)
	binary.BigEndian.PutUint32(data[header+4:], h)
	binary.BigEndian.PutUint32(data[header+13:], crc32.ChecksumIEEE(data[header-4:header+13]))
	return data
}

func TestDecodeReadsBothFormats(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 5, 3))
	for name, data := range map[string][]byte{"PNG": pngOf(t, img), "JPEG": jpegOf(t, img)} {
		if got := decode(t, data).Bounds(); got.Dx() != 5 || got.Dy() != 3 {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestDecodeRefusesOtherFormatsEvenIfRegistered(t *testing.T) {
	var b bytes.Buffer // importing image/gif has registered it with package image
	if err := gif.Encode(&b, image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black}), nil); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"GIF": b.String(), "nothing": "", "text": "hello", "a PNG's first bytes": "\x89PNG"} {
		if _, err := pipeline.Decode(strings.NewReader(data)); !errors.Is(err, pipeline.ErrFormat) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestDecodeRefusesAPixelBombBeforeAllocating(t *testing.T) {
	small := pngOf(t, image.NewGray(image.Rect(0, 0, 1, 1)))
	for _, size := range [][2]uint32{{1 << 30, 1 << 30}, {8192, 8192}, {1, 8193}, {8193, 1}} {
		bomb := withSize(small, size[0], size[1])
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := pipeline.Decode(bytes.NewReader(bomb))
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%v pixels were accepted", size)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%v pixels: %d bytes were allocated", size, got)
		}
	}
	if _, err := pipeline.Decode(bytes.NewReader(withSize(small, 8192, 8192))); !errors.Is(err, pipeline.ErrTooLarge) {
		t.Errorf("8192×8192: got %v", err)
	}
}

// endless counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	e.read += len(b)
	return len(b), nil
}

func TestDecodeStopsReadingAnEndlessPicture(t *testing.T) {
	body := &endless{}
	_, err := pipeline.Decode(io.MultiReader(strings.NewReader("\x89PNG\r\n\x1a\n"), body))
	if !errors.Is(err, pipeline.ErrTooLarge) || body.read > pipeline.MaxPictureBytes+1 {
		t.Errorf("read %d bytes, got %v", body.read, err)
	}
}

func TestDecodeRefusesTruncatedPictures(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 40, 40))
	for i := range img.Pix {
		img.Pix[i] = byte(i * i)
	}
	for _, data := range [][]byte{pngOf(t, img), jpegOf(t, img)} {
		for _, keep := range []int{9, 30, len(data) / 2} {
			if _, err := pipeline.Decode(bytes.NewReader(data[:keep])); err == nil {
				t.Errorf("the first %d of %d bytes were accepted", keep, len(data))
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	img := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	f.Add(pngOf(f, img))
	f.Add(jpegOf(f, img))
	f.Add(withOrientation(jpegOf(f, img), binary.LittleEndian, 6))
	f.Fuzz(func(t *testing.T, data []byte) {
		picture, err := pipeline.Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		b := picture.Bounds()
		if b.Dx()*b.Dy() > pipeline.MaxPicturePixels {
			t.Fatalf("decoded %v", b)
		}
		picture.At(b.Max.X-1, b.Max.Y-1)
	})
}

func TestPixelsOfBelievesOnlyAHeaderThatDecodeWould(t *testing.T) {
	gray := pngOf(t, image.NewGray(image.Rect(0, 0, 30, 20)))
	for name, c := range map[string]struct {
		data   []byte
		pixels int
	}{
		"a picture":          {gray, 600},
		"its first half":     {gray[:len(gray)/2], 600},
		"its first bytes":    {gray[:10], 0},
		"too many columns":   {pngOf(t, image.NewGray(image.Rect(0, 0, pipeline.MaxPictureSide+1, 1))), 0},
		"another format":     {[]byte("GIF89a"), 0},
		"nothing whatsoever": {nil, 0},
	} {
		if got := pipeline.PixelsOf(c.data); got != c.pixels {
			t.Errorf("%s: got %d, want %d", name, got, c.pixels)
		}
	}
}
