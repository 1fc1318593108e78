// Squadron-agent is the device's program: it takes the device's order, brings
// and proves the ordered models, and serves them.
//
//	squadron-agent run --config agent.json --trust trust.json --state /var/lib/squadron
//	squadron-agent status --state /var/lib/squadron
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
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/squadron-edge/squadron/cmd/exit"
)

// commands is the whole command line.
type commands struct {
	Run    runCommand    `cmd:"" help:"Run the agent until it is interrupted."`
	Status statusCommand `cmd:"" help:"Show what the device runs, from its state folder."`

	Version kong.VersionFlag `help:"Print the program's version."`
	JSON    bool             `help:"Print JSON for programs instead of sentences for people."`
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
	answered := false // --help or --version
	parser, err := kong.New(&cmds,
		kong.Name("squadron-agent"),
		kong.Description("Runs machine-learning models on this device as its controller orders.\n\nExit status: 0 done, 1 refused or failed, 2 usage, 3 unreachable."),
		kong.Vars{"version": "squadron-agent " + version()},
		kong.Writers(stdout, stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(int) { answered = true }),
	)
	if err != nil {
		return exit.Report(stderr, "squadron-agent", fmt.Errorf("set up the command line: %w", err))
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if answered {
		return exit.Done
	}
	if err != nil {
		return exit.Report(stderr, "squadron-agent", exit.AsUsage(fmt.Errorf("%w (see squadron-agent --help)", err)))
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return exit.Report(stderr, "squadron-agent", parsed.Run(streams{stdout, stderr, cmds.JSON}))
}

// version is the module's version as the build recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
