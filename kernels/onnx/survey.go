package onnx

import (
	"cmp"
	"slices"
	"strconv"
)

// Survey is what a file holds, whether this project can run it or not.
type Survey struct {
	Producer   string
	Opsets     []Opset
	Inputs     []ValueInfo // without those that are initializers
	Outputs    []ValueInfo
	Operators  []Use // the most frequent first
	Parameters int   // elements of all initializers
	External   int   // initializers whose data are in other files
}

// Use counts the nodes of one operator, those in bodies and functions too.
type Use struct {
	Name    string // with its domain in front, unless that is ONNX's own
	Nodes   int
	Missing bool   // nothing here can run it
	First   string // the first of the nodes, for a message
}

// SurveyOf looks through a file.
func SurveyOf(data []byte, limits Limits) (*Survey, error) {
	m, err := Unmarshal(data, limits)
	if err != nil {
		return nil, err
	}
	s := surveying{
		survey:    &Survey{Producer: m.Producer, Opsets: m.Opsets, Outputs: m.Graph.Outputs},
		functions: map[operatorKey]bool{},
		uses:      map[operatorKey]*Use{},
	}
	for _, fn := range m.Functions {
		s.functions[operatorKey{fn.Domain, fn.Name, fn.Overload}] = true
	}
	for _, v := range m.Graph.Inputs {
		if !slices.ContainsFunc(m.Graph.Initializers, func(t Tensor) bool { return t.Name == v.Name }) {
			s.survey.Inputs = append(s.survey.Inputs, v)
		}
	}
	s.graph(&m.Graph)
	for _, fn := range m.Functions {
		s.nodes(fn.Nodes)
	}
	for _, use := range s.uses {
		s.survey.Operators = append(s.survey.Operators, *use)
	}
	slices.SortFunc(s.survey.Operators, func(a, b Use) int {
		return cmp.Or(cmp.Compare(b.Nodes, a.Nodes), cmp.Compare(a.Name, b.Name))
	})
	return s.survey, nil
}

type surveying struct {
	survey    *Survey
	functions map[operatorKey]bool
	uses      map[operatorKey]*Use
}

func (s *surveying) graph(g *Graph) {
	for i := range g.Initializers {
		t := &g.Initializers[i]
		if shape, err := dims(t.Dims); err == nil {
			if n, err := shape.Elements(); err == nil {
				s.survey.Parameters += n
			}
		}
		if t.External {
			s.survey.External++
		}
	}
	s.nodes(g.Nodes)
}

func (s *surveying) nodes(nodes []Node) {
	for i := range nodes {
		n := &nodes[i]
		key := operatorKey{domain: canonical(n.Domain), name: n.OpType}
		if s.uses[key] == nil {
			known := key == operatorKey{name: "Constant"} || operators[key] != nil || s.functions[operatorKey{n.Domain, n.OpType, n.Overload}]
			s.uses[key] = &Use{Name: key.String(), Missing: !known, First: n.label()}
		}
		s.uses[key].Nodes++
		for j := range n.Attributes {
			if g := n.Attributes[j].Graph; g != nil {
				s.graph(g)
			}
		}
	}
}

// Format writes a declared type, such as "float32[N×3×224×224]".
func (t *TypeInfo) Format() string {
	info, err := t.info()
	switch {
	case err != nil:
		return "a type that is not known: " + err.Error()
	case info.Compound != nil:
		return info.Compound.String()
	case t.Shape == nil:
		return info.DType.String() + "[…]"
	}
	text := info.DType.String() + "["
	for i, d := range t.Shape {
		if i > 0 {
			text += "×"
		}
		text += d.String()
	}
	return text + "]"
}

func (d Dim) String() string {
	switch {
	case d.Value != 0 || d.Given:
		return strconv.FormatInt(d.Value, 10)
	case d.Symbol != "":
		return d.Symbol
	}
	return "?"
}
