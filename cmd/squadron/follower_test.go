package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
)

var (
	goesOn = api.Rollout{ID: "r1", Phase: rollout.Running, Why: "wave 1 of 2"}
	gone   = &api.UnreachableError{URL: "http://fleet", Err: errors.New("connection refused")}
)

// A controller that is upgraded is away for minutes, and whoever waits for its
// rollout is told once, and again when it is back.
func TestWhoWaitsForARolloutOutlastsAnUpgrade(t *testing.T) {
	for _, err := range []error{gone, api.Refuse(http.StatusBadGateway, "no upstream")} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			var told []string
			f := follower{tell: func(text string) { told = append(told, text) }}
			f.ask = func(context.Context) (api.Rollout, error) {
				switch {
				case time.Since(begun) < askFor/2:
					return api.Rollout{}, err
				case time.Since(begun) < askFor:
					return goesOn, nil
				}
				return api.Rollout{ID: "r1", Phase: rollout.Done, Why: "done"}, nil
			}
			r, err := f.follow(t.Context(), goesOn)
			if err != nil || r.Phase != rollout.Done {
				t.Errorf("it ended with %+v, %v", r, err)
			}
			if len(told) != 4 || !strings.Contains(told[1], "the rollout goes on") ||
				!slices.Equal(slices.Delete(told, 1, 2), []string{"wave 1 of 2", "wave 1 of 2", "done"}) {
				t.Errorf("told %q", told)
			}
		})
	}
}

func TestWhoWaitsForARolloutGivesUpInTheEnd(t *testing.T) {
	for err, within := range map[error]time.Duration{
		gone: askFor + time.Second,
		api.Refuse(http.StatusNotFound, "there is no such rollout"): time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			f := follower{
				tell: func(string) {},
				ask:  func(context.Context) (api.Rollout, error) { return api.Rollout{}, err },
			}
			r, got := f.follow(t.Context(), goesOn)
			if !errors.Is(got, err) || r.ID != "r1" || time.Since(begun) > within || time.Since(begun) < within-time.Second {
				t.Errorf("%v: after %v, %+v, %v", err, time.Since(begun), r, got)
			}
		})
	}
}
