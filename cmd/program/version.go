package program

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"
)

type versionCommand struct{}

// exemplify gives the version command its example, which only the program knows.
func (p Program) exemplify(k *kong.Kong) error {
	for _, c := range k.Model.Children {
		if c.Name == "version" {
			c.Detail = "Example:\n\n  " + p.Name + " version --json"
		}
	}
	return nil
}

func (versionCommand) Run(p Program, s Streams) error { return p.printVersion(s) }

func (p Program) printVersion(s Streams) error {
	v := struct {
		Program string `json:"program"`
		Version string `json:"version"`
		Go      string `json:"go"`
	}{p.Name, Version(), runtime.Version()}
	return s.Print(v, func(w io.Writer) { fmt.Fprintf(w, "%s %s (%s)\n", v.Program, v.Version, v.Go) })
}

// Version is the module's version as the build recorded it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// Built is when the program's sources were committed, as the build recorded it;
// zero if it did not.
func Built() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}
	}
	for _, s := range info.Settings {
		if s.Key != "vcs.time" {
			continue
		}
		if at, err := time.Parse(time.RFC3339, s.Value); err == nil {
			return at
		}
	}
	return time.Time{}
}
