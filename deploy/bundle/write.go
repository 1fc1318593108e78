package bundle

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// Write makes a bundle file of a signed envelope and the objects of the
// manifest in it. open gives the bytes of one file; Write checks them against
// the manifest and closes them. The same input gives the same bytes.
func Write(w io.Writer, envelope []byte, m *Manifest, open func(File) (io.ReadCloser, error)) error {
	if err := m.Validate(); err != nil {
		return err
	}
	if len(envelope) == 0 || len(envelope) > MaxEnvelopeSize {
		return fmt.Errorf("write bundle: the envelope has %d bytes, want 1 to %d", len(envelope), MaxEnvelopeSize)
	}
	if err := writeEnvelope(w, envelope); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	for _, f := range m.Objects() {
		if err := writeObject(w, f, open); err != nil {
			return fmt.Errorf("write bundle: file %s: %w", f.Path, err)
		}
	}
	if _, err := w.Write(make([]byte, endSize)); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

func writeEnvelope(w io.Writer, envelope []byte) error {
	size := int64(len(envelope))
	if err := writeHeader(w, envelopeEntry, size); err != nil {
		return err
	}
	if _, err := w.Write(envelope); err != nil {
		return err
	}
	return writePadding(w, size)
}

func writeObject(w io.Writer, f File, open func(File) (io.ReadCloser, error)) (err error) {
	r, err := open(f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := writeHeader(w, entryName(f.Digest), f.Size); err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(r, f.Size+1))
	if err != nil {
		return err
	}
	if got := Digest(h.Sum(nil)); n != f.Size || got != f.Digest {
		return fmt.Errorf("its bytes are not those of the manifest (%s, %d bytes): it changed after it was hashed", f.Digest.Short(), f.Size)
	}
	return writePadding(w, f.Size)
}

func writeHeader(w io.Writer, name string, size int64) error {
	h, err := header(name, size)
	if err != nil {
		return err
	}
	_, err = w.Write(h)
	return err
}

func writePadding(w io.Writer, size int64) error {
	_, err := w.Write(make([]byte, padding(size)))
	return err
}
