package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/squadron-edge/squadron/cmd/config"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/cmd/squadron/home"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/deploy/trust"
)

type publishCommand struct {
	controllerFlags
	Bundle string `arg:"" help:"The bundle file that squadron pack wrote." type:"existingfile"`
	Key    string `required:"" help:"The publisher's private key (squadron keys); it stays on this machine." type:"existingfile" placeholder:"FILE"`
	// Other is for a publisher with several keys, or with a new one.
	Other []string `name:"other-key" help:"Public key (FILE.pub) of the same publisher, whose signatures count here too: one on another machine, or the one before this, unless that was stolen." type:"existingfile" placeholder:"FILE"`
	// Minimum forbids what is older.
	Minimum modelVersion `name:"minimum-version" help:"Lowest version of the model that may still be installed anywhere from now on. It holds for later releases too." placeholder:"VERSION" optional:""`
	// Lower is for whoever forbade too much.
	Lower bool `name:"lower-minimum" help:"Let --minimum-version be lower than the one in force."`
	// NoDelta is for who has no time: devices then fetch whole files.
	NoDelta bool `name:"no-delta" help:"Make no deltas: devices that run an older version fetch whole files too."`
	passphraseFlags
}

func (publishCommand) Help() string {
	return `Example:

  squadron publish meter-reader-2.0.0.sqb --key trust/keys/publisher.key

A key that may not publish the model is refused before anything is sent. The controller checks the signature and every digest, and keeps the bundle; then the publisher's key signs, here, that devices may run it. A version below --minimum-version can be installed by nobody any more, whoever orders it; that stays so, whatever is published or removed later, until --lower-minimum gives a lower one. Devices then follow to that: they go by what the publisher signed last, not by the highest they saw. Publishing the same bundle again changes nothing; another bundle under a version that is taken is refused, with both digests and who published the first. No device runs it before squadron rollout start.

The key signs only what goes on from what it signed before, which is kept beside it, in FILE.signed.json: nobody who holds the controller can add to that or take it back. Keep that file with the key. On a machine without it, what the controller shows is taken if this key signed it.

Then each large file is compared, here, with that of the three newest versions before, and where a tenth or more is saved, the difference is sent too: a device that runs one of those fetches it in place of the file, and checks what it makes. Publishing the bundle again makes what is missing of them.`
}

func (c publishCommand) Run(ctx context.Context, s program.Streams) error {
	if err := wantBundle(c.Bundle); err != nil {
		return err
	}
	if c.Lower && c.Minimum == "" {
		return exit.AsUsage(errors.New("--lower-minimum says that --minimum-version may be lower than the one in force: give that too"))
	}
	signer, err := c.signer()
	if err != nil {
		return exit.AsUsage(err)
	}
	tell := s.Err
	if s.JSON {
		tell = io.Discard // its lines are for people
	}
	release, published, created, err := c.send(ctx, signer.Key, tell)
	if err != nil {
		return remote(fmt.Errorf("publish %s: %w", c.Bundle, err), "")
	}
	release.Minimum, release.Lower = string(c.Minimum), c.Lower
	notes, err := c.client().Vouch(ctx, signer, release, time.Now().UTC())
	if err != nil {
		return remote(fmt.Errorf("publish %s: the controller has it, but it is not signed yet that devices may run it: %w", c.Bundle, err), "")
	}
	for _, note := range notes {
		fmt.Fprintln(tell, note)
	}
	answer, failed := c.withDeltas(ctx, published, tell)
	answer.Notes = notes
	if failed != nil {
		fmt.Fprintf(tell, "No more deltas: %v; devices fetch whole files, until this bundle is published again\n", failed)
	}
	return s.Print(answer, func(w io.Writer) {
		if !created {
			fmt.Fprintf(w, "%s %s was published already, and devices may run it.\n", published.Name, published.Version)
			return
		}
		fmt.Fprintf(w, "Published %s %s, %s, signed by key %.12s.\n", published.Name, published.Version, published.Digest, published.KeyID)
		fmt.Fprintf(w, "Next: squadron rollout start %s@%s --waves 1,50%%,100%%\n", published.Name, published.Version)
	})
}

// signer opens the publisher's key, and what it signed last beside it.
func (c publishCommand) signer() (s api.Signer, err error) {
	s.Home = home.Of(c.Key)
	for _, file := range c.Other {
		k, err := config.PublicKey(file)
		if err != nil {
			return s, err
		}
		s.Others = append(s.Others, k)
	}
	s.Key, err = c.open(c.Key)
	return s, err
}

// send gives the controller the bundle. What is to be signed is read here, from
// the file, and the answer must be about that.
func (c publishCommand) send(ctx context.Context, key trust.PrivateKey, tell io.Writer) (r trust.Release, b api.Bundle, created bool, err error) {
	f, err := os.Open(c.Bundle)
	if err != nil {
		return r, b, false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return r, b, false, err
	}
	r, signers, err := api.ReleaseOf(f)
	if err != nil {
		return r, b, false, err
	}
	if c.Minimum != "" && trust.Older(r.Version, string(c.Minimum)) {
		return r, b, false, exit.AsUsage(fmt.Errorf("--minimum-version %s is above the bundle's own version %s, which nobody could install then: publish that version first, and give the minimum with it", c.Minimum, r.Version))
	}
	if err := (attempt{r, signers, c.Key, key.ID()}).check(ctx, c.client()); err != nil {
		return r, b, false, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return r, b, false, err
	}
	if b, created, err = c.client().Publish(ctx, &progress{r: f, w: tell, total: info.Size()}); err != nil {
		return r, b, false, err
	}
	return r, b, created, b.Answers(r)
}

// publishAnswer is what squadron publish --json prints.
type publishAnswer struct {
	api.Bundle
	Deltas      []publishedDelta `json:"deltas,omitempty"`
	DeltaFailed string           `json:"delta_failed,omitempty"` // why there are no more
	Notes       []string         `json:"notes,omitempty"`        // on what was signed
}

// withDeltas makes them, unless told not to. The bundle is published without
// them, so that a failure is told and fails nothing.
func (c publishCommand) withDeltas(ctx context.Context, b api.Bundle, tell io.Writer) (publishAnswer, error) {
	if c.NoDelta {
		return publishAnswer{Bundle: b}, nil
	}
	d := deltas{client: c.client(), tell: tell}
	err := d.publish(ctx, c.Bundle, b)
	answer := publishAnswer{Bundle: b, Deltas: d.made}
	if err != nil {
		answer.DeltaFailed = err.Error()
	}
	return answer, err
}

// progress tells once a second how far a long upload is.
type progress struct {
	r           io.Reader
	w           io.Writer
	done, total int64
	told        time.Time
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.done += int64(n)
	if p.told.IsZero() {
		p.told = time.Now()
	}
	if time.Since(p.told) >= time.Second {
		p.told = time.Now()
		fmt.Fprintf(p.w, "sent %.0f of %.0f MiB\n", float64(p.done)/(1<<20), float64(p.total)/(1<<20))
	}
	return n, err
}

type bundlesCommand struct {
	List   bundlesListCommand   `cmd:"" help:"List what was published."`
	Show   bundlesShowCommand   `cmd:"" help:"Show what a published bundle was made of: data, commit, files."`
	Remove bundlesRemoveCommand `cmd:"" help:"Take a bundle away that nothing needs any more."`
}

type bundlesRemoveCommand struct {
	controllerFlags
	Release release `arg:"" help:"NAME@VERSION of a published bundle."`
}

func (bundlesRemoveCommand) Help() string {
	return "Example:\n\n  squadron bundles remove meter-reader@1.0.0\n\nRefused while a device runs it or is ordered to, a rollout that runs needs it, or a device that joins would be ordered to run it."
}

func (c bundlesRemoveCommand) Run(ctx context.Context, s program.Streams) error {
	b, err := c.client().RemoveBundle(ctx, c.Release.model, c.Release.version)
	if err != nil {
		return remote(fmt.Errorf("remove bundle %s: %w", c.Release, err), "squadron bundles list")
	}
	return s.Print(b, func(w io.Writer) { fmt.Fprintf(w, "Removed %s %s, %s.\n", b.Name, b.Version, b.Digest) })
}

type bundlesListCommand struct{ controllerFlags }

func (bundlesListCommand) Help() string {
	return "Example:\n\n  squadron bundles list\n\nMINIMUM is the lowest version of the model that a device may install, as its publisher said last (squadron publish --minimum-version)."
}

func (c bundlesListCommand) Run(ctx context.Context, s program.Streams) error {
	list, err := c.client().Bundles(ctx)
	if err != nil {
		return remote(fmt.Errorf("list bundles: %w", err), "")
	}
	return s.Print(list, func(w io.Writer) {
		if len(list) == 0 {
			fmt.Fprintln(w, "Nothing is published yet. Next: squadron pack (its --help has an example), then squadron publish with the bundle.")
			return
		}
		row := table(w, "MODEL", "VERSION", "MINIMUM", "SIZE", "PUBLISHED", "BY", "KEY", "DIGEST")
		for _, b := range list {
			row(b.Name, b.Version, minimumFor(b.Version, b.Minimum), fmt.Sprintf("%.1f MiB", float64(b.TotalBytes)/(1<<20)), b.Published.Local().Format(time.DateTime), b.By, b.KeyID[:min(12, len(b.KeyID))], b.Digest.Short())
		}
		row()
	})
}

// minimumFor is a model's minimum version beside one of its versions.
func minimumFor(version, minimum string) string {
	if minimum != "" && trust.Older(version, minimum) {
		return minimum + ", forbids this"
	}
	return minimum
}

// table gives a function that writes one aligned row; an empty row ends it.
func table(w io.Writer, columns ...string) func(cells ...string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...string) {
		if len(cells) == 0 {
			t.Flush()
			return
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	row(columns...)
	return row
}
