package ir_test

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
	"github.com/squadron-edge/squadron/kernels/tensor"
)

// f and i are values of a type and shape; ints is an int64 constant.
func f(shape ...int) ir.Info {
	return ir.Info{DType: tensor.Float32, Shape: tensor.Shape(shape).Clone()}
}

func i(shape ...int) ir.Info {
	return ir.Info{DType: tensor.Int64, Shape: tensor.Shape(shape).Clone()}
}

func ints(v ...int64) ir.Info {
	t, err := tensor.Of(append([]int64{}, v...), len(v))
	if err != nil {
		panic(err)
	}
	return ir.Info{DType: tensor.Int64, Shape: t.Shape(), Const: t}
}

var none ir.Info

func pool(kernel int) ir.Window { return ir.Window{Kernel: []int{kernel, kernel}} }

func TestShapesAreInferred(t *testing.T) {
	for name, c := range map[string]struct {
		op   ir.Operator
		in   []ir.Info
		want ir.Info
	}{
		"Conv":                         {ir.Conv{Group: 1}, []ir.Info{f(2, 3, 8, 9), f(4, 3, 3, 3), f(4)}, f(2, 4, 6, 7)},
		"Conv, depthwise, no bias":     {ir.Conv{Group: 4}, []ir.Info{f(1, 4, 5, 5), f(8, 1, 1, 1), none}, f(1, 8, 5, 5)},
		"Conv over a signal":           {ir.Conv{Group: 1}, []ir.Info{f(1, 2, 10), f(3, 2, 4)}, f(1, 3, 7)},
		"BatchNormalization":           {ir.BatchNormalization{}, []ir.Info{f(2, 3, 4, 4), f(3), f(3), f(3), f(3)}, f(2, 3, 4, 4)},
		"Relu":                         {ir.Relu{}, []ir.Info{f(2, 0)}, f(2, 0)},
		"Clip":                         {ir.Clip{}, []ir.Info{f(2), none, f()}, f(2)},
		"Add":                          {ir.Add{}, []ir.Info{f(3, 1, 2), f(4, 1)}, f(3, 4, 2)},
		"Add of nothing":               {ir.Add{}, []ir.Info{f(0, 2), f(1)}, f(0, 2)},
		"Gemm":                         {ir.Gemm{TransA: true, TransB: true}, []ir.Info{f(5, 2), f(3, 5), f(3)}, f(2, 3)},
		"MatMul":                       {ir.MatMul{}, []ir.Info{f(7, 1, 2, 3), f(4, 3, 5)}, f(7, 4, 2, 5)},
		"MatMul of a row":              {ir.MatMul{}, []ir.Info{f(3), f(4, 3, 5)}, f(4, 5)},
		"MatMul of vectors":            {ir.MatMul{}, []ir.Info{f(3), f(3)}, f()},
		"MaxPool":                      {ir.MaxPool{Window: pool(2)}, []ir.Info{f(1, 2, 4, 5)}, f(1, 2, 3, 4)},
		"AveragePool":                  {ir.AveragePool{Window: pool(3)}, []ir.Info{f(1, 2, 4, 5)}, f(1, 2, 2, 3)},
		"GlobalAveragePool":            {ir.GlobalAveragePool{}, []ir.Info{f(1, 2, 4, 5)}, f(1, 2, 1, 1)},
		"ReduceMean":                   {ir.Reduce{By: ir.ReduceMean}, []ir.Info{f(2, 3, 4), ints(-1, 0)}, f(3)},
		"ReduceMean of all":            {ir.Reduce{By: ir.ReduceMean, KeepDims: true}, []ir.Info{f(2, 3)}, f(1, 1)},
		"ReduceMean of none":           {ir.Reduce{By: ir.ReduceMean, NoopWithEmptyAxes: true}, []ir.Info{f(2, 3), ints()}, f(2, 3)},
		"ReduceMean, axes unknown":     {ir.Reduce{By: ir.ReduceMean}, []ir.Info{f(2, 3), i(1)}, ir.Info{DType: tensor.Float32}},
		"Softmax":                      {ir.Softmax{Axis: -2}, []ir.Info{f(2, 3)}, f(2, 3)},
		"Concat":                       {ir.Concat{Axis: -1}, []ir.Info{i(2, 3), i(2, 0), i(2, 4)}, i(2, 7)},
		"Flatten":                      {ir.Flatten{Axis: 2}, []ir.Info{f(2, 3, 4, 5)}, f(6, 20)},
		"Flatten from the end":         {ir.Flatten{Axis: -1}, []ir.Info{f(2, 3, 4)}, f(6, 4)},
		"Flatten at the rank":          {ir.Flatten{Axis: 2}, []ir.Info{f(2, 3)}, f(6, 1)},
		"Reshape":                      {ir.Reshape{}, []ir.Info{f(2, 3, 4), ints(0, -1)}, f(2, 12)},
		"Reshape to a scalar":          {ir.Reshape{}, []ir.Info{f(1, 1), ints()}, f()},
		"Reshape with a literal zero":  {ir.Reshape{AllowZero: true}, []ir.Info{f(2, 0), ints(0, 5)}, f(0, 5)},
		"Reshape, shape unknown":       {ir.Reshape{}, []ir.Info{f(2, 3), i(2)}, ir.Info{DType: tensor.Float32}},
		"Squeeze":                      {ir.Squeeze{}, []ir.Info{f(1, 2, 1), ints(-1)}, f(1, 2)},
		"Squeeze of all":               {ir.Squeeze{}, []ir.Info{f(1, 2, 1)}, f(2)},
		"Unsqueeze":                    {ir.Unsqueeze{}, []ir.Info{f(2, 3), ints(-1, 0)}, f(1, 2, 3, 1)},
		"Unsqueeze of nothing":         {ir.Unsqueeze{}, []ir.Info{f(0), ints(1)}, f(0, 1)},
		"Gather":                       {ir.Gather{Axis: 1}, []ir.Info{f(2, 3, 4), i(5, 6)}, f(2, 5, 6, 4)},
		"Gather of one":                {ir.Gather{}, []ir.Info{i(3), i()}, i()},
		"Identity":                     {ir.Identity{}, []ir.Info{i(2)}, i(2)},
		"Shape":                        {ir.Shape{}, []ir.Info{f(2, 3, 4)}, ints(2, 3, 4)},
		"Shape of a range":             {ir.Shape{Start: -2, End: -1, HasEnd: true}, []ir.Info{f(2, 3, 4)}, ints(3)},
		"Shape of a range past an end": {ir.Shape{Start: 1, End: 99, HasEnd: true}, []ir.Info{f(2, 3, 4)}, ints(3, 4)},
		"Shape of an empty range":      {ir.Shape{Start: 2, End: 1, HasEnd: true}, []ir.Info{f(2, 3, 4)}, ints()},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := c.op.Infer(c.in)
			if err != nil {
				t.Fatal(err)
			}
			got := out[0]
			if got.DType != c.want.DType || (got.Shape == nil) != (c.want.Shape == nil) || !got.Shape.Equal(c.want.Shape) {
				t.Errorf("got %v%v, want %v%v", got.DType, got.Shape, c.want.DType, c.want.Shape)
			}
			if c.want.Const != nil && !tensor.Shape(asInts(got.Const)).Equal(asInts(c.want.Const)) {
				t.Errorf("got the elements %v, want %v", asInts(got.Const), asInts(c.want.Const))
			}
		})
	}
}

func asInts(t *tensor.Tensor) tensor.Shape {
	if t == nil {
		return nil
	}
	var list tensor.Shape
	for _, v := range tensor.Data[int64](t) {
		list = append(list, int(v))
	}
	return list
}

func TestWhatDoesNotFitIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		op   ir.Operator
		in   []ir.Info
		want string
	}{
		"Conv: group":                {ir.Conv{Group: 2}, []ir.Info{f(1, 3, 4, 4), f(4, 3, 1, 1)}, "group 2"},
		"Conv: group of 0":           {ir.Conv{}, []ir.Info{f(1, 3, 4, 4), f(4, 3, 1, 1)}, "group 0"},
		"Conv: channels":             {ir.Conv{Group: 1}, []ir.Info{f(1, 3, 4, 4), f(4, 2, 1, 1)}, "does not divide X"},
		"Conv: bias":                 {ir.Conv{Group: 1}, []ir.Info{f(1, 3, 4, 4), f(4, 3, 1, 1), f(3)}, "input 2 (B)"},
		"Conv: rank":                 {ir.Conv{Group: 1}, []ir.Info{f(1, 3), f(4, 3)}, "spatial"},
		"Conv: kernel_shape":         {ir.Conv{Group: 1, Window: pool(2)}, []ir.Info{f(1, 3, 4, 4), f(4, 3, 1, 1)}, "kernel_shape"},
		"Conv: missing W":            {ir.Conv{Group: 1}, []ir.Info{f(1, 3, 4, 4)}, "input 1 (W) is missing"},
		"Conv: absent X":             {ir.Conv{Group: 1}, []ir.Info{none, f(4, 3, 1, 1)}, "input 0 (X) is missing"},
		"Conv: element type":         {ir.Conv{Group: 1}, []ir.Info{i(1, 3, 4, 4), f(4, 3, 1, 1)}, "input 0 (X) is int64; supported is a float type"},
		"Conv: too many inputs":      {ir.Conv{Group: 1}, []ir.Info{f(1, 3, 4, 4), f(4, 3, 1, 1), f(4), f(4)}, "4 inputs"},
		"BatchNormalization: mean":   {ir.BatchNormalization{}, []ir.Info{f(1, 3), f(3), f(3), f(2), f(3)}, "input 3 (mean)"},
		"BatchNormalization: rank":   {ir.BatchNormalization{}, []ir.Info{f(), f(3), f(3), f(3), f(3)}, "at least N×C"},
		"Clip: bound":                {ir.Clip{}, []ir.Info{f(1), f(2)}, "input 1 (min)"},
		"Add":                        {ir.Add{}, []ir.Info{f(2), f(3)}, "do not broadcast"},
		"Add: types":                 {ir.Add{}, []ir.Info{f(2), i(2)}, "input 1 (B) is int64"},
		"Gemm":                       {ir.Gemm{TransA: true}, []ir.Info{f(2, 3), f(3, 4)}, "do not multiply"},
		"Gemm: rank":                 {ir.Gemm{}, []ir.Info{f(2, 3, 1), f(3, 4)}, "matrices"},
		"Gemm: C too large":          {ir.Gemm{}, []ir.Info{f(1, 3), f(3, 4), f(2, 4)}, "input 2 (C)"},
		"MatMul":                     {ir.MatMul{}, []ir.Info{f(2, 3), f(2, 3)}, "do not multiply"},
		"MatMul: leading":            {ir.MatMul{}, []ir.Info{f(2, 2, 3), f(3, 3, 2)}, "do not broadcast"},
		"MatMul of a scalar":         {ir.MatMul{}, []ir.Info{f(), f(1)}, "scalar"},
		"MaxPool: rank":              {ir.MaxPool{Window: pool(2)}, []ir.Info{f(1, 2)}, "spatial"},
		"AveragePool: only padding":  {ir.AveragePool{Window: ir.Window{Kernel: []int{1}, Pads: []int{1, 0}}}, []ir.Info{f(1, 1, 3)}, "holds only padding"},
		"GlobalAveragePool: nothing": {ir.GlobalAveragePool{}, []ir.Info{f(1, 1, 0)}, "no mean"},
		"ReduceMean: axis":           {ir.Reduce{By: ir.ReduceMean}, []ir.Info{f(2), ints(1)}, "axis 1"},
		"ReduceMean: axis twice":     {ir.Reduce{By: ir.ReduceMean}, []ir.Info{f(2, 3), ints(1, -1)}, "twice"},
		"ReduceMean: nothing":        {ir.Reduce{By: ir.ReduceMean}, []ir.Info{f(2, 0), ints(1)}, "no mean"},
		"ReduceMean: axes' rank":     {ir.Reduce{By: ir.ReduceMean}, []ir.Info{f(2), i(1, 1)}, "input 1 (axes)"},
		"Softmax: axis":              {ir.Softmax{Axis: 2}, []ir.Info{f(2, 3)}, "attribute axis"},
		"Concat: shapes":             {ir.Concat{}, []ir.Info{f(2, 3), f(2, 4)}, "input 1"},
		"Concat: types":              {ir.Concat{}, []ir.Info{f(2), i(2)}, "input 1 is int64"},
		"Concat: nothing":            {ir.Concat{}, nil, "no inputs"},
		"Flatten: axis":              {ir.Flatten{Axis: 3}, []ir.Info{f(2, 3)}, "attribute axis"},
		"Reshape: count":             {ir.Reshape{}, []ir.Info{f(2, 3), ints(4, 2)}, "6 elements do not fill"},
		"Reshape: remainder":         {ir.Reshape{}, []ir.Info{f(2, 3), ints(4, -1)}, "do not fill"},
		"Reshape: two free":          {ir.Reshape{}, []ir.Info{f(2, 3), ints(-1, -1)}, "two dimensions"},
		"Reshape: keeps nothing":     {ir.Reshape{}, []ir.Info{f(2, 3), ints(2, 3, 0)}, "data has none"},
		"Reshape: negative":          {ir.Reshape{}, []ir.Info{f(2, 3), ints(-2)}, "dimension 0 is -2"},
		"Reshape: huge":              {ir.Reshape{}, []ir.Info{f(2, 3), ints(1<<62, 1<<62)}, "dimension 0"},
		"Reshape: overflow":          {ir.Reshape{}, []ir.Info{f(2, 3), ints(1<<30, 1<<30, 1<<30)}, "overflow"},
		"Reshape: nothing to divide": {ir.Reshape{}, []ir.Info{f(0, 3), ints(0, -1)}, "do not fill"},
		"Squeeze":                    {ir.Squeeze{}, []ir.Info{f(2), ints(0)}, "not 1"},
		"Unsqueeze: axis":            {ir.Unsqueeze{}, []ir.Info{f(2), ints(2)}, "axis 2"},
		"Unsqueeze: no axes":         {ir.Unsqueeze{}, []ir.Info{f(2)}, "input 1 (axes) is missing"},
		"Unsqueeze: many axes":       {ir.Unsqueeze{}, []ir.Info{f(), ints(make([]int64, 99)...)}, "limit of 16"},
		"Gather: index":              {ir.Gather{}, []ir.Info{f(2), ints(2)}, "2 is outside dimension 0"},
		"Gather: index below":        {ir.Gather{}, []ir.Info{f(2), ints(-3)}, "-3 is outside"},
		"Gather of a scalar":         {ir.Gather{}, []ir.Info{f(), ints(0)}, "attribute axis"},
		"Gather: float indices":      {ir.Gather{}, []ir.Info{f(2), f(1)}, "input 1 (indices) is float32"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.op.Infer(c.in)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}
