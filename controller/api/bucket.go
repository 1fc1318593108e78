package api

import (
	"fmt"
	"net/http"

	"github.com/squadron-edge/squadron/controller/store"
)

// inBucket redirects to an object in the bucket, by an address that lets its
// reader in for a while, and is no proxy's to keep.
func (h *handler) inBucket(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	d, err := objectIn(r, "hex")
	if err != nil {
		return err
	}
	address, err := h.Bucket.Address(r.Context(), r.Method, d)
	if err != nil {
		return err
	}
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusTemporaryRedirect)
	return nil
}

// noDelta is the answer to a device that asks each of its sources for a delta.
func (h *handler) noDelta(_ http.ResponseWriter, r *http.Request) error {
	target, base, err := pairIn(r)
	if err != nil {
		return err
	}
	return fmt.Errorf("delta of %s from %s in the bucket: %w; deltas are at /v1/artefacts only", target, base, store.ErrNotFound)
}
