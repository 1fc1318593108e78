package config

import (
	"bytes"
	"fmt"

	"github.com/squadron-edge/squadron/deploy/trust"
)

// Root reads a root.json that a device or a program is to trust.
func Root(file string) ([]byte, error) {
	b, err := readBounded(file)
	if err != nil {
		return nil, fmt.Errorf("read trusted root %s: %w", file, err)
	}
	root, err := trust.ParseRoot(b)
	if err == nil {
		err = root.SignedByItself()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w (squadron keys init writes a good one, as root.json)", file, err)
	}
	return b, nil
}

// PrivateKey opens a sealed key's file.
func PrivateKey(file string, passphrase []byte) (trust.PrivateKey, error) {
	b, err := readBounded(file)
	if err != nil {
		return trust.PrivateKey{}, fmt.Errorf("read private key %s: %w", file, err)
	}
	key, err := trust.OpenPrivateKey(b, passphrase)
	if err != nil {
		return key, fmt.Errorf("%s: %w (squadron keys writes a good one)", file, err)
	}
	return key, nil
}

// PublicKey reads a public key's file, or the public half of a sealed one.
func PublicKey(file string) (trust.PublicKey, error) {
	b, err := readBounded(file)
	if err != nil {
		return nil, fmt.Errorf("read public key %s: %w", file, err)
	}
	key, err := trust.ReadPublicKey(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w (squadron keys new writes a good one)", file, err)
	}
	return key, nil
}

// Passphrase reads the first line of a file.
func Passphrase(file string) ([]byte, error) {
	b, err := readBounded(file)
	if err != nil {
		return nil, fmt.Errorf("read passphrase %s: %w", file, err)
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	if line = bytes.TrimSuffix(line, []byte("\r")); len(line) < trust.MinPassphrase {
		return nil, fmt.Errorf("read passphrase %s: its first line has %d bytes, want %d or more", file, len(line), trust.MinPassphrase)
	}
	return line, nil
}
