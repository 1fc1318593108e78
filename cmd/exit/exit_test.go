package exit_test

import (
	"errors"
	"fmt"
	"strings"
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

func TestAReportIsOneLineForPeopleOrPrograms(t *testing.T) {
	err := exit.AsUsage(errors.Join(errors.New("want <model>"), errors.New("want --key")))
	for _, c := range []struct {
		asJSON bool
		want   string
	}{
		{false, "squadron: want <model>; want --key\n"},
		{true, `{"error":"want <model>; want --key","exit":2}` + "\n"},
	} {
		var said strings.Builder
		if status := exit.Report(&said, "squadron", err, c.asJSON); status != exit.Usage || said.String() != c.want {
			t.Errorf("JSON %v: status %d, said %q, want %q", c.asJSON, status, &said, c.want)
		}
	}
	var said strings.Builder
	if status := exit.Report(&said, "squadron", nil, true); status != exit.Done || said.Len() > 0 {
		t.Errorf("nothing went wrong: status %d, said %q", status, &said)
	}
}
