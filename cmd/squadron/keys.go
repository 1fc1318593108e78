package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/squadron-edge/squadron/cmd/config"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/cmd/squadron/owner"
	"github.com/squadron-edge/squadron/deploy/trust"
)

type keysCommand struct {
	Init     keysInitCommand     `cmd:"" help:"Found a fleet: its owner's folder with every key."`
	New      keysNewCommand      `cmd:"" help:"Make a key, on the machine of whoever will sign with it."`
	Delegate keysDelegateCommand `cmd:"" help:"Let a publisher publish models, or give one another key."`
	Revoke   keysRevokeCommand   `cmd:"" help:"Take a publisher's right away: nothing that it vouched for is installed any more."`
	Rotate   keysRotateCommand   `cmd:"" help:"Replace the keys of root, targets or online."`
	Renew    keysRenewCommand    `cmd:"" help:"Sign root and targets anew before they expire."`
	Status   keysStatusCommand   `cmd:"" help:"Show who may do what, and until when."`
	Push     keysPushCommand     `cmd:"" help:"Give the controller what the owner has decided."`
}

// folderFlags name the owner's folder and what opens its keys.
type folderFlags struct {
	Dir     string   `placeholder:"DIR" default:"trust" type:"path" help:"The owner's folder."`
	WithKey []string `name:"with-key" placeholder:"FILE" type:"existingfile" help:"A private key that signs and does not lie in DIR/keys."`
	passphraseFlags
}

func (f folderFlags) folder() owner.Folder {
	return owner.Folder{Dir: f.Dir, Keys: f.WithKey, Passphrase: f.ask}
}

// publisherName names a publisher's role.
type publisherName string

// Validate refuses what is not a publisher's.
func (n publisherName) Validate() error { return owner.CheckPublisher(string(n)) }

// patterns select models.
type patterns []trust.Pattern

// Validate refuses what selects no model's name.
func (p patterns) Validate() error {
	for _, m := range p {
		if err := m.Check(); err != nil {
			return err
		}
	}
	return nil
}

type keysInitCommand struct {
	folderFlags
	Publisher publisherName `default:"publisher" help:"Name of the first publisher."`
	Models    patterns      `help:"Models that it may publish: names, or starts of names followed by *." default:"*"`
	RootKeys  int           `default:"3" help:"How many root keys there are."`
	Threshold int           `default:"2" help:"How many of them have to sign a new root."`
}

func (keysInitCommand) Help() string {
	return `Example:

  squadron keys init --publisher ada --models 'meter-*'

makes the folder trust/ with

  root.json, targets.json   no secrets. Devices get root.json (squadron-agent run --trust), the controller the folder.
  keys/root-*.key           who may sign for the fleet. Keep them apart, on machines without a network.
  keys/targets.key          says who may publish. Keep it with them.
  keys/online.key           the controller's: it signs orders, and can install only what a publisher vouches for.
  keys/ada.key              the publisher's: for squadron pack and publish, and never on the controller.
  keys/*.key.pub            the public half of each, no secret: what squadron keys delegate and publish --other-key take.

Each key is sealed with the passphrase. Who wants a passphrase or a machine of one's own makes the key there with squadron keys new, and the owner delegates to its public half.`
}

func (c keysInitCommand) Run(s program.Streams) error {
	if c.RootKeys < 1 || c.RootKeys > 16 || c.Threshold < 1 || c.Threshold > c.RootKeys {
		return exit.AsUsage(fmt.Errorf("%d root keys of which %d sign: want 1 to 16, and no more to sign than there are", c.RootKeys, c.Threshold))
	}
	f := c.folder()
	o := owner.Founding{RootKeys: c.RootKeys, Threshold: c.Threshold, Publisher: string(c.Publisher), Models: c.Models}
	if err := wantFolderFor(c.Dir); err != nil {
		return exit.AsUsage(err)
	}
	if err := f.Init(o, time.Now().UTC()); err != nil {
		return err
	}
	made := struct {
		Dir       string `json:"dir"`
		Root      string `json:"root_file"`
		Online    string `json:"online_key_file"`
		Publisher string `json:"publisher_key_file"`
		Public    string `json:"publisher_public_key_file"`
	}{c.Dir, filepath.Join(c.Dir, "root.json"), f.KeyFile("online"), f.KeyFile(string(c.Publisher)), owner.PublicFile(f.KeyFile(string(c.Publisher)))}
	return s.Print(made, func(w io.Writer) {
		fmt.Fprintf(w, "Founded a fleet in %s: %d root keys, %d of which sign.\n", made.Dir, c.RootKeys, c.Threshold)
		fmt.Fprintf(w, "Devices trust %s. The controller gets the folder and %s; %s publishes with %s.\n", made.Root, made.Online, c.Publisher, made.Publisher)
		fmt.Fprintf(w, "Beside each key is its public half, such as %s: no secret.\n", made.Public)
		fmt.Fprintf(w, "Move %s and %s to where no network reaches them.\n", filepath.Join(c.Dir, "keys", "root-*.key"), f.KeyFile("targets"))
	})
}

type keysNewCommand struct {
	File string `arg:"" type:"path" help:"File to write the sealed private key to; the public half goes to FILE.pub."`
	passphraseFlags
}

func (keysNewCommand) Help() string {
	return `Example, on the publisher's machine:

  squadron keys new ada.key

Keep ada.key; send ada.key.pub to the fleet's owner, who lets it publish with squadron keys delegate.`
}

func (c keysNewCommand) Run(s program.Streams) error {
	if err := owner.Reserved(strings.TrimSuffix(filepath.Base(c.File), ".key")); err != nil {
		return exit.AsUsage(fmt.Errorf("write %s: %w", c.File, err))
	}
	key, err := trust.Generate(rand.Reader)
	if err != nil {
		return err
	}
	if err := wantFolderFor(c.File); err != nil {
		return exit.AsUsage(err)
	}
	if err := (owner.Folder{Passphrase: c.ask}).Seal(c.File, key); err != nil {
		return err
	}
	made := struct {
		Private string      `json:"private_key_file"`
		Public  string      `json:"public_key_file"`
		ID      trust.KeyID `json:"key_id"`
	}{c.File, owner.PublicFile(c.File), key.ID()}
	return s.Print(made, func(w io.Writer) {
		fmt.Fprintf(w, "Key %s: sealed in %s. Send %s to the fleet's owner.\n", made.ID.Short(), made.Private, made.Public)
	})
}

type keysDelegateCommand struct {
	Publisher publisherName `arg:"" help:"The publisher's name."`
	Models    patterns      `required:"" help:"Models that it may publish: names, or starts of names followed by *."`
	Public    []string      `required:"" type:"existingfile" placeholder:"FILE" help:"Public key: FILE.key.pub, which lies beside each private key; several if any of them may sign."`
	Replace   bool          `help:"Take away what the publisher had and is not given here."`
	folderFlags
}

func (keysDelegateCommand) Help() string {
	return `Example:

  squadron keys delegate bob --models 'detector-*' --public bob.key.pub && squadron keys push

A publisher that has a right already gets these models and keys in place of what it had. What it would lose is refused, and listed, unless --replace is given: name it again to keep it. Devices install a bundle only while the key that signed it is one of its publisher's: give --public for the former key too, to keep what it signed installable, and publish next with the new key and --other-key OLD.key.pub. If the former key was stolen, revoke the publisher instead, delegate to one of another name, and pack and publish again, with the new key, what may stay.`
}

func (c keysDelegateCommand) Run(s program.Streams) error {
	var keys []trust.PublicKey
	for _, file := range c.Public {
		k, err := config.PublicKey(file)
		if err != nil {
			return exit.AsUsage(err)
		}
		keys = append(keys, k)
	}
	change, err := c.folder().Delegate(string(c.Publisher), c.Models, keys, c.Replace, time.Now().UTC())
	if err != nil {
		return err
	}
	targets, err := c.folder().Targets()
	if err != nil {
		return err
	}
	return s.Print(delegated{targets.Version(), c.Publisher, change, change.Added(), change.Removed(), !change.Same()}, func(w io.Writer) {
		if change.Same() {
			fmt.Fprintf(w, "%s may publish %s with these keys already: nothing was signed.\n", c.Publisher, change.After.ModelList())
			return
		}
		fmt.Fprintf(w, "%s may publish %s.\n", c.Publisher, change.After.ModelList())
		tellChange(w, change)
		fmt.Fprintf(w, "Version %d of targets.json is signed. Next: squadron keys push\n", targets.Version())
	})
}

// delegated is what squadron keys delegate --json prints.
type delegated struct {
	Targets   int64         `json:"targets_version"`
	Publisher publisherName `json:"publisher"`
	owner.Change
	Added   owner.Rights `json:"added"`
	Removed owner.Rights `json:"removed"`
	Signed  bool         `json:"signed"` // false if nothing changed
}

// tellChange says what a publisher that had rights has in their place.
func tellChange(w io.Writer, c owner.Change) {
	if c.Before.None() {
		return
	}
	added, removed := c.Added(), c.Removed()
	line := func(what, before, after, added, removed string) {
		if before == after {
			return
		}
		fmt.Fprintf(w, "%s: %s → %s", what, before, after)
		if added != "" {
			fmt.Fprintf(w, "; added %s", added)
		}
		if removed != "" {
			fmt.Fprintf(w, "; taken away %s", removed)
		}
		fmt.Fprintln(w)
	}
	line("models", c.Before.ModelList(), c.After.ModelList(), added.ModelList(), removed.ModelList())
	line("keys", c.Before.KeyList(), c.After.KeyList(), added.KeyList(), removed.KeyList())
}

type keysRevokeCommand struct {
	Publisher string `arg:"" help:"The publisher's name."`
	folderFlags
}

func (keysRevokeCommand) Help() string {
	return `Example:

  squadron keys revoke bob && squadron keys push

What runs on devices goes on running: order another version to replace it.`
}

func (c keysRevokeCommand) Run(s program.Streams) error {
	if err := c.folder().Revoke(c.Publisher, time.Now().UTC()); err != nil {
		return err
	}
	return changedTargets(s, c.folder(), fmt.Sprintf("%s may not publish any more.", c.Publisher))
}

// changedTargets says what is to be done with a new targets.json.
func changedTargets(s program.Streams, f owner.Folder, what string) error {
	t, err := f.Targets()
	if err != nil {
		return err
	}
	return s.Print(struct {
		Targets int64 `json:"targets_version"`
	}{t.Version()}, func(w io.Writer) {
		fmt.Fprintf(w, "%s Version %d of targets.json is signed. Next: squadron keys push\n", what, t.Version())
	})
}

type keysRotateCommand struct {
	Role string `arg:"" enum:"root,targets,online" help:"Whose keys are replaced: root, targets or online."`
	folderFlags
}

func (keysRotateCommand) Help() string {
	return `Examples:

  squadron keys rotate targets && squadron keys push
  squadron keys rotate online

New keys go to DIR/keys beside the old ones. It takes the threshold of root keys, and for online the targets key as well; without one of them it changes nothing. After root and targets, push. After online, as when the controller's machine was stolen, a push comes last: first the controller starts with the new key and what the folder then says; the steps are printed. Devices follow by themselves, and the old key is worth nothing to those that did.`
}

func (c keysRotateCommand) Run(s program.Streams) error {
	files, err := c.folder().Rotate(c.Role, time.Now().UTC())
	if err != nil {
		return err
	}
	root, err := c.folder().Root()
	if err != nil {
		return err
	}
	next := takeover{"squadron keys push"}
	if c.Role == "online" {
		next = takeoverBy(c.folder(), onlineKey(root))
	}
	return s.Print(struct {
		Root int64    `json:"root_version"`
		Keys []string `json:"key_files"`
		Next []string `json:"next"` // in this order
	}{root.Version(), files, next}, func(w io.Writer) {
		fmt.Fprintf(w, "Root %d names the new keys of %s: %s.\n", root.Version(), c.Role, strings.Join(files, ", "))
		if c.Role != "online" {
			fmt.Fprintf(w, "Next: %s\n", next.sentence())
			return
		}
		fmt.Fprintln(w, "The controller that runs goes on with the old key until it starts with the new one. Next:")
		next.tell(w)
	})
}

type keysRenewCommand struct{ folderFlags }

func (keysRenewCommand) Help() string {
	return "Example, once a year:\n\n  squadron keys renew && squadron keys push\n\nroot.json is believed for five years, targets.json for two."
}

func (c keysRenewCommand) Run(s program.Streams) error {
	if err := c.folder().Renew(time.Now().UTC()); err != nil {
		return err
	}
	return changedTargets(s, c.folder(), "Root and targets are signed for their whole life again.")
}
