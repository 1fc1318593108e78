package main

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/squadron/demo/digits"
	"github.com/squadron-edge/squadron/cmd/train-digits/convnet"
	"github.com/squadron-edge/squadron/cmd/train-digits/photo"
)

func TestAReleaseThatReadsTooLittleOrTooMuchIsRefused(t *testing.T) {
	trials := smallTrials(t)
	for name, r := range map[string]release{
		"an untrained model sold as a good one": {version: "2.0.0", least: 0.98, most: 1},
		"a damaged model that reads too well":   {version: "3.0.0", least: -1, most: 0},
	} {
		r.weights = convnet.NewWeights(1, convnet.Hidden)
		if err := r.judge(trials); err == nil || !strings.HasPrefix(err.Error(), r.version+" reads ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	fair := release{version: "1.0.0", weights: convnet.NewWeights(1, convnet.Hidden), most: 1}
	if err := fair.judge(trials); err != nil || fair.unseen == 0 || fair.unseen > 0.5 || fair.golden == 0 {
		t.Errorf("an untrained model judged as one: %v, %+v", err, fair.unseen)
	}
}

func TestTheSheetsHoldThePicturesAndWhatWasReadOfThem(t *testing.T) {
	trials := smallTrials(t)
	r := &release{version: "1.0.0", weights: convnet.NewWeights(1, convnet.Hidden), unseen: 0.5, sheet: 0.25, golden: 0.75}
	files, err := artefacts([]*release{r}, trials)
	if err != nil {
		t.Fatal(err)
	}
	data := map[string][]byte{}
	for _, f := range files {
		data[f.name] = f.data
	}
	if len(data["meter-reader-1.0.0.onnx"]) == 0 {
		t.Errorf("no model among %d files", len(files))
	}
	for name, want := range map[string]struct {
		samples []photo.Sample
		read    float64
	}{"digits": {trials.sheet(), 0.25}, "golden": {trials.golden, 0.75}} {
		sheet, err := digits.Read(data[name+".png"], data[name+".json"])
		if err != nil {
			t.Fatal(err)
		}
		if len(sheet.Labels) != len(want.samples) || sheet.Labels[7] != "7" || sheet.Measured[0].Sheet != want.read {
			t.Errorf("sheet %s: %d labels, measured %+v", name, len(sheet.Labels), sheet.Measured)
		}
	}
}

// smallTrials are trials on the typefaces that need no package.
func smallTrials(t *testing.T) trials {
	t.Helper()
	series := photo.Series{Seed: 1, Name: "test", Faces: goFaces(t)}
	return trials{seed: 1, unseen: series.Samples(0, sheetPictures), golden: series.Samples(sheetPictures, sheetPictures+20)}
}
