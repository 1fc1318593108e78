package onnx

import "fmt"

// Limits bound what a file may make its reader allocate. Every limit is
// checked before the allocation that it bounds.
type Limits struct {
	FileBytes      int // length of the file
	Nodes          int // nodes of the graph
	Items          int // all elements of repeated messages and names together
	NameBytes      int // each name and string
	Rank           int // dimensions of a tensor
	Depth          int // graphs in attributes of each other's nodes; functions that call each other
	TensorElements int // elements of one tensor
	DecodedBytes   int // all numbers that are not used where they stand in the file
}

// DefaultLimits admit every network that a Jetson Nano's 4 GB can run.
var DefaultLimits = Limits{
	FileBytes:      1 << 31,
	Nodes:          1 << 16,
	Items:          1 << 18,
	NameBytes:      1 << 12,
	Rank:           16,
	Depth:          16,
	TensorElements: 1 << 28,
	DecodedBytes:   1 << 29,
}

// atMost refuses more than limit of a thing.
func atMost(got, limit int, what string) error {
	if got > limit {
		return fmt.Errorf("%d %s, more than the limit of %d", got, what, limit)
	}
	return nil
}
