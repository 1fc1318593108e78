package demo_test

import (
	"bytes"
	"image"
	"math"
	"testing"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/cmd/squadron/demo"
	"github.com/squadron-edge/squadron/cmd/squadron/demo/digits"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/reference"
)

// The reference engine reads the committed pictures through the pipeline that a
// device uses; what it finds is what the trainer wrote down.
func TestTheReleasesReadAsMeasured(t *testing.T) {
	sheets := map[string]*digits.Sheet{"pictures": pictures(t), "golden pictures": golden(t)}
	for name, sheet := range sheets {
		for _, m := range sheet.Measured {
			if got := agreement(t, m.Version, sheet); math.Abs(got-m.Sheet) > 1e-9 {
				t.Errorf("%s reads %.4f of the %s, recorded as %.4f", m.Version, got, name, m.Sheet)
			}
		}
	}
}

func TestTheGoodReleaseReadsNearlyAllAndTheOthersClearlyLess(t *testing.T) {
	read := map[string]digits.Measurement{}
	for _, m := range pictures(t).Measured {
		read[m.Version] = m
	}
	early, good, damaged := read[demo.Early], read[demo.Good], read[demo.Damaged]
	if good.Unseen < 0.98 || good.Sheet < 0.98 || good.UnseenPictures < 2000 {
		t.Errorf("%s: %+v, want 0.98 of at least 2000 unseen pictures and of the sheet", demo.Good, good)
	}
	if early.Unseen < 0.8 || early.Unseen > 0.93 || early.Sheet > good.Sheet-0.05 {
		t.Errorf("%s: %+v, want a fair reader that %s clearly betters", demo.Early, early, demo.Good)
	}
	if damaged.Unseen > 0.5 || damaged.Sheet > 0.5 {
		t.Errorf("%s: %+v, want a bad reader", demo.Damaged, damaged)
	}
}

func TestTheModelsAreSmallAndUnknownOnesAreRefused(t *testing.T) {
	for _, version := range []string{demo.Early, demo.Good, demo.Damaged} {
		if model, err := demo.Model(version); err != nil || len(model) >= 1_000_000 {
			t.Errorf("%s: %d bytes, %v: want less than 1 MB", version, len(model), err)
		}
	}
	if _, err := demo.Model("4.0.0"); err == nil {
		t.Error("a release that does not exist was found")
	}
}

func TestTheSheetsAreLargeEnoughAndShareNoPicture(t *testing.T) {
	sheet, golden := pictures(t), golden(t)
	if len(sheet.Labels) < 200 || len(golden.Labels) < 32 {
		t.Errorf("%d pictures and %d golden ones, want 200 and 32", len(sheet.Labels), len(golden.Labels))
	}
	seen := map[string]bool{}
	for _, s := range []*digits.Sheet{sheet, golden} {
		for i := range s.Labels {
			pixels := string(s.Picture(i).(*image.Gray).Pix)
			if seen[pixels] || len(bytes.Trim([]byte(pixels), pixels[:1])) == 0 {
				t.Errorf("picture %d of %d is empty or there twice", i, len(s.Labels))
			}
			seen[pixels] = true
		}
	}
}

// agreement is the share of the sheet's pictures that a release reads rightly.
// Scores that are not finite fail the test.
func agreement(t *testing.T, version string, sheet *digits.Sheet) float64 {
	t.Helper()
	data, err := demo.Model(version)
	if err != nil {
		t.Fatal(err)
	}
	session, err := kernels.Load(data, kernels.Options{Engines: []kernels.Engine{reference.Engine{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	model, err := pipeline.Bind(bundle.Pipeline{
		Input: sheet.Input, Scores: "logits", TopK: 1,
		Labels: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
	}, session)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for i, want := range sheet.Labels {
		labels, err := model.Read(t.Context(), sheet.Picture(i))
		if err != nil {
			t.Fatalf("%s reads picture %d: %v", version, i, err)
		}
		if labels[0].Label == want {
			right++
		}
	}
	return float64(right) / float64(len(sheet.Labels))
}

func pictures(t *testing.T) *digits.Sheet { return read(t, demo.Pictures) }

func golden(t *testing.T) *digits.Sheet { return read(t, demo.GoldenPictures) }

func read(t *testing.T, from func() (*digits.Sheet, error)) *digits.Sheet {
	t.Helper()
	sheet, err := from()
	if err != nil {
		t.Fatal(err)
	}
	return sheet
}
