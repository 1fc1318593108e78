package strictjson_test

import (
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/strictjson"
)

type document struct {
	Name  string    `json:"name"`
	At    time.Time `json:"at,omitzero"`
	Parts []part    `json:"parts"`
	Local int       `json:"-"`
}

type part struct {
	N int `json:"n"`
}

func TestDecodeReadsWhatFits(t *testing.T) {
	var d document
	err := strictjson.Decode([]byte(` {"name":"a","at":"2026-01-02T03:04:05Z","parts":[{"n":1},{"n":2}]} `), &d)
	if err != nil || d.Name != "a" || d.At.Year() != 2026 || len(d.Parts) != 2 || d.Parts[1].N != 2 {
		t.Errorf("got %+v, %v", d, err)
	}
}

func TestDecodeRefusesWhatTwoReadersCouldReadDifferently(t *testing.T) {
	for attack, c := range map[string]struct{ in, want string }{
		"duplicate key":           {`{"name":"a","name":"b"}`, `"name" is there twice`},
		"duplicate key by escape": {`{"name":"a","\u006eame":"b"}`, `"name" is there twice`},
		"duplicate key below":     {`{"parts":[{"n":1,"n":2}]}`, `parts[0]: the key "n" is there twice`},
		"miscased key":            {`{"Name":"a"}`, `"Name" is not known`},
		"unknown key":             {`{"nam":"a"}`, `"nam" is not known`},
		"unknown key below":       {`{"parts":[{"n":1},{"m":1}]}`, `parts[1]: the key "m" is not known`},
		"field without a key":     {`{"Local":1}`, `"Local" is not known`},
		"second document":         {`{"name":"a"}{}`, "more after the end"},
		"trailing byte":           {`{"name":"a"}x`, "more after the end"},
		"object for a string":     {`{"name":{"a":1}}`, "name: "},
		"object for a time":       {`{"at":{"wall":1}}`, "at: "},
		"list for an object":      {`[]`, "the document: "},
		"number for a string":     {`{"name":1}`, "name"},
		"not UTF-8":               {"{\"name\":\"\xff\"}", "UTF-8"},
		"cut short":               {`{"name":"a"`, ""},
		"nothing":                 {``, "ends too early"},
		"deep nesting":            {`{"parts":` + strings.Repeat("[", 1<<20), "parts[0]"},
	} {
		err := strictjson.Decode([]byte(c.in), new(document))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want an error with %q, got %v", attack, c.want, err)
		}
	}
}
