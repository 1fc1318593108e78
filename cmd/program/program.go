// Package program is the frame that our programs stand in: it starts one as the
// system does, reads its command line, runs the command, and ends with a status
// of package exit.
//
// It owns what is the same whichever command runs: signals, --help, version and
// --version, --json, the streams that a command speaks on, and the words for a
// wrong command line. It refuses to know any command.
//
//	type commands struct {
//		Greet greetCommand `cmd:"" help:"Greet somebody."`
//		program.Shared
//	}
//
//	var self = program.Program{Name: "greeter", About: "Greets people."}
//
//	func main() { self.Main(new(commands)) }
//
//	func (c greetCommand) Run(ctx context.Context, s program.Streams) error { … }
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/squadron-edge/squadron/cmd/exit"
)

// Program is what a program says of itself.
type Program struct {
	Name  string
	About string    // what it is for
	Vars  kong.Vars // for the help of its flags; may be nil
}

// Shared is what the command line of every program with commands has.
type Shared struct {
	Version versionCommand `cmd:"" help:"Print the program's version; --version does too."`
	JSON    bool           `help:"Print JSON for programs instead of sentences for people."`
}

// Main runs the program as the system starts it, and ends the process. The
// first interrupt ends ctx; a second one ends the process at once.
func (p Program) Main(commands any) {
	ctx, stop := signal.NotifyContext(context.Background(), interrupts()...)
	context.AfterFunc(ctx, stop)
	os.Exit(p.Run(ctx, commands, os.Args[1:], os.Stdout, os.Stderr))
}

// interrupts are the signals that ask a program to end. A terminal that closes
// sends SIGHUP, which nohup has a program ignore.
func interrupts() []os.Signal {
	asked := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		asked = append(asked, syscall.SIGHUP)
	}
	return asked
}

// Run is Main with its surroundings as values. commands points to the whole
// command line, as kong reads it: a struct of commands, or of flags with a Run
// of its own. Each is given ctx and Streams.
func (p Program) Run(ctx context.Context, commands any, args []string, stdout, stderr io.Writer) int {
	answered := false // --help
	out := &remembering{w: stdout}
	parser, err := kong.New(commands,
		kong.Name(p.Name),
		kong.Description(p.About+"\n\nExit status: "+exit.Meaning),
		p.Vars,
		kong.NamedMapper("existingfile", existing(isFile)),
		kong.NamedMapper("existingdir", existing(isFolder)),
		kong.Writers(out, stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(int) { answered = true }),
		kong.Bind(p),
		kong.PostBuild(p.exemplify),
	)
	if err != nil {
		return exit.Report(stderr, p.Name, fmt.Errorf("set up the command line: %w", err), false)
	}
	s := Streams{Out: stdout, Err: stderr, JSON: asksJSON(parser.Model, args)}
	if asksVersion(args) {
		return exit.Report(stderr, p.Name, p.printVersion(s), s.JSON)
	}
	if len(args) == 0 && len(parser.Model.Children) > 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if answered || out.failed != nil {
		return exit.Report(stderr, p.Name, out.failed, s.JSON)
	}
	if err != nil {
		return exit.Report(stderr, p.Name, exit.AsUsage(fmt.Errorf("%w (see %s --help)", err, p.failedIn(err))), s.JSON)
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return exit.Report(stderr, p.Name, parsed.Run(s), s.JSON)
}

// failedIn names the command whose help tells what was meant.
func (p Program) failedIn(err error) string {
	var failed *kong.ParseError
	if errors.As(err, &failed) && failed.Context != nil {
		if command := failed.Context.Selected(); command != nil {
			return command.FullPath()
		}
	}
	return p.Name
}

// asksJSON looks for --json itself, so that a command line that cannot be read
// is refused in the form that was asked for.
func asksJSON(model *kong.Application, args []string) bool {
	known := slices.ContainsFunc(model.Flags, func(f *kong.Flag) bool { return f.Name == "json" })
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return known && (slices.Contains(args, "--json") || slices.Contains(args, "--json=true"))
}

// asksVersion looks for --version before any command. It is no flag of kong's,
// which would keep commands from having one of their own, as squadron pack does.
func asksVersion(args []string) bool {
	for _, a := range args {
		if a == "--version" || !strings.HasPrefix(a, "-") {
			return a == "--version"
		}
	}
	return false
}
