// Package layout finds what a delta wants to know of a file: where its tensors
// are. It owns the choice of format by a file's content, and refuses nothing: a
// file whose tensors it cannot find is a run of bytes, which a delta takes too.
//
//	base := delta.File{Data: data, Regions: layout.Of(data)}
package layout

import (
	"github.com/squadron-edge/squadron/deploy/delta"
	"github.com/squadron-edge/squadron/kernels/onnx"
)

// Of gives the regions of a model file, none for any other file.
func Of(data []byte) []delta.Region {
	places, err := onnx.Places(data, onnx.DefaultLimits)
	if err != nil {
		return nil // not a model: labels, pictures, scores
	}
	regions := make([]delta.Region, 0, len(places))
	for _, p := range places {
		regions = append(regions, delta.Region{Key: p.Name, Offset: p.Offset, Length: p.Length, ElementSize: p.ElementSize})
	}
	return regions
}
