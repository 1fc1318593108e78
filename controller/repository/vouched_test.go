package repository_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller/repository"
	"github.com/squadron-edge/squadron/controller/store"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
)

// published is ada's bundle of a version, of a content.
func published(version, content string) store.Bundle {
	return store.Bundle{Name: "meter-reader", Version: version, Digest: bundle.DigestOf([]byte(content)), KeyID: string(adaKey.Public().ID())}
}

// The controller says no where devices do, with a sentence that says whose turn
// it is.
func TestVouchedSaysWhatDevicesSay(t *testing.T) {
	contents := map[string]string{"meter-reader/1.0.0": "one", "meter-reader/2.0.0": "two"}
	fresh := keyOf(44)
	for name, c := range map[string]struct {
		change  func(*owner, *repository.Repository)
		bundle  store.Bundle
		now     time.Time
		want    string // of the controller's sentence; empty if it says yes
		refresh bool   // whether a device's refresh or search fails as well
	}{
		"as published":    {nil, published("1.0.0", "one"), today, "", false},
		"another digest":  {nil, published("1.0.0", "x"), today, "its publisher runs squadron publish", false},
		"another version": {nil, published("3.0.0", "x"), today, "its publisher runs squadron publish", true},
		"another key": {func(o *owner, r *repository.Repository) {
			o.delegate(r, fresh)
		}, published("1.0.0", "one"), today, "--other-key", true},
		"another key, which signed the role": {func(o *owner, r *repository.Repository) {
			o.delegate(r, fresh)
			putRole(t, r, role(t, 2, fresh, contents))
		}, published("1.0.0", "one"), today, "signed the bundle, which targets.json does not name for ada any more", false},
		"revoked": {func(o *owner, r *repository.Repository) {
			o.targets.Next(today.Add(2 * year))
			o.must(o.targets.Undelegate("ada"))
			o.must(second(r.PutTargets(t.Context(), o.signTargets(), "owner", today)))
		}, published("1.0.0", "one"), today, "squadron keys delegate", true},
		"below the minimum": {func(o *owner, r *repository.Repository) {
			next, err := trust.ParseTargets(role(t, 2, adaKey, contents))
			o.must(err)
			o.must(next.Put("meter-reader/2.0.0", bundle.DigestOf([]byte("two")), 3, "1.0.1"))
			o.must(next.Sign(adaKey))
			b, err := next.Encode()
			o.must(err)
			putRole(t, r, b)
		}, published("1.0.0", "one"), today, "allows no version below 1.0.1", false},
		"an expired role":    {nil, published("1.0.0", "one"), today.Add(year + time.Hour), "ada.json expired on 2027-11-24: its publisher", true},
		"an expired targets": {nil, published("1.0.0", "one"), today.Add(2*year + time.Hour), "targets.json expired on 2028-11-23: the fleet's owner", true},
		"an expired root":    {nil, published("1.0.0", "one"), today.Add(5*year + time.Hour), "root.json expired", true},
	} {
		t.Run(name, func(t *testing.T) {
			o, st := newOwner(t), database(t)
			r := o.open(st, onlineKey, today)
			putRole(t, r, role(t, 1, adaKey, contents))
			if c.change != nil {
				c.change(o, r)
			}
			o.must(r.Renew(t.Context(), c.now))
			err := r.Vouched(t.Context(), c.bundle, c.now)
			no := new(repository.NotVouchedError)
			if says := errors.As(err, &no); says != (c.want != "") || says && !strings.Contains(no.Why, c.want) || err != nil && !says {
				t.Errorf("the controller says %v, want %q", err, c.want)
			}
			d := device{"root.json": o.folder["1.root.json"].Data}
			_, _, err = d.find(t.Context(), r, "meter-reader/"+c.bundle.Version, c.now)
			if (err != nil) != c.refresh {
				t.Errorf("the device says %v", err)
			}
		})
	}
}

// delegate gives ada another key.
func (o *owner) delegate(r *repository.Repository, key trust.PrivateKey) {
	o.targets.Next(today.Add(2 * year))
	o.must(o.targets.Delegate(trust.Delegation{Role: "ada", Keys: []trust.PublicKey{key.Public()}, Threshold: 1, Paths: []string{"meter-*/*"}}))
	o.must(second(r.PutTargets(o.t.Context(), o.signTargets(), "owner", today)))
}

func TestWhatExpiresIsListed(t *testing.T) {
	o, st := newOwner(t), database(t)
	r := o.open(st, onlineKey, today)
	putRole(t, r, role(t, 1, adaKey, nil))
	for when, want := range map[time.Time]string{
		today: "", today.Add(year - time.Hour): "", today.Add(year): "ada.json", today.Add(2 * year): "targets.json ada.json", today.Add(5 * year): "root.json targets.json ada.json",
	} {
		list, err := r.Expiring(t.Context(), when)
		o.must(err)
		var files []string
		for _, e := range list {
			files = append(files, e.File)
		}
		if got := strings.Join(files, " "); got != want {
			t.Errorf("at %s: %q, want %q", when, got, want)
		}
	}
}
