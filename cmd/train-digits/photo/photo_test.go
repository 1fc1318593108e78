package photo

import (
	"bytes"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestTheSameSeriesGivesTheSamePicturesWhereverItIsEntered(t *testing.T) {
	faces := goFaces(t)
	whole := Series{Seed: 3, Name: "train", Faces: faces}.Samples(0, 30)
	part := Series{Seed: 3, Name: "train", Faces: faces}.Samples(20, 30)
	for i, s := range part {
		want := whole[20+i]
		if !bytes.Equal(s.Picture.Pix, want.Picture.Pix) || s.Digit != want.Digit || s.Digit != i {
			t.Errorf("sample %d differs when the series is entered there", 20+i)
		}
	}
}

func TestAnotherSeedOrNameGivesOtherPictures(t *testing.T) {
	faces := goFaces(t)
	first := Series{Seed: 3, Name: "train", Faces: faces}.Samples(0, 10)
	for _, other := range []Series{{Seed: 4, Name: "train", Faces: faces}, {Seed: 3, Name: "test", Faces: faces}} {
		for i, s := range other.Samples(0, 10) {
			if bytes.Equal(s.Picture.Pix, first[i].Picture.Pix) {
				t.Errorf("seed %d, series %q: picture %d is that of seed 3, series train", other.Seed, other.Name, i)
			}
		}
	}
}

func TestEveryDigitStandsInTheMiddleOfItsWindow(t *testing.T) {
	for _, face := range goFaces(t) {
		for d := range 10 {
			area, x, y := centre(plain(d, face))
			if area < 15 || area > 350 || math.Hypot(x-Side/2, y-Side/2) > 3 {
				t.Errorf("digit %d of %s: %.0f pixels of ink around (%.1f, %.1f)", d, face.Name, area, x, y)
			}
		}
	}
}

func TestAShiftMovesTheDigit(t *testing.T) {
	s := plain(4, goFaces(t)[0])
	_, x0, y0 := centre(s)
	s.ShiftX, s.ShiftY = 3, -2
	_, x1, y1 := centre(s)
	if math.Abs(x1-x0-3) > 0.05 || math.Abs(y1-y0+2) > 0.05 {
		t.Errorf("a shift of (3, −2) moved the digit by (%.2f, %.2f)", x1-x0, y1-y0)
	}
}

func TestAOneWithoutItsFootIsAsWideBelowAsItsStem(t *testing.T) {
	faces := goFaces(t)
	for i, bare := range WithoutFeet(faces) {
		row := func(f *Face, y int) (ink float64) {
			p := plain(1, f).ink()
			for x := range Side {
				ink += p[y*Side+x]
			}
			return ink
		}
		const stem, foot = Side/2 + 2, Side/2 + 8
		if row(faces[i], foot) < 1.3*row(faces[i], stem) {
			t.Errorf("%s has no foot to cut", faces[i].Name)
		}
		if below, above := row(bare, foot), row(bare, stem); math.Abs(below-above) > 0.1*above {
			t.Errorf("%s: the stem is %.2f pixels wide, where its foot was %.2f", bare.Name, above, below)
		}
		if !slices.Equal(plain(7, bare).ink()[:], plain(7, faces[i]).ink()[:]) {
			t.Errorf("%s: the cut reached the 7", bare.Name)
		}
	}
}

func TestTheNextDigitOfTheWheelFollowsBelow(t *testing.T) {
	face := goFaces(t)[0]
	s, next := plain(9, face), plain(0, face)
	s.Pitch, s.ShiftY = Side, -Side // the wheel has turned by exactly one digit
	next.ShiftY = 0
	if !slices.Equal(s.ink()[:], next.ink()[:]) {
		t.Error("one digit after 9 the wheel does not show 0")
	}
}

func TestTheSideTowardsTheLightIsBrighter(t *testing.T) {
	s := plain(8, goFaces(t)[0])
	s.Wheel, s.Ink, s.LightSlope = 0.5, 0.5, 0.3
	p := picture(s)
	if right, left := p.GrayAt(Side-1, Side/2).Y, p.GrayAt(0, Side/2).Y; right <= left {
		t.Errorf("light from the right: right edge %d, left edge %d", right, left)
	}
}

func TestBlurKeepsTheBrightnessOfAnEvenPicture(t *testing.T) {
	var p plane
	for i := range p {
		p[i] = 0.5
	}
	p.blur(1.3)
	for i, v := range p {
		if math.Abs(v-0.5) > 1e-9 {
			t.Fatalf("pixel %d became %v", i, v)
		}
	}
}

func TestNoTypefaceIsBothLearntFromAndJudgedOn(t *testing.T) {
	for _, seen := range Seen {
		for _, unseen := range Unseen {
			if seen.Name == unseen.Name || seen.Dir == unseen.Dir {
				t.Errorf("family %s is on both sides", seen.Name)
			}
		}
	}
}

func TestAMissingFontNamesItsDebianPackage(t *testing.T) {
	for _, fam := range slices.Concat(Seen[1:], Unseen) {
		_, err := LoadFrom(t.TempDir(), fam)
		if err == nil || !strings.Contains(err.Error(), "apt-get install "+fam.Package) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s from an empty folder: %v", fam.Name, err)
		}
	}
}

func TestAFileThatIsNoFontIsRefusedByName(t *testing.T) {
	if _, err := parseFace("Go", "GoRegular", []byte("not a font")); err == nil || !strings.Contains(err.Error(), "GoRegular") {
		t.Errorf("parsed as a typeface: %v", err)
	}
}

// plain is white ink on a black wheel in even light, sharp, with its
// neighbours out of sight.
func plain(digit int, face *Face) Scene {
	return Scene{
		Digit: digit, Face: face, Height: 20, Stretch: 1, Pitch: 3 * Side, Radius: 1e6, Ink: 1,
		GapLeft: -9, GapRight: -9, Exposure: 1, GlareRadius: 1, Blur: 0.1,
	}
}

func picture(s Scene) *image.Gray { return s.Picture(rand.New(rand.NewPCG(1, 1))) }

// centre weighs the ink of a scene: its area in pixels and its centroid.
func centre(s Scene) (area, x, y float64) {
	for i, v := range picture(s).Pix {
		w := float64(v) / 255
		area += w
		x += w * (float64(i%Side) + 0.5)
		y += w * (float64(i/Side) + 0.5)
	}
	return area, x / area, y / area
}

func goFaces(t *testing.T) []*Face {
	t.Helper()
	faces, err := Load(GoFamily)
	if err != nil {
		t.Fatal(err)
	}
	return faces
}
