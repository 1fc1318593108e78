package kernels_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels"
	"github.com/squadron-edge/squadron/kernels/reference"
)

// wordy is absent, and says so at length.
type wordy struct{ absent }

func (wordy) Name() string { return "wordy" }

func (wordy) Probe() (string, error) { return "", fmt.Errorf("probe: %w", atLength{}) }

type atLength struct{}

func (atLength) Error() string { return "no driver: /a/b.so.1: cannot open; /c/d.so.1: cannot open" }
func (atLength) Short() string { return "no driver" }

func TestAReasonAtLengthIsShortInALineAndWholeWhereItIsAskedFor(t *testing.T) {
	s := load(t, batches(t), wordy{}, absent{}, reference.Engine{})
	if why := s.Why(); !strings.HasSuffix(why, ", because wordy refused: no driver; absent refused: there is no such processor") {
		t.Error(why)
	}
	if r := s.Refusals(); len(r) != 2 || !strings.Contains(r[0].Why, "/c/d.so.1") || r[0].Short != "no driver" || r[1].Short != "" {
		t.Errorf("refusals: %+v", r)
	}
	_, err := kernels.Load(batches(t), kernels.Options{Engines: []kernels.Engine{wordy{}}})
	if err == nil || !strings.Contains(err.Error(), "/c/d.so.1") {
		t.Error(err)
	}
}
