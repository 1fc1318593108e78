package pipeline_test

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"slices"
	"testing"

	"github.com/squadron-edge/squadron/agent/pipeline"
)

// scans repeats a JPEG's one scan, with between before each repetition. A
// sequential picture may be drawn over any number of times, too.
func scans(t *testing.T, n int, between ...byte) []byte {
	t.Helper()
	once := jpegOf(t, image.NewGray(image.Rect(0, 0, 40, 40)))
	start, end := bytes.Index(once, []byte{0xff, 0xda}), len(once)-2
	if start < 0 {
		t.Fatal("the JPEG has no scan")
	}
	repeated := bytes.Repeat(append(slices.Clone(between), once[start:end]...), n-1)
	return slices.Concat(once[:end], repeated, once[end:])
}

func TestDecodeRefusesAJPEGOfEndlessScans(t *testing.T) {
	if _, err := pipeline.DecodeBytes(scans(t, 64)); err != nil {
		t.Fatalf("64 scans: %v", err)
	}
	// Each way in which image/jpeg finds a scan must be counted.
	for name, between := range map[string][]byte{
		"one after the other":         nil,
		"after fill bytes":            {0xff, 0xff, 0xff},
		"after bytes of no segment":   {1, 2, 3},
		"after a stuffed byte":        {0xff, 0},
		"after a comment with a scan": {0xff, 0xfe, 0, 6, 0xff, 0xda, 0, 2},
		"after a restart":             {0xff, 0xd7},
	} {
		data := scans(t, 65, between...)
		if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
			t.Errorf("%s: image/jpeg does not follow this any more: %v", name, err)
		}
		if _, err := pipeline.DecodeBytes(data); !errors.Is(err, pipeline.ErrTooLarge) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestDecodeCountsNoScansWithinASegment(t *testing.T) {
	thumbnail := append([]byte{0xff, 0xe2, 2, 2}, bytes.Repeat([]byte{0xff, 0xda}, 256)...)
	picture := jpegOf(t, image.NewGray(image.Rect(0, 0, 8, 8)))
	if _, err := pipeline.DecodeBytes(slices.Concat(picture[:2], thumbnail, picture[2:])); err != nil {
		t.Error(err)
	}
}
