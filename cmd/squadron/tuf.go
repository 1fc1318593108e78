package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/squadron/durable"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// tufCommand is the client that devices have (trust.Client over
// fetch.Metadata), under the command line of the TUF project's conformance
// suite for clients: flags before the command, exit status 0, or 1 where the
// repository is refused.
type tufCommand struct {
	MetadataDir   string  `placeholder:"DIR" required:"" type:"path" help:"Where what was verified is kept."`
	MetadataURL   string  `placeholder:"URL" help:"Where the repository's metadata lies: https://…, http:// on this machine, or file:///…."`
	TargetName    string  `placeholder:"PATH" help:"The target to download."`
	TargetBaseURL string  `placeholder:"URL" help:"Where the repository's targets lie."`
	TargetDir     string  `placeholder:"DIR" type:"path" help:"Where to put the target."`
	Time          tufTime `placeholder:"TIME" env:"FAKETIME" help:"Judge expiry by this time, RFC 3339, or by the clock and so many days or seconds more, as +30d or +3600."`

	Init     tufInitCommand     `cmd:"" help:"Trust a root.json."`
	Refresh  tufRefreshCommand  `cmd:"" help:"Bring the metadata up to date."`
	Download tufDownloadCommand `cmd:"" help:"Bring the metadata up to date, and a target that it vouches for."`
}

func (tufCommand) Help() string {
	return `Examples:

  squadron tuf --metadata-dir meta init root.json
  squadron tuf --metadata-dir meta --metadata-url http://127.0.0.1:8080/v1/tuf refresh

It is the very client that devices judge models by, for any TUF repository. A target is at most 64 MiB.`
}

// tufTime is a time, or a distance from now.
type tufTime struct {
	at    time.Time
	ahead time.Duration
}

// UnmarshalText reads an RFC 3339 time, or a distance: whole days, or the seconds
// that faketime gives to the program that it starts.
func (t *tufTime) UnmarshalText(b []byte) error {
	number, unit := string(b), time.Second
	if days, ok := strings.CutSuffix(number, "d"); ok {
		number, unit = days, 24*time.Hour
	}
	if n, err := strconv.ParseInt(number, 10, 32); err == nil {
		t.ahead = time.Duration(n) * unit
		return nil
	}
	at, err := time.Parse(time.RFC3339, string(b))
	if err != nil {
		return fmt.Errorf("time %.40q: want RFC 3339, such as 2026-11-24T09:00:00Z, or days or seconds from now, such as +30d or +3600", b)
	}
	t.at = at
	return nil
}

func (t tufTime) now() time.Time {
	if t.at.IsZero() {
		return time.Now().Add(t.ahead)
	}
	return t.at
}

type tufInitCommand struct {
	Root string `arg:"" type:"existingfile" help:"The root.json to trust."`
}

func (tufInitCommand) Help() string {
	return "Example:\n\n  squadron tuf --metadata-dir meta init root.json"
}

// Run takes the root without asking the repository anything.
func (c tufInitCommand) Run(p *tufCommand) error {
	b, err := os.ReadFile(c.Root)
	if err != nil {
		return err
	}
	if _, err := trust.ParseRoot(b); err != nil {
		return exit.AsUsage(fmt.Errorf("%s: %w", c.Root, err))
	}
	if err := os.MkdirAll(p.MetadataDir, 0o700); err != nil {
		return fmt.Errorf("make metadata folder: %w", err)
	}
	files := metadataDir(p.MetadataDir)
	if old, err := files.Load("root.json"); err != nil || old != nil {
		return errors.Join(err, fmt.Errorf("%s trusts a root.json already; name another folder", p.MetadataDir))
	}
	if err := files.Save("root.json", b); err != nil {
		return err
	}
	if _, err := trust.Open(files, time.Time{}); err != nil {
		return errors.Join(err, os.Remove(filepath.Join(p.MetadataDir, "root.json")))
	}
	return nil
}

type tufRefreshCommand struct{}

func (tufRefreshCommand) Help() string {
	return "Example:\n\n  squadron tuf --metadata-dir meta --metadata-url http://127.0.0.1:8080/v1/tuf refresh"
}

func (tufRefreshCommand) Run(ctx context.Context, p *tufCommand) error {
	_, err := p.refresh(ctx)
	return err
}

// refresh is what a device does before it installs anything.
func (p *tufCommand) refresh(ctx context.Context) (*trust.Client, error) {
	from, err := fetch.NewMetadata(fetch.Options{Base: p.MetadataURL})
	if err != nil {
		return nil, exit.AsUsage(fmt.Errorf("--metadata-url: %w", err))
	}
	client, err := trust.Open(metadataDir(p.MetadataDir), p.Time.now())
	if err != nil {
		return nil, err
	}
	return client, client.Refresh(from.Fetch(ctx))
}

type tufDownloadCommand struct{}

func (tufDownloadCommand) Help() string {
	return `Example:

  squadron tuf --metadata-dir meta --metadata-url https://repository.example/metadata --target-name a/file --target-base-url https://repository.example/targets --target-dir files download`
}

// maxTarget bounds a target that this command holds in memory, in bytes.
const maxTarget = 64 << 20

func (tufDownloadCommand) Run(ctx context.Context, p *tufCommand) error {
	client, err := p.refresh(ctx)
	if err != nil {
		return err
	}
	target, err := client.Find(p.TargetName)
	if err != nil {
		return err
	}
	if target.Length > maxTarget {
		return fmt.Errorf("download %s: it has %d bytes, and this command takes targets of at most %d", target.Path, target.Length, maxTarget)
	}
	files := targetDir(p.TargetDir)
	if have, err := files.Load(target.Path); err == nil && target.Check(bytes.NewReader(have)) == nil {
		return nil
	}
	from, err := fetch.NewMetadata(fetch.Options{Base: p.TargetBaseURL})
	if err != nil {
		return exit.AsUsage(fmt.Errorf("--target-base-url: %w", err))
	}
	b, err := from.Fetch(ctx)(escaped(client.TargetFile(target)), target.Length)
	if err == nil {
		err = target.Check(bytes.NewReader(b))
	}
	if err != nil {
		return fmt.Errorf("download %s: %w", target.Path, err)
	}
	return files.Save(target.Path, b)
}

// escaped is a target's path in a URL.
func escaped(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// metadataDir keeps a client's files in a folder of the operator's. A device
// keeps its own in package slot.
type metadataDir string

func (d metadataDir) Load(name string) ([]byte, error) {
	return readIfThere(filepath.Join(string(d), name))
}

func (d metadataDir) Save(name string, b []byte) error {
	return durable.Replace(durable.File{Name: filepath.Join(string(d), name), Body: b, Mode: 0o600})
}

// targetDir keeps targets, each under one name whatever its path.
type targetDir string

func (d targetDir) file(path string) string {
	return filepath.Join(string(d), "_"+url.PathEscape(path))
}

func (d targetDir) Load(path string) ([]byte, error) { return readIfThere(d.file(path)) }

func (d targetDir) Save(path string, b []byte) error {
	return durable.Replace(durable.File{Name: d.file(path), Body: b, Mode: 0o600})
}

// readIfThere returns nil for a file that is not there.
func readIfThere(name string) ([]byte, error) {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxTarget+1))
	return b, errors.Join(err, f.Close())
}
