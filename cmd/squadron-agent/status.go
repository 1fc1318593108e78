package main

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/squadron-edge/squadron/agent"
	"github.com/squadron-edge/squadron/cmd/engines"
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
	found := status{State: state, Engines: agent.Probe(engines.All())}
	taken, ok, err := agent.LastTaken(c.State)
	if err != nil {
		return err
	}
	if ok {
		found.LastImport = &lastImport{taken.At, taken.Folder, taken.Order.Generation, taken.Error}
	}
	return s.Print(found, found.tell)
}

// status is the device's state, with what its machine can run models on.
type status struct {
	wire.State
	Engines    []wire.EngineWhy `json:"engines"`
	LastImport *lastImport      `json:"last_import,omitempty"`
}

// lastImport is what became of the folder that was brought last: the device took its
// order, or says why not.
type lastImport struct {
	At         time.Time `json:"at"`
	Folder     string    `json:"folder"`
	Generation int64     `json:"generation,omitempty"` // of the order
	Error      string    `json:"error,omitempty"`
}

func (l *lastImport) tell(w io.Writer) {
	came := fmt.Sprintf("order %d was taken", l.Generation)
	if l.Error != "" {
		came = l.Error
	}
	fmt.Fprintf(w, "Last import, of %s at %s: %s\n", l.Folder, l.At.Format("2006-01-02 15:04:05 MST"), came)
}

func (s status) tell(w io.Writer) {
	if len(s.Models) == 0 {
		fmt.Fprintln(w, "No model was ever ordered here. Next: squadron-agent run on this folder, then squadron rollout start at the controller.")
	}
	for _, m := range s.Models {
		fmt.Fprintf(w, "%s: runs %s, wants %s, %s since %s\n  %s\n",
			m.Name, cmp.Or(m.Running, "nothing"), cmp.Or(m.Wanted, "nothing"), m.Phase, m.Since.Format("2006-01-02 15:04:05 MST"), m.Why)
	}
	if s.LastImport != nil {
		s.LastImport.tell(w)
	}
	for _, e := range s.Engines {
		fmt.Fprintf(w, "Engine %s: %s\n", e.Engine, e.Why)
	}
}
