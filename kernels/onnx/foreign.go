package onnx

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// foreign says of a file that could not be decoded that it is no ONNX model at
// all, if it is something else or no field of a model was read in it. A damaged
// model keeps the decoder's error, which tells the place.
func foreign(data []byte, read bool, err error) error {
	kind := kindOf(data)
	if kind == "" && read && errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("decode ONNX file: %w: it was cut short, or damaged: copy or export it again", err)
	}
	if kind == "" && read {
		return fmt.Errorf("decode ONNX file: %w", err)
	}
	if kind == "" {
		kind = fmt.Sprintf("it begins as no model does (%v)", err)
	}
	return fmt.Errorf("not an ONNX model: %s; export the network as ONNX (PyTorch: torch.onnx.export, TensorFlow and Keras: tf2onnx)", kind)
}

// kindOf recognises what people take for a model, by how it begins.
func kindOf(data []byte) string {
	if len(data) == 0 {
		return "it is empty"
	}
	for _, k := range kinds {
		if len(data) > k.at && strings.HasPrefix(string(data[k.at:min(len(data), k.at+len(k.start))]), k.start) {
			return k.kind
		}
	}
	if isText(data[:min(len(data), 512)]) {
		return "it is text"
	}
	return ""
}

var kinds = []struct {
	at          int
	start, kind string
}{
	{0, "\x89PNG\r\n\x1a\n", "it is a PNG picture"},
	{0, "\xff\xd8\xff", "it is a JPEG picture"},
	{0, "PK\x03\x04", "it is a ZIP archive, as PyTorch saves models"},
	{0, "\x89HDF\r\n\x1a\n", "it is an HDF5 file, as Keras saves models"},
	{4, "TFL3", "it is a TensorFlow Lite model"},
	{0, "\x1f\x8b", "it is compressed with gzip"},
	{0, "<!", "it is an HTML page, as a failed download leaves behind"},
	{0, "<html", "it is an HTML page, as a failed download leaves behind"},
	{0, "version https://git", "it is a pointer of Git LFS (git lfs pull brings the file)"},
}

// isText reports whether the bytes are all characters; the last may be cut.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			return len(b) < utf8.UTFMax && !utf8.FullRune(b)
		}
		if unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\f", r) {
			return false
		}
		b = b[size:]
	}
	return true
}
