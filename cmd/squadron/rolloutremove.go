package main

import (
	"context"
	"fmt"
	"io"

	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/controller/api"
)

// rolloutRemoveCommand is a rollout of no version at all.
type rolloutRemoveCommand struct {
	spreadFlags
	Model modelName `arg:"" name:"model" help:"The model, such as meter-reader, whichever version runs."`
}

// Help is shown by squadron rollout remove --help.
func (rolloutRemoveCommand) Help() string {
	return `Examples:

  squadron rollout remove meter-reader --wait
  squadron rollout remove meter-reader --sites plant-7 --waves 100%

The devices that run the model, or are ordered to, stop serving it and free its disk space; others are left alone, and so is what is published. A wave is done when at least one of its devices is without the model and none is still on its way; one that does not come to be without it within the deadline halts the removal, and all are ordered to run again what they ran. A device whose owner pinned the model keeps it until the pin ends, and is excused. What joins a site later is not given the model there.

It is refused while another rollout of the model runs. squadron rollout abort stops it and gives the model back; once it is done, squadron rollout start NAME@VERSION brings it back.`
}

// Run starts the removal.
func (c rolloutRemoveCommand) Run(ctx context.Context, s program.Streams) error {
	r, err := c.client().StartRollout(ctx, api.StartRollout{Model: string(c.Model), Remove: true, Waves: c.Waves, Sites: c.Sites})
	if err != nil {
		return remote(fmt.Errorf("remove %s from its devices: %w", c.Model, err), "squadron devices list")
	}
	if c.Wait {
		return c.wait(ctx, s, r)
	}
	return s.Print(r, func(w io.Writer) {
		fmt.Fprintf(w, "Rollout %s, which takes %s off the devices that have it (%d), started: %s.\n", r.ID, r.Model, r.Total, r.Why)
		fmt.Fprintf(w, "Watch it: squadron rollout status %s\n", r.ID)
		fmt.Fprintf(w, "Undo it: squadron rollout abort %s while it runs, squadron rollout start %s@%s once it is done\n", r.ID, r.Model, textOr(ranBefore(r), "VERSION"))
	})
}
