package serve

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/squadron-edge/squadron/agent/pipeline"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

// prediction is the answer to a picture.
type prediction struct {
	Model   string           `json:"model"`
	Version string           `json:"version"`
	Digest  bundle.Digest    `json:"digest,omitzero"`
	Engine  string           `json:"engine"`
	Labels  []pipeline.Label `json:"labels"`  // best first
	TookMS  float64          `json:"took_ms"` // from the decoded picture to the labels
}

// predict admits the request, reads the picture, waits for its turn, and
// answers with the version that serves then.
func (s *Server) predict(w http.ResponseWriter, r *http.Request) {
	select {
	case s.admitted <- struct{}{}:
		defer func() { <-s.admitted }()
	default:
		s.refuse(w, http.StatusServiceUnavailable, fmt.Errorf("busy: %d requests are under way already", maxAdmitted))
		return
	}
	name := r.PathValue("model")
	if err := s.models.known(name); err != nil {
		s.refuse(w, unavailable(err), err)
		return
	}
	body, code, err := readPicture(w, r)
	if err != nil {
		s.refuse(w, code, err)
		return
	}
	select {
	case s.running <- struct{}{}:
		defer func() { <-s.running }()
	case <-r.Context().Done():
		return // nobody waits for the answer
	}
	picture, err := pipeline.DecodeBytes(body)
	if err != nil {
		s.refuse(w, unreadable(err), err)
		return
	}
	s.infer(w, r, name, picture)
}

// infer answers a good picture.
func (s *Server) infer(w http.ResponseWriter, r *http.Request, name string, picture image.Image) {
	m, err := s.models.acquire(name)
	if err != nil {
		s.refuse(w, unavailable(err), err)
		return
	}
	defer s.models.release(m)
	labels, took, err := m.read(r.Context(), picture)
	if err != nil && r.Context().Err() != nil {
		return // nobody waits for the answer
	}
	if err != nil {
		s.logFailure(m, err)
		s.refuse(w, http.StatusInternalServerError, fmt.Errorf("%s %s on %s: %w", m.Name, m.Version, m.Session.Engine(), err))
		return
	}
	s.answer(w, http.StatusOK, prediction{
		Model: m.Name, Version: m.Version, Digest: m.Digest, Engine: m.Session.Engine(),
		Labels: labels, TookMS: milliseconds(took),
	})
}

// logFailure tells the operator more than the client can use.
func (s *Server) logFailure(m *serving, err error) {
	log := s.log.With("model", m.Name, "version", m.Version, "engine", m.Session.Engine())
	var p *panicError
	if errors.As(err, &p) {
		log = log.With("stack", string(p.stack))
	}
	log.Error("inference failed", "error", err)
}

// read runs the model and counts how that ended. The picture was good, so
// whatever fails is the model's or its engine's fault; a panic is one more way
// to fail. A run that its client gave up is no failure, and counts with the time
// that it took until then: a slow model must not look fast because nobody waits.
func (m *serving) read(ctx context.Context, picture image.Image) (labels []pipeline.Label, took time.Duration, err error) {
	start := time.Now()
	defer func() {
		cause := recover()
		if cause != nil {
			err = &panicError{cause, debug.Stack()}
		}
		took = time.Since(start)
		if givenUp := cause == nil && ctx.Err() != nil; err != nil && !givenUp {
			m.counts.failure(cause != nil)
			return
		}
		m.counts.success(took)
	}()
	labels, err = m.reader.Read(ctx, picture)
	return labels, 0, err
}

// panicError tells the client what a session panicked with, and the log where.
type panicError struct {
	cause any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("the model panicked: %.200v", e.cause) }

// readPicture takes the whole body, bounded, before the request takes a turn:
// a slow sender keeps nobody waiting but itself.
func readPicture(w http.ResponseWriter, r *http.Request) (body []byte, code int, err error) {
	if r.ContentLength > pipeline.MaxPictureBytes {
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the picture has %d bytes, it may have %d", r.ContentLength, pipeline.MaxPictureBytes)
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, pipeline.MaxPictureBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the picture has more than %d bytes", tooLarge.Limit)
	case err != nil:
		return nil, http.StatusBadRequest, fmt.Errorf("read the picture: %w", err)
	}
	return body, 0, nil
}

// unreadable is the status for a picture that pipeline refused.
func unreadable(err error) int {
	switch {
	case errors.Is(err, pipeline.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, pipeline.ErrFormat):
		return http.StatusUnsupportedMediaType
	}
	return http.StatusUnprocessableEntity
}

// unavailable is the status for a model that cannot be had.
func unavailable(err error) int {
	if errors.Is(err, errNotLoaded) {
		return http.StatusServiceUnavailable
	}
	return http.StatusNotFound
}
