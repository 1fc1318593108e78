package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
)

const (
	askEvery = 500 * time.Millisecond
	// askFor is how long a controller may be away that is being upgraded, say.
	askFor = 10 * time.Minute
)

// follower watches a rollout to its end, whether or not somebody watches.
type follower struct {
	ask  func(context.Context) (api.Rollout, error)
	tell func(string) // what is new, for people
}

// follow returns the rollout as it ended, or as it was last seen, with why nobody
// can be asked any more.
func (f follower) follow(ctx context.Context, r api.Rollout) (api.Rollout, error) {
	for told := ""; ; {
		if r.Why != told {
			f.tell(r.Why)
			told = r.Why
		}
		if r.Phase != rollout.Running {
			return r, nil
		}
		if err := pause(ctx, askEvery); err != nil {
			return r, err
		}
		next, missed, err := f.askAgain(ctx)
		if err != nil {
			return r, err
		}
		if r = next; missed {
			told = "" // so that the next line says that it answers again
		}
	}
}

// askAgain asks until the controller answers; missed says that it did not at
// first.
func (f follower) askAgain(ctx context.Context) (r api.Rollout, missed bool, err error) {
	for begun := time.Now(); ; missed = true {
		r, err = f.ask(ctx)
		if err == nil || !away(err) || time.Since(begun) > askFor {
			return r, missed, err
		}
		if !missed {
			f.tell(fmt.Sprintf("%v; the rollout goes on, and is asked after for %s more", err, askFor))
		}
		if err := pause(ctx, askEvery); err != nil {
			return r, true, err
		}
	}
}

// away reports whether a controller that is there again may answer; something
// before it may have said so.
func away(err error) bool {
	var unreachable *api.UnreachableError
	var refused *api.RefusedError
	return errors.As(err, &unreachable) ||
		errors.As(err, &refused) && refused.Status >= http.StatusBadGateway && refused.Status <= http.StatusGatewayTimeout
}

// pause waits, or says why not.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
