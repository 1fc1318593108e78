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
