package ir

import (
	"fmt"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

// DFT is the discrete Fourier transform along an axis. Inputs: X […×1] real or
// […×2] complex; optional length that the axis is cut or filled with zeros to;
// optional axis, by default -2. Output: […×2]. OneSided leaves out what symmetry
// tells of a real signal; with Inverse it is what X leaves out, and the output is
// real, […×1]. (ONNX DFT-20.)
type DFT struct{ Inverse, OneSided bool }

// Type is "DFT".
func (DFT) Type() string { return "DFT" }

// Infer makes the axis as long as the spectrum.
func (op DFT) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(
		parameter{name: "input", class: realNumbers},
		parameter{name: "dft_length", class: indices, optional: true},
		parameter{name: "axis", class: indices, optional: true},
	); err != nil {
		return nil, err
	}
	axis, length, known, err := op.Fit(in)
	if err != nil || !known {
		return []Info{{DType: in[0].DType}}, err
	}
	out := in[0].Shape.Clone()
	out[axis], out[len(out)-1] = length, 2
	switch {
	case op.OneSided && op.Inverse:
		out[len(out)-1] = 1
	case op.OneSided:
		out[axis] = length/2 + 1
	}
	return result(in[0].DType, out)
}

// Fit gives the axis, and the length of the signal in time.
func (op DFT) Fit(in []Info) (axis, length int, known bool, err error) {
	x := in[0].Shape
	if len(x) < 2 || x[len(x)-1] != 1 && x[len(x)-1] != 2 {
		return 0, 0, false, fmt.Errorf("input 0 (input) has shape %v, want real […×1] or complex […×2] elements", x)
	}
	if op.OneSided && (x[len(x)-1] == 2) != op.Inverse {
		return 0, 0, false, fmt.Errorf("input 0 (input) has shape %v; one side is that of the spectrum of a real signal", x)
	}
	axis, known = -2, true
	if operands(in).has(2) {
		if axis, known, err = operands(in).integer(2, "axis"); err != nil || !known {
			return 0, 0, false, err
		}
	}
	if axis, err = Axis(axis, len(x)); err != nil {
		return 0, 0, false, fmt.Errorf("input 2 (axis): %w", err)
	}
	if axis == len(x)-1 {
		return 0, 0, false, fmt.Errorf("input 2 (axis) is %d, which holds the complex parts", axis)
	}
	length = x[axis]
	if op.OneSided && op.Inverse {
		length = max(0, 2*(x[axis]-1))
	}
	if operands(in).has(1) {
		length, known, err = operands(in).extent(1, "dft_length")
	}
	if err == nil && known && length < 1 {
		err = fmt.Errorf("input 1 (dft_length): a transform of %d elements", length)
	}
	return axis, length, known, err
}

func (op DFT) multiplyAdds(in, out []Info) int {
	axis, _, known, err := op.Fit(in)
	if err != nil || !known {
		return 0
	}
	return times(volume(out[0].Shape), in[0].Shape[axis])
}

// STFT is DFT of each of the overlapping frames of a signal. Inputs: signal
// [batch×length×1] or complex [batch×length×2]; frame step; optional window [frame],
// by which each frame is multiplied; optional frame length. Output:
// [batch×frames×frequencies×2], OneSided without what symmetry tells.
// (ONNX STFT-17.)
type STFT struct{ OneSided bool }

// Type is "STFT".
func (STFT) Type() string { return "STFT" }

// Infer counts frames and frequencies.
func (op STFT) Infer(in []Info) ([]Info, error) {
	t := operands(in).dtypeOf(0)
	if err := operands(in).match(
		parameter{name: "signal", class: realNumbers},
		parameter{name: "frame_step", class: indices},
		parameter{name: "window", dtype: t, optional: true},
		parameter{name: "frame_length", class: indices, optional: true},
	); err != nil {
		return nil, err
	}
	f, known, err := op.Fit(in)
	if err != nil || !known {
		return []Info{{DType: t}}, err
	}
	frequencies := f.Length
	if op.OneSided {
		frequencies = f.Length/2 + 1
	}
	return result(t, tensor.Shape{in[0].Shape[0], f.Count, frequencies, 2})
}

// Frames are the parts of a signal that STFT transforms.
type Frames struct{ Step, Length, Count int }

// Fit finds the frames, if the inputs that tell them are known.
func (op STFT) Fit(in []Info) (f Frames, known bool, err error) {
	x := in[0].Shape
	if len(x) != 3 || x[2] != 1 && x[2] != 2 {
		return f, false, fmt.Errorf("input 0 (signal) has shape %v, want batch×length×1 or 2", x)
	}
	if op.OneSided && x[2] == 2 {
		return f, false, fmt.Errorf("input 0 (signal) has shape %v; one side is that of the spectrum of a real signal", x)
	}
	if f.Step, known, err = operands(in).integer(1, "frame_step"); err != nil || !known {
		return f, false, err
	}
	if f.Step < 1 {
		return f, false, fmt.Errorf("input 1 (frame_step) is %d", f.Step)
	}
	f.Length = x[1]
	window := operands(in).at(2).Shape
	if window != nil {
		if len(window) != 1 {
			return f, false, fmt.Errorf("input 2 (window) has shape %v, want a vector", window)
		}
		f.Length = window[0]
	}
	if operands(in).has(3) {
		length, known, err := operands(in).extent(3, "frame_length")
		if err != nil || !known {
			return f, false, err
		}
		if window != nil && length != window[0] {
			return f, false, fmt.Errorf("input 2 (window) has shape %v for frames of %d", window, length)
		}
		f.Length = length
	}
	if f.Length < 1 || f.Length > x[1] {
		return f, false, fmt.Errorf("input 0 (signal) has shape %v, which holds no frame of %d", x, f.Length)
	}
	f.Count = 1 + (x[1]-f.Length)/f.Step
	return f, true, nil
}

func (op STFT) multiplyAdds(in, out []Info) int {
	f, known, err := op.Fit(in)
	if err != nil || !known {
		return 0
	}
	return times(volume(out[0].Shape), f.Length)
}

// CosineWindow is a sum of cos(2πkn/N) with the factors of its Name, where N is the window's size, or
// unless Periodic one less. Input: size, an int64 or int32 scalar. (ONNX
// HannWindow-17, HammingWindow-17, BlackmanWindow-17.)
type CosineWindow struct {
	Name     WindowName
	Periodic bool
	DType    tensor.DType
}

// WindowName is the ONNX name of a CosineWindow.
type WindowName string

// The windows.
const (
	Hann     WindowName = "HannWindow"
	Hamming  WindowName = "HammingWindow"
	Blackman WindowName = "BlackmanWindow"
)

// Type is the window's name.
func (op CosineWindow) Type() string { return string(op.Name) }

// Infer gives a vector.
func (op CosineWindow) Infer(in []Info) ([]Info, error) {
	if err := operands(in).match(parameter{name: "size", class: indices}); err != nil {
		return nil, err
	}
	if !numbers.has(op.DType) {
		return nil, fmt.Errorf("attribute output_datatype is %v; supported is %s", op.DType, numbers.name)
	}
	n, known, err := operands(in).extent(0, "size")
	if err != nil || !known {
		return []Info{{DType: op.DType}}, err
	}
	return result(op.DType, tensor.Shape{n})
}

// MelWeightMatrix weighs the frequencies of a spectrum by the triangles of mel bins.
// Inputs: number of bins, DFT length, sample rate, each int64 or int32, and the
// lowest and highest frequency, of a float type. Output: [DFT length/2+1×bins]. (ONNX
// MelWeightMatrix-17.)
type MelWeightMatrix struct{ DType tensor.DType }

// Type is "MelWeightMatrix".
func (MelWeightMatrix) Type() string { return "MelWeightMatrix" }

// Infer gives frequencies by bins.
func (op MelWeightMatrix) Infer(in []Info) ([]Info, error) {
	names := []string{"num_mel_bins", "dft_length", "sample_rate"}
	want := []parameter{}
	for _, name := range names {
		want = append(want, parameter{name: name, class: indices})
	}
	want = append(want, parameter{name: "lower_edge_hertz", class: realNumbers}, parameter{name: "upper_edge_hertz", class: realNumbers})
	if err := operands(in).match(want...); err != nil {
		return nil, err
	}
	if !numbers.has(op.DType) {
		return nil, fmt.Errorf("attribute output_datatype is %v; supported is %s", op.DType, numbers.name)
	}
	for i := 3; i < 5; i++ {
		if n, err := in[i].Shape.Elements(); err != nil || n != 1 {
			return nil, fmt.Errorf("input %d (%s) has shape %v, want a scalar", i, want[i].name, in[i].Shape)
		}
	}
	var v [3]int
	for i, name := range names {
		var known bool
		var err error
		if v[i], known, err = operands(in).extent(i, name); err != nil || !known {
			return []Info{{DType: op.DType}}, err
		}
	}
	if v[2] == 0 {
		return nil, fmt.Errorf("input 2 (sample_rate) is 0")
	}
	return result(op.DType, tensor.Shape{v[1]/2 + 1, v[0]})
}
