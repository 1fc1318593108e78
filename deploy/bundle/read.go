package bundle

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
)

// Read reads a bundle file. It hands the envelope, at most MaxEnvelopeSize
// bytes, to verify before it reads further; verify gives the manifest that it
// found trustworthy, as ParseManifest returns it. Read then streams each object
// into store, once, in the order of Manifest.Objects.
//
// store must read to io.EOF and keep nothing unless it gets there: the reader
// that it is given ends with an error instead if the bytes are not those of
// the digest. A file that is cut short, holds anything else, or goes on after
// its end is refused.
func Read(r io.Reader, verify func(envelope []byte) (*Manifest, error), store func(File, io.Reader) error) error {
	envelope, err := readEnvelope(r)
	if err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	m, err := verify(envelope)
	if err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	for _, f := range m.Objects() {
		if err := readObject(r, f, store); err != nil {
			return fmt.Errorf("read bundle %s %s: %w", m.Name, m.Version, err)
		}
	}
	if err := readEnd(r); err != nil {
		return fmt.Errorf("read bundle %s %s: %w", m.Name, m.Version, err)
	}
	return nil
}

func readEnvelope(r io.Reader) ([]byte, error) {
	got, err := readExactly(r, blockSize, "the header of "+envelopeEntry)
	if err != nil {
		return nil, err
	}
	size, err := claimedSize(got)
	if err != nil {
		return nil, err
	}
	if size < 1 || size > MaxEnvelopeSize {
		return nil, fmt.Errorf("%s is said to have %d bytes, want 1 to %d", envelopeEntry, size, MaxEnvelopeSize)
	}
	if err := matchHeader(got, envelopeEntry, size); err != nil {
		return nil, err
	}
	envelope, err := readExactly(r, size, envelopeEntry)
	if err != nil {
		return nil, err
	}
	return envelope, readZeros(r, padding(size), envelopeEntry)
}

// claimedSize reads the size field of a ustar header: 11 octal digits and a
// NUL. The caller compares the whole header afterwards.
func claimedSize(h []byte) (int64, error) {
	const from, to = 124, 135
	size, err := strconv.ParseUint(string(h[from:to]), 8, 33)
	if err != nil {
		return 0, errors.New("this is not a bundle: it does not start with a plain tar header")
	}
	return int64(size), nil
}

func readObject(r io.Reader, f File, store func(File, io.Reader) error) error {
	name := entryName(f.Digest)
	got, err := readExactly(r, blockSize, "the header of "+name)
	if err != nil {
		return err
	}
	if err := matchHeader(got, name, f.Size); err != nil {
		return err
	}
	o := &object{file: f, r: r, left: f.Size, hash: sha256.New()}
	if err := store(f, o); err != nil {
		return fmt.Errorf("store %s: %w", f.Path, err)
	}
	if o.err == nil {
		return fmt.Errorf("store %s: it was not read to its end, so nothing is known of it", f.Path)
	}
	if o.err != io.EOF {
		return o.err
	}
	return readZeros(r, padding(f.Size), name)
}

// matchHeader compares a header with the only one that may stand here.
func matchHeader(got []byte, name string, size int64) error {
	want, err := header(name, size)
	if err != nil {
		return err
	}
	if bytes.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("the header of %s is not the plain one of its %d bytes: the file was changed or damaged on the way, copy or download it again", name, size)
}

// object streams one object and answers io.EOF only if its bytes are those of
// its digest. Its error stays.
type object struct {
	file File
	r    io.Reader
	left int64
	hash hash.Hash
	err  error
}

func (o *object) Read(p []byte) (int, error) {
	if o.err != nil || len(p) == 0 {
		return 0, o.err
	}
	if o.left == 0 {
		o.err = o.judge()
		return 0, o.err
	}
	n, err := o.r.Read(p[:min(int64(len(p)), o.left)])
	o.hash.Write(p[:n])
	o.left -= int64(n)
	if err == io.EOF && o.left > 0 {
		err = cutShort(o.file.Path)
	}
	if err != nil && err != io.EOF {
		o.err = err
	}
	return n, o.err
}

func (o *object) judge() error {
	if got := Digest(o.hash.Sum(nil)); got != o.file.Digest {
		return fmt.Errorf("%s: its bytes have the digest %s, the manifest says %s: it was changed or damaged on the way", o.file.Path, got.Short(), o.file.Digest.Short())
	}
	return io.EOF
}

func readEnd(r io.Reader) error {
	if err := readZeros(r, endSize, "the end mark"); err != nil {
		return err
	}
	switch _, err := io.ReadFull(r, make([]byte, 1)); err {
	case io.EOF:
		return nil
	case nil:
		return errors.New("there are more bytes after its end")
	default:
		return err
	}
}

func readZeros(r io.Reader, n int64, after string) error {
	b, err := readExactly(r, n, after)
	if err != nil {
		return err
	}
	if len(bytes.TrimLeft(b, "\x00")) > 0 {
		return fmt.Errorf("there are bytes other than zero in the padding at %s", after)
	}
	return nil
}

// readExactly reads a bounded number of bytes that the caller has checked.
func readExactly(r io.Reader, n int64, what string) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, cutShort(what)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return b, nil
}

func cutShort(what string) error {
	return fmt.Errorf("the file ends in the middle of %s: it was cut short, copy or download it again", what)
}
