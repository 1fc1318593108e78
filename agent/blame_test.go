package agent

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// awaitFaults waits until the agent's answer blames the folder, or does not.
func awaitFaults(t *testing.T, stateDir, wish string, ok func(faults map[string]string) bool) {
	t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for late := time.After(30 * time.Second); ; {
		taken := awaitAnswer(t, stateDir, wish)
		if ok(taken.Faults) {
			return
		}
		select {
		case <-poll.C:
		case <-late:
			t.Fatalf("the agent's answer is %+v", taken)
		}
	}
}

// The folder is to blame for what it lacks, of its objects and its trust, once a try
// has failed for which no network brought it, and no longer once the network does.
func TestAFolderIsBlamedUntilTheNetworkDelivers(t *testing.T) {
	for name, want := range map[string]string{"tuf": "timestamp.json", "sha256": "no such file or directory"} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t)
			c := f.config(t.TempDir())
			r := committed(t, f, c)
			f.answers(func(w http.ResponseWriter, _ *http.Request) bool {
				http.Error(w, "away", http.StatusBadGateway)
				return true
			})
			f.newerOrder(f.publish(newRelease(t, "2.0.0", false), f.key))
			stick := f.stick()
			if err := os.RemoveAll(filepath.Join(stick, name)); err != nil {
				t.Fatal(err)
			}
			wish, end, err := Bring(c.StateDir, stick)
			if err != nil {
				t.Fatal(err)
			}
			awaitFaults(t, c.StateDir, wish, func(faults map[string]string) bool { return strings.Contains(faults["shade"], want) })
			f.answers(nil)
			f.awaitPhase("2.0.0", wire.PhaseCommitted)
			awaitFaults(t, c.StateDir, wish, func(faults map[string]string) bool { return len(faults) == 0 })
			r.mustServe("2.0.0")
			if err := end(); err != nil {
				t.Error(err)
			}
		})
	}
}
