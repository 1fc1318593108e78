package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/squadron-edge/squadron/cmd/config"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// passphraseFlags say what opens sealed keys.
type passphraseFlags struct {
	PassphraseFile string `placeholder:"FILE" env:"SQUADRON_PASSPHRASE_FILE" help:"File with the passphrase of the keys; asked for on a terminal if not given ($SQUADRON_PASSPHRASE_FILE)."`
}

// open opens a sealed key.
func (f passphraseFlags) open(file string) (trust.PrivateKey, error) {
	passphrase, err := f.ask(file)
	if err != nil {
		return trust.PrivateKey{}, err
	}
	return config.PrivateKey(file, passphrase)
}

// ask gives the passphrase of a key's file.
func (f passphraseFlags) ask(file string) ([]byte, error) {
	if f.PassphraseFile != "" {
		p, err := config.Passphrase(f.PassphraseFile)
		if err != nil {
			return nil, exit.AsUsage(err)
		}
		return p, nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, exit.AsUsage(errors.New("the passphrase of " + file + " is needed: give --passphrase-file, or run this on a terminal"))
	}
	fmt.Fprintf(os.Stderr, "Passphrase of %s: ", file)
	p, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return nil, fmt.Errorf("ask for the passphrase: %w", err)
	}
	return bytes.TrimRight(p, "\r\n"), nil
}
