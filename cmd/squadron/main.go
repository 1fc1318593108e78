// Squadron is the operator's program: it packs and signs models, publishes
// them, rolls them out to a fleet and shows what runs where.
//
//	squadron pack model.onnx --name meter-reader --version 1.0.0 …
//	squadron publish meter-reader-1.0.0.sqb
//	squadron rollout start meter-reader@1.0.0 --waves 1,50%,100%
//
// Exit status: 0 done, 1 refused or failed, 2 usage, 3 unreachable.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/squadron-edge/squadron/cmd/exit"
)

// commands is the whole command line.
type commands struct {
	Demo       demoCommand       `cmd:"" help:"Tell the whole story in one process: a controller, three devices, three releases."`
	Controller controllerCommand `cmd:"" help:"Run the controller of a fleet."`
	Devices    devicesCommand    `cmd:"" help:"Show the fleet."`
	Rollout    rolloutCommand    `cmd:"" help:"Roll a version out, wave by wave."`
	Publish    publishCommand    `cmd:"" help:"Give a bundle to the controller."`
	Bundles    bundlesCommand    `cmd:"" help:"Show what was published."`
	Samples    samplesCommand    `cmd:"" help:"Write models and pictures to try the other commands on."`
	Run        runCommand        `cmd:"" help:"Read pictures with a model file."`
	Inspect    inspectCommand    `cmd:"" help:"Show what a model file holds and which engines run it."`
	Keys       keysCommand       `cmd:"" help:"Make publishers' keys."`
	TUF        tufCommand        `cmd:"" name:"tuf" help:"Follow a TUF repository, as devices do."`
	Pack       packCommand       `cmd:"" help:"Make a signed bundle of a model, after it read its golden pictures."`

	Version versionCommand `cmd:"" help:"Print the program's version."`

	JSON bool `help:"Print JSON for programs instead of sentences for people."`
}

// streams is where a command speaks, and how.
type streams struct {
	out, err io.Writer
	json     bool
}

// print writes v as JSON if asked for, else what text writes.
func (s streams) print(v any, text func(io.Writer)) error {
	if !s.json {
		text(s.out)
		return nil
	}
	enc := json.NewEncoder(s.out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings as values.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var cmds commands
	answered := false // --help
	parser, err := kong.New(&cmds,
		kong.Name("squadron"),
		kong.Description("Ships machine-learning models to fleets of NVIDIA Jetson boards, and shows what runs there.\n\nExit status: 0 done, 1 refused or failed, 2 usage, 3 unreachable."),
		kong.Writers(stdout, stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(int) { answered = true }),
	)
	if err != nil {
		return exit.Report(stderr, "squadron", fmt.Errorf("set up the command line: %w", err))
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if answered {
		return exit.Done
	}
	if err != nil {
		return exit.Report(stderr, "squadron", exit.AsUsage(fmt.Errorf("%w (see squadron --help)", err)))
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return exit.Report(stderr, "squadron", parsed.Run(streams{stdout, stderr, cmds.JSON}))
}

type versionCommand struct{}

func (versionCommand) Run(s streams) error {
	v := struct {
		Version string `json:"version"`
		Go      string `json:"go"`
	}{version(), runtime.Version()}
	return s.print(v, func(w io.Writer) { fmt.Fprintf(w, "squadron %s (%s)\n", v.Version, v.Go) })
}

// version is the module's version as the build recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
