package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/squadron-edge/squadron/agent"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// statusCommand reads the state folder, whether or not an agent runs on it.
type statusCommand struct {
	State string `type:"existingdir" placeholder:"DIR" required:"" help:"The device's state folder."`
}

// Help is shown by squadron-agent status --help.
func (statusCommand) Help() string {
	return `Example:

  squadron-agent status --state /var/lib/squadron`
}

// Run prints what serves, or would after a start, and what the device is doing
// about its order.
func (c *statusCommand) Run(s program.Streams) error {
	state, err := agent.Status(c.State)
	if err != nil {
		return err
	}
	var broken error
	err = s.Print(state, func(w io.Writer) { broken = printState(w, state) })
	return errors.Join(err, broken)
}

func printState(w io.Writer, state wire.State) error {
	if len(state.Models) == 0 {
		_, err := fmt.Fprintln(w, "No model was ever ordered here.")
		return err
	}
	for _, m := range state.Models {
		running := m.Running
		if running == "" {
			running = "nothing"
		}
		if _, err := fmt.Fprintf(w, "%s: runs %s, wants %s, %s since %s\n  %s\n",
			m.Name, running, m.Wanted, m.Phase, m.Since.Format("2006-01-02 15:04:05 MST"), m.Why); err != nil {
			return err
		}
	}
	return nil
}
