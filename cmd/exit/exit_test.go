package exit_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/squadron-edge/squadron/cmd/exit"
)

func TestStatusSurvivesWrapping(t *testing.T) {
	base := errors.New("no route")
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, exit.Done},
		{base, exit.Failed},
		{exit.AsUsage(base), exit.Usage},
		{fmt.Errorf("list devices: %w", exit.AsUnreachable(base)), exit.Unreachable},
	} {
		if got := exit.Status(c.err); got != c.want {
			t.Errorf("%v: status %d, want %d", c.err, got, c.want)
		}
	}
	if !errors.Is(exit.AsUnreachable(base), base) {
		t.Error("the cause was lost")
	}
}
