package reference

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // its decoder
	_ "image/png"  // its decoder
	"slices"

	_ "golang.org/x/image/bmp"  // its decoder
	_ "golang.org/x/image/webp" // its decoder

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// mostPixels bounds a picture before it is decoded: 64 million are 192 MB here, and
// more than any camera of a board gives.
const mostPixels = 1 << 26

// The formats whose decoders are linked in.
var pictureFormats = []string{"bmp", "jpeg", "png", "webp"}

// decodeImage decodes a picture file (ONNX ImageDecoder-20).
func decodeImage(op ir.ImageDecoder, values []tensor.Value) ([]tensor.Value, error) {
	in, err := inferred(op, values)
	if err != nil {
		return nil, err
	}
	file := tensor.Data[uint8](in[0])
	config, format, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil || !slices.Contains(pictureFormats, format) {
		return nil, fmt.Errorf("input 0 (encoded_stream) is no picture that can be read; supported are %v", pictureFormats)
	}
	if config.Width < 1 || config.Height < 1 || config.Width > mostPixels/config.Height {
		return nil, fmt.Errorf("input 0 (encoded_stream) is a picture of %d×%d, more than the limit of %d pixels", config.Width, config.Height, mostPixels)
	}
	picture, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("input 0 (encoded_stream) is a damaged %s: %w", format, err)
	}
	return pixelsOf(picture, op.Format)
}

// pixelsOf are a picture's rows of pixels.
func pixelsOf(picture image.Image, format string) ([]tensor.Value, error) {
	b := picture.Bounds()
	channels := 3
	if format == "Grayscale" {
		channels = 1
	}
	out, err := tensor.New(tensor.Uint8, b.Dy(), b.Dx(), channels)
	if err != nil {
		return nil, err
	}
	y := tensor.Data[uint8](out)
	for row := b.Min.Y; row < b.Max.Y; row++ {
		for column := b.Min.X; column < b.Max.X; column++ {
			c := color.NRGBAModel.Convert(picture.At(column, row)).(color.NRGBA)
			switch format {
			case "Grayscale":
				y[0] = luma(c)
			case "BGR":
				y[0], y[1], y[2] = c.B, c.G, c.R
			default:
				y[0], y[1], y[2] = c.R, c.G, c.B
			}
			y = y[channels:]
		}
	}
	return []tensor.Value{out}, nil
}

// luma is the brightness of a colour (ITU-R BT.601-2), rounded.
func luma(c color.NRGBA) uint8 {
	return uint8((19595*uint32(c.R) + 38470*uint32(c.G) + 7471*uint32(c.B) + 1<<15) >> 16)
}
