//go:build cgo

// Package onnxruntime runs models with ONNX Runtime, for tests that want an oracle
// which is not ours.
//
// It owns the way to its library and back. It refuses to be used outside of tests:
// nothing that ships imports it.
//
//	oracle := onnxruntime.Require(t)
//	want, err := oracle.Run(model, inputs)
package onnxruntime

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// Library names the environment's variable with the path of libonnxruntime.so.1,
// which the npm package onnxruntime-node 1.30.0 brings.
const Library = "SQUADRON_ONNXRUNTIME"

// Runtime is ONNX Runtime in this process.
type Runtime struct{}

var start = sync.OnceValue(func() error {
	ort.SetSharedLibraryPath(os.Getenv(Library))
	return ort.InitializeEnvironment(ort.WithLogLevelFatal())
})

// Require gives the runtime, or skips the test; under CI a skip fails.
func Require(t testing.TB) Runtime {
	t.Helper()
	if os.Getenv(Library) == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not set", Library)
		}
		t.Skipf("install the npm package onnxruntime-node@1.30.0 and set %s to its libonnxruntime.so.1 to compare with ONNX Runtime", Library)
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	return Runtime{}
}

// unread is an input for the binding, which takes no model without one.
const unread = "the binding wants an input"

// Run gives the outputs of a model, in order. Its inputs become initializers, which
// takes element types, empty tensors and scalars that the binding does not; so an
// input must be a tensor. Nothing is optimised.
func (Runtime) Run(m *onnx.Model, inputs map[string]*tensor.Tensor) (out []tensor.Value, err error) {
	fixed := *m
	for _, v := range m.Graph.Inputs {
		t, ok := inputs[v.Name]
		if !ok {
			return nil, fmt.Errorf("input %q is missing", v.Name)
		}
		fixed.Graph.Initializers = append(fixed.Graph.Initializers[:len(fixed.Graph.Initializers):len(fixed.Graph.Initializers)], onnx.TensorOf(v.Name, t))
	}
	fixed.Graph.Inputs = []onnx.ValueInfo{{Name: unread, TypeInfo: onnx.TypeInfo{Type: onnx.Float, Shape: []onnx.Dim{{Value: 1}}}}}
	data, err := onnx.Marshal(&fixed)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, v := range m.Graph.Outputs {
		names = append(names, v.Name)
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, options.Destroy()) }()
	if err := errors.Join(options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelDisableAll), options.SetIntraOpNumThreads(1)); err != nil {
		return nil, err
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(data, []string{unread}, names, options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, session.Destroy()) }()
	none, err := ort.NewTensor(ort.NewShape(1), []float32{0})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, none.Destroy()) }()
	results := make([]ort.Value, len(names))
	if err := session.Run([]ort.Value{none}, results); err != nil {
		return nil, err
	}
	runtime.KeepAlive(data)
	for _, r := range results {
		v, err := value(r)
		if err = errors.Join(err, r.Destroy()); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// value copies what ONNX Runtime gave.
func value(v ort.Value) (tensor.Value, error) {
	switch v := v.(type) {
	case *ort.Tensor[float32]:
		return copied(v)
	case *ort.Tensor[float64]:
		return copied(v)
	case *ort.Tensor[int8]:
		return copied(v)
	case *ort.Tensor[int16]:
		return copied(v)
	case *ort.Tensor[int32]:
		return copied(v)
	case *ort.Tensor[int64]:
		return copied(v)
	case *ort.Tensor[uint8]:
		return copied(v)
	case *ort.Tensor[uint16]:
		return copied(v)
	case *ort.Tensor[uint32]:
		return copied(v)
	case *ort.Tensor[uint64]:
		return copied(v)
	case *ort.Tensor[bool]:
		return copied(v)
	case *ort.StringTensor:
		text, err := v.GetContents()
		if err != nil {
			return nil, err
		}
		return tensor.Of(text, extents(v.GetShape())...)
	case *ort.Sequence:
		return sequence(v)
	case *ort.Map:
		return mapped(v)
	}
	return nil, fmt.Errorf("a %T is not read from ONNX Runtime: have the model cast it", v)
}

func copied[T element](v *ort.Tensor[T]) (tensor.Value, error) {
	return tensor.Of(slices.Clone(v.GetData()), extents(v.GetShape())...)
}

// element is a type that ONNX Runtime and we store alike.
type element interface {
	ort.TensorData
	tensor.Element
}

func sequence(s *ort.Sequence) (tensor.Value, error) {
	list, err := s.GetValues()
	if err != nil {
		return nil, err
	}
	out := new(tensor.Sequence)
	for _, e := range list {
		v, err := value(e)
		if err != nil {
			return nil, err
		}
		out.Elem = v.Type()
		out.Values = append(out.Values, v)
	}
	return out, nil
}

func mapped(m *ort.Map) (tensor.Value, error) {
	k, v, err := m.GetKeysAndValues()
	if err != nil {
		return nil, err
	}
	keys, err := value(k)
	if err != nil {
		return nil, err
	}
	values, err := value(v)
	if err != nil {
		return nil, err
	}
	return &tensor.Map{Keys: keys.(*tensor.Tensor), Values: values.(*tensor.Tensor)}, nil
}

func extents(s ort.Shape) []int {
	shape := make([]int, len(s))
	for i, d := range s {
		shape[i] = int(d)
	}
	return shape
}
