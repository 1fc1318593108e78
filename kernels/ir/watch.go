package ir

import "context"

// Watch is an engine's eye on its run's context. A long kernel counts its work,
// and looks at the context once a share of it is done: that costs one
// subtraction a block and allocates nothing. The zero Watch never ends anything.
type Watch struct {
	ctx   context.Context // of the run under way, from Begin to End
	left  int             // multiply-adds until the next look
	ended bool
}

// watchEvery is the number of multiply-adds between two looks: a millisecond of
// a fast core with plain loops, a few of a Jetson Nano's.
const watchEvery = 1 << 20

// Begin starts the watch of a run.
func (w *Watch) Begin(ctx context.Context) { *w = Watch{ctx: ctx, left: watchEvery} }

// End forgets the run.
func (w *Watch) End() { *w = Watch{} }

// Over counts work that a kernel is about to do, in multiply-adds, and reports
// whether the run has ended. The kernel then returns with its output unfinished,
// and its engine learns of it from Cause.
func (w *Watch) Over(work int) bool {
	if w.left -= work; w.left <= 0 {
		w.look()
	}
	return w.ended
}

// Cause looks at once: it is why the run has ended, or nil.
func (w *Watch) Cause() error {
	if w.look(); !w.ended {
		return nil
	}
	return context.Cause(w.ctx)
}

// Context is that of the run under way.
func (w *Watch) Context() context.Context {
	if w.ctx == nil {
		return context.Background()
	}
	return w.ctx
}

func (w *Watch) look() {
	w.left = watchEvery
	w.ended = w.ended || w.ctx != nil && w.ctx.Err() != nil
}
