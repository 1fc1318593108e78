package kernels_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/kernels/onnx"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// growing is a loop that appends x to a value in each trip, and gives its length
// then.
func growing(inputs string, initializers ...onnx.Tensor) onnx.Graph {
	return onnx.Graph{
		Initializers: initializers,
		Inputs:       typed("trips", shaped(onnx.Int64), "x", onnx.Float),
		Nodes: []onnx.Node{
			apply("Loop", "all y", inputs, bodyOf("body", onnx.Graph{
				Inputs: typed("i", shaped(onnx.Int64), "on", shaped(onnx.Bool), "v", shaped(onnx.Float, 1)),
				Nodes: []onnx.Node{
					apply("Concat", "longer", "v x", intOf("axis", 0)),
					apply("Shape", "length", "longer"),
					apply("Identity", "still", "on"),
				},
				Outputs: typed("still", onnx.Bool, "longer", shaped(onnx.Float, 2), "length", shaped(onnx.Int64, 1)),
			})),
		},
		Outputs: typed("y", onnx.Int64, "all", onnx.Float),
	}
}

func TestALoopCarriesValuesWhoseShapeChanges(t *testing.T) {
	g := growing("trips - x")
	gives(t, 13, g, values{"trips": number(3), "x": vector(1, 2)}, "[3×1][4 6 8]")
}

func TestALoopOfNoTripsGivesWhatItWasGiven(t *testing.T) {
	in := values{"trips": number(0), "x": vector(1, 2)}
	gives(t, 13, growing("trips - x"), in, "int64[0×1]")
	gives(t, 13, growing("trips no x", truthOf("no", false)), values{"trips": number(5), "x": vector(1)}, "int64[0×1]")
	for name, s := range sessions(t, 13, growing("trips - x")) {
		out, err := s.RunValues(context.Background(), in)
		if err != nil || told(out["all"]) != "[2][1 2]" {
			t.Errorf("%s: %v, %v", name, out, err)
		}
	}
}

func TestALoopEndsWhenItsConditionIsFalse(t *testing.T) {
	g := onnx.Graph{
		Inputs: typed("x", shaped(onnx.Float, 2)),
		Nodes: []onnx.Node{
			apply("Loop", "y", "", bodyOf("body", onnx.Graph{
				Inputs: typed("i", onnx.Int64, "on", onnx.Bool),
				Nodes: []onnx.Node{
					apply("Shape", "s", "x"),
					apply("Gather", "never", "conditions i"),
					apply("Identity", "part", "x"),
				},
				Initializers: []onnx.Tensor{{Name: "conditions", Type: onnx.Bool, Dims: []int64{3}, Raw: []byte{1, 1, 0}}},
				Outputs:      typed("never", onnx.Bool, "part", onnx.Float),
			})),
		},
		Outputs: typed("y", onnx.Float),
	}
	gives(t, 11, g, values{"x": vector(1, 2)}, "[3×2][1 2 1 2 1 2]")
}

func TestAnEndlessLoopEndsWithItsRun(t *testing.T) {
	g := onnx.Graph{
		Inputs: typed("x", shaped(onnx.Float, 1)),
		Nodes: []onnx.Node{apply("Loop", "y", "- - x", bodyOf("body", onnx.Graph{
			Inputs:  typed("i", onnx.Int64, "on", onnx.Bool, "v", onnx.Float),
			Nodes:   []onnx.Node{apply("Identity", "still", "on"), apply("Identity", "w", "v")},
			Outputs: typed("still", onnx.Bool, "w", onnx.Float),
		}))},
		Outputs: typed("y", onnx.Float),
	}
	for name, s := range sessions(t, 13, g) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		if _, err := s.RunValues(ctx, values{"x": vector(1)}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestALoopThatStacksWithoutEndIsRefused(t *testing.T) {
	g := onnx.Graph{
		Inputs: typed("x", onnx.Uint8),
		Nodes: []onnx.Node{apply("Loop", "y", "", bodyOf("body", onnx.Graph{
			Inputs:  typed("i", onnx.Int64, "on", onnx.Bool),
			Nodes:   []onnx.Node{apply("Identity", "still", "on"), apply("Identity", "v", "x")},
			Outputs: typed("still", onnx.Bool, "v", onnx.Uint8),
		}))},
		Outputs: typed("y", onnx.Uint8),
	}
	x, err := tensor.New(tensor.Uint8, 600<<20, 0) // which counts as if it were full
	if err != nil {
		t.Fatal(err)
	}
	fails(t, 13, g, values{"x": x}, "limit")
}

func TestALoopCarriesASequence(t *testing.T) {
	g := onnx.Graph{
		Inputs: typed("x", shaped(onnx.Float, 1)),
		Initializers: []onnx.Tensor{
			scalarOf("two", 2),
		},
		Nodes: []onnx.Node{
			apply("SequenceEmpty", "none", ""),
			apply("Loop", "y", "two - none", bodyOf("body", onnx.Graph{
				Inputs:  typed("i", onnx.Int64, "on", onnx.Bool, "s", sequenceType(onnx.Float)),
				Nodes:   []onnx.Node{apply("SequenceInsert", "t", "s x"), apply("Identity", "still", "on")},
				Outputs: typed("still", onnx.Bool, "t", sequenceType(onnx.Float)),
			})),
		},
		Outputs: typed("y", sequenceType(onnx.Float)),
	}
	gives(t, 13, g, values{"x": vector(7)}, "float32([1][7] [1][7])")
}

// joining scans x by joining each slice to a state.
func joining(opset int64, state, slice onnx.TypeInfo, inputs string, attributes ...onnx.Attribute) onnx.Graph {
	return onnx.Graph{
		Inputs:       typed("x", onnx.Float, "s", onnx.Float),
		Initializers: []onnx.Tensor{whole("lens", 2, 1)},
		Nodes: []onnx.Node{apply("Scan", "last y", inputs, append(attributes, intOf("num_scan_inputs", 1), bodyOf("body", onnx.Graph{
			Inputs:  typed("state", state, "slice", slice),
			Nodes:   []onnx.Node{apply("Identity", "next", "slice"), apply("Concat", "both", "state slice", intOf("axis", 0))},
			Outputs: typed("next", state, "both", onnx.TypeInfo{Type: onnx.Float, Shape: []onnx.Dim{{}}}),
		}))...)},
		Outputs: typed("y", onnx.Float, "last", onnx.Float),
	}
}

func TestScanGoesAlongItsAxes(t *testing.T) {
	state := shaped(onnx.Float, 1)
	in := values{"s": vector(0), "x": matrix(1, 3, 1, 2, 3)}
	scan := func(attributes ...onnx.Attribute) onnx.Graph {
		return joining(9, state, state, "s x", append(attributes, intsOf("scan_input_axes", 1))...)
	}
	gives(t, 9, scan(), in, "[3×2][0 1 1 2 2 3]")
	gives(t, 11, scan(intsOf("scan_input_directions", 1)), in, "[3×2][0 3 3 2 2 1]")
	gives(t, 16, scan(intsOf("scan_output_directions", 1)), in, "[3×2][2 3 1 2 0 1]")
	gives(t, 19, scan(intsOf("scan_output_axes", -1)), in, "[2×3][0 1 2 1 2 3]")
	gives(t, 19, scan(), values{"s": vector(0), "x": matrix(1, 0)}, "float32[0×0]")
}

func TestScanAtOperatorSet8GoesBatchByBatch(t *testing.T) {
	state := shaped(onnx.Float, 1)
	x, err := tensor.Of([]float32{1, 2, 3, 4}, 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	in := values{"s": matrix(2, 1, 8, 9), "x": x}
	gives(t, 8, joining(8, state, state, "- s x"), in, "[2×2×2][8 1 1 2 9 3 3 4]")
	// The second batch is one slice long.
	gives(t, 8, joining(8, state, state, "lens s x"), in, "[2×2×2][8 1 1 2 9 3 0 0]")
	gives(t, 8, joining(8, state, state, "lens s x", intsOf("directions", 1)), in, "[2×2×2][8 2 2 1 9 3 0 0]")
}

func matrix(rows, columns int, v ...float32) *tensor.Tensor {
	t, err := tensor.Of(append([]float32{}, v...), rows, columns)
	if err != nil {
		panic(err)
	}
	return t
}

func TestSequenceMapReadsSequencesInStepAndTensorsWhole(t *testing.T) {
	g := onnx.Graph{
		Inputs: typed("a", sequenceType(onnx.Float), "b", sequenceType(onnx.Float), "x", onnx.Float, "outer", onnx.Float),
		Nodes: []onnx.Node{apply("SequenceMap", "y", "a b x", bodyOf("body", onnx.Graph{
			Inputs:  typed("p", onnx.Float, "q", onnx.Float, "z", onnx.Float),
			Nodes:   []onnx.Node{apply("Concat", "r", "p q z outer", intOf("axis", 0))},
			Outputs: typed("r", onnx.Float),
		}))},
		Outputs: typed("y", sequenceType(onnx.Float)),
	}
	elem := tensor.Type{DType: tensor.Float32}
	list := func(v ...tensor.Value) *tensor.Sequence { return &tensor.Sequence{Elem: elem, Values: v} }
	x := vector(5)
	gives(t, 17, g, values{"a": list(vector(1), vector(2)), "b": list(vector(3), vector(4, 4)), "x": x, "outer": x},
		"float32([4][1 3 5 5] [5][2 4 4 5 5])")
	gives(t, 17, g, values{"a": list(), "b": list(), "x": x, "outer": x}, "float32()")
	fails(t, 17, g, values{"a": list(x), "b": list(), "x": x, "outer": x}, "1 and 0 elements")
}

func TestSequencesAndOptionals(t *testing.T) {
	elem := tensor.Type{DType: tensor.Float32}
	s := &tensor.Sequence{Elem: elem, Values: []tensor.Value{vector(1), vector(2, 3)}}
	typeAttr := func(of onnx.TypeInfo) onnx.Attribute {
		return onnx.Attribute{Name: "type", Type: onnx.TypeAttribute, Of: &of}
	}
	float := onnx.TypeInfo{Type: onnx.Float}
	for _, c := range []struct {
		name  string
		nodes []onnx.Node
		want  string // "!" begins an error
	}{
		{"construct", []onnx.Node{apply("SequenceConstruct", "y", "x x")}, "float32([3][1 2 3] [3][1 2 3])"},
		{"at the end", []onnx.Node{apply("SequenceAt", "y", "s m1")}, "[2][2 3]"},
		{"past the end", []onnx.Node{apply("SequenceAt", "y", "s two")}, "!2 is outside"},
		{"insert at the end", []onnx.Node{apply("SequenceInsert", "y", "s x")}, "float32([1][1] [2][2 3] [3][1 2 3])"},
		{"insert before the last", []onnx.Node{apply("SequenceInsert", "y", "s x m1")}, "float32([1][1] [3][1 2 3] [2][2 3])"},
		{"insert past the last", []onnx.Node{apply("SequenceInsert", "y", "s x two")}, "float32([1][1] [2][2 3] [3][1 2 3])"},
		{"insert far away", []onnx.Node{apply("SequenceInsert", "y", "s x m3")}, "!-3 is outside"},
		{"insert another type", []onnx.Node{apply("SequenceInsert", "y", "s two")}, "!sequence of float32"},
		{"erase the last", []onnx.Node{apply("SequenceErase", "y", "s")}, "float32([1][1])"},
		{"erase the first", []onnx.Node{apply("SequenceErase", "y", "s zero")}, "float32([2][2 3])"},
		{"erase from none", []onnx.Node{apply("SequenceEmpty", "e", ""), apply("SequenceErase", "y", "e")}, "!no element"},
		{"length", []onnx.Node{apply("SequenceLength", "y", "s")}, "[][2]"},
		{"empty of a type", []onnx.Node{apply("SequenceEmpty", "y", "", intOf("dtype", 7))}, "int64()"},
		{"join", []onnx.Node{apply("ConcatFromSequence", "y", "s", intOf("axis", 0))}, "[3][1 2 3]"},
		{"join along a new axis", []onnx.Node{apply("SequenceConstruct", "c", "x x"), apply("ConcatFromSequence", "y", "c", intOf("axis", -1), intOf("new_axis", 1))}, "[3×2][1 1 2 2 3 3]"},
		{"join none", []onnx.Node{apply("SequenceEmpty", "e", ""), apply("ConcatFromSequence", "y", "e", intOf("axis", 0))}, "!no tensors"},
		{"split by size", []onnx.Node{apply("SplitToSequence", "y", "x two")}, "float32([2][1 2] [1][3])"},
		{"split by sizes", []onnx.Node{apply("SplitToSequence", "y", "x sizes")}, "float32([1][1] [2][2 3])"},
		{"split in ones", []onnx.Node{apply("SplitToSequence", "y", "x")}, "float32([1][1] [1][2] [1][3])"},
		{"split in scalars", []onnx.Node{apply("SplitToSequence", "y", "x", intOf("keepdims", 0))}, "float32([][1] [][2] [][3])"},
		{"sizes keep the axis", []onnx.Node{apply("SplitToSequence", "y", "x sizes", intOf("keepdims", 0))}, "float32([1][1] [2][2 3])"},
		{"an identity of a sequence", []onnx.Node{apply("Identity", "y", "s")}, "float32([1][1] [2][2 3])"},
		{"an optional's element", []onnx.Node{apply("Optional", "o", "x"), apply("OptionalGetElement", "y", "o")}, "[3][1 2 3]"},
		{"an optional sequence's element", []onnx.Node{apply("Optional", "o", "s"), apply("OptionalGetElement", "p", "o"), apply("SequenceLength", "y", "p")}, "[][2]"},
		{"a tensor's element", []onnx.Node{apply("OptionalGetElement", "y", "x")}, "[3][1 2 3]"},
		{"there is an element", []onnx.Node{apply("Optional", "o", "x"), apply("OptionalHasElement", "y", "o")}, "[][true]"},
		{"a tensor is there", []onnx.Node{apply("OptionalHasElement", "y", "x")}, "[][true]"},
		{"there is no element", []onnx.Node{apply("Optional", "o", "", typeAttr(float)), apply("OptionalHasElement", "y", "o")}, "[][false]"},
		{"there is no input", []onnx.Node{apply("OptionalHasElement", "y", "")}, "[][false]"},
		{"there is an empty input", []onnx.Node{apply("OptionalHasElement", "y", "-")}, "[][false]"},
		{"the element of none", []onnx.Node{apply("Optional", "o", "", typeAttr(float)), apply("OptionalGetElement", "y", "o")}, "!no float32"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := onnx.Graph{
				Inputs:       typed("x", shaped(onnx.Float, 3), "s", sequenceType(onnx.Float)),
				Initializers: []onnx.Tensor{scalarOf("zero", 0), scalarOf("two", 2), scalarOf("m1", -1), scalarOf("m3", -3), whole("sizes", 1, 2)},
				Nodes:        c.nodes,
				Outputs:      typed("y", onnx.DataType(0)),
			}
			in := values{"x": vector(1, 2, 3), "s": s}
			if word, ok := strings.CutPrefix(c.want, "!"); ok {
				fails(t, 18, g, in, word)
				return
			}
			gives(t, 18, g, in, c.want)
		})
	}
}

// PyTorch writes a squeeze as an If whose branches each fit other shapes.
func TestABranchThatDoesNotFitIsNoErrorUntilItIsTaken(t *testing.T) {
	squeeze := bodyOf("then_branch", onnx.Graph{Nodes: []onnx.Node{apply("Squeeze", "a", "x axes")}, Outputs: typed("a", shaped(onnx.Float, 3))})
	pass := bodyOf("else_branch", onnx.Graph{Nodes: []onnx.Node{apply("Identity", "b", "x")}, Outputs: typed("b", onnx.Float)})
	g := onnx.Graph{
		Inputs:       typed("x", shaped(onnx.Float, 3), "c", shaped(onnx.Bool)),
		Initializers: []onnx.Tensor{whole("axes", 0)},
		Nodes:        []onnx.Node{apply("If", "y", "c", squeeze, pass)},
		Outputs:      typed("y", onnx.Float),
	}
	flag := func(v bool) *tensor.Tensor {
		c, err := tensor.Of([]bool{v})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	gives(t, 13, g, values{"x": vector(1, 2, 3), "c": flag(false)}, "[3][1 2 3]")
	fails(t, 13, g, values{"x": vector(1, 2, 3), "c": flag(true)}, "Squeeze")
}

func TestABranchOfAConstantConditionIsPartOfTheGraph(t *testing.T) {
	inner := bodyOf("then_branch", onnx.Graph{Nodes: []onnx.Node{apply("Relu", "d", "x")}, Outputs: typed("d", onnx.Float)})
	never := bodyOf("else_branch", onnx.Graph{Nodes: []onnx.Node{apply("Flatten", "e", "none")}, Outputs: typed("e", onnx.Float)})
	g := onnx.Graph{
		Inputs:       typed("x", shaped(onnx.Float, 2)),
		Initializers: []onnx.Tensor{truthOf("yes", true), truthOf("no", false), {Name: "none", Type: onnx.Float, Floats: []float32{0}}},
		Nodes: []onnx.Node{
			apply("If", "y z", "no",
				bodyOf("then_branch", onnx.Graph{Nodes: []onnx.Node{apply("Squeeze", "f", "none")}, Outputs: typed("f", onnx.Float, "none", onnx.Float)}),
				bodyOf("else_branch", onnx.Graph{Nodes: []onnx.Node{apply("If", "g", "yes", inner, never)}, Outputs: typed("g", onnx.Float, "x", onnx.Float)}))},
		Outputs: typed("y", onnx.Float, "z", onnx.Float),
	}
	gives(t, 16, g, values{"x": vector(-1, 2)}, "[2][0 2]")
	for name, s := range sessions(t, 16, g) {
		if y := s.Outputs()[0]; !y.Known() {
			t.Errorf("%s does not know the shape of y: %v", name, y)
		}
	}
}

func TestStringsMoveThroughKnownShapes(t *testing.T) {
	g := onnx.Graph{
		Inputs: typed("x", shaped(onnx.String, 2)),
		Nodes: []onnx.Node{
			apply("StringConcat", "twice", "x x"), apply("StringConcat", "more", "twice x"),
			apply("Concat", "y", "more twice", intOf("axis", 0)),
		},
		Outputs: typed("y", onnx.String),
	}
	x, err := tensor.Of([]string{"a", "é"}, 2)
	if err != nil {
		t.Fatal(err)
	}
	gives(t, 20, g, values{"x": x}, `[4]["aaa" "ééé" "aa" "éé"]`)
}
