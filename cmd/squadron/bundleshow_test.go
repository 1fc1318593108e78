package main

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/cmd/exit"
)

// TestARunningDigestLeadsBackToItsData: by the digits that a device shows, or by
// name and version.
func TestARunningDigestLeadsBackToItsData(t *testing.T) {
	o := openOffice(t)
	bundle := o.file("lineage.sqb")
	squadron(t, exit.Done, "pack", o.file("samples/meter-reader-2.0.0.onnx"), "--name", "meter-reader", "--version", "2.0.0",
		"--key", o.key("publisher.key"), "--out", bundle, "--commit", "abc123", "--dataset", "digits,region=eu",
		"--labels", o.file("samples/labels.txt"), "--golden", o.file("samples/golden"), "--pipeline", o.file("samples/pipeline.json"))
	o.publishes(exit.Done, bundle)
	digest := o.bundles()[0].Digest
	for _, name := range []string{"meter-reader@2.0.0", digest.String(), digest.Hex(), digest.Short(), digest.Hex()[:8]} {
		out, _ := o.asks(exit.Done, "bundles", "show", name)
		for _, want := range []string{"meter-reader 2.0.0, " + digest.String() + ", published 20", "commit      abc123", "trained on  digits, must stay in eu", "model.onnx"} {
			if !strings.Contains(out, want) {
				t.Errorf("bundles show %s printed %q, without %q", name, out, want)
			}
		}
	}
	for name, c := range map[string]struct {
		status int
		want   string
	}{
		"meter-reader@9.9.9": {exit.Failed, "squadron bundles list shows what there is"},
		"00000000":           {exit.Failed, "squadron bundles list shows what there is"},
		"0000000":            {exit.Usage, "8 or more digits of its digest"},
		"meter-reader":       {exit.Usage, "want NAME@VERSION"},
		"meter-reader@":      {exit.Usage, "NAME@VERSION"},
	} {
		if out, complaint := o.asks(c.status, "bundles", "show", name); !strings.Contains(complaint, c.want) || out != "" {
			t.Errorf("bundles show %s printed %q and complained %q, want %q", name, out, complaint, c.want)
		}
	}
}
