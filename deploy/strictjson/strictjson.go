// Package strictjson reads signed and security-relevant JSON so that every
// reader sees the same document.
//
// encoding/json takes the last of two equal keys, matches keys without regard
// to case and ignores what it does not know; a signature over bytes that two
// programs read differently is worth little, and so is a setting that a person
// reads otherwise than the daemon. This package refuses unknown, miscased and
// repeated keys at any depth, bytes after the document and text that is not
// UTF-8. It refuses to judge values: their bounds belong to the caller, as does
// the bound on the input's length.
//
// It stands in deploy because what a document says is what both sides must
// agree on first: manifests, envelopes, trust and key files are read with it,
// and the programs read their configuration by the same rule.
//
//	var m Manifest
//	err := strictjson.Decode(data, &m)
package strictjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Decode reads the one JSON document that data holds into v, a pointer to a
// struct of structs, slices and single values. Fields without a json tag have
// no key.
func Decode(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errors.New("the text is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := checkValue(dec, reflect.TypeOf(v).Elem(), ""); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("there is more after the end of the document, at byte %d", dec.InputOffset())
	}
	return json.Unmarshal(data, v)
}

// checkValue walks one value beside the type that it is read into. The type's
// depth bounds the recursion.
func checkValue(dec *json.Decoder, t reflect.Type, path string) error {
	tok, err := dec.Token()
	if err == io.EOF {
		return errors.New("the document ends too early")
	}
	if err != nil {
		return err
	}
	delim, composite := tok.(json.Delim)
	switch {
	case !composite:
		return nil // json.Unmarshal judges whether it fits the type
	case delim == '{' && isObject(t):
		return checkObject(dec, t, path)
	case delim == '[' && t.Kind() == reflect.Slice:
		return checkList(dec, t, path)
	}
	return fmt.Errorf("%s: %q where another kind of value belongs", place(path), delim.String())
}

func checkObject(dec *json.Decoder, t reflect.Type, path string) error {
	fields, seen := fieldsOf(t), map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return err
		}
		key := tok.(string) // the decoder gives nothing else here
		field, known := fields[key]
		if !known {
			return &UnknownKeyError{Place: place(path), Key: key, Known: slices.Sorted(maps.Keys(fields))}
		}
		if seen[key] {
			return fmt.Errorf("%s: the key %q is there twice", place(path), key)
		}
		seen[key] = true
		if err := checkValue(dec, field, strings.TrimPrefix(path+"."+key, ".")); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

// UnknownKeyError refuses a key that its object does not have.
type UnknownKeyError struct {
	Place string // of the object in the document
	Key   string
	Known []string // the keys that the object has, sorted
}

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("%s: the key %.80q is not known", e.Place, e.Key)
}

func checkList(dec *json.Decoder, t reflect.Type, path string) error {
	for i := 0; dec.More(); i++ {
		if err := checkValue(dec, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// isObject tells structs from values that merely are structs in Go, such as
// time.Time.
func isObject(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(textUnmarshaler)
}

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := make(map[string]reflect.Type, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			fields[name] = f.Type
		}
	}
	return fields
}

func place(path string) string {
	if path == "" {
		return "the document"
	}
	return path
}
