package pipeline_test

import (
	"image"
	"image/color"
	"slices"
	"testing"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// grayPipeline takes intensities as they are.
func grayPipeline(w, h int) bundle.Pipeline {
	return bundle.Pipeline{
		Input:  bundle.Input{Width: w, Height: h, Color: "gray", Fit: "stretch", Scale: 1, Mean: []float32{0}, Std: []float32{1}},
		Scores: "logits",
		Labels: []string{"zero", "one", "two"},
		TopK:   3,
	}
}

func rgbPipeline(w, h int) bundle.Pipeline {
	p := grayPipeline(w, h)
	p.Input.Color, p.Input.Mean, p.Input.Std = "rgb", []float32{0, 0, 0}, []float32{1, 1, 1}
	return p
}

func pixels(t *testing.T, spec bundle.Pipeline, img image.Image) []float32 {
	t.Helper()
	p, err := pipeline.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	x, err := p.Tensor(img)
	if err != nil {
		t.Fatal(err)
	}
	if !x.Shape().Equal(p.Shape()) {
		t.Fatalf("got shape %v, want %v", x.Shape(), p.Shape())
	}
	return tensor.Data[float32](x)
}

func grays(w int, pix ...byte) *image.Gray {
	return &image.Gray{Pix: pix, Stride: w, Rect: image.Rect(0, 0, w, len(pix)/w)}
}

func TestAPictureOfTheRightSizeIsNotTouched(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for i, x := range pixels(t, grayPipeline(16, 16), grays(16, all...)) {
		if x != float32(i) {
			t.Fatalf("intensity %d became %v", i, x)
		}
	}
}

func TestChannelsAreNormalisedInTheModelsOrder(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 1, 1))
	img.SetNRGBA(0, 0, color.NRGBA{R: 10, G: 20, B: 30, A: 255})
	spec := rgbPipeline(1, 1)
	spec.Input.Scale, spec.Input.Mean, spec.Input.Std = 0.5, []float32{1, 2, 3}, []float32{2, 4, 8}
	if got, want := pixels(t, spec, img), []float32{2, 2, 1.5}; !slices.Equal(got, want) {
		t.Errorf("rgb: got %v, want %v", got, want)
	}
	spec.Input.Color = "bgr"
	if got, want := pixels(t, spec, img), []float32{7, 2, 0.25}; !slices.Equal(got, want) {
		t.Errorf("bgr: got %v, want %v", got, want)
	}
}

func TestEveryKindOfPixelGivesTheSameIntensities(t *testing.T) {
	c := color.NRGBA{R: 200, G: 100, B: 50, A: 255}
	paletted := image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black, c})
	paletted.Pix[0] = 1
	deep := image.NewNRGBA64(image.Rect(0, 0, 1, 1))
	deep.Set(0, 0, c)
	moved := image.NewRGBA(image.Rect(7, 9, 8, 10))
	moved.Set(7, 9, c)
	for name, img := range map[string]image.Image{"paletted": paletted, "16 bits": deep, "not at 0, 0": moved} {
		if got, want := pixels(t, rgbPipeline(1, 1), img), []float32{200, 100, 50}; !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		if name == "not at 0, 0" {
			continue
		}
		if got, want := pixels(t, rgbPipeline(1, 1), decode(t, pngOf(t, img))), []float32{200, 100, 50}; !slices.Equal(got, want) {
			t.Errorf("%s, through a file: got %v, want %v", name, got, want)
		}
	}
}

func TestSixteenBitsKeepWhatEightWouldLose(t *testing.T) {
	img := image.NewGray16(image.Rect(0, 0, 1, 1))
	img.SetGray16(0, 0, color.Gray16{Y: 257*100 + 128})
	if got := pixels(t, grayPipeline(1, 1), decode(t, pngOf(t, img)))[0]; got <= 100.4 || got >= 100.6 {
		t.Errorf("got %v, want about 100.5", got)
	}
}

func TestTransparentPixelsShowWhite(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	img.SetNRGBA(0, 0, color.NRGBA{R: 255, A: 0})            // its hidden red must not show
	img.SetNRGBA(1, 0, color.NRGBA{R: 0, G: 0, B: 0, A: 51}) // a fifth black
	if got := pixels(t, rgbPipeline(2, 1), decode(t, pngOf(t, img))); !slices.Equal(got, []float32{255, 204, 255, 204, 255, 204}) {
		t.Errorf("got %v", got)
	}
}

func TestShrinkingCountsEveryPixel(t *testing.T) {
	// One white column in eight: a filter that samples only the source pixels
	// around the centre of each of its own would find black.
	stripes := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range stripes.Pix {
		if i%8 == 0 {
			stripes.Pix[i] = 255
		}
	}
	got := pixels(t, grayPipeline(8, 8), stripes)
	for x := 1; x < 7; x++ { // the edges have fewer neighbours
		if got[x] < 31 || got[x] > 33 {
			t.Fatalf("got %v, want about 255 ÷ 8", got[x])
		}
	}
}

func TestGrowingIsLinear(t *testing.T) {
	got := pixels(t, grayPipeline(4, 1), grays(2, 0, 200))
	for i, want := range []float32{0, 50, 150, 200} {
		if d := got[i] - want; d > 0.1 || d < -0.1 {
			t.Errorf("got %v", got)
		}
	}
}

func TestCropTakesTheCentre(t *testing.T) {
	spec := grayPipeline(2, 2)
	spec.Input.Fit = "crop"
	wide := grays(6, 9, 9, 1, 2, 9, 9, 9, 9, 3, 4, 9, 9)
	tall := grays(2, 9, 9, 1, 2, 3, 4, 9, 9)
	for name, img := range map[string]image.Image{"wide": wide, "tall": tall} {
		if got := pixels(t, spec, img); !slices.Equal(got, []float32{1, 2, 3, 4}) {
			t.Errorf("%s: got %v", name, got)
		}
	}
	spec.Input.Fit = "stretch"
	if got := pixels(t, spec, wide); slices.Equal(got, []float32{1, 2, 3, 4}) {
		t.Error("stretch cropped")
	}
}

func TestTensorRefusesPicturesBeyondTheBounds(t *testing.T) {
	p, err := pipeline.New(grayPipeline(2, 2))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Tensor(&image.Uniform{C: color.Black}); err == nil {
		t.Error("an endless picture was accepted")
	}
	for _, r := range []image.Rectangle{{}, image.Rect(0, 0, 1, 9000), image.Rect(0, 0, 8000, 8000)} {
		if _, err := p.Tensor(&image.Gray{Rect: r}); err == nil {
			t.Errorf("%v was accepted", r)
		}
	}
}

func TestNewRefusesWhatItCannotDo(t *testing.T) {
	for name, damage := range map[string]func(*bundle.Pipeline){
		"colour":     func(p *bundle.Pipeline) { p.Input.Color = "cmyk" },
		"fit":        func(p *bundle.Pipeline) { p.Input.Fit = "letterbox" },
		"scores":     func(p *bundle.Pipeline) { p.Scores = "boxes" },
		"width":      func(p *bundle.Pipeline) { p.Input.Width = 0 },
		"height":     func(p *bundle.Pipeline) { p.Input.Height = 5000 },
		"means":      func(p *bundle.Pipeline) { p.Input.Mean = nil },
		"deviations": func(p *bundle.Pipeline) { p.Input.Color = "rgb" },
		"labels":     func(p *bundle.Pipeline) { p.Labels = nil },
	} {
		spec := grayPipeline(4, 4)
		damage(&spec)
		if _, err := pipeline.New(spec); err == nil {
			t.Errorf("wrong %s: accepted", name)
		}
	}
}
