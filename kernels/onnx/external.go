package onnx

import (
	"errors"
	"fmt"
	"math"
	"path"
	"strings"
)

// Folder is where a model and its weights are.
type Folder struct {
	// File gives the bytes of another file of the model's folder, by its name with
	// slashes. They must not change while the graph is used.
	File func(name string) ([]byte, error)
	// Copied is told of a large part of the model or such a file that the graph
	// does not share, since it is out of line for its elements: nothing reads it any
	// more. It may be nil.
	Copied func(part []byte)
}

// copiedBytes is how large a part is that Copied is told of.
const copiedBytes = 1 << 20

// external finds the data of a tensor in another file.
func (f *file) external(t *Tensor) ([]byte, error) {
	if f.folder.File == nil {
		return nil, errors.New("they are in another file, and the model was not opened from a folder")
	}
	name := t.Location
	if name == "" || strings.Contains(name, `\`) || path.IsAbs(name) || path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../") {
		return nil, fmt.Errorf("their location %q is not a file of the model's folder", name)
	}
	all, err := f.folder.File(name)
	if err != nil {
		return nil, err
	}
	dtype, err := t.Type.dtype()
	if err != nil {
		return nil, err
	}
	shape, err := dims(t.Dims)
	if err != nil {
		return nil, err
	}
	n, err := shape.Elements()
	if err != nil {
		return nil, err
	}
	if n > math.MaxInt/128 || dtype.Bits() == 0 {
		return nil, fmt.Errorf("%v%v cannot be there", dtype, shape)
	}
	want := int64((n*dtype.Bits() + 7) / 8)
	length := t.Length
	if length == 0 {
		length = want
	}
	if length != want || t.Offset > int64(len(all)) || length > int64(len(all))-t.Offset {
		return nil, fmt.Errorf("%s has %d bytes; %v%v takes %d, and is said to be %d from byte %d", name, len(all), dtype, shape, want, length, t.Offset)
	}
	return all[t.Offset:][:length:length], nil
}
