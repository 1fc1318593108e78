package delta_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/deploy/delta"
)

// Zip bombs in each of the places where a delta is zstd: the decoder allocates for
// the block that was announced, not for what it would become.
func TestAttackZipBomb(t *testing.T) {
	bombs := 0
	for name, a := range attacks(t) {
		if !strings.Contains(name, "bomb") {
			continue
		}
		bombs++
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var out bytes.Buffer
		err := delta.Apply(bytes.NewReader(victimBase), bytes.NewReader(a.delta), &out, victim)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), a.want) || out.Len() > len(victimTarget) {
			t.Errorf("%s: wrote %d bytes, %v", name, out.Len(), err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
			t.Errorf("%s: %d MiB were allocated of 64", name, n>>20)
		}
	}
	if bombs < 3 {
		t.Errorf("%d bombs were tried", bombs)
	}
}
