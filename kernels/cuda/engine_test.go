package cuda

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/kernels/ir"
)

func TestOnAnyMachineTheEngineSaysWhyItDoesNotRun(t *testing.T) {
	found, err := Engine{}.Probe()
	if err == nil {
		t.Fatalf("the engine has no kernels, yet it offers itself: found %q", found)
	}
	t.Logf("found %q: %v", found, err)
}

func TestEveryPlanIsRefused(t *testing.T) {
	program, err := Engine{}.Compile(&ir.Plan{})
	if program != nil || err == nil || !strings.Contains(err.Error(), "no CUDA kernels yet") {
		t.Errorf("Compile gave %v, %v; want a refusal that says there are no CUDA kernels yet", program, err)
	}
}
