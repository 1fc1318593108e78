package values

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// npyMagic begins a file in NumPy's format. (NumPy enhancement proposal 1.)
const npyMagic = "\x93NUMPY"

// npyTypes are the element types by their NumPy names, without the byte order.
var npyTypes = map[string]tensor.DType{
	"f2": tensor.Float16, "f4": tensor.Float32, "f8": tensor.Float64,
	"i1": tensor.Int8, "i2": tensor.Int16, "i4": tensor.Int32, "i8": tensor.Int64,
	"u1": tensor.Uint8, "u2": tensor.Uint16, "u4": tensor.Uint32, "u8": tensor.Uint64,
	"b1": tensor.Bool, "c8": tensor.Complex64, "c16": tensor.Complex128,
}

var (
	npyDescr   = regexp.MustCompile(`'descr':\s*'([<>|=]?)([a-zA-Z]\d+)'`)
	npyFortran = regexp.MustCompile(`'fortran_order':\s*(True|False)`)
	npyShape   = regexp.MustCompile(`'shape':\s*\(([^)]*)\)`)
)

func decodeNPY(data []byte) (*tensor.Tensor, error) {
	header, body, err := npyParts(data)
	if err != nil {
		return nil, err
	}
	descr, fortran, extents := npyDescr.FindStringSubmatch(header), npyFortran.FindStringSubmatch(header), npyShape.FindStringSubmatch(header)
	if descr == nil || fortran == nil || extents == nil {
		return nil, fmt.Errorf("its NumPy header %q is not understood", header)
	}
	dtype, ok := npyTypes[descr[2]]
	switch {
	case !ok:
		return nil, fmt.Errorf("NumPy type %q is not supported", descr[2])
	case descr[1] == ">":
		return nil, errors.New("it is big-endian: save it as numpy.save(file, x.astype(x.dtype.newbyteorder('<')))")
	case fortran[1] == "True":
		return nil, errors.New("it is in Fortran order: save it as numpy.save(file, numpy.ascontiguousarray(x))")
	}
	var shape tensor.Shape
	for _, text := range strings.Split(extents[1], ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		d, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("its shape (%s) is not understood", extents[1])
		}
		shape = append(shape, d)
	}
	return tensor.FromBytes(dtype, body, shape...)
}

// npyParts splits a file in its header and its elements.
func npyParts(data []byte) (header string, body []byte, err error) {
	if !bytes.HasPrefix(data, []byte(npyMagic)) || len(data) < 12 {
		return "", nil, errors.New("it is no NumPy file")
	}
	at, length := 10, int(binary.LittleEndian.Uint16(data[8:]))
	if data[6] > 1 {
		at, length = 12, int(binary.LittleEndian.Uint32(data[8:]))
	}
	if length > len(data)-at || length > 1<<16 {
		return "", nil, errors.New("its NumPy header is cut short, or too long")
	}
	return string(data[at:][:length]), data[at+length:], nil
}

// encodeNPY reports false for element types that NumPy lacks.
func encodeNPY(t *tensor.Tensor) ([]byte, bool) {
	for name, dtype := range npyTypes {
		if dtype != t.DType() {
			continue
		}
		body, err := t.Bytes()
		if err != nil {
			return nil, false
		}
		order := "<"
		if dtype.Size() == 1 {
			order = "|"
		}
		extents := ""
		for _, d := range t.Shape() {
			extents += fmt.Sprintf("%d,", d)
		}
		header := fmt.Sprintf("{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }", order, name, extents)
		header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
		out := append([]byte(npyMagic), 1, 0)
		out = binary.LittleEndian.AppendUint16(out, uint16(len(header)))
		return slices.Concat(out, []byte(header), body), true
	}
	return nil, false
}
