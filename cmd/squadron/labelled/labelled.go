// Package labelled reads a directory of pictures that a data set has labelled:
// what `squadron pack --golden` signs into a bundle and `squadron run --image`
// measures accuracy on.
//
// It owns the directory's format: labels.csv with the header "file,label" and
// one line a picture, which lies beside it as PNG or JPEG. It refuses names
// that lead elsewhere, pictures listed twice, and lists without end.
//
//	pictures, err := labelled.Read("golden")
//	if err != nil {
//		return err
//	}
//	data, err := os.ReadFile(pictures[0].File)
package labelled

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// List is the name of the file that labels a directory's pictures.
const List = "labels.csv"

// MaxPictures bounds one directory, and maxList the bytes of its list.
const (
	MaxPictures = 100_000
	maxList     = 64 << 20
)

// Picture is one file and what the data set says it shows.
type Picture struct {
	Name  string // as listed
	File  string // path to open
	Label string
}

// Read reads dir's list, in its order.
func Read(dir string) ([]Picture, error) {
	path := filepath.Join(dir, List)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read labelled pictures in %s: %w (the directory needs a %s with the header \"file,label\")", dir, err, List)
	}
	defer f.Close()
	pictures, err := parse(io.LimitReader(f, maxList))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	for i := range pictures {
		pictures[i].File = filepath.Join(dir, pictures[i].Name)
		if _, err := os.Stat(pictures[i].File); err != nil {
			return nil, fmt.Errorf("read %s: line %d: %w", path, i+2, err)
		}
	}
	return pictures, nil
}

// parse reads the list itself.
func parse(r io.Reader) ([]Picture, error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = 2
	header, err := rows.Read()
	if err != nil || header[0] != "file" || header[1] != "label" {
		return nil, errors.New(`the first line must be "file,label"`)
	}
	var pictures []Picture
	seen := map[string]bool{}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		name, label := row[0], row[1]
		line, _ := rows.FieldPos(0)
		switch {
		case name == "" || name != filepath.Base(name) || name == "." || name == ".." || strings.ContainsAny(name, `/\`):
			return nil, fmt.Errorf("line %d: %q is not the plain name of a file beside the list", line, name)
		case label == "":
			return nil, fmt.Errorf("line %d: %s has no label", line, name)
		case seen[name]:
			return nil, fmt.Errorf("line %d: %s is listed twice", line, name)
		case len(pictures) == MaxPictures:
			return nil, fmt.Errorf("line %d: more than %d pictures", line, MaxPictures)
		}
		seen[name] = true
		pictures = append(pictures, Picture{Name: name, Label: label})
	}
	if len(pictures) == 0 {
		return nil, errors.New("it lists no picture")
	}
	return pictures, nil
}
