package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/rollout"
	"github.com/squadron-edge/squadron/deploy/wire"
)

type rolloutCommand struct {
	Start  rolloutStartCommand  `cmd:"" help:"Start to roll a published version out, wave by wave."`
	Status rolloutStatusCommand `cmd:"" help:"Show one rollout, or list the newest."`
	Abort  rolloutAbortCommand  `cmd:"" help:"Stop a rollout and send its devices back to what they ran."`
	Remove rolloutRemoveCommand `cmd:"" help:"Take a model off its devices, wave by wave."`
}

// spreadFlags are how a rollout goes over the fleet.
type spreadFlags struct {
	controllerFlags
	Waves waves `help:"Cumulative targets: numbers of devices or percentages; the last is 100%. Without it: ${default}." default:"1,50%,100%" placeholder:"LIST"`
	Sites sites `help:"Sites to roll out to; all if not given." placeholder:"LIST"`
	Wait  bool  `help:"Stay until the rollout has ended, however long its devices are offline; exit with 1 unless it is done."`
}

type rolloutStartCommand struct {
	spreadFlags
	Release release `arg:"" name:"name@version" help:"A published bundle, such as meter-reader@2.0.0."`
}

func (rolloutStartCommand) Help() string {
	return `Example:

  squadron rollout start meter-reader@2.0.0 --waves 1,50%,100% --wait

A wave is done when at least one of its devices reports the new version as running and committed, and none is still on its way. The first device that refuses, fails or rolls back halts the rollout, and every device that took the version goes back to what it ran before.

A device whose owner pinned the model refuses it and is excused: it keeps what it runs, its wave takes another device in its place, and squadron rollout status ID shows the reason and the date of its pin. A rollout of which every device is pinned halts.

From its order on, a device has the controller's "device_deadline_seconds" (1800 if not configured) to come to an end. One that is online and has not by then halts the rollout; one that is offline by then is not waited for any more, but its order waits for it. A wave whose devices are all offline stays open until one of them is back and proves the version, and --wait stays as long; only a last wave none of whose devices was online since its order ends without. --wait outlasts a controller that is restarted: it gives up when none has answered for ten minutes, and the rollout goes on.

To undo a rollout that is done, start one of the version before: squadron rollout start meter-reader@1.0.0. squadron rollout abort is for one that runs. To take a model off its devices: squadron rollout remove.`
}

func (c rolloutStartCommand) Run(ctx context.Context, s program.Streams) error {
	r, err := c.client().StartRollout(ctx, api.StartRollout{Model: c.Release.model, Version: c.Release.version, Waves: c.Waves, Sites: c.Sites})
	if err != nil {
		return remote(fmt.Errorf("start rollout of %s: %w", c.Release, err), "squadron bundles list")
	}
	if !c.Wait {
		return s.Print(r, func(w io.Writer) {
			fmt.Fprintf(w, "Rollout %s of %s started: %s.\n", r.ID, whatOf(r), r.Why)
			fmt.Fprintf(w, "Watch it: squadron rollout status %s\n", r.ID)
		})
	}
	return c.wait(ctx, s, r)
}

// wait follows the rollout to its end.
func (c spreadFlags) wait(ctx context.Context, s program.Streams, r api.Rollout) error {
	f := follower{
		ask: func(ctx context.Context) (api.Rollout, error) { return c.client().Rollout(ctx, r.ID) },
		tell: func(text string) {
			if !s.JSON {
				fmt.Fprintf(s.Out, "%s  %s\n", time.Now().Format(time.TimeOnly), text)
			}
		},
	}
	r, err := f.follow(ctx, r)
	if err != nil {
		return remote(fmt.Errorf("wait for rollout %s, which goes on (squadron rollout status %s): %w", r.ID, r.ID, err), "")
	}
	err = s.Print(r, func(io.Writer) {})
	if r.Phase != rollout.Done {
		return errors.Join(err, fmt.Errorf("rollout %s of %s: %s", r.ID, whatOf(r), r.Why))
	}
	return err
}

type rolloutStatusCommand struct {
	controllerFlags
	ID rolloutID `arg:"" optional:"" help:"The rollout; the newest if not given."`
}

func (rolloutStatusCommand) Help() string {
	return "Examples:\n\n  squadron rollout status\n  squadron rollout status ID --json\n\nWithout an ID it lists the newest 20, and each device's part of those alone that run (with --json): the part of every device is in the answer about one rollout."
}

func (c rolloutStatusCommand) Run(ctx context.Context, s program.Streams) error {
	if c.ID == "" {
		return c.all(ctx, s)
	}
	r, err := c.client().Rollout(ctx, wire.RolloutID(c.ID))
	if err != nil {
		return remote(fmt.Errorf("show rollout %s: %w", c.ID, err), "squadron rollout status")
	}
	return s.Print(r, func(w io.Writer) {
		excused := ""
		if r.Excused > 0 {
			excused = fmt.Sprintf("%d excused, ", r.Excused)
		}
		fmt.Fprintf(w, "%s: %s, wave %d of %d, %d healthy, %d failed, %s%d devices\n", whatOf(r), r.Phase, r.Wave, len(r.Waves), r.Healthy, r.Failed, excused, r.Total)
		fmt.Fprintf(w, "%s\n", r.Why)
		row := table(w, "DEVICE", "PROGRESS", "WAVE", "BEFORE", "WHY")
		for _, d := range r.Devices {
			why := d.Failure
			if why == "" {
				why = d.Why
			}
			row(wire.Device{Site: d.Site, ID: d.Device}.String(), string(d.Progress), numberOr(d.Wave, "-"), textOr(d.Previous, "-"), why)
		}
		row()
	})
}

func (c rolloutStatusCommand) all(ctx context.Context, s program.Streams) error {
	list, err := c.client().Rollouts(ctx)
	if err != nil {
		return remote(fmt.Errorf("list rollouts: %w", err), "")
	}
	return s.Print(list, func(w io.Writer) {
		if len(list) == 0 {
			fmt.Fprintln(w, "No rollout was started yet. Next: squadron rollout start NAME@VERSION (squadron bundles list shows what is published).")
			return
		}
		row := table(w, "ROLLOUT", "MODEL", "VERSION", "PHASE", "WAVE", "HEALTHY", "FAILED", "DEVICES", "WHY")
		for _, r := range list {
			row(string(r.ID), r.Model, textOr(r.Version, "(removal)"), string(r.Phase), fmt.Sprintf("%d/%d", r.Wave, len(r.Waves)),
				fmt.Sprint(r.Healthy), fmt.Sprint(r.Failed), fmt.Sprint(r.Total), r.Why)
		}
		row()
		fmt.Fprintln(w, "What each device did: squadron rollout status ROLLOUT")
	})
}

type rolloutAbortCommand struct {
	controllerFlags
	ID rolloutID `arg:"" help:"The rollout."`
}

func (rolloutAbortCommand) Help() string {
	return "Example:\n\n  squadron rollout abort ID\n\nNo further device is ordered, and those that were go back to what they ran before. A rollout that is done is undone by a rollout of the version before (squadron rollout start)."
}

func (c rolloutAbortCommand) Run(ctx context.Context, s program.Streams) error {
	r, err := c.client().Abort(ctx, wire.RolloutID(c.ID))
	if err != nil {
		err = remote(fmt.Errorf("abort rollout %s: %w", c.ID, err), "squadron rollout status")
		return c.withUndo(ctx, err)
	}
	return s.Print(r, func(w io.Writer) { fmt.Fprintf(w, "Rollout %s of %s: %s.\n", r.ID, whatOf(r), r.Why) })
}

// withUndo tells whoever would abort what is done already how to go back.
func (c rolloutAbortCommand) withUndo(ctx context.Context, err error) error {
	var refused *api.RefusedError
	if !errors.As(err, &refused) || refused.Status != http.StatusConflict {
		return err
	}
	r, failed := c.client().Rollout(ctx, wire.RolloutID(c.ID))
	switch before := ranBefore(r); {
	case failed != nil:
		return errors.Join(err, failed)
	case r.Phase != rollout.Done:
		return err
	case before == "":
		return fmt.Errorf("%w; its devices ran no version before, to which they could go back", err)
	default:
		return fmt.Errorf("%w; to undo it, start a rollout of the version before: squadron rollout start %s@%s", err, r.Model, before)
	}
}

// ranBefore is the version that most devices of a rollout ran before it; empty
// if none ran any.
func ranBefore(r api.Rollout) (version string) {
	count := map[string]int{}
	for _, d := range r.Devices {
		if d.Previous == "" {
			continue
		}
		if count[d.Previous]++; count[d.Previous] > count[version] {
			version = d.Previous
		}
	}
	return version
}

// whatOf is what a rollout spreads, for people.
func whatOf(r api.Rollout) string {
	if r.Removes {
		return "the removal of " + r.Model
	}
	return r.Model + " " + r.Version
}

func numberOr(n int, or string) string {
	if n == 0 {
		return or
	}
	return fmt.Sprint(n)
}

func textOr(s, or string) string {
	if s == "" {
		return or
	}
	return s
}
