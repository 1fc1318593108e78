package serve

import (
	"context"
	"fmt"
	"image"
	"sync"
	"time"

	"github.com/squadron-edge/squadron/agent/pipeline"
)

// shadow is a version that reads pictures which the one that serves has answered,
// and answers nobody. All shadows together read one picture at a time, and rest as
// long as it took; what is answered meanwhile, and what is larger than full HD,
// they do not see: the device's time and memory are for what serves.
type shadow struct {
	*serving // counts what it reads; the session stays the caller's
	ctx      context.Context
	cancel   context.CancelFunc
	readings sync.WaitGroup // joined under the table's mutex, while it is in the table
	agreed   int64          // guarded by the table's mutex
}

// ShadowStatus is how a shadow has fared since it began. Its BeforeP95ms is of
// the version that serves.
type ShadowStatus struct {
	Status
	Agreed int64 `json:"agreed"` // pictures of which both named the same label as the best
}

// Shadow has m read beside what serves under its name, until EndShadow; asked
// again for the same version, it goes on. It returns how m has fared. The
// session stays the caller's, who may close it after EndShadow.
func (t *Models) Shadow(m Model) (ShadowStatus, error) {
	if s := t.shadow(m.Name); s != nil && s.Digest == m.Digest {
		return t.shadowStatus(s), nil
	}
	t.EndShadow(m.Name)
	reader, err := pipeline.Bind(m.Pipeline, m.Session)
	if err != nil {
		return ShadowStatus{}, fmt.Errorf("shadow with %s %s: %w", m.Name, m.Version, err)
	}
	s := &shadow{serving: &serving{Model: m, reader: reader}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	t.mu.Lock()
	t.shadows[m.Name] = s
	t.mu.Unlock()
	return t.shadowStatus(s), nil
}

// EndShadow ends the shadow of that name, if there is one, and what it reads.
func (t *Models) EndShadow(name string) {
	t.mu.Lock()
	s := t.shadows[name]
	delete(t.shadows, name)
	t.mu.Unlock()
	if s != nil {
		s.cancel()
		s.readings.Wait()
	}
}

func (t *Models) shadow(name string) *shadow {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.shadows[name]
}

func (t *Models) shadowStatus(s *shadow) ShadowStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	status := ShadowStatus{Status: s.status(), Agreed: s.agreed}
	if active := t.serves[s.Name]; active != nil {
		status.BeforeP95ms = active.counts.snapshot().P95ms
	}
	return status
}

// sight is a picture that was answered, and what the answer was.
type sight struct {
	model   string
	picture image.Image
	label   string // the best
}

// show lets a shadow see what was answered, if there is one that has time.
func (s *Server) show(model string, picture image.Image, labels []pipeline.Label) {
	size := picture.Bounds().Size()
	if s.models.shadow(model) == nil || len(labels) == 0 || size.X*size.Y > largePixels {
		return
	}
	select {
	case s.sights <- sight{model, picture, labels[0].Label}:
	default:
	}
}

// runShadows has shadows read what they are shown, until ctx ends.
func (s *Server) runShadows(ctx context.Context) {
	rested := time.NewTimer(0)
	defer rested.Stop()
	for {
		select {
		case <-rested.C:
		case <-ctx.Done():
			return
		}
		select {
		case seen := <-s.sights:
			rested.Reset(s.readInShadow(ctx, seen))
		case <-ctx.Done():
			return
		}
	}
}

// readInShadow returns how long it took.
func (s *Server) readInShadow(ctx context.Context, seen sight) time.Duration {
	m := s.models.enterShadow(seen.model)
	if m == nil {
		return 0
	}
	defer m.readings.Done()
	defer context.AfterFunc(ctx, m.cancel)()
	labels, took, err := m.read(m.ctx, seen.picture)
	switch {
	case m.ctx.Err() != nil:
	case err != nil:
		s.logFailure(m.serving, fmt.Errorf("in the shadow: %w", err))
	case len(labels) > 0 && labels[0].Label == seen.label:
		s.models.mu.Lock()
		m.agreed++
		s.models.mu.Unlock()
	}
	return took
}

// enterShadow keeps a shadow's session open until its readings are done.
func (t *Models) enterShadow(name string) *shadow {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.shadows[name]
	if s != nil {
		s.readings.Add(1)
	}
	return s
}
