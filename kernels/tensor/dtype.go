package tensor

import "fmt"

// DType names the type of a tensor's elements.
type DType uint8

// The element types of ONNX. Those of 4 bits take a byte an element in memory.
const (
	Invalid DType = iota
	Float32
	Int64
	Float64
	Float16
	BFloat16
	Int8
	Int16
	Int32
	Uint8
	Uint16
	Uint32
	Uint64
	Bool
	String
	Complex64
	Complex128
	Int4
	Uint4
	Float8E4M3FN
	Float8E4M3FNUZ
	Float8E5M2
	Float8E5M2FNUZ
	Float8E8M0
	Float4E2M1
)

// Element lists the Go types that store a DType: the type of the same name.
type Element interface {
	float32 | int64 | float64 | F16 | BF16 | int8 | int16 | int32 | uint8 | uint16 | uint32 | uint64 | bool | string |
		complex64 | complex128 | I4 | U4 | E4M3FN | E4M3FNUZ | E5M2 | E5M2FNUZ | E8M0 | E2M1
}

// The types of elements that Go lacks. A float's bits lie in the low end of its
// integer; see Format for what they mean. An I4 is -8 to 7, a U4 0 to 15.
type (
	F16      uint16 // IEEE 754 binary16
	BF16     uint16 // the upper half of a binary32
	I4       int8
	U4       uint8
	E4M3FN   uint8 // (OCP 8-bit floating point, 1.0)
	E5M2     uint8 // (OCP 8-bit floating point, 1.0)
	E4M3FNUZ uint8 // (Noune et al., arXiv 2206.02915)
	E5M2FNUZ uint8 // (Noune et al., arXiv 2206.02915)
	E8M0     uint8 // (OCP microscaling formats, 1.0)
	E2M1     uint8 // (OCP microscaling formats, 1.0)
)

// about is what is known of each DType.
var about = [...]struct {
	name string
	size int // bytes in memory, of a string's header
	bits int // in a file; 0 of a string
}{
	Invalid:        {"invalid", 0, 0},
	Float32:        {"float32", 4, 32},
	Int64:          {"int64", 8, 64},
	Float64:        {"float64", 8, 64},
	Float16:        {"float16", 2, 16},
	BFloat16:       {"bfloat16", 2, 16},
	Int8:           {"int8", 1, 8},
	Int16:          {"int16", 2, 16},
	Int32:          {"int32", 4, 32},
	Uint8:          {"uint8", 1, 8},
	Uint16:         {"uint16", 2, 16},
	Uint32:         {"uint32", 4, 32},
	Uint64:         {"uint64", 8, 64},
	Bool:           {"bool", 1, 8},
	String:         {"string", 16, 0},
	Complex64:      {"complex64", 8, 64},
	Complex128:     {"complex128", 16, 128},
	Int4:           {"int4", 1, 4},
	Uint4:          {"uint4", 1, 4},
	Float8E4M3FN:   {"float8e4m3fn", 1, 8},
	Float8E4M3FNUZ: {"float8e4m3fnuz", 1, 8},
	Float8E5M2:     {"float8e5m2", 1, 8},
	Float8E5M2FNUZ: {"float8e5m2fnuz", 1, 8},
	Float8E8M0:     {"float8e8m0", 1, 8},
	Float4E2M1:     {"float4e2m1", 1, 4},
}

// Size is the storage of one element in memory, in bytes; of a string, without
// its text.
func (d DType) Size() int {
	if int(d) < len(about) {
		return about[d].size
	}
	return 0
}

// Bits is the storage of one element in a file; 0 for a string.
func (d DType) Bits() int {
	if int(d) < len(about) {
		return about[d].bits
	}
	return 0
}

func (d DType) String() string {
	if int(d) < len(about) {
		return about[d].name
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}

// IsFloat reports whether elements are real numbers with an exponent.
func (d DType) IsFloat() bool {
	switch d {
	case Float32, Float64:
		return true
	}
	_, ok := FormatOf(d)
	return ok
}

// IsInteger reports whether elements are whole numbers; bools are not.
func (d DType) IsInteger() bool { return d.IsSigned() || d.IsUnsigned() }

// IsSigned reports whether elements are whole numbers that may be negative.
func (d DType) IsSigned() bool {
	switch d {
	case Int64, Int32, Int16, Int8, Int4:
		return true
	}
	return false
}

// IsUnsigned reports whether elements are whole numbers that are never negative.
func (d DType) IsUnsigned() bool {
	switch d {
	case Uint64, Uint32, Uint16, Uint8, Uint4:
		return true
	}
	return false
}
