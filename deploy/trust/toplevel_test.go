package trust_test

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
)

// Thieves of a publisher's key and of the online key delegate to a role with the
// name of one that only the root appoints, so that a device would keep their file
// in that one's place.
func TestAPublisherNamesATopLevelRole(t *testing.T) {
	for _, role := range []string{trust.RoleRoot, trust.RoleTargets, trust.RoleSnapshot, trust.RoleTimestamp} {
		t.Run(role, func(t *testing.T) {
			r := trusttest.New(t)
			k := victim(t, r)
			honest := r.CopyFiles()
			r.Roles["ada"] = delegatingTo(t, r, role)
			r.SignRole("ada")
			evil := trust.NewTargets(r.Now.Add(trusttest.Year))
			r.Must(evil.Put("meter-reader/9.0.0", bundle.DigestOf([]byte("evil")), 4, ""))
			r.Must(evil.Sign(mallory))
			b, err := evil.Encode()
			r.Put("1."+role+".json", b, err)
			versions := map[string]int64{trust.RoleTargets: 1, "ada": r.Roles["ada"].Version(), role: 1}
			r.SnapshotVersion++
			b, err = trust.Snapshot(r.SnapshotVersion, versions, r.Now.Add(trusttest.Week), r.Online)
			r.Put(strconv.FormatInt(r.SnapshotVersion, 10)+".snapshot.json", b, err)
			r.Stamp(b)
			c, err := r.Refresh(k)
			r.Must(err)
			refreshed := bytes.Clone(k[role+".json"])
			_, err = c.Find("meter-reader/9.0.0")
			mustFail(t, "a role of the root's, of a publisher's making", err, "find meter-reader/9.0.0")
			if !bytes.Equal(k[role+".json"], refreshed) {
				t.Errorf("the publisher's file is kept as %s.json", role)
			}
			r.Files = honest
			r.Must(second(trust.Open(k, r.Now)))
		})
	}
}

// delegatingTo is ada's next role, with a delegation that Delegate refuses to make.
func delegatingTo(t *testing.T, r *trusttest.Repository, role string) trust.Targets {
	t.Helper()
	next := r.Roles["ada"]
	next.Next(r.Now.Add(trusttest.Year))
	d := trust.Delegation{Role: role, Keys: []trust.PublicKey{mallory.Public()}, Threshold: 1, Paths: []string{"meter-*/*"}}
	mustFail(t, "a delegation to "+role, next.Delegate(d), "only root.json names that role")
	d.Role = "stand-in"
	r.Must(next.Delegate(d))
	b, err := next.Encode()
	r.Must(err)
	next, err = trust.ParseTargets(bytes.Replace(b, []byte(`"stand-in"`), []byte(`"`+role+`"`), 1))
	r.Must(err)
	return next
}

// second is the error of a call.
func second[T any](_ T, err error) error { return err }
