package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/squadron-edge/squadron/agent"
	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// importCommand installs from a folder: with the agent that runs on the state
// folder, or with one of its own where none does. A model's import ends with its
// update, or with the first try to fetch that failed for something that the folder
// lacks or has spoilt and of which the network brought nothing.
type importCommand struct {
	Folder string `arg:"" type:"existingdir" help:"The folder, such as where the stick is mounted."`
	agentFlags
}

// Help is shown by squadron-agent import --help.
func (importCommand) Help() string {
	return `Example, on the device, with a stick that squadron export filled:

  squadron-agent import /media/stick --config agent.json --trust root.json --state /var/lib/squadron

The device takes its order, the fleet's trust and the models from the folder first, and from the
network what is not there. Nothing is believed of the folder that would not be believed of the
controller: all signatures, versions and dates count. An agent that runs on the state folder goes on
serving and does it; without one, this command is the agent until the end. The maintenance window, the
pin, the shadow and the probation hold as ever; keep the stick in until the command has ended.

Where the folder lacks a file or has spoilt it, the network is waited for only while it delivers: the
import of a model ends with the first try in which the network brought nothing of that file. The
device goes on trying by itself, without the folder.

What each model is doing is told on the error stream meanwhile, with --json as lines of JSON: "msg",
"model", "version" and "phase". At the end it prints the number of the order, and of each ordered
model the version, its digest and what it came to; with --json as "generation" and "models", each with
"name", "wanted", "wanted_digest" and "phase". squadron-agent status tells of the last import.

Exit status: 0 each ordered version serves, or waits for the maintenance window; 1 one was refused or
failed, or the folder is damaged: the version before serves.`
}

// imported is what came of it.
type imported struct {
	Folder     string            `json:"folder"`
	Generation int64             `json:"generation"` // of the order
	Models     []wire.ModelState `json:"models"`
	Faults     map[string]string `json:"faults,omitempty"` // of the folder, by model

	device wire.Device
}

// Run brings the folder to the agent and waits for each ordered model's end.
func (c *importCommand) Run(ctx context.Context, s program.Streams) (err error) {
	folder, err := filepath.Abs(c.Folder)
	if err != nil {
		return exit.AsUsage(err)
	}
	settings, err := c.settings(s, slog.LevelError)
	if err != nil {
		return exit.AsUsage(err)
	}
	if err := ours(c.State); err != nil {
		return exit.AsUsage(err)
	}
	if err := agent.CheckOwner(c.State, settings.Device); err != nil {
		return exit.AsUsage(err)
	}
	ctx, end, err := c.agentOn(ctx, settings)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	wish, putAway, err := agent.Bring(c.State, folder)
	if err != nil {
		return fmt.Errorf("ask the agent to use %s: %w", folder, err)
	}
	defer func() { err = errors.Join(err, putAway()) }()
	taken, err := c.answer(ctx, wish)
	if err != nil {
		return err
	}
	found := imported{Folder: folder, Generation: taken.Order.Generation, device: settings.Device}
	if found.Models, found.Faults, err = c.follow(ctx, s, taken); err != nil {
		return err
	}
	if err := s.Print(found, found.tell); err != nil {
		return err
	}
	return found.failure()
}

// ours refuses a state folder of another user: that user's agent could not read
// what is left there.
func ours(dir string) error {
	var s syscall.Stat_t
	if err := syscall.Stat(dir, &s); err != nil {
		if errors.Is(err, syscall.ENOENT) {
			return nil // it is made
		}
		return fmt.Errorf("state folder %s: %w", dir, err)
	}
	if me := os.Geteuid(); int(s.Uid) != me {
		return fmt.Errorf("state folder %s belongs to user %d and you are user %d: run this as that user, such as with sudo -u '#%d'", dir, s.Uid, me, s.Uid)
	}
	return nil
}

// agentOn has an agent run on the state folder, if none does, until end. The
// returned context ends with that agent.
func (c *importCommand) agentOn(ctx context.Context, settings agent.Config) (until context.Context, end func() error, err error) {
	a, err := open(settings)
	if errors.Is(err, slot.ErrInUse) {
		return ctx, func() error { return nil }, nil
	}
	if err != nil {
		return nil, nil, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	go func() {
		err := a.Run(ctx)
		stop(errors.New("the agent ended"))
		ended <- err
	}()
	return ctx, func() error { stop(nil); return <-ended }, nil
}

// How often the state folder is looked at, and how long an agent may take to
// notice a folder: it looks every second, and may wait for the network before it
// knows who may order.
const (
	lookEvery  = 250 * time.Millisecond
	answerTime = 3 * time.Minute
)

// answer waits for what the agent says of the folder.
func (c *importCommand) answer(ctx context.Context, wish string) (taken agent.Taken, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, fmt.Errorf("the agent on %s did not look at the folder within %s: is it of this version?", c.State, answerTime))
	defer cancel()
	err = watch(ctx, func() (done bool, err error) {
		taken, done, err = agent.Answer(c.State, wish)
		return done, err
	})
	if err == nil && taken.Error != "" {
		err = errors.New(taken.Error)
	}
	return taken, err
}

// follow tells each new sentence of the ordered models, until all have ended, wait
// for their window, or wait for their next try because the folder is at fault. faults
// are of the last.
func (c *importCommand) follow(ctx context.Context, s program.Streams, taken agent.Taken) (models []wire.ModelState, faults map[string]string, err error) {
	told, tell := map[string]string{}, teller(s)
	order := taken.Order
	err = watch(ctx, func() (done bool, err error) {
		now, ok, err := agent.Answer(c.State, taken.Wish)
		if err != nil {
			return false, err
		}
		state, err := agent.Status(c.State)
		if err != nil {
			return false, err
		}
		if state.Generation > order.Generation {
			return false, fmt.Errorf("order %d came from the network meanwhile, which is newer than order %d of the folder: squadron-agent status shows what the device does about it", state.Generation, order.Generation)
		}
		models, faults = ordered(state, order), map[string]string{}
		done = ok && len(models) == len(order.Models)
		for _, m := range models {
			if told[m.Name] != m.Why {
				tell(m)
			}
			told[m.Name] = m.Why
			if m.Phase.Ended() || m.Phase == wire.PhaseStaged {
				continue
			}
			if why := now.Faults[m.Name]; why != "" && m.Phase == wire.PhaseDownloading {
				faults[m.Name] = why
				continue
			}
			done = false
		}
		return done, nil
	})
	return models, faults, err
}

// teller tells of a model on the error stream: a sentence, or a line of JSON as the
// agent's log has them.
func teller(s program.Streams) func(wire.ModelState) {
	if !s.JSON {
		return func(m wire.ModelState) { fmt.Fprintln(s.Err, m.Why) }
	}
	log := s.Logger(slog.LevelInfo)
	return func(m wire.ModelState) {
		log.Info(m.Why, "model", m.Name, "version", m.Wanted, "phase", string(m.Phase))
	}
}

// watch looks until it is done or ctx ends.
func watch(ctx context.Context, look func() (done bool, err error)) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if done, err := look(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w; an agent that runs goes on by itself, as far as it can without the folder: squadron-agent status shows how far", context.Cause(ctx))
		}
	}
}

// ordered are the models of a state that are on their way by an order.
func ordered(state wire.State, order wire.Desired) (models []wire.ModelState) {
	for _, want := range order.Models {
		for _, m := range state.Models {
			if m.Name == want.Name && m.WantedD == want.Digest && m.Rollout == want.Rollout && m.Attempt == want.Attempt {
				models = append(models, m)
			}
		}
	}
	return models
}

func (i imported) tell(w io.Writer) {
	if len(i.Models) == 0 {
		fmt.Fprintf(w, "Order %d of %s wants no model here.\n", i.Generation, i.Folder)
		return
	}
	fmt.Fprintf(w, "Order %d of %s:\n", i.Generation, i.Folder)
	for _, m := range i.Models {
		fmt.Fprintf(w, "  %s %s, %s: %s\n", m.Name, m.Wanted, m.WantedD, m.Phase)
	}
}

// failure is why the device does not run what was ordered, if it does not.
func (i imported) failure() error {
	var why []string
	for _, m := range i.Models {
		switch fault := i.Faults[m.Name]; {
		case fault != "":
			why = append(why, fmt.Sprintf("%s %s: %s: export again, with squadron export %s --to FOLDER", m.Name, m.Wanted, fault, i.device))
		case m.Phase != wire.PhaseCommitted && m.Phase != wire.PhaseStaged:
			why = append(why, strings.TrimSuffix(m.Why, "."))
		}
	}
	if len(why) == 0 {
		return nil
	}
	return fmt.Errorf("import: %s", strings.Join(why, "; "))
}
