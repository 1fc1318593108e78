package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"

	"github.com/squadron-edge/squadron/controller/registry"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

// remote is a store's bucket, as far as it holds objects.
type remote interface {
	list(ctx context.Context) (map[bundle.Digest]int64, error) // lengths in bytes
	put(ctx context.Context, d bundle.Digest, r io.Reader, size int64) error
	remove(ctx context.Context, d bundle.Digest) error
	address(ctx context.Context, method string, d bundle.Digest) (*url.URL, error)
}

// change counts the objects of a round.
type change struct{ uploaded, removed int }

// level makes the bucket equal to what is registered, as of now. What it
// uploaded must be in the next listing with its length. An object that is
// damaged here is left out, and keeps no other from being uploaded.
func (b *Bucket) level(ctx context.Context) (done change, err error) {
	want, err := b.registry.Registered(ctx)
	if err != nil {
		return done, err
	}
	have, err := b.look(ctx, want)
	if err != nil {
		return done, err
	}
	missing, superfluous := compare(want, have)
	for _, d := range superfluous {
		if err := b.remote.remove(ctx, d); err != nil {
			return done, err
		}
		done.removed++
	}
	uploaded, err := b.uploadAll(ctx, missing, want)
	done.uploaded = len(uploaded)
	if len(uploaded) == 0 {
		return done, err
	}
	have, lookErr := b.look(ctx, want)
	return done, errors.Join(err, lookErr, check(uploaded, want, have, lookErr))
}

// compare lists what a bucket lacks, or has in another length, and what it has
// too much.
func compare(want, have map[bundle.Digest]int64) (missing, superfluous []bundle.Digest) {
	for d, size := range want {
		if got, ok := have[d]; !ok || got != size {
			missing = append(missing, d)
		}
	}
	for d := range have {
		if _, ok := want[d]; !ok {
			superfluous = append(superfluous, d)
		}
	}
	slices.SortFunc(missing, byDigest)
	slices.SortFunc(superfluous, byDigest)
	return missing, superfluous
}

func byDigest(a, b bundle.Digest) int { return bytes.Compare(a[:], b[:]) }

// look lists the bucket, and remembers what it holds whole: nothing, if it cannot
// be listed.
func (b *Bucket) look(ctx context.Context, want map[bundle.Digest]int64) (map[bundle.Digest]int64, error) {
	have, err := b.remote.list(ctx)
	held := map[bundle.Digest]bool{}
	for d, size := range have {
		wanted, ok := want[d]
		held[d] = ok && wanted == size
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = held
	return have, err
}

// uploadAll uploads objects up to the first that the store does not take.
func (b *Bucket) uploadAll(ctx context.Context, missing []bundle.Digest, want map[bundle.Digest]int64) (uploaded []bundle.Digest, err error) {
	for _, d := range missing {
		failed := b.upload(ctx, d, want[d])
		ours := errors.Is(failed, registry.ErrDamaged) || errors.Is(failed, store.ErrNotFound)
		switch {
		case failed == nil:
			uploaded = append(uploaded, d)
		case errors.Is(failed, store.ErrNotFound) && b.unregistered(ctx, d):
			// Its bundle was removed meanwhile; a Wake follows.
		default:
			err = errors.Join(err, fmt.Errorf("upload object %s: %w", d, failed))
			if !ours {
				return uploaded, err
			}
		}
	}
	return uploaded, err
}

func (b *Bucket) upload(ctx context.Context, d bundle.Digest, size int64) (err error) {
	object, err := b.registry.Intact(d, size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	return b.remote.put(ctx, d, object, size)
}

func (b *Bucket) unregistered(ctx context.Context, d bundle.Digest) bool {
	want, err := b.registry.Registered(ctx)
	_, ok := want[d]
	return err == nil && !ok
}

// check holds a listing to what was uploaded before it.
func check(uploaded []bundle.Digest, want, have map[bundle.Digest]int64, lookErr error) error {
	if lookErr != nil {
		return nil
	}
	for _, d := range uploaded {
		if got, ok := have[d]; !ok || got != want[d] {
			return fmt.Errorf("object %s was uploaded, and the bucket lists %d bytes of it, want %d", d, got, want[d])
		}
	}
	return nil
}
