package registry

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/squadron-edge/squadron/deploy/bundle"
)

// ErrDamaged is an object whose bytes on this disk are not those of its digest.
var ErrDamaged = errors.New("object damaged on this disk")

// Registered lists every envelope and every other object of the registered
// bundles, with its length in bytes.
func (r *Registry) Registered(ctx context.Context) (map[bundle.Digest]int64, error) {
	rows, err := r.store.Bundles(ctx)
	if err != nil {
		return nil, err
	}
	sizes, err := r.sizesOf(rows)
	if err != nil {
		return nil, fmt.Errorf("list the objects of registered bundles: %w", err)
	}
	for _, row := range rows {
		sizes[row.Digest] = row.EnvelopeBytes
	}
	return sizes, nil
}

// Intact opens an object for whoever passes it on. Where the bytes are not those
// of its digest, ErrDamaged comes in place of the last of them.
func (r *Registry) Intact(d bundle.Digest, size int64) (io.ReadCloser, error) {
	f, err := r.objects.open(d)
	if err != nil {
		return nil, err
	}
	if f.Size != size {
		return nil, errors.Join(fmt.Errorf("%w: %s has %d bytes, want %d", ErrDamaged, d, f.Size, size), f.Close())
	}
	return &intact{file: f, digest: d, left: size, hash: sha256.New()}, nil
}

// intact is an object that is read once, from its start.
type intact struct {
	file   *File
	digest bundle.Digest
	left   int64
	hash   hash.Hash
}

// Read implements io.Reader.
func (o *intact) Read(p []byte) (int, error) {
	n, err := o.file.Read(p[:min(int64(len(p)), o.left)])
	o.hash.Write(p[:n])
	o.left -= int64(n)
	switch {
	case o.left == 0 && bundle.Digest(o.hash.Sum(nil)) != o.digest:
		return 0, fmt.Errorf("%w: %s", ErrDamaged, o.digest)
	case o.left == 0:
		return n, io.EOF
	case errors.Is(err, io.EOF):
		return 0, fmt.Errorf("%w: %s ends %d bytes too early", ErrDamaged, o.digest, o.left)
	}
	return n, err
}

// Close implements io.Closer.
func (o *intact) Close() error { return o.file.Close() }
