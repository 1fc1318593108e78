package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// datasets are what a model was trained on, as a person types them.
type datasets []string

// Validate refuses what cannot be read.
func (d datasets) Validate() error {
	_, err := d.parsed()
	return err
}

func (d datasets) parsed() ([]bundle.Dataset, error) {
	var list []bundle.Dataset
	for _, s := range d {
		set, err := bundle.ParseDataset(s)
		if err != nil {
			return nil, err
		}
		list = append(list, set)
	}
	return list, nil
}

// evaluated names a report and its digest.
func evaluated(file string) (e bundle.Evaluation, err error) {
	if file == "" {
		return e, nil
	}
	if _, err := sizeOf(file); err != nil {
		return e, fmt.Errorf("read evaluation: %w", err)
	}
	f, err := os.Open(file)
	if err != nil {
		return e, fmt.Errorf("read evaluation: %w", err)
	}
	e.Report = filepath.Base(file)
	e.Digest, _, err = bundle.DigestReader(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return e, fmt.Errorf("read evaluation %s: %w", file, err)
	}
	return e, nil
}
