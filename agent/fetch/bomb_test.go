package fetch

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"os"
	"runtime"
	"testing"
)

// A zip bomb costs no more than the signed length, on the way and on the disk,
// whatever the reply's head calls it: nothing here unpacks.
func TestAttackZipBomb(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 64 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	padded := append(bomb.Bytes(), make([]byte, len(object)-bomb.Len())...)
	for name, c := range map[string]struct {
		header map[string]string
		want   string
	}{
		"as it is":              {nil, "are not what was asked for"},
		"said to be compressed": {map[string]string{"Content-Encoding": "gzip"}, "the server compressed it (gzip)"},
	} {
		t.Run(name, func(t *testing.T) {
			f := fetcher(t, serve(t, reply(http.StatusOK, c.header, padded)).URL)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			refuse(t, f, c.want)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
				t.Errorf("%d MiB were allocated", n>>20)
			}
			part := partial{dir: f.dir, digest: digestOfObject}.file()
			if info, err := os.Stat(part); err == nil && info.Size() > 0 {
				t.Errorf("%d bytes are on the disk", info.Size())
			}
		})
	}
}
