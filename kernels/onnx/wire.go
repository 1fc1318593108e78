package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a protobuf message as it stands on the wire.
type field struct {
	number protowire.Number
	wire   protowire.Type
	scalar uint64 // of a varint, 32-bit or 64-bit field
	bytes  []byte // of a length-delimited field: a part of the file
}

// eachField visits the fields of a message in order. It refuses groups, which
// ONNX does not use, and so never recurses on hostile nesting.
func eachField(message []byte, visit func(field) error) error {
	for rest := message; len(rest) > 0; {
		f, n, err := nextField(rest)
		if err != nil {
			return fmt.Errorf("at byte %d of %d: %w", len(message)-len(rest), len(message), err)
		}
		if err := visit(f); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

func nextField(b []byte) (f field, length int, err error) {
	number, wire, tag := protowire.ConsumeTag(b)
	if tag < 0 {
		return f, 0, protowire.ParseError(tag)
	}
	f = field{number: number, wire: wire}
	var n int
	switch wire {
	case protowire.VarintType:
		f.scalar, n = protowire.ConsumeVarint(b[tag:])
	case protowire.Fixed64Type:
		f.scalar, n = protowire.ConsumeFixed64(b[tag:])
	case protowire.Fixed32Type:
		var v uint32
		v, n = protowire.ConsumeFixed32(b[tag:])
		f.scalar = uint64(v)
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(b[tag:])
	default:
		return f, 0, fmt.Errorf("field %d has wire type %d, which ONNX does not use", number, wire)
	}
	if n < 0 {
		return f, 0, protowire.ParseError(n)
	}
	return f, tag + n, nil
}

// is refuses a field of another wire type than its message declares.
func (f field) is(wire protowire.Type) error {
	if f.wire != wire {
		return fmt.Errorf("field %d has wire type %d, not %d", f.number, f.wire, wire)
	}
	return nil
}

func (f field) int64(to *int64) error {
	*to = int64(f.scalar)
	return f.is(protowire.VarintType)
}

func (f field) float32(to *float32) error {
	*to = math.Float32frombits(uint32(f.scalar))
	return f.is(protowire.Fixed32Type)
}

// enum reads an enumeration, whose values fit 32 bits.
func enum[T ~int32](f field, to *T) error {
	if v := int64(f.scalar); v < 0 || v > math.MaxInt32 {
		return fmt.Errorf("field %d: %d is not a value of its enumeration", f.number, v)
	}
	*to = T(f.scalar)
	return f.is(protowire.VarintType)
}

// spending is what is left of the limits that span a whole file.
type spending struct {
	limits       Limits
	items        int
	decodedBytes int
}

// item charges one element of a repeated field.
func (s *spending) item() error {
	s.items++
	return atMost(s.items, s.limits.Items, "names and parts")
}

// numbers charges n numbers of size bytes that are about to be copied.
func (s *spending) numbers(n, size int) error {
	if err := atMost(n, s.limits.TensorElements, "numbers in one list"); err != nil {
		return err
	}
	s.decodedBytes += n * size
	return atMost(s.decodedBytes, s.limits.DecodedBytes, "bytes of decoded numbers")
}

func (s *spending) text(f field, to *string) error {
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	if err := atMost(len(f.bytes), s.limits.NameBytes, "bytes in a name"); err != nil {
		return err
	}
	if !utf8.Valid(f.bytes) {
		return fmt.Errorf("field %d is not UTF-8 text", f.number)
	}
	*to = string(f.bytes)
	return nil
}

func (s *spending) texts(f field, to *[]string) error {
	if err := s.item(); err != nil {
		return err
	}
	*to = append(*to, "")
	return s.text(f, &(*to)[len(*to)-1])
}

// one decodes an embedded message that may stand only once.
func one[T any](f field, what string, to **T, decode func([]byte, *T) error) error {
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	if *to != nil {
		return fmt.Errorf("two %ss where one belongs", what)
	}
	*to = new(T)
	if err := decode(f.bytes, *to); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// many decodes one more element of a repeated message.
func many[T any](s *spending, f field, what string, to *[]T, decode func([]byte, *T) error) error {
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	if err := s.item(); err != nil {
		return err
	}
	var zero T
	*to = append(*to, zero)
	if err := decode(f.bytes, &(*to)[len(*to)-1]); err != nil {
		return fmt.Errorf("%s %d: %w", what, len(*to)-1, err)
	}
	return nil
}

// int64s reads a repeated int64, packed or one at a time.
func (s *spending) int64s(f field, to *[]int64) error {
	if f.wire == protowire.VarintType {
		if err := s.numbers(1, 8); err != nil {
			return err
		}
		*to = append(*to, int64(f.scalar))
		return nil
	}
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	n := varints(f.bytes)
	if err := s.numbers(n, 8); err != nil {
		return err
	}
	list := slices.Grow(*to, n) // many short lists must not each copy what is there
	for b := f.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		list, b = append(list, int64(v)), b[n:]
	}
	*to = list
	return nil
}

// varints counts the varints in b by their last bytes.
func varints(b []byte) int {
	n := 0
	for _, c := range b {
		if c < 0x80 {
			n++
		}
	}
	return n
}

// float32s reads a repeated float, packed or one at a time.
func (s *spending) float32s(f field, to *[]float32) error {
	if f.wire == protowire.Fixed32Type {
		if err := s.numbers(1, 4); err != nil {
			return err
		}
		*to = append(*to, math.Float32frombits(uint32(f.scalar)))
		return nil
	}
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	if len(f.bytes)%4 != 0 {
		return errors.New("a packed list of floats is not a multiple of 4 bytes long")
	}
	if err := s.numbers(len(f.bytes)/4, 4); err != nil {
		return err
	}
	list := slices.Grow(*to, len(f.bytes)/4)
	for b := f.bytes; len(b) > 0; b = b[4:] {
		v, _ := protowire.ConsumeFixed32(b)
		list = append(list, math.Float32frombits(v))
	}
	*to = list
	return nil
}

// data reads bytes as a string, whatever they mean.
func (s *spending) data(f field, to *string) error {
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	if err := s.numbers(len(f.bytes), 1); err != nil {
		return err
	}
	*to = string(f.bytes)
	return nil
}

func (s *spending) datas(f field, to *[]string) error {
	if err := s.item(); err != nil {
		return err
	}
	*to = append(*to, "")
	return s.data(f, &(*to)[len(*to)-1])
}

// varintList reads a repeated int32 or uint64, of size bytes each, packed or one at
// a time.
func varintList[T int32 | uint64](s *spending, f field, size int, to *[]T) error {
	if f.wire == protowire.VarintType {
		if err := s.numbers(1, size); err != nil {
			return err
		}
		*to = append(*to, T(f.scalar))
		return nil
	}
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	n := varints(f.bytes)
	if err := s.numbers(n, size); err != nil {
		return err
	}
	list := slices.Grow(*to, n)
	for b := f.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		list, b = append(list, T(v)), b[n:]
	}
	*to = list
	return nil
}

// float64s reads a repeated double, packed or one at a time.
func (s *spending) float64s(f field, to *[]float64) error {
	if f.wire == protowire.Fixed64Type {
		if err := s.numbers(1, 8); err != nil {
			return err
		}
		*to = append(*to, math.Float64frombits(f.scalar))
		return nil
	}
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	if len(f.bytes)%8 != 0 {
		return errors.New("a packed list of doubles is not a multiple of 8 bytes long")
	}
	if err := s.numbers(len(f.bytes)/8, 8); err != nil {
		return err
	}
	list := slices.Grow(*to, len(f.bytes)/8)
	for b := f.bytes; len(b) > 0; b = b[8:] {
		v, _ := protowire.ConsumeFixed64(b)
		list = append(list, math.Float64frombits(v))
	}
	*to = list
	return nil
}
