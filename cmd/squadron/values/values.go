// Package values reads a model's inputs from files and writes its outputs to them.
//
// It owns the formats: NumPy's .npy, ONNX's .pb, JSON. It refuses pictures, which
// need a pipeline to become an input, and any file past its bound.
//
//	in, err := values.Read("x.npy", session.Inputs()[0])
//	file, err := values.Write("out", "scores", out["scores"])
package values

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// maxFile is the largest file that is read: as much as one value may take.
const maxFile = ir.MaxValueBytes

// Formats names the kinds of files that Read takes, for messages.
const Formats = ".npy (NumPy), .pb (ONNX), .json"

// Read reads a file as a value for an input; the name's end says what it is.
func Read(file string, input ir.Value) (tensor.Value, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("read input %q: %w", input.Name, err)
	}
	var v tensor.Value
	switch strings.ToLower(filepath.Ext(file)) {
	case ".npy":
		v, err = decodeNPY(data)
	case ".pb":
		v, err = onnx.UnmarshalValue(data, input.Type(), onnx.DefaultLimits)
	case ".json":
		v, err = decodeJSON(data, input.Type())
	default:
		err = fmt.Errorf("its name does not end in one of %s", Formats)
	}
	if err != nil {
		return nil, fmt.Errorf("read input %q from %s: %w", input.Name, file, err)
	}
	return v, nil
}

// readFile reads a regular file of at most maxFile bytes.
func readFile(file string) (data []byte, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("read %s: it is no file, or larger than %d bytes", file, maxFile)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	data, err = io.ReadAll(io.LimitReader(f, maxFile))
	if closed := f.Close(); err == nil {
		err = closed
	}
	return data, err
}

// Write writes a value to a file of the folder, made if need be, and gives its
// name: NAME.npy for tensors of types that NumPy has, otherwise NAME.json.
func Write(dir, name string, v tensor.Value) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make a folder for the outputs: %w", err)
	}
	base := strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == 0 || r == ':' {
			return '_'
		}
		return r
	}, name)
	if strings.Trim(base, ".") == "" {
		base = "output"
	}
	data, ext := []byte(nil), ".npy"
	if t, ok := v.(*tensor.Tensor); ok {
		data, ok = encodeNPY(t)
		if !ok {
			ext = ".json"
		}
	} else {
		ext = ".json"
	}
	if ext == ".json" {
		var err error
		if data, err = JSON(v); err != nil {
			return "", fmt.Errorf("write output %q: %w", name, err)
		}
	}
	file := filepath.Join(dir, base+ext)
	if err := os.WriteFile(file, data, 0o644); err != nil {
		return "", fmt.Errorf("write output %q: %w", name, err)
	}
	return file, nil
}
