package layout_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/squadron-edge/squadron/cmd/squadron/layout"
	"github.com/squadron-edge/squadron/deploy/delta"
)

func TestReleasesOfAModelAreSubtracted(t *testing.T) {
	base, target := read(t, "meter-reader-2.0.0.onnx"), read(t, "meter-reader-3.0.0.onnx")
	var d, made bytes.Buffer
	s, err := delta.Encode(&d, base, target)
	if err != nil {
		t.Fatal(err)
	}
	// 3.0.0 has one layer of 4,608 bytes in another order.
	if !s.Worthwhile() || s.Size > 6000 {
		t.Errorf("%+v", s)
	}
	if err := delta.Apply(bytes.NewReader(base.Data), &d, &made, s.Pair); err != nil || !bytes.Equal(made.Bytes(), target.Data) {
		t.Errorf("it did not come back: %v", err)
	}
}

func read(t *testing.T, name string) delta.File {
	t.Helper()
	data, err := os.ReadFile("../demo/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	regions := layout.Of(data)
	if len(regions) != 8 {
		t.Errorf("%s has %d regions, want 4 weights and 4 biases", name, len(regions))
	}
	return delta.File{Data: data, Regions: regions}
}

func TestAFileThatIsNoModelHasNoRegions(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("0\n1\n2\n"), {0x3a, 0xff}} {
		if got := layout.Of(data); len(got) > 0 {
			t.Errorf("%q: %+v", data, got)
		}
	}
}
