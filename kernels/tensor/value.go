package tensor

import (
	"fmt"
	"strings"
)

// Value is what an operator reads or gives: a *Tensor, *Sequence, *Optional or
// *Map.
type Value interface {
	fmt.Stringer
	// Type says what the value is, as far as it says so itself.
	Type() Type
}

// Kind tells tensors from what is made of them.
type Kind uint8

// The kinds of values.
const (
	IsTensor Kind = iota
	IsSequence
	IsOptional
	IsMap
)

// Type is the type of a value, without its shape.
type Type struct {
	Kind  Kind
	DType DType // of a tensor
	Key   DType // of a map
	Elem  *Type // of a sequence, an optional or a map
}

// Equal reports whether both are the same type.
func (t Type) Equal(o Type) bool {
	if t.Kind != o.Kind || t.DType != o.DType || t.Key != o.Key || (t.Elem == nil) != (o.Elem == nil) {
		return false
	}
	return t.Elem == nil || t.Elem.Equal(*o.Elem)
}

func (t Type) String() string {
	elem := "?"
	if t.Elem != nil {
		elem = t.Elem.String()
	}
	switch t.Kind {
	case IsSequence:
		return "sequence(" + elem + ")"
	case IsOptional:
		return "optional(" + elem + ")"
	case IsMap:
		return fmt.Sprintf("map(%v, %s)", t.Key, elem)
	}
	return t.DType.String()
}

// SequenceOf is the type of a sequence of elements.
func SequenceOf(elem Type) Type { return Type{Kind: IsSequence, Elem: &elem} }

// OptionalOf is the type of an optional element.
func OptionalOf(elem Type) Type { return Type{Kind: IsOptional, Elem: &elem} }

// Sequence is a list of values of one type.
type Sequence struct {
	Elem   Type
	Values []Value
}

// Optional is a value of a type, or none.
type Optional struct {
	Elem  Type
	Value Value // nil for none
}

// Map gives each of some keys a value. Keys are a vector of int64 or strings, and
// Values a tensor whose first extent is theirs.
type Map struct {
	Keys, Values *Tensor
}

// Type is that of a tensor of its elements.
func (t *Tensor) Type() Type { return Type{DType: t.dtype} }

// Type is that of a sequence of its elements.
func (s *Sequence) Type() Type { return SequenceOf(s.Elem) }

// Type is that of an optional of its element.
func (o *Optional) Type() Type { return OptionalOf(o.Elem) }

// Type is that of a map of its keys and values.
func (m *Map) Type() Type {
	elem := m.Values.Type()
	return Type{Kind: IsMap, Key: m.Keys.dtype, Elem: &elem}
}

func (s *Sequence) String() string {
	parts := make([]string, len(s.Values))
	for i, v := range s.Values {
		parts[i] = v.String()
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

func (o *Optional) String() string {
	if o.Value == nil {
		return "no " + o.Elem.String()
	}
	return "optional " + o.Value.String()
}

func (m *Map) String() string { return fmt.Sprintf("map of %v to %v", m.Keys, m.Values) }

// Bytes is the storage that a value's elements take, without the text of
// strings.
func Bytes(v Value) int {
	switch v := v.(type) {
	case *Tensor:
		return v.len * v.dtype.Size()
	case *Sequence:
		sum := 0
		for _, e := range v.Values {
			sum += Bytes(e)
		}
		return sum
	case *Optional:
		if v.Value != nil {
			return Bytes(v.Value)
		}
	case *Map:
		return Bytes(v.Keys) + Bytes(v.Values)
	}
	return 0
}

// Values are tensors as values; a nil stays nil.
func Values(ts []*Tensor) []Value {
	out := make([]Value, len(ts))
	for i, t := range ts {
		if t != nil {
			out[i] = t
		}
	}
	return out
}

// Clone copies a value and all that it is made of.
func Clone(v Value) Value {
	switch v := v.(type) {
	case *Tensor:
		return v.Clone()
	case *Sequence:
		out := &Sequence{Elem: v.Elem, Values: make([]Value, len(v.Values))}
		for i, e := range v.Values {
			out.Values[i] = Clone(e)
		}
		return out
	case *Optional:
		if v.Value == nil {
			return &Optional{Elem: v.Elem}
		}
		return &Optional{Elem: v.Elem, Value: Clone(v.Value)}
	case *Map:
		return &Map{Keys: v.Keys.Clone(), Values: v.Values.Clone()}
	}
	return v
}
