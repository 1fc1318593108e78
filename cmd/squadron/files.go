package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/squadron-edge/squadron/kernels/onnx"
)

// kind is what a file is by its first bytes.
type kind string

const (
	bundleFile kind = "a bundle file"
	pngFile    kind = "a PNG picture"
	jpegFile   kind = "a JPEG picture"
	jsonFile   kind = "a JSON file"
	otherFile  kind = "" // an ONNX file has no mark of its own
)

// kindOf looks at a file's first bytes.
func kindOf(file string) (kind, error) {
	if _, err := sizeOf(file); err != nil {
		return "", err
	}
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	start := make([]byte, 262)
	n, err := io.ReadFull(f, start)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	switch start = start[:n]; {
	case bytes.HasSuffix(start, []byte("ustar")) && bytes.HasPrefix(start, []byte("envelope.json\x00")):
		return bundleFile, nil
	case bytes.HasPrefix(start, []byte("\x89PNG")):
		return pngFile, nil
	case bytes.HasPrefix(start, []byte("\xff\xd8\xff")):
		return jpegFile, nil
	case bytes.HasPrefix(start, []byte("{")):
		return jsonFile, nil
	}
	return otherFile, nil
}

// sizeOf refuses what is no regular file: a device or a pipe has no end to read
// to.
func sizeOf(file string) (int64, error) {
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", file)
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// readFile reads a whole file of at most limit bytes.
func readFile(file string, limit int64) ([]byte, error) {
	size, err := sizeOf(file)
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d that are read", file, size, limit)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1)) // it may grow meanwhile
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s grew beyond the %d bytes that are read", file, limit)
	}
	return b, nil
}

// readModel reads an ONNX file.
func readModel(file string) ([]byte, error) {
	if err := wantModel(file); err != nil {
		return nil, err
	}
	b, err := readFile(file, int64(onnx.DefaultLimits.FileBytes))
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	return b, nil
}

// wantModel refuses a file that cannot be an ONNX model, by what it is.
func wantModel(file string) error {
	k, err := kindOf(file)
	if err != nil {
		return fmt.Errorf("read model: %w", err)
	}
	if k != otherFile {
		return fmt.Errorf("read model %s: it is %s, and an ONNX file is needed", file, k)
	}
	return nil
}

// wantBundle refuses a file that is no bundle, before any of it is sent.
func wantBundle(file string) error {
	k, err := kindOf(file)
	switch {
	case err != nil:
		return fmt.Errorf("read bundle: %w", err)
	case k == bundleFile:
		return nil
	case k == otherFile:
		k = "no bundle file"
	}
	return fmt.Errorf("read bundle %s: it is %s; squadron pack makes a bundle of an ONNX file", file, k)
}

// wantFolderFor refuses to write a file where there is no folder for it.
func wantFolderFor(file string) error {
	dir := filepath.Dir(file)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write %s: there is no directory %s: make it first, or name another place", file, dir)
	}
	return nil
}

// wantEmptyFolder refuses to begin anew in a folder where something is already.
func wantEmptyFolder(dir string) error {
	found, err := os.ReadDir(dir)
	switch {
	case dir == "" || errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("write to %s: %w", dir, err)
	case len(found) > 0:
		return fmt.Errorf("write to %s: it holds %s already, and the demo begins anew: name a folder that is empty or not there yet", dir, found[0].Name())
	}
	return nil
}
