package digits_test

import (
	"bytes"
	"image"
	"reflect"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/squadron/demo/digits"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

func TestASheetReadsBackPictureForPicture(t *testing.T) {
	pictures, s := example()
	grid, index, err := digits.Write(s, pictures)
	if err != nil {
		t.Fatal(err)
	}
	got, err := digits.Read(grid, index)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range pictures {
		p := got.Picture(i).(*image.Gray)
		if p.Rect != want.Rect || !bytes.Equal(p.Pix, want.Pix) {
			t.Errorf("picture %d came back changed", i)
		}
	}
	if !reflect.DeepEqual(got.Labels, s.Labels) || !reflect.DeepEqual(got.Measured, s.Measured) ||
		!reflect.DeepEqual(got.Input, s.Input) || got.Seed != s.Seed || got.Columns != s.Columns {
		t.Errorf("the index came back changed: %+v", got)
	}
}

func TestWriteRefusesPicturesWithoutLabels(t *testing.T) {
	pictures, s := example()
	s.Labels = s.Labels[1:]
	if _, _, err := digits.Write(s, pictures); err == nil {
		t.Error("five pictures were laid out with four labels")
	}
}

func TestReadRefusesAnIndexThatDoesNotFitItsPictures(t *testing.T) {
	pictures, s := example()
	grid, index, err := digits.Write(s, pictures)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"another version": {`"v": 1`, `"v": 2`},
		"wider cells":     {`"cell_width_px": 3`, `"cell_width_px": 4`},
		"no columns":      {`"columns": 2`, `"columns": 0`},
		"more labels":     {`"labels": [`, `"labels": ["7", "8",`},
		"broken JSON":     {`"labels": [`, `"labels": `},
	} {
		changed := strings.Replace(string(index), change[0], change[1], 1)
		if _, err := digits.Read(grid, []byte(changed)); err == nil || changed == string(index) {
			t.Errorf("%s: read without complaint", name)
		}
	}
	if _, err := digits.Read(grid[:len(grid)/2], index); err == nil {
		t.Error("half a PNG was read without complaint")
	}
}

// example is five pictures of 3×4 pixels, so that the last row is short.
func example() ([]*image.Gray, digits.Sheet) {
	var pictures []*image.Gray
	for i := range 5 {
		p := image.NewGray(image.Rect(0, 0, 3, 4))
		for j := range p.Pix {
			p.Pix[j] = uint8(20*i + j)
		}
		pictures = append(pictures, p)
	}
	return pictures, digits.Sheet{
		Columns: 2, Labels: []string{"0", "1", "2", "3", "4"}, Families: []string{"Noto"}, Seed: 7,
		Input:    bundle.Input{Width: 3, Height: 4, Color: "gray", Fit: "stretch", Scale: 1, Mean: []float32{0}, Std: []float32{1}},
		Measured: []digits.Measurement{{Version: "1.0.0", Sheet: 0.8, Unseen: 0.75, UnseenPictures: 2000}},
	}
}
