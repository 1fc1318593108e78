package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/cmd/program"
	"github.com/squadron-edge/squadron/deploy/trust"
)

type keysCommand struct {
	Init keysInitCommand `cmd:"" help:"Make a publisher's key and the trust file that devices and controller need."`
}

type keysInitCommand struct {
	Key    string          `help:"File to write the private key to." default:"publisher.key" type:"path"`
	Trust  string          `help:"File to write the trusted publishers to." default:"trust.json" type:"path"`
	Models []trust.Pattern `help:"Models that the key may publish: names, or starts of names followed by *." default:"*"`
}

func (keysInitCommand) Help() string {
	return `Example:

  squadron keys init --key publisher.key --trust trust.json --models 'meter-*'

Keep the private key with whoever publishes; it is not encrypted, so keep it at mode 0600. The trust file holds no secret: give it to the controller (trust in its config) and to every device (squadron-agent run --trust). Neither file is ever overwritten.`
}

// madeKeys is what keys init did.
type madeKeys struct {
	Key    string          `json:"key_file"`
	Trust  string          `json:"trust_file"`
	ID     trust.KeyID     `json:"key_id"`
	Public trust.PublicKey `json:"public_key"`
	Models []trust.Pattern `json:"models"`
}

func (c keysInitCommand) Run(s program.Streams) error {
	for _, file := range []string{c.Key, c.Trust} {
		if err := wantFolderFor(file); err != nil {
			return exit.AsUsage(err)
		}
	}
	made, err := makeKeys(c.Key, c.Trust, c.Models)
	if err != nil {
		return err
	}
	return s.Print(made, func(w io.Writer) {
		fmt.Fprintf(w, "Private key %s written to %s: keep it secret, sign with squadron pack --key.\n", made.ID.Short(), made.Key)
		fmt.Fprintf(w, "Trusted publishers written to %s: give it to the controller and to every device.\n", made.Trust)
	})
}

// makeKeys writes a new key and a trust file that believes it.
func makeKeys(keyFile, trustFile string, models []trust.Pattern) (madeKeys, error) {
	key, err := trust.Generate(rand.Reader)
	if err != nil {
		return madeKeys{}, err
	}
	private, err := key.Encode()
	if err != nil {
		return madeKeys{}, err
	}
	publishers, err := trust.Keys{Publishers: []trust.Publisher{{Key: key.Public(), ID: key.ID(), Models: models}}}.Encode()
	if err != nil {
		return madeKeys{}, exit.AsUsage(err)
	}
	if err := writeNew(keyFile, private, 0o600); err != nil {
		return madeKeys{}, err
	}
	if err := writeNew(trustFile, publishers, 0o644); err != nil {
		return madeKeys{}, errors.Join(err, os.Remove(keyFile))
	}
	return madeKeys{keyFile, trustFile, key.ID(), key.Public(), models}, nil
}

// writeNew writes a file that must not exist yet.
func writeNew(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write %s: it exists already; move it away or name another file", path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(path))
	}
	return nil
}
