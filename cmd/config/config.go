// Package config reads a daemon's configuration file: one flat JSON object,
// whose unknown keys are refused with the nearest known one.
//
//	var f configFile // fields with json tags
//	err := config.Read("/etc/squadron/agent.json", &f)
package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"time"
)

// maxSize bounds a configuration file, in bytes.
const maxSize = 64 << 10

// Read fills the struct that v points to from a file. Keys that are not in the
// file leave their fields as they are.
func Read(file string, v any) error {
	b, err := readBounded(file)
	if err == nil {
		err = Decode(b, v)
	}
	if err != nil {
		return fmt.Errorf("read config %s: %w", file, err)
	}
	return nil
}

func readBounded(file string) (b []byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b, err = io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(b) > maxSize {
		err = fmt.Errorf("longer than %d bytes", maxSize)
	}
	return b, err
}

// Decode is Read of bytes in memory.
func Decode(b []byte, v any) error {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(b, &keys); err != nil {
		return place(b, err)
	}
	known := knownKeys(v)
	for key := range keys {
		if !known[key] {
			return fmt.Errorf("unknown key %.80q: did you mean %q?", key, nearest(key, known))
		}
	}
	return place(b, json.Unmarshal(b, v))
}

// place adds the line to an error of encoding/json.
func place(b []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line := 1 + bytes.Count(b[:min(int(syntax.Offset), len(b))], []byte("\n"))
		return fmt.Errorf("line %d: %w", line, err)
	}
	return err
}

// knownKeys lists the json names of a struct's fields.
func knownKeys(v any) map[string]bool {
	t := reflect.TypeOf(v).Elem()
	known := map[string]bool{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		known[name] = true
	}
	return known
}

// nearest is the known key with the fewest edits to the given one; of equals,
// the first by name.
func nearest(key string, known map[string]bool) string {
	best, bestDistance := "", 0
	for k := range known {
		d := distance(key, k)
		if best == "" || d < bestDistance || d == bestDistance && k < best {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance is the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j+1]+1, row[j]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}

// Duration is a span of time, written as "90s" or "2m".
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("duration %.40q: want a number with a unit, such as 90s or 2m", b)
	}
	*d = Duration(v)
	return nil
}
