// Package demo tells the whole story of a model in one process.
//
// It holds what the story needs to run anywhere: three releases of a model that
// reads one digit of a utility meter, the pictures to try them on, and the
// golden pictures that go into their bundles. The files under testdata are made
// by cmd/train-digits and by nothing else.
//
//	model, err := demo.Model("2.0.0")
//	if err != nil {
//		return err
//	}
//	sheet, err := demo.Pictures()
package demo

import (
	"embed"
	"fmt"

	"github.com/squadron-edge/squadron/cmd/squadron/demo/digits"
)

//go:embed testdata/*.onnx testdata/*.png testdata/*.json
var assets embed.FS

// The releases: 1.0.0 reads fairly, 2.0.0 well, 3.0.0 is 2.0.0 with damaged
// weights, which only its answers show.
const (
	Early   = "1.0.0"
	Good    = "2.0.0"
	Damaged = "3.0.0"
)

// Model is the ONNX file of a release.
func Model(version string) ([]byte, error) {
	data, err := assets.ReadFile("testdata/meter-reader-" + version + ".onnx")
	if err != nil {
		return nil, fmt.Errorf("meter-reader %s is not one of the releases %s, %s and %s", version, Early, Good, Damaged)
	}
	return data, nil
}

// Pictures are 200 pictures in typefaces that the model never learnt from.
func Pictures() (*digits.Sheet, error) { return sheet("digits") }

// GoldenPictures are 60 more, none of them among Pictures, for the self-test
// that a bundle carries.
func GoldenPictures() (*digits.Sheet, error) { return sheet("golden") }

func sheet(name string) (*digits.Sheet, error) {
	grid, err := assets.ReadFile("testdata/" + name + ".png")
	if err != nil {
		return nil, err
	}
	index, err := assets.ReadFile("testdata/" + name + ".json")
	if err != nil {
		return nil, err
	}
	return digits.Read(grid, index)
}
