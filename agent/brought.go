package agent

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/squadron-edge/squadron/agent/fetch"
	"github.com/squadron-edge/squadron/agent/slot"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/wire"
)

// A folder that somebody brought, on a stick, holds what a controller has: the
// device's signed order at orders/{site}/{device}, the fleet's trust in tuf/, and
// objects in sha256/. Whoever may write into the state folder can ask the agent
// that runs on it to use such a folder. Nothing in it is believed that would not
// be believed of the controller.
const (
	broughtRecord = "brought"       // the wish, while somebody has it
	takenRecord   = "brought-taken" // what came of the last one
)

// lookForFolder is how often the agent looks whether somebody has that wish.
const lookForFolder = time.Second

// brought is the wish that the agent use a folder.
type brought struct {
	Wish   string `json:"wish"` // differs each time
	Folder string `json:"folder"`
}

// Taken is what an agent says of a folder that somebody brought.
type Taken struct {
	Wish   string    `json:"wish"`
	Folder string    `json:"folder"`
	At     time.Time `json:"at"`
	// Order is the device's own, of the folder, if the device believes it.
	Order wire.Desired `json:"order,omitzero"`
	Error string       `json:"error,omitempty"`
	// Faults say of models whose last try to fetch failed, and wait for the next, how
	// the folder is to blame: it lacked something or had spoilt it, and the network
	// brought nothing of that.
	Faults map[string]string `json:"faults,omitempty"`
}

// importLock is held by whoever brought a folder: a wish without one is nobody's.
const importLock = "import.lock"

// Bring asks the agent that runs on a state folder, or will, to use a folder that
// somebody brought, until the returned end is called or this process ends. One at
// a time may.
func Bring(stateDir, folder string) (wish string, end func() error, err error) {
	lock, err := lockImport(stateDir)
	if err != nil {
		return "", nil, err
	}
	wish = rand.Text()
	b, err := json.Marshal(brought{wish, folder})
	if err == nil {
		err = inState(stateDir, func(s *slot.Store) error { return s.SaveRecord(broughtRecord, b) })
	}
	if err != nil {
		return "", nil, errors.Join(err, lock.Close())
	}
	end = func() error {
		removed := inState(stateDir, func(s *slot.Store) error { return s.RemoveRecord(broughtRecord) })
		return errors.Join(removed, lock.Close())
	}
	return wish, end, nil
}

func lockImport(stateDir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(stateDir, importLock), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another folder is being imported here: wait for it to end, or end it"), f.Close())
	}
	return f, nil
}

// abandoned reports whether nobody holds the wish any more: its process was
// killed, or the power was cut.
func abandoned(stateDir string) bool {
	f, err := os.OpenFile(filepath.Join(stateDir, importLock), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return true
	}
	free := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil
	return errors.Join(f.Close()) != nil || free
}

// Answer is what the agent said of a folder; ok is false while it has not looked,
// or its answer is being written.
func Answer(stateDir, wish string) (taken Taken, ok bool, err error) {
	taken, ok, err = LastTaken(stateDir)
	return taken, ok && taken.Wish == wish, err
}

// LastTaken is what the agent said of the folder that was brought last; ok is false if
// none was, or the disk damaged that.
func LastTaken(stateDir string) (taken Taken, ok bool, err error) {
	err = inState(stateDir, func(s *slot.Store) error {
		b, err := s.Record(takenRecord)
		ok = err == nil && json.Unmarshal(b, &taken) == nil
		return err
	})
	return taken, ok, err
}

func inState(dir string, do func(*slot.Store) error) error {
	s, err := slot.Look(dir)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

// followFolders uses what somebody brings, until ctx ends. It waits for the medium,
// which orders that come by the network must not.
func (u *updater) followFolders(ctx context.Context) error {
	look := time.NewTicker(lookForFolder)
	defer look.Stop()
	for {
		u.followFolder(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		case <-u.blamed:
			u.tellFaults()
		}
	}
}

// followFolder takes a folder into use that somebody brought since the last look,
// and puts it away again once nobody wants it any more.
func (u *updater) followFolder(ctx context.Context) {
	var wanted brought
	b, err := u.store.Record(broughtRecord)
	if err != nil || b == nil && u.inUse == wanted {
		return // what cannot be read is nobody's wish
	}
	if json.Unmarshal(b, &wanted) != nil {
		wanted = brought{}
	}
	if wanted.Folder != "" && abandoned(u.config.StateDir) {
		if err := u.store.RemoveRecord(broughtRecord); err != nil {
			u.log.Error("forget a folder that nobody brings any more", "folder", wanted.Folder, "error", err)
		}
		wanted = brought{}
	}
	if wanted == u.inUse {
		return
	}
	u.inUse = wanted
	if wanted.Folder == "" {
		u.lend(nil)
		u.log.Info("puts the folder away that somebody brought")
		return
	}
	u.log.Info("uses a folder that somebody brought", "folder", wanted.Folder)
	folder := u.open(wanted.Folder)
	u.mu.Lock()
	clear(u.faults) // of the one before
	u.mu.Unlock()
	u.lend(folder)
	u.taken = Taken{Wish: wanted.Wish, Folder: wanted.Folder, At: later(time.Now().UTC(), u.config.Built)}
	order, err := u.orderIn(ctx, folder)
	if u.taken.Order = order; err != nil {
		u.log.Warn("the order that somebody brought is of no use", "folder", wanted.Folder, "error", err)
		u.taken.Error = err.Error()
	}
	if ctx.Err() != nil {
		return
	}
	u.taken.Faults = u.blames()
	u.answer()
}

// answer keeps what is said of the folder in use, for who brought it.
func (u *updater) answer() {
	b, err := json.Marshal(u.taken)
	if err == nil {
		err = u.store.SaveRecord(takenRecord, b)
	}
	if err != nil {
		u.log.Error("answer who brought a folder", "error", err)
	}
}

// tellFaults answers anew, if a folder is in use and there is news of it.
func (u *updater) tellFaults() {
	faults := u.blames()
	if u.inUse.Folder == "" || maps.Equal(faults, u.taken.Faults) {
		return
	}
	u.taken.Faults = faults
	u.answer()
}

func (u *updater) blames() map[string]string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.faults)
}

// blame notes how the folder in use is to blame for a try to fetch a model, or with
// an empty sentence that a new one begins.
func (u *updater) blame(model, why string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.faults[model] == why {
		return
	}
	if why == "" {
		delete(u.faults, model)
	} else {
		u.faults[model] = why
	}
	select {
	case u.blamed <- struct{}{}:
	default:
	}
}

// atFault reports whether a folder that somebody brought is to blame for an error:
// the network would have had to bring it, and did not.
func atFault(err error) bool {
	return errors.As(err, new(*fetch.FolderError)) || errors.As(err, new(*folderFault))
}

// folderFault says that the trust in a folder that somebody brought is of no use, and
// that the network brought none.
type folderFault struct{ err error }

func (f *folderFault) Error() string { return f.err.Error() }
func (f *folderFault) Unwrap() error { return f.err }

// lend has trust and objects sought in a folder first; nil ends that.
func (u *updater) lend(folder *fetch.Folder) {
	u.fetcher.Lend(folder)
	if folder == nil {
		u.authority.lend(nil)
		return
	}
	u.authority.lend(folder.Metadata("tuf"))
}

// orderIn takes the device's order out of a folder, and has all machines know
// that what they want may be at hand.
func (u *updater) orderIn(ctx context.Context, folder *fetch.Folder) (wire.Desired, error) {
	d := u.config.Device
	envelope, err := readOrder(ctx, folder, d)
	if err != nil {
		return wire.Desired{}, err
	}
	order, err := u.judgeOrder(ctx, envelope)
	if err != nil {
		return wire.Desired{}, fmt.Errorf("the order for %s in %s: %w", d, folder, err)
	}
	known := make(chan struct{})
	select {
	case u.nearer <- known:
	case <-ctx.Done():
		return wire.Desired{}, ctx.Err()
	}
	select {
	case <-known:
	case <-ctx.Done():
		return wire.Desired{}, ctx.Err()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.order.Generation > order.Generation {
		return wire.Desired{}, fmt.Errorf("the order for %s in %s has number %d, and the device has taken number %d since: export again", d, folder, order.Generation, u.order.Generation)
	}
	if u.order.Generation < order.Generation {
		return wire.Desired{}, fmt.Errorf("the order for %s in %s was not kept, such as for want of room on the disk: %s", d, folder, u.why)
	}
	return order, nil
}

// errNoOrder says that nobody has ordered anything of a device, as far as a
// folder knows.
var errNoOrder = errors.New("there is no such file")

// readOrder reads the order of a device out of a folder.
func readOrder(ctx context.Context, folder *fetch.Folder, d wire.Device) ([]byte, error) {
	name := trust.OrderPath(string(d.Site), string(d.ID))
	b, err := folder.Read(ctx, name, wire.MaxEnvelope)
	if errors.Is(err, trust.ErrNoFile) {
		return nil, fmt.Errorf("no order for %s in %s: %w at %s; squadron export %s --to FOLDER writes one", d, folder, errNoOrder, name, d)
	}
	if err != nil {
		return nil, fmt.Errorf("read the order for %s in %s: %w", d, folder, err)
	}
	return b, nil
}
