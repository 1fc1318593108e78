package serve_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/png"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

func large(t testing.TB, p image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOneLargePictureIsInMemoryAtATime(t *testing.T) {
	big := large(t, image.NewGray(image.Rect(0, 0, 2048, 1025)))
	synctest.Test(t, func(t *testing.T) {
		s, goOn := &session{version: 1}, make(chan struct{})
		s.run = func(context.Context) error { <-goOn; return nil }
		d := newDevice(t, s)
		var asked sync.WaitGroup
		for i, p := range [][]byte{big, big, big, picture} {
			asked.Go(func() {
				if a, err := d.ask("POST", "/v1/predict/meter", bytes.NewReader(p)); err != nil || a.Code != 200 {
					t.Errorf("got %+v, %v", a, err)
				}
			})
			synctest.Wait()
			if n := s.running.Load(); n != []int32{1, 1, 1, 2}[i] {
				t.Errorf("after %d pictures, %d are on the engine", i+1, n)
			}
		}
		close(goOn)
		asked.Wait()
	})
}

// BenchmarkTwentyLargePictures sends what takes the most memory, twenty at once,
// and reports how much the process holds at most.
func BenchmarkTwentyLargePictures(b *testing.B) {
	for name, p := range map[string][]byte{
		"PNG of 16 bits":        large(b, image.NewNRGBA64(image.Rect(0, 0, 8192, 2048))),
		"progressive CMYK JPEG": progressive(4096, 4096),
		"the same, of 15 MiB":   append(progressive(4096, 4096), make([]byte, 15<<20)...),
	} {
		b.Run(name, func(b *testing.B) {
			d := newDevice(b, &session{version: 1})
			for b.Loop() {
				forgetPeak(b)
				var asked sync.WaitGroup
				for range 20 {
					asked.Go(func() {
						if a, err := d.ask("POST", "/v1/predict/meter", bytes.NewReader(p)); err != nil || a.Code != 200 && a.Code != 503 {
							b.Errorf("got %+v, %v", a, err)
						}
					})
				}
				asked.Wait()
				b.ReportMetric(peak(b), "peak-MiB")
			}
		})
	}
}

// progressive is a picture of four components and one scan, in which each block
// is one bit.
func progressive(w, h int) []byte {
	var b bytes.Buffer
	segment := func(marker byte, payload ...byte) {
		b.Write([]byte{0xff, marker})
		b.Write(binary.BigEndian.AppendUint16(nil, uint16(2+len(payload))))
		b.Write(payload)
	}
	b.Write([]byte{0xff, 0xd8})
	segment(0xee, append([]byte("Adobe"), 0, 100, 0, 0, 0, 0, 2)...) // YCCK
	segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)
	frame := []byte{8, byte(h >> 8), byte(h), byte(w >> 8), byte(w), 4}
	scan := []byte{4}
	for c := range byte(4) {
		frame = append(frame, c+1, 0x11, 0)
		scan = append(scan, c+1, 0)
	}
	segment(0xc2, frame...)
	segment(0xc4, append([]byte{0, 1}, make([]byte, 16)...)...) // one code, "0": no difference
	segment(0xda, append(scan, 0, 0, 0)...)
	b.Write(make([]byte, w/8*h/8*4/8+2))
	b.Write([]byte{0xff, 0xd9})
	return b.Bytes()
}

// forgetPeak and peak are of the process's resident memory (proc(5)).
func forgetPeak(b *testing.B) {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Fatal(err)
	}
}

func peak(b *testing.B) float64 {
	f, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(f), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kib >> 10)
}
