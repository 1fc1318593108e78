package trust_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
)

// A thief of any key signs a file in which any one value is another, or gone.
// No client may panic: the agent would not serve, and after its restart meet
// what it kept again.
func TestWhateverAKeySignsNoClientPanics(t *testing.T) {
	r := trusttest.New(t)
	r.Rotate(func() {}, r.RootKeys[0], r.RootKeys[1])
	r.Publish("ada", version2, "two", "1.0.0")
	honest, tried := r.CopyFiles(), 0
	for name, keys := range map[string][]byte{
		"2.root.json":     {trusttest.RootKey1, trusttest.RootKey2},
		"1.targets.json":  {trusttest.TargetsKey},
		"3.ada.json":      {trusttest.AdaKey},
		"2.snapshot.json": {trusttest.OnlineKey},
		"timestamp.json":  {trusttest.OnlineKey},
	} {
		var file struct {
			Signed map[string]any `json:"signed"`
		}
		r.Must(json.Unmarshal(honest[name], &file))
		for i, place := range places(file.Signed, nil) {
			if i%stride != 0 {
				continue
			}
			for _, value := range []string{`null`, `true`, `-1`, `1152921504606846976`, `""`, `"x"`, `[]`, `{}`, `[null]`, `{"x":null}`, `{"x":{}}`, ``} {
				r.Files, r.TimestampVersion = maps.Clone(honest), 2
				r.Resign(name, func(signed map[string]any) { replace(r, signed, place, value) }, keys...)
				survives(t, r, fmt.Sprintf("%s with %q at %v", name, value, place))
				tried++
			}
		}
	}
	if tried*stride < 1000 {
		t.Errorf("only %d files were tried", tried)
	}
}

// places lists the way to every value inside v.
func places(v any, to []string) (list [][]string) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			list = append(append(list, append(slices.Clone(to), key)), places(v[key], append(slices.Clone(to), key))...)
		}
	case []any:
		for i := range v {
			at := append(slices.Clone(to), strconv.Itoa(i))
			list = append(append(list, at), places(v[i], at)...)
		}
	}
	return list
}

// replace puts JSON in a place, or takes a key away if there is none.
func replace(r *trusttest.Repository, in any, place []string, value string) {
	var v any
	if value != "" {
		d := json.NewDecoder(strings.NewReader(value))
		d.UseNumber()
		r.Must(d.Decode(&v))
	}
	for _, key := range place[:len(place)-1] {
		in = inside(r, in, key)
	}
	last := place[len(place)-1]
	switch in := in.(type) {
	case map[string]any:
		in[last] = v
		if value == "" {
			delete(in, last)
		}
	case []any:
		i, err := strconv.Atoi(last)
		r.Must(err)
		in[i] = v
	}
}

func inside(r *trusttest.Repository, v any, key string) any {
	if m, ok := v.(map[string]any); ok {
		return m[key]
	}
	i, err := strconv.Atoi(key)
	r.Must(err)
	return v.([]any)[i]
}

// survives asks a new client for all that a device asks, with a network and,
// on what it kept, without.
func survives(t *testing.T, r *trusttest.Repository, attack string) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: %v", attack, p)
		}
	}()
	order, err := trust.SignOrder([]byte("{}"), r.Online)
	r.Must(err)
	k := r.Device()
	for _, fetch := range []trust.Fetch{r.Fetch, nil} {
		c, err := trust.Open(k, r.Now)
		r.Must(err)
		if c.Refresh(fetch) != nil {
			continue
		}
		_, _, _ = c.Order(order, "plant-7", "cam-3") // whatever it says
		if target, err := c.Find(version2); err == nil {
			_, _ = c.Minimum(target)
		}
	}
}

// Huge counts: a file within its bound in bytes that is full of signatures,
// keys, roles or targets is refused at a glance, whoever signed it. Without
// these bounds the first took 78 seconds of a laptop's CPU, and the last 150
// seconds and 1.2 GiB.
func TestAttackHugeCounts(t *testing.T) {
	r := trusttest.New(t)
	r.Publish("ada", version2, "two", "")
	honest := r.CopyFiles()
	for attack, c := range map[string]struct {
		file, entry, before, after string
		max                        int
		want                       string
	}{
		"signatures": {"1.targets.json", `{"keyid":"%x"}`, `{"signed":{"_type":"targets"},"signatures":[`, `]}`, trust.MaxTargets, "signatures, more than the 64"},
		"signatures of a root": {"2.root.json", `{"keyid":"%x"}`, `{"signed":{"_type":"root"},"signatures":[`, `]}`, trust.MaxRoot,
			"signatures, more than the 64"},
		"keys of a role": {"2.root.json", `"%x"`, `{"signatures":[],"signed":{"_type":"root","roles":{"root":{"keyids":[`, `]}}}}`, trust.MaxRoot,
			"keys, more than the 16"},
		"keys":        {"1.targets.json", `"%x":{}`, `{"signatures":[],"signed":{"_type":"targets","delegations":{"keys":{`, `}}}}`, trust.MaxTargets, "keys, more than the 4096"},
		"delegations": {"1.targets.json", `{"name":"%x"}`, `{"signatures":[],"signed":{"_type":"targets","delegations":{"roles":[`, `]}}}`, trust.MaxTargets, "roles, more than the 1024"},
		"targets":     {"1.targets.json", `"%x":{}`, `{"signatures":[],"signed":{"_type":"targets","targets":{`, `}}}`, trust.MaxTargets, "targets, more than the 32768"},
		"versions":    {"timestamp.json", `"%x":{}`, `{"signatures":[],"signed":{"_type":"timestamp","meta":{`, `}}}`, trust.MaxTimestamp, "files, more than the 1024"},
	} {
		r.Files = maps.Clone(honest)
		r.Files[c.file] = full(c.before, c.entry, c.after, c.max)
		k := r.Device()
		cost := measure(func() {
			_, err := r.Find(k, version2)
			mustFail(t, attack, err, c.want)
		})
		if cost.took > 30*time.Second || cost.bytes > 160<<20 {
			t.Errorf("%s: it took %s and %d MiB", attack, cost.took, cost.bytes>>20)
		}
		unharmed(t, r, maps.Clone(honest), k)
	}
}

// full is as many entries as a file of max bytes holds.
func full(before, entry, after string, max int) []byte {
	b := bytes.NewBufferString(before)
	for i := 0; b.Len() < max-len(after)-100; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, entry, i)
	}
	b.WriteString(after)
	return b.Bytes()
}

type cost struct {
	took  time.Duration
	bytes uint64 // that were ever allocated, so that no peak was higher
}

func measure(do func()) cost {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	do()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return cost{took, after.TotalAlloc - before.TotalAlloc}
}

// Who stole a publisher's key and the online key can let it delegate to role
// after role, each of them large. The search ends with a sum.
func TestAttackHugeCountsOfRolesOnTheWay(t *testing.T) {
	r := trusttest.New(t)
	k := victim(t, r)
	r.Publish("ada", version2, "two", "")
	honest := r.CopyFiles()
	key := trusttest.Key(trusttest.AdaKey)
	var roles []any
	for i := range 30 {
		roles = append(roles, map[string]any{"name": fmt.Sprint("eve", i), "keyids": []any{string(key.ID())}, "threshold": 1, "paths": []any{"*/*"}})
	}
	r.Resign("3.ada.json", func(signed map[string]any) {
		signed["targets"] = map[string]any{}
		signed["delegations"] = map[string]any{"keys": map[string]any{string(key.ID()): map[string]any{
			"keytype": "ed25519", "scheme": "ed25519", "keyval": map[string]any{"public": fmt.Sprintf("%x", []byte(key.Public()))},
		}}, "roles": roles}
	}, trusttest.AdaKey)
	r.Files["1.eve.json"] = r.Files["3.ada.json"]
	r.Resign("1.eve.json", func(signed map[string]any) {
		delete(signed, "delegations")
		signed["version"] = 1
		signed["x"] = strings.Repeat("x", 3<<20)
	}, trusttest.AdaKey)
	r.Resign("2.snapshot.json", func(signed map[string]any) {
		for i := range roles {
			signed["meta"].(map[string]any)[fmt.Sprintf("eve%d.json", i)] = map[string]any{"version": 1}
			r.Files[fmt.Sprintf("1.eve%d.json", i)] = r.Files["1.eve.json"]
		}
	}, trusttest.OnlineKey)
	_, err := r.Find(k, version2)
	mustFail(t, "30 roles of 3 MiB", err, "the roles on the way have more than the 16777216 bytes")
	if n := len(r.Requests); n > 10 {
		t.Errorf("%d files were fetched", n)
	}
	r.Files, r.TimestampVersion = honest, 9 // what she counted up to
	r.Online = trusttest.Key(50)
	r.Rotate(func() {
		r.Must(r.Root.SetKeys(trust.RoleSnapshot, 1, r.Online.Public()))
		r.Must(r.Root.SetKeys(trust.RoleTimestamp, 1, r.Online.Public()))
	}, r.RootKeys[0], r.RootKeys[1])
	r.Publish("ada", "meter-reader/2.0.1", "fixed", "")
	r.MustFind(k, "meter-reader/2.0.1", "fixed")
}
