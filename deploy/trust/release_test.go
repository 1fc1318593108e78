package trust_test

import (
	"testing"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
)

// A minimum version stays when the bundle that brought it is published again, to
// renew the role or with other bytes, and falls only when that is asked for.
func TestAMinimumFallsOnlyWhenAsked(t *testing.T) {
	r := trusttest.New(t)
	k := r.Device()
	publish := func(version, minimum string, lower bool, content string) error {
		role := r.Roles["ada"]
		role.Next(r.Now.Add(trusttest.Year))
		_, err := role.Release(trust.Release{
			Model: "meter-reader", Version: version, Digest: bundle.DigestOf([]byte(content)), Length: int64(len(content)), Minimum: minimum, Lower: lower,
		})
		r.SignRole("ada")
		r.Release()
		return err
	}
	// A device goes by what the newest role says, lower or higher.
	minimum := func(when, want string) {
		t.Helper()
		c, err := r.Refresh(k)
		r.Must(err)
		target, err := c.Find(version1)
		r.Must(err)
		if got, err := c.Minimum(target); got != want || err != nil {
			t.Errorf("%s: the device knows a minimum of %q, %v; want %q", when, got, err, want)
		}
	}
	r.Must(publish("2.0.0", "2.0.0", false, "two"))
	minimum("published", "2.0.0")
	r.Must(publish("2.0.0", "", false, "two"))
	minimum("published again", "2.0.0")
	r.Must(publish("2.0.0", "", false, "other bytes"))
	minimum("published again with other bytes", "2.0.0")
	r.Must(publish("2.1.0", "2.0.1", false, "next"))
	minimum("raised", "2.0.1")
	mustFail(t, "a lower minimum", publish("2.1.0", "1.0.0", false, "next"), "--lower-minimum")
	minimum("refused", "2.0.1")
	r.Must(publish("2.1.0", "1.0.0", true, "next"))
	minimum("lowered", "1.0.0")
}

func TestAReleaseThatIsVouchedForChangesNothing(t *testing.T) {
	role := trusttest.New(t).Roles["ada"]
	again := trust.Release{Model: "meter-reader", Version: "1.0.0", Digest: bundle.DigestOf([]byte("one")), Length: 3}
	if changed, err := role.Release(again); changed || err != nil {
		t.Errorf("changed %t, %v", changed, err)
	}
	again.Length = 4
	if changed, err := role.Release(again); !changed || err != nil {
		t.Errorf("another length: changed %t, %v", changed, err)
	}
}
