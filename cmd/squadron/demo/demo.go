package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options say how the story is told.
type Options struct {
	Out io.Writer
	// JSON tells it as JSON lines.
	JSON bool
	// Exit ends the program after the story; else it stays up to be tried.
	Exit bool
	// Dir keeps everything that is written; empty is a folder that goes with
	// the demo.
	Dir string
}

// storyTime bounds the story: what takes longer has failed.
const storyTime = 3 * time.Minute

// Run tells the story. It fails if any step did not come out as told, or if ctx
// ended before the story did.
func Run(ctx context.Context, o Options) (err error) {
	dir := o.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "squadron-demo-"); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	n := &narrator{out: o.Out, json: o.JSON, start: time.Now()}
	told, err := play(ctx, n, o, dir)
	ended := err == nil || errors.Is(err, context.Canceled)
	switch {
	case ended && told:
		if o.Dir == "" {
			farewell(n, dir)
		}
		return n.err()
	case ended && ctx.Err() != nil:
		return errors.New("demo: interrupted before the story ended")
	}
	return fmt.Errorf("demo: %w", err)
}

// play runs the fleet, and tells the story to its end if nothing comes between.
func play(ctx context.Context, n *narrator, o Options, dir string) (told bool, err error) {
	f, err := openFleet(ctx, dir)
	if err != nil {
		return false, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.run(ctx) })
	g.Go(func() error {
		defer stop()
		if err := tell(ctx, n, f); err != nil {
			return err
		}
		told = true
		if o.Exit {
			return nil
		}
		if err := invite(n, f, o.Dir != ""); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
	err = g.Wait()
	return told, err
}

// tell tells the story within its time.
func tell(ctx context.Context, n *narrator, f *fleet) error {
	ctx, cancel := context.WithTimeoutCause(ctx, storyTime, fmt.Errorf("the story did not end within %v", storyTime))
	defer cancel()
	err := newStory(n, f).tell(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(err, context.Cause(ctx))
	}
	return err
}
