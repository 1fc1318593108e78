package pipeline_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/agent/pipeline"
)

// withOrientation puts an EXIF segment behind a JPEG's first marker.
func withOrientation(jpeg []byte, order binary.AppendByteOrder, turn uint16) []byte {
	tiff := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 2)
	tiff = append(tiff, entry(order, 0x010f, 2, 4, 0)...) // the maker, first
	tiff = append(tiff, entry(order, 0x0112, 3, 1, turn)...)
	return withEXIF(jpeg, tiff)
}

func entry(order binary.AppendByteOrder, tag, typ uint16, count uint32, value uint16) []byte {
	b := order.AppendUint16(nil, tag)
	b = order.AppendUint16(b, typ)
	b = order.AppendUint32(b, count)
	b = order.AppendUint16(b, value)
	return append(b, 0, 0)
}

func withEXIF(jpeg, tiff []byte) []byte {
	segment := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{}, jpeg[:2]...)
	out = append(out, 0xff, 0xe0, 0, 4, 0, 0) // another segment, which is passed over
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(segment)+2))
	return append(append(out, segment...), jpeg[2:]...)
}

// letters is a picture of 16×16 blocks, one a letter, which survives JPEG.
func letters(rows string) image.Image {
	lines := strings.Split(rows, "/")
	img := image.NewGray(image.Rect(0, 0, 16*len(lines[0]), 16*len(lines)))
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			img.SetGray(x, y, color.Gray{Y: (lines[y/16][x/16] - 'A') * 40})
		}
	}
	return img
}

func readLetters(img image.Image) string {
	var rows []string
	for y := 8; y < img.Bounds().Dy(); y += 16 {
		row := ""
		for x := 8; x < img.Bounds().Dx(); x += 16 {
			row += string(rune('A' + (color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y+20)/40))
		}
		rows = append(rows, row)
	}
	return strings.Join(rows, "/")
}

func TestOrientationIsHonoured(t *testing.T) {
	flat := jpegOf(t, letters("AB/CD/EF"))
	for turn, want := range map[uint16]string{
		0: "AB/CD/EF", // not a value
		1: "AB/CD/EF",
		2: "BA/DC/FE",
		3: "FE/DC/BA",
		4: "EF/CD/AB",
		5: "ACE/BDF",
		6: "ECA/FDB",
		7: "FDB/ECA",
		8: "BDF/ACE",
		9: "AB/CD/EF", // not a value
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			if got := readLetters(decode(t, withOrientation(flat, order, turn))); got != want {
				t.Errorf("%v, orientation %d: got %s, want %s", order, turn, got, want)
			}
		}
	}
}

func TestTurningBeforeAndAfterResizingIsTheSame(t *testing.T) {
	flat := jpegOf(t, letters("AB/CD/EF"))
	for _, fit := range []string{"stretch", "crop"} {
		spec := grayPipeline(7, 5)
		spec.Input.Fit = fit
		for turn := uint16(1); turn <= 8; turn++ {
			img := decode(t, withOrientation(flat, binary.BigEndian, turn))
			copied := image.NewGray(img.Bounds())
			for y := range copied.Rect.Dy() {
				for x := range copied.Rect.Dx() {
					copied.Set(x, y, img.At(x, y))
				}
			}
			a, b := pixels(t, spec, img), pixels(t, spec, copied)
			for i := range a {
				if d := a[i] - b[i]; d > 1 || d < -1 { // luminance rounds before in one, after in the other
					t.Fatalf("%s, orientation %d, pixel %d: %v and %v", fit, turn, i, a[i], b[i])
				}
			}
		}
	}
}

func TestDamagedEXIFLeavesThePictureAsItIs(t *testing.T) {
	flat := jpegOf(t, letters("AB/CD/EF"))
	whole := withOrientation(flat, binary.LittleEndian, 6)
	tiff := whole[2+6+4+6 : len(whole)-len(flat)+2]
	damaged := map[string][]byte{
		"directory beyond the end":   []byte("II*\x00\xff\xff\xff\xff"),
		"directory at the last byte": []byte("II*\x00\x08\x00\x00\x00\x01"),
		"no byte order":              []byte("XX*\x00\x08\x00\x00\x00"),
		"more entries than bytes":    append([]byte("II*\x00\x08\x00\x00\x00\xff\xff"), entry(binary.LittleEndian, 1, 3, 1, 1)...),
		"orientation as a long":      append([]byte("II*\x00\x08\x00\x00\x00\x01\x00"), entry(binary.LittleEndian, 0x0112, 4, 1, 6)...),
		"six orientations":           append([]byte("II*\x00\x08\x00\x00\x00\x01\x00"), entry(binary.LittleEndian, 0x0112, 3, 6, 6)...),
	}
	for keep := range len(tiff) - 4 { // cut anywhere before the value's end
		damaged[string(rune('0'+keep))+" bytes kept"] = tiff[:keep]
	}
	for name, tiff := range damaged {
		if got := readLetters(decode(t, withEXIF(flat, tiff))); got != "AB/CD/EF" {
			t.Errorf("%s: got %s", name, got)
		}
	}
	if _, err := pipeline.Decode(bytes.NewReader([]byte{0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff, 'E'})); err == nil {
		t.Error("a segment beyond the file's end was accepted")
	}
}
