package config

import (
	"fmt"

	"github.com/squadron-edge/squadron/deploy/trust"
)

// Trust reads a trust file.
func Trust(file string) (trust.Keys, error) { return parsed(file, "trust file", trust.ParseKeys) }

// PrivateKey reads a publisher's key.
func PrivateKey(file string) (trust.PrivateKey, error) {
	return parsed(file, "private key", trust.ParsePrivateKey)
}

// parsed reads a file that squadron keys init wrote.
func parsed[T any](file, what string, parse func([]byte) (T, error)) (v T, err error) {
	b, err := readBounded(file)
	if err != nil {
		return v, fmt.Errorf("read %s %s: %w", what, file, err)
	}
	if v, err = parse(b); err != nil {
		return v, fmt.Errorf("%s: %w (squadron keys init writes a good one)", file, err)
	}
	return v, nil
}
