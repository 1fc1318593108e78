// Package config reads the small files that tell a program what to do: its
// configuration, a trusted root and keys.
//
// It owns the sentence for a person who wrote one of them wrongly: the file, the
// key or line, and what belongs there; an unknown key is answered with the
// nearest known one. It refuses, by package strictjson, what two people could
// read as two things, such as a key that is there twice. What the values mean is
// judged by whoever uses them.
//
//	var f configFile // a struct with json tags
//	err := config.Read("/etc/squadron/agent.json", &f)
package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/squadron-edge/squadron/deploy/strictjson"
)

// maxSize bounds a file, in bytes; a pipeline with the labels of a large model
// fits.
const maxSize = 1 << 20

// Read fills the struct that v points to from a file. Keys that are not in the
// file leave their fields as they are.
func Read(file string, v any) error {
	b, err := readBounded(file)
	if err == nil {
		err = Decode(b, v)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

// ReadPrivate is Read of a file with a secret, which nobody else may open.
func ReadPrivate(file string, v any) error {
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("read %s: %w", file, withoutPath(err))
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("read %s: others may open it (%s): it holds a secret, so chmod 600 it", file, info.Mode())
	}
	return Read(file, v)
}

func readBounded(file string) (b []byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b, err = io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(b) > maxSize {
		err = fmt.Errorf("longer than %d bytes", maxSize)
	}
	return b, withoutPath(err)
}

// withoutPath leaves out of an error the path that its sentence names already.
func withoutPath(err error) error {
	var named *fs.PathError
	if errors.As(err, &named) {
		return named.Err
	}
	return err
}

// Decode is Read of bytes in memory.
func Decode(b []byte, v any) error {
	var whole json.RawMessage
	if err := json.Unmarshal(b, &whole); err != nil {
		return withLine(b, err)
	}
	err := strictjson.Decode(b, v)
	var unknown *strictjson.UnknownKeyError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("unknown key %.80q: did you mean %q?", unknown.Key, nearest(unknown.Key, unknown.Known))
	case err != nil:
		return withKey(b, v, err)
	}
	return nil
}

// withLine adds the line to an error of syntax.
func withLine(b []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line := 1 + bytes.Count(b[:min(int(syntax.Offset), len(b))], []byte("\n"))
		return fmt.Errorf("line %d: %w", line, err)
	}
	return err
}
