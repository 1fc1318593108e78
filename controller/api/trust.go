package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/deploy/trust"
)

// metadata serves a file of the fleet's TUF repository. Those with a version in
// their name never change; the timestamp must not be kept by any cache.
func (h *handler) metadata(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("file")
	b, err := h.Repository.File(r.Context(), name)
	if err != nil {
		return err
	}
	head := w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cache-Control", "no-cache")
	if '0' <= name[0] && name[0] <= '9' {
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if _, err := w.Write(b); err != nil {
		h.Log.Debug("metadata not sent", "file", name, "error", err)
	}
	return nil
}

// putMetadata takes a root.json, a targets.json or a publisher's role, if a
// device would follow to it.
func (h *handler) putMetadata(w http.ResponseWriter, r *http.Request) error {
	role, ok := strings.CutSuffix(r.PathValue("file"), ".json")
	if !ok {
		return Refuse(http.StatusNotFound, "there is no %.80s: want root.json, targets.json or a publisher's role", r.PathValue("file"))
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, trust.MaxTargets))
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	var version int64
	switch role {
	case trust.RoleRoot:
		version, err = h.Repository.PutRoot(r.Context(), b, who(r), now)
	case trust.RoleTargets:
		version, err = h.Repository.PutTargets(r.Context(), b, who(r), now)
	default:
		version, err = h.Repository.PutRole(r.Context(), role, b, who(r), now)
	}
	if err != nil {
		return err
	}
	h.Log.Info("trust changed", "role", role, "version", version, "by", who(r))
	h.reconsider(r)
	return write(w, http.StatusOK, PutMetadata{Role: role, Version: version})
}

// PutMetadata is the answer to a file that came in.
type PutMetadata struct {
	Role    string `json:"role"`
	Version int64  `json:"version"`
}

// Role is the role that may vouch for a version of a model, and its newest file.
type Role struct {
	Role string `json:"role"`
	// Metadata is null if the role has vouched for nothing yet.
	Metadata json.RawMessage `json:"metadata"`
}

func (h *handler) role(w http.ResponseWriter, r *http.Request) error {
	role, file, err := h.Repository.RoleFor(r.Context(), r.PathValue("model"), r.PathValue("version"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, Role{role, file})
}

// RoleFor asks who may vouch for a version of a model, and for that role's
// newest file.
func (c *Client) RoleFor(ctx context.Context, model, version string) (Role, error) {
	r, err := get[Role](ctx, c, "/v1/roles/"+url.PathEscape(model)+"/"+url.PathEscape(version))
	if string(r.Metadata) == "null" {
		r.Metadata = nil
	}
	return r, err
}

// PutMetadata offers a file of the fleet's trust.
func (c *Client) PutMetadata(ctx context.Context, role string, file []byte) (put PutMetadata, err error) {
	_, err = c.call(ctx, http.MethodPut, "/v1/tuf/"+url.PathEscape(trust.FileName(role)), bytes.NewReader(file), &put)
	return put, err
}

// Metadata brings a file of the fleet's trust; nil if there is none.
func (c *Client) Metadata(ctx context.Context, name string) ([]byte, error) {
	b, err := get[json.RawMessage](ctx, c, "/v1/tuf/"+url.PathEscape(name))
	if refused := new(RefusedError); errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return nil, nil
	}
	return b, err
}
