package tensor_test

import (
	"errors"
	"testing"

	"github.com/squadron-edge/squadron/kernels/tensor"
)

func TestElementsRefusesOverflowAndNegatives(t *testing.T) {
	for _, c := range []struct {
		shape    tensor.Shape
		want     int
		overflow bool
		refused  bool
	}{
		{shape: tensor.Shape{}, want: 1},
		{shape: tensor.Shape{2, 3, 4}, want: 24},
		{shape: tensor.Shape{1 << 40, 0}, want: 0},
		{shape: tensor.Shape{1 << 31, 1 << 31}, overflow: true, refused: true},
		{shape: tensor.Shape{1 << 31, 1 << 30, 4}, overflow: true, refused: true},
		{shape: tensor.Shape{2, -1}, refused: true},
	} {
		got, err := c.shape.Elements()
		if (err != nil) != c.refused || errors.Is(err, tensor.ErrOverflow) != c.overflow || got != c.want {
			t.Errorf("%v: got %d, %v", c.shape, got, err)
		}
	}
}

func TestDataSharesStorageAndKnowsItsType(t *testing.T) {
	x, err := tensor.Of([]float32{1, 2, 3, 4}, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	tensor.Data[float32](x)[3] = 9
	if got := tensor.Data[float32](x)[3]; got != 9 {
		t.Errorf("the write did not reach the tensor: %v", got)
	}
	if tensor.Data[int64](x) != nil {
		t.Error("a float32 tensor gave int64 data")
	}
	if _, err := tensor.Of([]int64{1, 2, 3}, 2, 2); err == nil {
		t.Error("three elements were taken as a 2×2 tensor")
	}
	c := x.Clone()
	tensor.Data[float32](c)[0] = 7
	if tensor.Data[float32](x)[0] != 1 {
		t.Error("a clone shares its storage")
	}
}
