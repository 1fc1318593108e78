package ir

// If runs Then or Else, as its input, a bool of one element, says. Both give as
// many outputs as it has. (ONNX If-19.)
type If struct{ Then, Else Body }

// Type is "If".
func (If) Type() string { return "If" }

// Bodies are Then and Else.
func (op If) Bodies() []Body { return []Body{op.Then, op.Else} }

// WithBodies replaces both.
func (op If) WithBodies(b []Body) Operator { return If{Then: b[0], Else: b[1]} }

// Infer leaves the outputs to the run.
func (op If) Infer([]Info) ([]Info, error) { return make([]Info, len(op.Then.Graph.Outputs)), nil }

// Loop runs its body again and again. Inputs: optional trip count M, optional
// condition, and the values that go from one trip to the next. The body reads the
// number of the trip, the condition and those values, and gives the condition of
// the next trip, those values and, for each trip, a slice of each scan output.
// Outputs: the values, and the slices stacked. (ONNX Loop-24.)
type Loop struct {
	Body Body
	// Outputs are the declared types of the body's, for the scan outputs of no
	// trips at all.
	Outputs []Info
}

// Type is "Loop".
func (Loop) Type() string { return "Loop" }

// Bodies is the one body.
func (op Loop) Bodies() []Body { return []Body{op.Body} }

// WithBodies replaces it.
func (op Loop) WithBodies(b []Body) Operator {
	op.Body = b[0]
	return op
}

// Infer leaves the outputs to the run.
func (op Loop) Infer([]Info) ([]Info, error) {
	return make([]Info, max(0, len(op.Body.Graph.Outputs)-1)), nil
}

// Scan runs its body for each slice of its last inputs. Inputs: state, which goes
// from one slice to the next, and then as many as InputAxes whose slices along
// those axes the body reads. Outputs: the last state, and the slices that the body
// gives, stacked along OutputAxes. (ONNX Scan-24.)
type Scan struct {
	Body          Body
	InputAxes     []int
	InputReverse  []bool // slices are read from the last to the first
	OutputAxes    []int
	OutputReverse []bool // slices are stacked from the last to the first
	// Batch says that all inputs and outputs have a batch in front, each of which
	// is a scan of its own, and that an optional int64 vector of their lengths is
	// the first input. (ONNX Scan-8.)
	Batch bool
	// Outputs are the declared types of the body's, for stacks of no slices.
	Outputs []Info
}

// Type is "Scan".
func (Scan) Type() string { return "Scan" }

// Bodies is the one body.
func (op Scan) Bodies() []Body { return []Body{op.Body} }

// WithBodies replaces it.
func (op Scan) WithBodies(b []Body) Operator {
	op.Body = b[0]
	return op
}

// Infer leaves the outputs to the run.
func (op Scan) Infer([]Info) ([]Info, error) { return make([]Info, len(op.Body.Graph.Outputs)), nil }

// SequenceMap runs its body for each element of a sequence. Inputs: the sequence,
// then others of its length, of which the body reads the same element, or tensors,
// which it reads whole. Each output is the sequence of what the body gives. (ONNX
// SequenceMap-17.)
type SequenceMap struct {
	Body Body
	// Outputs are the declared types of the body's, for sequences of none.
	Outputs []Info
}

// Type is "SequenceMap".
func (SequenceMap) Type() string { return "SequenceMap" }

// Bodies is the one body.
func (op SequenceMap) Bodies() []Body { return []Body{op.Body} }

// WithBodies replaces it.
func (op SequenceMap) WithBodies(b []Body) Operator {
	op.Body = b[0]
	return op
}

// Infer leaves the outputs to the run.
func (op SequenceMap) Infer([]Info) ([]Info, error) {
	return make([]Info, len(op.Body.Graph.Outputs)), nil
}
