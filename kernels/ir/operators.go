package ir

// Activation is a function applied to each element of a producer's result
// before it is stored: the epilogue that Fuse moves into Conv, Gemm and Add.
// Clip with Min and Max covers ReLU (0, +Inf) and ReLU6 (0, 6).
type Activation struct {
	Clip     bool
	Min, Max float32
}

// Window is the sliding window of a convolution or pooling over the spatial
// dimensions, outermost first.
type Window struct {
	Kernel    []int // extent of the window; Conv takes it from its weights
	Strides   []int
	Dilations []int
	// Pads holds the padding before each spatial dimension, then after each:
	// [top, left, bottom, right] for pictures.
	Pads []int
	// AutoPad, if not PadExplicit, makes the padding depend on the input's size.
	AutoPad AutoPad
}

// AutoPad is the rule by which padding follows from the input's size.
type AutoPad uint8

// The padding rules of ONNX's auto_pad.
const (
	PadExplicit  AutoPad = iota // use Window.Pads
	PadSameUpper                // output = ceil(input/stride), odd element after
	PadSameLower                // output = ceil(input/stride), odd element before
	PadValid                    // none
)

// Conv is grouped convolution. Inputs: X [N×C×spatial…], W [M×C/Group×kernel…],
// optional bias B [M]. Output: [N×M×spatial…]. (ONNX Conv-22.)
type Conv struct {
	Window
	Group int
	Act   Activation
}

// BatchNormalization in inference mode. Inputs: X [N×C×…], scale, bias, mean
// and variance, each [C]; a vector X is of one channel. (ONNX
// BatchNormalization-15.)
type BatchNormalization struct{ Epsilon float32 }

// Relu is max(x, 0). (ONNX Relu-14.)
type Relu struct{}

// Clip limits elements to [min, max]. Inputs: X, optional scalar min, optional
// scalar max, of X's type; or float32 where X is of floats, as before operator
// set 11. (ONNX Clip-13.)
type Clip struct{}

// Add is elementwise addition with multidirectional broadcasting.
// (ONNX Add-14.)
type Add struct{ Act Activation }

// Gemm is Alpha·A'·B' + Beta·C, where ' transposes if asked. Inputs: A, B [2-D],
// optional C, broadcast to the result. Integers are exact, modulo their type; Act
// is for float32 alone. (ONNX Gemm-13.)
type Gemm struct {
	Alpha, Beta    float32
	TransA, TransB bool
	Act            Activation
}

// MatMul multiplies matrices as numpy.matmul does, with broadcast leading
// dimensions. Integers are exact, modulo their type. (ONNX MatMul-13.)
type MatMul struct{}

// MaxPool is the maximum over a window; padding never wins. With Indices, a
// second output holds where in X, as one array, each maximum lies: counted along rows, or
// with ColumnMajor along the spatial dimensions the other way about, of a channel.
// (ONNX MaxPool-22.)
type MaxPool struct {
	Window
	CeilMode    bool
	Indices     bool
	ColumnMajor bool
}

// AveragePool is the mean over a window. (ONNX AveragePool-22.)
type AveragePool struct {
	Window
	CeilMode        bool
	CountIncludePad bool
}

// LpPool is the P-norm over a window: the P-th root of the sum of the magnitudes'
// P-th powers. (ONNX LpPool-22.)
type LpPool struct {
	Window
	CeilMode bool
	P        float64
}

// GlobalAveragePool is the mean over all spatial dimensions, which stay as 1.
// (ONNX GlobalAveragePool-22.)
type GlobalAveragePool struct{}

// GlobalMaxPool is the maximum over all spatial dimensions, which stay as 1.
// (ONNX GlobalMaxPool-22.)
type GlobalMaxPool struct{}

// GlobalLpPool is the P-norm over all spatial dimensions, which stay as 1. (ONNX
// GlobalLpPool-22.)
type GlobalLpPool struct{ P float64 }

// Concat joins its inputs along Axis. (ONNX Concat-13.)
type Concat struct{ Axis int }

// Flatten makes a matrix of the dimensions before and from Axis. (ONNX
// Flatten-13.)
type Flatten struct{ Axis int }

// Reshape gives X another shape. Inputs: X, int64 shape with 0 (keep, unless
// AllowZero) and at most one -1. (ONNX Reshape-14.)
type Reshape struct{ AllowZero bool }

// Squeeze removes dimensions of extent 1. Inputs: X, optional int64 axes.
// (ONNX Squeeze-13.)
type Squeeze struct{}

// Unsqueeze inserts dimensions of extent 1. Inputs: X, int64 axes. (ONNX
// Unsqueeze-13.)
type Unsqueeze struct{}

// Shape gives the extents of X from Start to End as an int64 vector; negative
// bounds count from the end. (ONNX Shape-15.)
type Shape struct {
	Start  int
	End    int
	HasEnd bool
}

// Gather takes slices of X along Axis by indices, int64 or int32, which may be
// negative.
// Inputs: X, indices. (ONNX Gather-13.)
type Gather struct{ Axis int }

// Identity passes its input on. Dropout at inference is imported as one.
type Identity struct{}
