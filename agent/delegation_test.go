package agent

import (
	"strings"
	"testing"

	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// A publisher's key delegated to another key, behind the owner's back: what that
// one vouches for is not installed.
func TestAPublisherThatDelegatesFurther(t *testing.T) {
	f := newFleet(t)
	r := committed(t, f, f.config(t.TempDir()))
	thief := trusttest.Key(99)
	evil := f.publish(newRelease(t, "2.0.0", true), thief)
	f.mu.Lock()
	ada := f.trust.Roles["ada"]
	ada.Remove("shade/2.0.0")
	f.trust.Must(ada.Delegate(trust.Delegation{Role: "evil", Keys: []trust.PublicKey{thief.Public()}, Threshold: 1, Paths: []string{"shade/*"}}))
	f.trust.Publish("ada", "shade/1.0.1", "another", "")
	f.trust.Publishers["evil"], f.trust.Roles["evil"] = thief, trust.NewTargets(f.trust.Now.Add(trusttest.Year))
	f.trust.Must(f.trust.Roles["evil"].Put("shade/2.0.0", evil.Digest, evil.Size, ""))
	f.trust.SignRole("evil")
	f.trust.Release()
	f.mu.Unlock()
	f.order(evil)
	if m := f.awaitPhase("2.0.0", wire.PhaseRefused); !strings.Contains(m.Why, "only publishers whom targets.json itself names count") {
		t.Errorf("the device says %q", m.Why)
	}
	r.mustServe("1.0.0")
}
