package bundle_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// envelope stands in for a signed one: these tests are about the file around
// it.
const envelope = `{"payload":"…"}`

func openContents(f bundle.File) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(contents[f.Path])), nil
}

func packed(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bundle.Write(&b, []byte(envelope), sample(), openContents); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpack reads a bundle file whose envelope is good, and gives what was stored.
func unpack(r io.Reader) (map[string]string, error) {
	stored := map[string]string{}
	verify := func(e []byte) (*bundle.Manifest, error) {
		if string(e) != envelope {
			return nil, errors.New("the envelope was changed")
		}
		return sample(), nil
	}
	err := bundle.Read(r, verify, func(f bundle.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		if err == nil {
			stored[f.Path] = string(data)
		}
		return err
	})
	return stored, err
}

func TestBundleFileRoundTrip(t *testing.T) {
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"whole":               func(r io.Reader) io.Reader { return r },
		"byte by byte":        iotest.OneByteReader,
		"end with the data":   iotest.DataErrReader,
		"halves, end with it": func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.HalfReader(r)) },
	} {
		stored, err := unpack(wrap(bytes.NewReader(packed(t))))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, f := range sample().Objects() {
			if stored[f.Path] != contents[f.Path] {
				t.Errorf("%s: %s was stored as %.20q", name, f.Path, stored[f.Path])
			}
		}
		if len(stored) != 3 {
			t.Errorf("%s: %d objects were stored, want each of the 3 once", name, len(stored))
		}
	}
}

func TestSameInputGivesTheSameBytes(t *testing.T) {
	if !bytes.Equal(packed(t), packed(t)) {
		t.Error("two bundle files of one bundle differ")
	}
}

func TestAnyTarProgramCanListABundleFile(t *testing.T) {
	var names []string
	for r := tar.NewReader(bytes.NewReader(packed(t))); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
	want := []string{"envelope.json"}
	for _, f := range sample().Objects() {
		want = append(want, "objects/"+f.Digest.Hex())
	}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

// Every byte of the file is either signed, hashed, or one that must be so.
func TestReadRefusesAnyChangedByte(t *testing.T) {
	good := packed(t)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x20
		if _, err := unpack(bytes.NewReader(bad)); err == nil {
			t.Fatalf("a change of byte %d of %d was not seen", i, len(good))
		}
	}
}

func TestReadRefusesAFileCutAnywhere(t *testing.T) {
	good := packed(t)
	for n := range len(good) {
		_, err := unpack(bytes.NewReader(good[:n]))
		if err == nil || !strings.Contains(err.Error(), "cut short, copy or download it again") {
			t.Fatalf("cut after %d of %d bytes: got %v", n, len(good), err)
		}
	}
}

// TestReadRefusesHostileArchives writes archives as other programs can.
func TestReadRefusesHostileArchives(t *testing.T) {
	objects := sample().Objects()
	entry := func(i int) *tar.Header {
		return &tar.Header{Name: "objects/" + objects[i].Digest.Hex(), Size: objects[i].Size, Mode: 0o644, Format: tar.FormatUSTAR}
	}
	first := &tar.Header{Name: "envelope.json", Size: int64(len(envelope)), Mode: 0o644, Format: tar.FormatUSTAR}
	with := func(h *tar.Header, edit func(*tar.Header)) *tar.Header {
		c := *h
		edit(&c)
		return &c
	}
	type member struct {
		header *tar.Header
		data   string
	}
	e := member{first, envelope}
	o := func(i int) member { return member{entry(i), contents[objects[i].Path]} }
	link := func(kind byte) func(*tar.Header) {
		return func(h *tar.Header) { h.Typeflag, h.Linkname, h.Size = kind, "/etc/passwd", 0 }
	}
	archive := func(members ...member) io.Reader {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, m := range members {
			if err := w.WriteHeader(m.header); err != nil {
				t.Fatalf("%s: %v", m.header.Name, err)
			}
			if _, err := io.WriteString(w, m.data); err != nil {
				t.Fatalf("%s: %v", m.header.Name, err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return &b
	}
	if _, err := unpack(archive(e, o(0), o(1), o(2))); err != nil {
		t.Fatalf("the archive that the attacks change: %v", err)
	}
	for attack, members := range map[string][]member{
		"object before the envelope":  {o(0), e, o(1), o(2)},
		"no envelope":                 {o(0), o(1), o(2)},
		"envelope twice":              {e, e, o(0), o(1), o(2)},
		"objects out of order":        {e, o(1), o(0), o(2)},
		"object missing":              {e, o(0), o(2)},
		"object twice":                {e, o(0), o(0), o(1), o(2)},
		"last object missing":         {e, o(0), o(1)},
		"object that nobody named":    {e, o(0), o(1), o(2), {with(entry(0), func(h *tar.Header) { h.Name = "objects/" + strings.Repeat("0", 64) }), contents[objects[0].Path]}},
		"path outside":                {e, {with(entry(0), func(h *tar.Header) { h.Name = "../../etc/passwd" }), contents[objects[0].Path]}},
		"symlink":                     {e, {with(entry(0), link(tar.TypeSymlink)), ""}},
		"hard link":                   {e, {with(entry(0), link(tar.TypeLink)), ""}},
		"character device":            {e, {with(entry(0), link(tar.TypeChar)), ""}},
		"pipe":                        {e, {with(entry(0), link(tar.TypeFifo)), ""}},
		"folder":                      {e, {with(entry(0), link(tar.TypeDir)), ""}},
		"envelope is a symlink":       {{with(first, link(tar.TypeSymlink)), ""}},
		"setuid":                      {e, {with(entry(0), func(h *tar.Header) { h.Mode = 0o4755 }), contents[objects[0].Path]}},
		"PAX records":                 {e, {with(entry(0), func(h *tar.Header) { h.Format = tar.FormatPAX; h.PAXRecords = map[string]string{"SQUADRON.x": "y"} }), contents[objects[0].Path]}},
		"PAX record of the envelope":  {{with(first, func(h *tar.Header) { h.Format = tar.FormatPAX; h.PAXRecords = map[string]string{"SQUADRON.x": "y"} }), envelope}},
		"global PAX header":           {e, {&tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"path": "x"}}, ""}},
		"GNU long name":               {e, {with(entry(0), func(h *tar.Header) { h.Format = tar.FormatGNU; h.Name = strings.Repeat("x", 300) }), contents[objects[0].Path]}},
		"GNU header":                  {e, {with(entry(0), func(h *tar.Header) { h.Format = tar.FormatGNU }), contents[objects[0].Path]}},
		"longer than the manifest's":  {e, {with(entry(0), func(h *tar.Header) { h.Size++ }), contents[objects[0].Path] + "x"}},
		"shorter than the manifest's": {e, {with(entry(0), func(h *tar.Header) { h.Size-- }), contents[objects[0].Path][1:]}},
		"other bytes of the length":   {e, {entry(0), strings.Repeat("x", int(objects[0].Size))}},
		"envelope too long":           {{with(first, func(h *tar.Header) { h.Size = bundle.MaxEnvelopeSize + 1 }), strings.Repeat(" ", bundle.MaxEnvelopeSize+1)}},
		"envelope empty":              {{with(first, func(h *tar.Header) { h.Size = 0 }), ""}},
		"nothing":                     {},
	} {
		_, err := unpack(archive(members...))
		if err == nil || !strings.HasPrefix(err.Error(), "read bundle") || len(err.Error()) > 400 {
			t.Errorf("%s: want one short sentence, got %v", attack, err)
		}
	}
}

func TestReadRefusesSizesThatLie(t *testing.T) {
	for attack, field := range map[string]string{
		"negative":            "-0000000001\x00",
		"negative in base256": "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"huge in base256":     "\x80\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff",
		"largest octal":       "77777777777\x00",
		"not octal":           "0000000009z\x00",
		"spaces":              "         17\x00",
		"empty":               strings.Repeat("\x00", 12),
	} {
		bad := packed(t)
		copy(bad[124:136], field)
		if _, err := unpack(bytes.NewReader(bad)); err == nil {
			t.Errorf("%s: was read", attack)
		}
	}
}

func TestReadRefusesWhatComesAfterTheEnd(t *testing.T) {
	for name, tail := range map[string]string{"one byte": "\x00", "a second bundle": string(packed(t))} {
		_, err := unpack(io.MultiReader(bytes.NewReader(packed(t)), strings.NewReader(tail)))
		if err == nil || !strings.Contains(err.Error(), "more bytes after its end") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestReadAsksTrustBeforeItReadsFurther(t *testing.T) {
	distrust := errors.New("nobody knows this key")
	r := bytes.NewReader(packed(t))
	err := bundle.Read(r, func([]byte) (*bundle.Manifest, error) { return nil, distrust }, nil)
	if !errors.Is(err, distrust) {
		t.Errorf("got %v", err)
	}
	if read := r.Size() - int64(r.Len()); read > 1024 {
		t.Errorf("%d bytes were read of a file that nobody trusts", read)
	}
}

func TestReadReportsWhatTheStoreSays(t *testing.T) {
	verify := func([]byte) (*bundle.Manifest, error) { return sample(), nil }
	full := errors.New("no space left on device")
	err := bundle.Read(bytes.NewReader(packed(t)), verify, func(bundle.File, io.Reader) error { return full })
	if !errors.Is(err, full) || !strings.Contains(err.Error(), "golden/7-a.png") {
		t.Errorf("got %v", err)
	}
	err = bundle.Read(bytes.NewReader(packed(t)), verify, func(f bundle.File, r io.Reader) error {
		_, err := io.ReadFull(r, make([]byte, f.Size)) // never sees the verdict at io.EOF
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "not read to its end") {
		t.Errorf("a store that stops before the verdict: got %v", err)
	}
	broken := errors.New("input/output error")
	_, err = unpack(io.MultiReader(bytes.NewReader(packed(t)[:2000]), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("a disk that breaks: got %v", err)
	}
}

func TestWriteRefusesFilesThatAreNotThoseOfTheManifest(t *testing.T) {
	for name, data := range map[string]string{"changed": "SEVEN", "shorter": "seve", "longer": "seven!", "empty": ""} {
		closed := 0
		err := bundle.Write(io.Discard, []byte(envelope), sample(), func(f bundle.File) (io.ReadCloser, error) {
			if strings.HasPrefix(f.Path, "golden/7") {
				return closing{strings.NewReader(data), &closed}, nil
			}
			return openContents(f)
		})
		if err == nil || !strings.Contains(err.Error(), "file golden/7-a.png: its bytes are not those of the manifest") || closed != 1 {
			t.Errorf("%s: closed %d times, %v", name, closed, err)
		}
	}
}

// closing counts how often it is closed.
type closing struct {
	io.Reader
	closed *int
}

func (c closing) Close() error { *c.closed++; return nil }

func TestWriteRefusesAnEnvelopeThatNoReaderTakes(t *testing.T) {
	for _, size := range []int{0, bundle.MaxEnvelopeSize + 1} {
		if err := bundle.Write(io.Discard, make([]byte, size), sample(), openContents); err == nil {
			t.Errorf("an envelope of %d bytes was written", size)
		}
	}
}

func FuzzRead(f *testing.F) {
	good := packed(f)
	f.Add(good)
	f.Add(good[:700])
	f.Add([]byte("envelope.json"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := unpack(bytes.NewReader(data)); (err == nil) != bytes.Equal(data, good) {
			t.Fatalf("%d bytes: %v", len(data), err)
		}
	})
}

func ExampleRead() {
	var file bytes.Buffer
	if err := bundle.Write(&file, []byte(envelope), sample(), openContents); err != nil {
		fmt.Println(err)
	}
	verify := func([]byte) (*bundle.Manifest, error) { return sample(), nil } // in earnest: trust.Verify, then ParseManifest
	err := bundle.Read(&file, verify, func(f bundle.File, r io.Reader) error {
		n, err := io.Copy(io.Discard, r)
		fmt.Println(f.Path, n)
		return err
	})
	fmt.Println(err)
	// Output:
	// golden/7-a.png 5
	// golden/scores.f32 24
	// model.onnx 1600
	// <nil>
}
