// Package kernels runs neural networks: it reads an ONNX file, plans it
// once for each shape of its inputs, and executes the plan on the first engine that
// can.
//
// It owns the way from a file to a Session, the Engine contract and the choice
// of an engine, which it always explains. It refuses to know the file format
// (package onnx), the planning (package ir) or any arithmetic (the engines). It
// imports nothing else of Squadron and can be used alone.
//
// Vocabulary: an Engine executes plans; a Session is one model loaded on one
// engine; a signature is the shapes that a plan is made for, and a run with others
// makes a plan anew; a Refusal says why a preferred engine did not take a model.
//
//	s, err := kernels.Open("model.onnx", kernels.Options{
//		Engines: []kernels.Engine{gorgonia.Engine{}, reference.Engine{}},
//	})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	out, err := s.Run(ctx, map[string]*tensor.Tensor{"input": picture})
package kernels

import (
	"github.com/squadron-edge/squadron/kernels/ir"
)

// Engine executes plans. The suite in package kerneltest holds every
// implementation to the reference engine's results.
type Engine interface {
	// Name is what telemetry and --engine call it: "cuda", "gorgonia" or
	// "reference".
	Name() string
	// Probe reports whether the engine can run on this machine: a sentence that
	// says what it found, and an error that says why it cannot.
	Probe() (found string, err error)
	// Fusions lists the rewrites whose results the engine executes.
	Fusions() ir.Fusions
	// Compile prepares a plan. It refuses an operator or element type that it
	// does not have with the node's label and what is supported.
	Compile(plan *ir.Plan) (ir.Program, error)
}
