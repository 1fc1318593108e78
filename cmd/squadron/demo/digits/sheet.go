// Package digits is a set of labelled pictures of meter digits in two files: a
// PNG sheet with the pictures in a grid, and a JSON index that says what they
// show and how they were made.
//
// It owns that format. The index is a Sheet as encoding/json writes it:
//
//	{
//	  "v": 1,
//	  "cell_width_px": 32, "cell_height_px": 32,
//	  "columns": 20,
//	  "labels": ["0", "1", …],
//	  "families": ["FreeFont", "Noto"],
//	  "seed": 1,
//	  "input": { "width": 32, "height": 32, "color": "gray", … },
//	  "measured": [{"version": "2.0.0", "sheet": 0.985, "unseen": 0.984, "unseen_pictures": 2400}]
//	}
//
// Picture i is in row i÷columns and column i mod columns; the last row may be
// short. The package embeds nothing and draws nothing.
//
//	sheet, err := digits.Read(grid, index)
//	if err != nil {
//		return err
//	}
//	for i, label := range sheet.Labels {
//		check(sheet.Picture(i), label)
//	}
package digits

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/png"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// FormatVersion is the index's "v". A reader refuses any other.
const FormatVersion = 1

// Sheet is the pictures and their index.
type Sheet struct {
	V          int `json:"v"`
	CellWidth  int `json:"cell_width_px"`
	CellHeight int `json:"cell_height_px"`
	Columns    int `json:"columns"`
	// Labels is what each picture shows, row by row.
	Labels []string `json:"labels"`
	// Families are the families of typefaces that the pictures were drawn in.
	Families []string `json:"families"`
	// Seed is the one that the pictures were drawn with.
	Seed uint64 `json:"seed"`
	// Input is how a picture becomes the tensor that the models read.
	Input bundle.Input `json:"input"`
	// Measured is how well each model read the pictures when they were made.
	Measured []Measurement `json:"measured"`

	grid *image.Gray
}

// Measurement is the share of pictures, 0…1, that a version of the model read
// rightly: of this sheet, and of the whole test set from unseen typefaces.
type Measurement struct {
	Version        string  `json:"version"`
	Sheet          float64 `json:"sheet"`
	Unseen         float64 `json:"unseen"`
	UnseenPictures int     `json:"unseen_pictures"`
}

// Write lays the pictures, one a label, out in s.Columns columns and returns
// the PNG and the index. It sets the version and the cell's size from the
// pictures, which must all have the size of the first.
func Write(s Sheet, pictures []*image.Gray) (grid, index []byte, err error) {
	if len(pictures) == 0 || len(pictures) != len(s.Labels) || s.Columns < 1 {
		return nil, nil, fmt.Errorf("lay out %d pictures with %d labels in %d columns: want one label a picture and at least one of each",
			len(pictures), len(s.Labels), s.Columns)
	}
	s.V = FormatVersion
	s.CellWidth, s.CellHeight = pictures[0].Rect.Dx(), pictures[0].Rect.Dy()
	s.grid = image.NewGray(s.bounds())
	for i, p := range pictures {
		if p.Rect.Size() != pictures[0].Rect.Size() {
			return nil, nil, fmt.Errorf("lay out picture %d: it has %v pixels, the first has %v", i, p.Rect.Size(), pictures[0].Rect.Size())
		}
		draw.Draw(s.grid, s.cell(i), p, p.Rect.Min, draw.Src)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, s.grid); err != nil {
		return nil, nil, fmt.Errorf("encode the sheet: %w", err)
	}
	index, err = json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, nil, fmt.Errorf("encode the index: %w", err)
	}
	return out.Bytes(), append(index, '\n'), nil
}

// Read takes the two files that Write made.
func Read(grid, index []byte) (*Sheet, error) {
	var s Sheet
	if err := json.Unmarshal(index, &s); err != nil {
		return nil, fmt.Errorf("read the index of a sheet: %w", err)
	}
	if s.V != FormatVersion || s.CellWidth < 1 || s.CellHeight < 1 || s.Columns < 1 {
		return nil, fmt.Errorf("read the index of a sheet: version %d, cells of %d×%d, %d columns: want version %d and positive sizes",
			s.V, s.CellWidth, s.CellHeight, s.Columns, FormatVersion)
	}
	decoded, err := png.Decode(bytes.NewReader(grid))
	if err != nil {
		return nil, fmt.Errorf("read the pictures of a sheet: %w", err)
	}
	gray, ok := decoded.(*image.Gray)
	if !ok || gray.Rect != s.bounds() {
		return nil, fmt.Errorf("read the pictures of a sheet: got %T of %v, want 8-bit gray of %v for %d labels",
			decoded, decoded.Bounds().Size(), s.bounds().Size(), len(s.Labels))
	}
	s.grid = gray
	return &s, nil
}

// Picture is a copy of picture i, 0 ≤ i < len(s.Labels), with its corner at the
// origin.
func (s *Sheet) Picture(i int) image.Image {
	p := image.NewGray(image.Rect(0, 0, s.CellWidth, s.CellHeight))
	draw.Draw(p, p.Rect, s.grid, s.cell(i).Min, draw.Src)
	return p
}

func (s *Sheet) cell(i int) image.Rectangle {
	x, y := i%s.Columns*s.CellWidth, i/s.Columns*s.CellHeight
	return image.Rect(x, y, x+s.CellWidth, y+s.CellHeight)
}

func (s *Sheet) bounds() image.Rectangle {
	rows := (len(s.Labels) + s.Columns - 1) / s.Columns
	return image.Rect(0, 0, s.Columns*s.CellWidth, rows*s.CellHeight)
}
