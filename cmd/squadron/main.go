// Squadron is the operator's program: it packs and signs models, publishes
// them, rolls them out to a fleet and shows what runs where.
//
//	squadron pack model.onnx --name meter-reader --version 1.0.0 …
//	squadron publish meter-reader-1.0.0.sqb
//	squadron rollout start meter-reader@1.0.0 --waves 1,50%,100%
//
// Exit status: 0 done, 1 refused or failed, 2 usage, 3 unreachable.
package main

import "github.com/squadron-edge/squadron/cmd/program"

// commands is the whole command line.
type commands struct {
	Demo        demoCommand        `cmd:"" help:"Tell the whole story in one process: a controller, three devices, three releases."`
	Controller  controllerCommand  `cmd:"" help:"Run the controller of a fleet."`
	Devices     devicesCommand     `cmd:"" help:"Show the fleet, and forget who left it."`
	Rollout     rolloutCommand     `cmd:"" help:"Roll a version out, wave by wave."`
	Publish     publishCommand     `cmd:"" help:"Give a bundle to the controller."`
	Export      exportCommand      `cmd:"" help:"Fill a folder, such as a USB stick, for devices that no network reaches."`
	Bundles     bundlesCommand     `cmd:"" help:"Show what was published."`
	Samples     samplesCommand     `cmd:"" help:"Write models and pictures to try the other commands on."`
	Run         runCommand         `cmd:"" help:"Read pictures with a model file."`
	Inspect     inspectCommand     `cmd:"" help:"Show what a model file holds and which engines run it."`
	Conformance conformanceCommand `cmd:"" help:"Run cases of the ONNX backend tests."`
	Keys        keysCommand        `cmd:"" help:"Make publishers' keys."`
	TUF         tufCommand         `cmd:"" name:"tuf" help:"Follow a TUF repository, as devices do."`
	Pack        packCommand        `cmd:"" help:"Make a signed bundle of a model, after it read its golden pictures."`

	program.Shared
}

// self is this program.
var self = program.Program{
	Name:  "squadron",
	About: "Ships machine-learning models to fleets of NVIDIA Jetson boards, and shows what runs there.",
}

func main() { self.Main(new(commands)) }
