package config

import (
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

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

// withKey finds the key whose value does not fit its field, by reading each on
// its own: errors of values do not name it.
func withKey(b []byte, v any, err error) error {
	var values map[string]json.RawMessage
	if json.Unmarshal(b, &values) != nil {
		return err // the document is no object, which err says
	}
	t := reflect.TypeOf(v).Elem()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		alone, failed := json.Marshal(map[string]json.RawMessage{key: values[key]})
		if failed != nil {
			return errors.Join(err, failed)
		}
		if err := json.Unmarshal(alone, reflect.New(t).Interface()); err != nil {
			return inWords(key, err)
		}
	}
	return err
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// inWords says what belongs where a value of another type stands.
func inWords(key string, err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("key %.80q: %w", key, err)
	}
	want, text := wanted[wrong.Type.Kind()], reflect.PointerTo(wrong.Type).Implements(textUnmarshaler)
	if want == "" || text {
		want = "text in quotes"
	}
	found, ok := written[wrong.Value]
	if !ok {
		found = "a " + wrong.Value // such as "number 1.5"
	}
	return fmt.Errorf("key %.80q: want %s, got %s", cmp.Or(wrong.Field, key), want, found)
}

// How people call what Go and JSON name otherwise.
var (
	wanted = map[reflect.Kind]string{
		reflect.Bool: "true or false", reflect.Int: "a whole number", reflect.Int64: "a whole number",
		reflect.Float32: "a number", reflect.Float64: "a number", reflect.Slice: "a list in brackets", reflect.Struct: "an object in braces", reflect.Map: "an object in braces",
	}
	written = map[string]string{"string": "text", "bool": "true or false", "array": "a list", "object": "an object"}
)
