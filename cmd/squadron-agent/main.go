// Squadron-agent is the device's program: it takes the device's order, brings
// and proves the ordered models, and serves them.
//
//	squadron-agent run --config agent.json --trust root.json --state /var/lib/squadron
//	squadron-agent import /media/stick --config agent.json --trust root.json --state /var/lib/squadron
//	squadron-agent status --state /var/lib/squadron
//
// Exit status: 0 done, 1 refused or failed, 2 usage, 3 unreachable.
package main

import "github.com/squadron-edge/squadron/cmd/program"

// commands is the whole command line.
type commands struct {
	Run    runCommand    `cmd:"" help:"Run the agent until it is interrupted."`
	Import importCommand `cmd:"" help:"Install from a folder that squadron export filled, such as a USB stick."`
	Status statusCommand `cmd:"" help:"Show what the device runs, from its state folder."`

	program.Shared
}

// self is this program.
var self = program.Program{
	Name:  "squadron-agent",
	About: "Runs machine-learning models on this device as its controller orders.",
}

func main() { self.Main(new(commands)) }
