package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// authority is what the device knows of who may say what: the root that its
// owner gave it, and what followed from there.
type authority struct {
	device   wire.Device
	store    *slot.Store
	metadata repositoryFiles
	built    time.Time
	log      *slog.Logger
	given    []byte // the owner's root.json

	lent atomic.Pointer[fetch.Metadata] // a copy at hand, asked first; nil if there is none
	// following is held by who follows the repository, while it waits for the
	// network or a medium.
	following sync.Mutex
	mu        sync.Mutex // guards what is kept on disk
	// asked is when the last order that made the device look who may order had its
	// turn. Whoever owns the broker can send any number.
	asking sync.Mutex
	asked  time.Time
}

// repositoryFiles brings the fleet's trust for one refresh.
type repositoryFiles interface {
	Fetch(ctx context.Context) trust.Fetch
}

// askEvery spaces those looks.
const askEvery = time.Second

const (
	anchorRecord = "trust"
	anchorCopy   = "trust-copy"
)

// anchor remembers which root the owner gave, and the latest time that anybody
// trusted has named since the root that is followed now.
type anchor struct {
	Given bundle.Digest `json:"given_root"`
	Root  int64         `json:"root_version"`
	Time  time.Time     `json:"time,omitzero"`
}

// openAuthority begins with the given root, or goes on from where it led. A
// given root that the one which is followed signed leads on; any other that is
// not the one of the last start is the owner's word that all else is void. A
// disk that does not take it must not keep the device from serving: it installs
// nothing until the disk does.
func openAuthority(c Config, store *slot.Store, metadata repositoryFiles, log *slog.Logger) (*authority, error) {
	a := &authority{device: c.Device, store: store, metadata: metadata, built: c.Built, log: log, given: c.Trust}
	root, err := trust.ParseRoot(c.Trust)
	if err == nil {
		err = root.SignedByItself()
	}
	if err != nil {
		return nil, fmt.Errorf("config: the trusted root: %w", err)
	}
	if err := a.begin(); err != nil {
		log.Error("begin with the owner's root; nothing is installed before the disk takes it", "error", err)
	}
	return a, nil
}

// begin makes the given root the one that is followed, unless it is already. What
// the disk made of its own notes is made good from the given root.
func (a *authority) begin() error {
	root, err := trust.ParseRoot(a.given)
	if err != nil {
		return err
	}
	known, err := a.anchor()
	if err != nil {
		return err
	}
	next := anchor{Given: bundle.DigestOf(a.given), Root: root.Version()}
	switch {
	case known.Given == next.Given && a.follows():
		return nil
	case known.Given == next.Given:
		a.log.Error("begin with the owner's root again, since the disk changed the one that was followed")
		if err := a.store.Metadata().Save(trust.FileName(trust.RoleRoot), a.given); err != nil {
			return err
		}
		next.Root, next.Time = known.Root, known.Time
	case a.leadsOn(root):
		next.Root, next.Time = known.Root, known.Time
	default:
		if err := a.store.Metadata().Replace(a.given); err != nil {
			return err
		}
	}
	return a.keepAnchor(next)
}

// ready begins, if the disk did not take that before.
func (a *authority) ready() error {
	if err := a.begin(); err != nil {
		return fmt.Errorf("the root that its owner gave it could not be kept: %w", err)
	}
	return nil
}

// follows reports whether the root that is followed can be read.
func (a *authority) follows() bool {
	_, err := trust.Open(a.store.Metadata(), time.Time{})
	return err == nil
}

// leadsOn reports whether the owner only gave what the device follows to
// anyway: the very root that it follows, or one that those keys signed.
func (a *authority) leadsOn(given trust.Root) bool {
	b, err := a.store.Metadata().Load(trust.FileName(trust.RoleRoot))
	if err != nil || b == nil {
		return false
	}
	followed, err := trust.ParseRoot(b)
	return err == nil && given.Version() >= followed.Version() && followed.Signed(given)
}

// anchor reads the note, or its copy where the disk lost or changed it.
func (a *authority) anchor() (known anchor, err error) {
	for _, record := range []string{anchorRecord, anchorCopy} {
		b, err := a.store.Record(record)
		if err != nil {
			return known, err
		}
		if b == nil {
			continue
		}
		if err = json.Unmarshal(b, &known); err == nil {
			return known, nil
		}
		known = anchor{}
		a.log.Error("read which root is trusted", "record", record, "error", err)
	}
	return known, nil
}

func (a *authority) keepAnchor(known anchor) error {
	b, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return errors.Join(a.store.SaveRecord(anchorCopy, b), a.store.SaveRecord(anchorRecord, b))
}

// now is the clock, but never before the agent was built, nor before the latest
// time that a trusted key has named: many boards start in 1970.
func (a *authority) now() (time.Time, error) {
	known, err := a.anchor()
	now := time.Now().UTC()
	for _, floor := range []time.Time{a.built, known.Time} {
		if now.Before(floor) {
			now = floor
		}
	}
	return now, err
}

// sawTime takes note of a time that the online key signed, as far as a root of that
// version tells of it. With the next root it is forgotten: a thief of that key
// could name a time far away.
func (a *authority) sawTime(at time.Time, root int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, err := a.anchor()
	if err != nil || known.Root != root || at.Sub(known.Time) < time.Hour {
		return err // not worth a write
	}
	known.Time = at
	return a.keepAnchor(known)
}

// refresh follows the repository to its newest state. What is known already can be
// asked meanwhile. borrowed says that a folder brought it and the network did not.
func (a *authority) refresh(ctx context.Context) (newest *trust.Client, borrowed bool, err error) {
	a.following.Lock()
	defer a.following.Unlock()
	now, err := a.begun()
	if err != nil {
		return nil, false, err
	}
	lent := a.lent.Load()
	if lent == nil {
		newest, err = a.follow(ctx, a.metadata, now)
		return newest, false, err
	}
	client, atHand := a.follow(ctx, lent, now)
	soon, giveUp := context.WithCancel(ctx) // what is found later is fetched by it too
	patience := time.AfterFunc(besideFolder, giveUp)
	newer, far := a.follow(soon, a.metadata, now)
	patience.Stop()
	switch {
	case far == nil:
		return newer, false, nil
	case atHand == nil:
		return client, true, nil
	}
	return nil, true, &folderFault{fmt.Errorf("%w; nor by the network: %w", atHand, far)}
}

// besideFolder is how long the network may take to bring newer trust than a folder
// that somebody brought: with it, the folder cannot hide what the owner changed.
const besideFolder = 10 * time.Second

// begun begins, if need be, and tells the time.
func (a *authority) begun() (time.Time, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.ready(); err != nil {
		return time.Time{}, err
	}
	return a.now()
}

// follow follows one copy of the repository. A root below one that was followed
// before leads nowhere: the disk lost the newer one, and what that took back
// would count again.
func (a *authority) follow(ctx context.Context, from repositoryFiles, now time.Time) (*trust.Client, error) {
	files := &verified{disk: a.store.Metadata()}
	client, err := trust.Open(files, now)
	if err != nil {
		return nil, err
	}
	refreshed := client.Refresh(from.Fetch(ctx))
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := errors.Join(refreshed, files.keep(), a.noteRoot(client)); err != nil {
		return nil, err
	}
	return client, a.highEnough(client)
}

func (a *authority) highEnough(client *trust.Client) error {
	known, err := a.anchor()
	if err == nil && client.RootVersion() < known.Root {
		err = fmt.Errorf("the disk lost root.json of version %d: only version %d could be found", known.Root, client.RootVersion())
	}
	return err
}

// lend has a copy of the repository asked first; nil takes it back. Nothing is
// believed of it that would not be believed of the controller.
func (a *authority) lend(copy *fetch.Metadata) { a.lent.Store(copy) }

// noteRoot forgets what time it was said to be under an older root.
func (a *authority) noteRoot(client *trust.Client) error {
	known, err := a.anchor()
	if err != nil || client.RootVersion() <= known.Root {
		return err
	}
	return a.keepAnchor(anchor{Given: known.Given, Root: client.RootVersion()})
}

// known is what was followed so far, whatever has expired of it since.
func (a *authority) known() (*trust.Client, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.ready(); err != nil {
		return nil, err
	}
	client, err := trust.Open(a.store.Metadata(), time.Time{})
	if err != nil {
		return nil, err
	}
	if err := client.Refresh(nil); err != nil {
		return nil, err
	}
	return client, a.highEnough(client)
}

// ordered is an order that somebody signed who may order this device.
type ordered struct {
	wire.Desired
	by       []trust.KeyID
	envelope []byte
	// mayOrder tells whether keys may still order this device.
	mayOrder func([]trust.KeyID) bool
}

// order opens a signed order. If no key that is known signed it, the repository is
// asked whether another may order now.
func (a *authority) order(ctx context.Context, envelope []byte) (ordered, error) {
	client, err := a.known()
	if err == nil {
		var order ordered
		if order, err = a.judgeOrder(client, envelope); err == nil {
			return order, nil
		}
	}
	if !a.turn(ctx) {
		return ordered{}, err
	}
	client, _, refreshed := a.refresh(ctx)
	if refreshed != nil {
		return ordered{}, fmt.Errorf("%w; nor could it be looked up who may order: %w", err, refreshed)
	}
	return a.judgeOrder(client, envelope)
}

// again judges an order anew by what is known now.
func (a *authority) again(order ordered) (ordered, error) {
	client, err := a.known()
	if err != nil {
		return ordered{}, err
	}
	return a.judgeOrder(client, order.envelope)
}

// turn waits until the repository may be asked about another order, or ctx ends.
func (a *authority) turn(ctx context.Context) bool {
	a.asking.Lock()
	a.asked = later(time.Now(), a.asked.Add(askEvery))
	wait := time.NewTimer(time.Until(a.asked))
	a.asking.Unlock()
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (a *authority) judgeOrder(client *trust.Client, envelope []byte) (ordered, error) {
	site, device := string(a.device.Site), string(a.device.ID)
	payload, by, err := client.Order(envelope, site, device)
	if err != nil {
		return ordered{}, err
	}
	order, err := wire.Decode[wire.Desired](payload)
	if err != nil {
		return ordered{}, err
	}
	if order.Site != a.device.Site || order.Device != a.device.ID {
		return ordered{}, fmt.Errorf("the order is for %s/%s", order.Site, order.Device)
	}
	if err := a.sawTime(order.At, client.RootVersion()); err != nil {
		a.log.Error("keep the time of an order", "error", err)
	}
	return ordered{order, by, envelope, func(keys []trust.KeyID) bool { return client.MayOrder(keys, site, device) }}, nil
}

// vouched refreshes, and looks who vouches for an ordered version: whose keys
// must have signed its envelope.
func (a *authority) vouched(ctx context.Context, order wire.DesiredModel) (trust.Keys, error) {
	client, borrowed, err := a.refresh(ctx)
	if err != nil {
		return trust.Keys{}, err
	}
	keys, err := publisherOf(client, order)
	if err != nil && borrowed {
		err = &folderFault{err}
	}
	return keys, err
}

// stillVouched is vouched by what the last refresh left.
func (a *authority) stillVouched(order wire.DesiredModel) (trust.Keys, error) {
	client, err := a.known()
	if err != nil {
		return trust.Keys{}, err
	}
	return publisherOf(client, order)
}

// publisherOf goes by the publishers whom the fleet's owner named, and by nobody
// to whom a publisher delegates in turn: who has a publisher's key for a moment
// would keep its models with a key of his own.
func publisherOf(client *trust.Client, order wire.DesiredModel) (trust.Keys, error) {
	target, err := client.Find(trust.TargetPath(order.Name, order.Version))
	if errors.Is(err, trust.ErrNoTarget) {
		return trust.Keys{}, &refusal{err}
	}
	if err != nil {
		return trust.Keys{}, err
	}
	if target.Delegator != trust.RoleTargets {
		return trust.Keys{}, &refusal{fmt.Errorf("%s vouches for %s, and only publishers whom targets.json itself names count, not whom %s names", target.Role, target.Path, target.Delegator)}
	}
	if target.Digest != order.Digest || target.Length != order.Size {
		return trust.Keys{}, &refusal{fmt.Errorf("%s vouches for another %s than was ordered: %s of %d bytes", target.Role, target.Path, target.Digest.Short(), target.Length)}
	}
	minimum, err := client.Minimum(target)
	if err != nil {
		return trust.Keys{}, err
	}
	if minimum != "" && trust.Older(order.Version, minimum) {
		return trust.Keys{}, &refusal{fmt.Errorf("its publisher allows no version below %s", minimum)}
	}
	return target.Publisher(), nil
}

// refusal is a no that trying again does not change.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }
