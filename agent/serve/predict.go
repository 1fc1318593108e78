package serve

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net/http"
	"runtime"
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

// predict takes the whole picture in, waits for its turn, and answers with the
// version that serves then. The turn comes after the picture, so that a slow
// sender keeps nobody waiting but itself.
func (s *Server) predict(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("model")
	if err := s.models.known(name); err != nil {
		s.refuse(w, unavailable(err), err)
		return
	}
	u, code, err := s.intake.take(w, r)
	if err != nil {
		s.refuse(w, code, err)
		return
	}
	defer u.release()
	select {
	case s.admitted <- struct{}{}:
		defer func() { <-s.admitted }()
	default:
		s.refuse(w, http.StatusServiceUnavailable, fmt.Errorf("busy: %d pictures wait already", maxAdmitted))
		return
	}
	if pipeline.PixelsOf(u.file) <= largePixels {
		s.look(w, r, name, u)
		return
	}
	if !turn(r.Context(), s.large) {
		return
	}
	defer func() { <-s.large }()
	defer runtime.GC() // or the next large picture comes on top of what is left of this one
	s.look(w, r, name, u)
}

// turn waits for one, and reports whether it came before the client left.
func turn(ctx context.Context, turns chan struct{}) bool {
	select {
	case turns <- struct{}{}:
		return true
	case <-ctx.Done():
		return false // nobody waits for the answer
	}
}

// look decodes a picture in its turn and answers it.
func (s *Server) look(w http.ResponseWriter, r *http.Request, name string, u *upload) {
	if !turn(r.Context(), s.running) {
		return
	}
	defer func() { <-s.running }()
	picture, err := pipeline.DecodeBytes(u.file)
	u.release()
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
	s.show(name, picture, labels)
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
