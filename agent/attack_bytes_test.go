package agent

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// Attacks with the form of what a device reads: a publisher's key was stolen, or
// the server is the attacker's.

// A manifest names a file outside its bundle.
func TestAttackPathTraversal(t *testing.T) {
	for name, path := range map[string]string{"up": "../../../etc/passwd", "absolute": "/etc/passwd", "up within": "golden/../../black.png"} {
		t.Run(name, func(t *testing.T) {
			a := newAssault(t)
			a.order(a.signed(`"name":"golden/black.png"`, `"name":"`+path+`"`))
			a.refused(path, "path \""+path)
		})
	}
}

// Whichever of two keys another reader takes, nobody takes either.
func TestAttackDuplicateManifestKeys(t *testing.T) {
	for _, key := range []string{`"version":"2.0.0"`, `"model":"model.onnx"`, `"subject":[`} {
		t.Run(strings.Trim(key, `":[`), func(t *testing.T) {
			a := newAssault(t)
			with := key + "," + key
			if strings.HasSuffix(key, "[") {
				with = key + "]," + key
			}
			a.order(a.signed(key, with))
			a.refused("a key twice", "is there twice")
		})
	}
}

// Too many of something, in as few bytes as it takes: the device says so at
// once, whoever signed it.
func TestAttackHugeCounts(t *testing.T) {
	many := strings.Repeat(`{"keyid":"x"},`, 200_000)
	for name, c := range map[string]struct {
		order func(*assault) wire.DesiredModel
		want  string
	}{
		"subjects": {func(a *assault) wire.DesiredModel {
			return a.signed(`"subject":[`, `"subject":[`+strings.Repeat(`{},`, 2000))
		}, "2004 files, want 1 to 1024"},
		"signatures of a role": {func(a *assault) wire.DesiredModel {
			next := a.next()
			a.with(func(r *trusttest.Repository) {
				r.Files[fmt.Sprintf("%d.ada.json", r.Roles["ada"].Version())] = []byte(`{"signed":{"_type":"targets"},"signatures":[` + many[:len(many)-1] + `]}`)
			})
			return next
		}, "ada.json: it has 200000 signatures, more than the 64"},
		"targets that are null": {func(a *assault) wire.DesiredModel {
			next := a.next()
			a.with(func(r *trusttest.Repository) {
				r.Files[fmt.Sprintf("%d.ada.json", r.Roles["ada"].Version())] = []byte(`{"signatures":[],"signed":{"_type":"targets","targets":{"x":null}}}`)
			})
			return next
		}, `ada.json: it says nothing of "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAssault(t)
			order := c.order(a)
			start := time.Now()
			a.order(order)
			a.unharmed(name, c.want)
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

const bombSize = 256 << 20 // bytes of zeros

// cheap fails if as much was allocated meanwhile, in all tries of the device, as
// one bomb inflates to.
func cheap(t *testing.T, do func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > bombSize {
		t.Errorf("%d MiB were allocated", n>>20)
	}
}

// zeros is a compressed reply that nobody asked to have compressed.
func zeros(t *testing.T) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	for range bombSize >> 20 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Nothing unpacks what it fetches, whatever the reply's head calls it; and the
// one decoder, of deltas, stops where the block ends that was announced.
func TestAttackZipBomb(t *testing.T) {
	bomb := zeros(t)
	for name, c := range map[string]struct {
		path     string
		encoding string
		want     string
	}{
		"object, said to be compressed":   {"/artefacts/", "gzip", "the server compressed it (gzip), though asked not to"},
		"object":                          {"/artefacts/", "", "the server sent more than its"},
		"metadata, said to be compressed": {"/timestamp.json", "gzip", "timestamp.json: fetch it from"},
		"metadata":                        {"/timestamp.json", "", "timestamp.json: fetch it from"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAssault(t)
			a.answers(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, c.path) {
					return false
				}
				if c.encoding != "" {
					w.Header().Set("Content-Encoding", c.encoding)
				}
				if _, err := w.Write(bomb); err != nil {
					t.Log("not all of it was taken:", err)
				}
				return true
			})
			next := a.next()
			cheap(t, func() {
				a.order(next)
				a.unharmed(name, c.want)
			})
		})
	}
	t.Run("delta", func(t *testing.T) {
		u := newUpgrade(t)
		whole := u.new.Digest.Hex()
		a := &assault{fleet: u.fleet, config: u.config, honest: map[string][]byte{}}
		for hex, b := range u.objects {
			a.honest[hex] = b
		}
		delete(u.objects, whole) // so that the delta alone could bring it
		u.deltas[u.deltaName()] = u.bomb(t)
		a.device = start(t, u.config)
		cheap(t, func() {
			u.order(u.next)
			a.unharmed("a delta", "404 Not Found")
		})
		if !u.askedFor(u.deltaName()) || !u.askedFor(whole) {
			t.Errorf("asked for %q", u.asked)
		}
		u.mu.Lock()
		u.objects[whole] = a.honest[whole]
		u.mu.Unlock()
		u.awaitPhase("2.0.0", wire.PhaseCommitted)
		if got := u.told(); !strings.Contains(got, "since the delta from 1.0.0 was of no use") || !strings.Contains(got, "zstd") {
			t.Errorf("it told %q", got)
		}
	})
}

// bomb is a delta whose first block says that it has 1 MiB of the target and
// inflates to far more.
func (u *upgrade) bomb(t *testing.T) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	payload := z.EncodeAll(make([]byte, bombSize), nil)
	const raw, squeezed = 2, 1 << 2
	header := len("SQDELTA\x01") + 2*(32+8)
	block := binary.AppendUvarint([]byte{raw | squeezed}, 1<<20)
	block = binary.AppendUvarint(block, uint64(len(payload)))
	return append(append(bytes.Clone(u.delta[:header]), block...), payload...)
}
