package pipeline

import (
	"image"

	"golang.org/x/image/draw"
)

// resize makes the upright picture in the model's size, premultiplied by alpha.
//
// Bilinear means draw.BiLinear, a tent filter that widens when it shrinks, so
// that every source pixel counts: what PIL and torchvision do, and so what most
// models were trained on. A picture that already has the size is copied as it
// is.
func (p *Pipeline) resize(picture image.Image) (*image.RGBA64, error) {
	flat, turn := picture, upright
	if t, ok := picture.(turned); ok {
		flat, turn = t.flat, t.turn // turning the small result is cheaper, and the same
	}
	if err := checkSize(flat.Bounds().Dx(), flat.Bounds().Dy()); err != nil {
		return nil, err
	}
	want := image.Rect(0, 0, p.spec.Input.Width, p.spec.Input.Height)
	from := turn.rectangle(p.section(picture.Bounds(), want), flat.Bounds())
	small := image.NewRGBA64(turn.bounds(want))
	if from.Size() == small.Rect.Size() {
		draw.Draw(small, small.Rect, flat, from.Min, draw.Src)
	} else {
		draw.BiLinear.Scale(small, small.Rect, flat, from, draw.Src, nil)
	}
	return turn.apply(small, want), nil
}

// section is the part of an upright picture that the model sees, relative to
// the picture's corner: all of it, or its largest centred part of the input's
// aspect ratio.
func (p *Pipeline) section(picture, want image.Rectangle) image.Rectangle {
	w, h := picture.Dx(), picture.Dy()
	if p.spec.Input.Fit != "crop" {
		return image.Rect(0, 0, w, h)
	}
	cw, ch := w, h
	if w*want.Dy() > h*want.Dx() {
		cw = max(1, (h*want.Dx()+want.Dy()/2)/want.Dy())
	} else {
		ch = max(1, (w*want.Dy()+want.Dx()/2)/want.Dx())
	}
	x, y := (w-cw)/2, (h-ch)/2
	return image.Rect(x, y, x+cw, y+ch)
}
