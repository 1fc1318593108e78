package slot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/squadron-edge/squadron/agent/slot/slottest"
	"github.com/squadron-edge/squadron/deploy/bundle"
)

// version is a version of a model as the tests make it: an envelope that is
// the bare manifest, and its objects.
type version struct {
	pointer  Pointer
	envelope []byte
	objects  map[bundle.Digest][]byte
	order    []bundle.Digest
}

func newVersion(v string) version {
	ver := version{objects: map[bundle.Digest][]byte{}}
	m := told{Name: "meter-reader", Version: v}
	for _, content := range []string{"model " + v, "labels", "golden " + v} {
		b := []byte(strings.Repeat(content, 100))
		d := bundle.DigestOf(b)
		ver.objects[d] = b
		ver.order = append(ver.order, d)
		m.Files = append(m.Files, bundle.File{Path: content, Digest: d, Size: int64(len(b))})
	}
	ver.envelope, _ = json.Marshal(m)
	ver.pointer = Pointer{Version: v, Envelope: bundle.DigestOf(ver.envelope)}
	return ver
}

// told is what these envelopes say: a manifest, without a signature.
type told struct {
	Name, Version string
	Files         []bundle.File
}

func judge(envelope []byte) (*bundle.Manifest, error) {
	var m told
	err := json.Unmarshal(envelope, &m)
	return &bundle.Manifest{Name: m.Name, Version: m.Version, Files: m.Files}, err
}

// install is the whole of an update as the agent does it: state, envelope,
// objects (one of them by way of Incoming), state, switch, collection.
func install(s *Store, ver version) error {
	note := func(step string) error {
		return s.SaveState("meter-reader", []byte(step+ver.pointer.Version))
	}
	if err := note("fetches "); err != nil {
		return err
	}
	put := func(d bundle.Digest, b []byte) error { return s.Put(d, int64(len(b)), bytes.NewReader(b)) }
	if err := put(ver.pointer.Envelope, ver.envelope); err != nil {
		return err
	}
	for i, d := range ver.order {
		if i == 0 {
			if err := adopt(s, d, ver.objects[d]); err != nil {
				return err
			}
			continue
		}
		if err := put(d, ver.objects[d]); err != nil {
			return err
		}
	}
	if err := note("activates "); err != nil {
		return err
	}
	if err := s.Activate("meter-reader", ver.pointer); err != nil {
		return err
	}
	if err := note("committed "); err != nil {
		return err
	}
	_, err := s.Collect(hold(ver), judge)
	return err
}

func hold(versions ...version) func() []bundle.Digest {
	return func() (held []bundle.Digest) {
		for _, v := range versions {
			held = append(held, v.pointer.Envelope)
		}
		return held
	}
}

// adopt lays a file into Incoming as package fetch does, and hands it over.
func adopt(s *Store, d bundle.Digest, b []byte) error {
	name := incomingDir + "/" + d.Hex() + ".part"
	f, err := s.files.Create(name)
	if err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		return err
	}
	return s.Adopt(d, int64(len(b)), name)
}

func openTemp(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.TempDir(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func mustInstall(t *testing.T, s *Store, versions ...version) {
	t.Helper()
	for _, v := range versions {
		if err := install(s, v); err != nil {
			t.Fatal(err)
		}
	}
}

// damage changes one byte of an object on the real disk.
func damage(t *testing.T, s *Store, d bundle.Digest) {
	t.Helper()
	name := filepath.Join(s.dir, filepath.FromSlash(objectName(d)))
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedActiveVersionFallsBackToThePrevious(t *testing.T) {
	s := openTemp(t)
	old, next := newVersion("1.0.0"), newVersion("2.0.0")
	mustInstall(t, s, old, next)
	damage(t, s, next.order[0])
	found := s.Recover("meter-reader", Pointer{}, judge)
	if found.Active != old.pointer || !strings.Contains(found.Why, "model 2.0.0 of meter-reader 2.0.0") {
		t.Fatalf("found %+v", found)
	}
	if again := s.Recover("meter-reader", Pointer{}, judge); again.Active != old.pointer || again.Why != "" {
		t.Fatalf("the next boot found %+v", again)
	}
}

func TestWithBothVersionsDamagedNothingServesAndBothAreNamed(t *testing.T) {
	s := openTemp(t)
	old, next := newVersion("1.0.0"), newVersion("2.0.0")
	mustInstall(t, s, old, next)
	damage(t, s, next.order[0])
	damage(t, s, old.order[0])
	found := s.Recover("meter-reader", Pointer{}, judge)
	if !found.Active.IsZero() || !strings.Contains(found.Why, "1.0.0") || !strings.Contains(found.Why, "2.0.0") {
		t.Fatalf("found %+v", found)
	}
}

func TestAVersionThatIsNoLongerTrustedDoesNotServe(t *testing.T) {
	s := openTemp(t)
	old, next := newVersion("1.0.0"), newVersion("2.0.0")
	mustInstall(t, s, old, next)
	found := s.Recover("meter-reader", Pointer{}, func(b []byte) (*bundle.Manifest, error) {
		m, err := judge(b)
		if err == nil && m.Version == "2.0.0" {
			return nil, errors.New("its key was revoked")
		}
		return m, err
	})
	if found.Active != old.pointer || !strings.Contains(found.Why, "its key was revoked") {
		t.Fatalf("found %+v", found)
	}
}

func TestATornPointerFallsBack(t *testing.T) {
	s := openTemp(t)
	old, next := newVersion("1.0.0"), newVersion("2.0.0")
	mustInstall(t, s, old, next)
	if err := os.WriteFile(filepath.Join(s.dir, "models", "meter-reader", "active"), []byte(`{"ver`), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := s.Recover("meter-reader", Pointer{}, judge); found.Active != old.pointer {
		t.Fatalf("found %+v", found)
	}
}

func TestAnObjectIsStoredWholeOrNotAtAll(t *testing.T) {
	s := openTemp(t)
	b := []byte("forty-two bytes of a model, more or less..")
	d := bundle.DigestOf(b)
	for name, sent := range map[string][]byte{
		"too short":   b[:20],
		"too long":    append(bytes.Clone(b), '!'),
		"wrong bytes": bytes.Repeat([]byte("x"), len(b)),
	} {
		if err := s.Put(d, int64(len(b)), bytes.NewReader(sent)); err == nil || s.Has(d, int64(len(b))) {
			t.Errorf("%s: Put gave %v, Has says %v", name, err, s.Has(d, int64(len(b))))
		}
	}
	if err := s.Put(d, int64(len(b)), bytes.NewReader(b)); err != nil || !s.Has(d, int64(len(b))) {
		t.Fatalf("Put gave %v", err)
	}
	if got, err := s.Read(d, 100); err != nil || !bytes.Equal(got, b) {
		t.Errorf("read %q, %v", got, err)
	}
	damage(t, s, d)
	if _, err := s.Read(d, 100); err == nil || !strings.Contains(err.Error(), "the disk changed them") {
		t.Errorf("a changed object was read: %v", err)
	}
}

func TestAttackSymlinkToAdopt(t *testing.T) {
	s := openTemp(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("password"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := bundle.DigestOf([]byte("password"))
	part := filepath.Join(s.Incoming(), d.Hex()+".part")
	if err := os.Symlink(secret, part); err != nil {
		t.Fatal(err)
	}
	if err := s.Adopt(d, 8, part); err == nil {
		t.Error("a link out of the folder was taken over")
	}
}

func TestCollectTakesOnlyWhatNobodyNeeds(t *testing.T) {
	s := openTemp(t)
	v1, v2, v3, v4 := newVersion("1.0.0"), newVersion("2.0.0"), newVersion("3.0.0"), newVersion("4.0.0")
	mustInstall(t, s, v1, v2, v3)
	coming := v4.order[0]
	if err := s.Put(v4.pointer.Envelope, int64(len(v4.envelope)), bytes.NewReader(v4.envelope)); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(s.Incoming(), coming.Hex()+".part")
	stray := filepath.Join(s.Incoming(), v1.order[0].Hex()+".part")
	for _, name := range []string{part, stray} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Collect(hold(v4), judge); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]version{"previous": v2, "active": v3} {
		if _, err := s.Check(v.pointer.Envelope, judge); err != nil {
			t.Errorf("%s was collected: %v", name, err)
		}
	}
	if _, err := s.Manifest(v4.pointer.Envelope, judge); err != nil {
		t.Errorf("the held envelope was collected: %v", err)
	}
	if _, err := os.Stat(part); err != nil {
		t.Errorf("the download in progress was collected: %v", err)
	}
	if _, err := os.Stat(stray); err == nil {
		t.Error("a download that nobody wants stayed")
	}
	if s.Has(v1.order[0], int64(len(v1.objects[v1.order[0]]))) || s.Has(v1.pointer.Envelope, int64(len(v1.envelope))) {
		t.Error("1.0.0 stayed")
	}
}

func TestCollectTakesNothingIfItCannotReadAManifest(t *testing.T) {
	s := openTemp(t)
	v1, v2 := newVersion("1.0.0"), newVersion("2.0.0")
	mustInstall(t, s, v1, v2)
	damage(t, s, v1.pointer.Envelope)
	if _, err := s.Collect(hold(), judge); err == nil {
		t.Error("collected without knowing what the previous version needs")
	}
	if !s.Has(v1.order[0], int64(len(v1.objects[v1.order[0]]))) {
		t.Error("an object of the previous version was taken")
	}
}

func TestNoRoomIsToldInNumbers(t *testing.T) {
	disk := slottest.New()
	disk.Room = 100 << 20
	s, err := OpenOn(disk, Limits{Reserve: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Room(36 << 20); err != nil {
		t.Errorf("what fits exactly: %v", err)
	}
	err = s.Room(36<<20 + 1)
	want := "no room: needs 36.0 MiB and keeps 64.0 MiB in reserve, but only 100.0 MiB are free"
	if noRoom := new(NoRoomError); !errors.As(err, &noRoom) || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestAQuotaCountsObjectsAndDownloads(t *testing.T) {
	disk, v := slottest.New(), newVersion("1.0.0")
	s, err := OpenOn(disk, Limits{Quota: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	mustInstall(t, s, v)
	w, err := disk.Create("incoming/abc.part")
	if err == nil {
		_, err = w.Write(make([]byte, 1000))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	used := int64(1000 + len(v.envelope))
	for _, b := range v.objects {
		used += int64(len(b))
	}
	if err := s.Room(1<<20 - used); err != nil {
		t.Errorf("what fits exactly: %v", err)
	}
	err = s.Room(1<<20 - used + 1)
	if noRoom := new(NoRoomError); !errors.As(err, &noRoom) || noRoom.Used != used || !strings.Contains(err.Error(), "of the quota of 1.0 MiB for models") {
		t.Errorf("got %v, with %d bytes used", err, used)
	}
}

// TestAReadOnlyDiskServesWhatItHas: what a crash left half written stays, and
// is told.
func TestAReadOnlyDiskServesWhatItHas(t *testing.T) {
	disk, v := slottest.New(), newVersion("1.0.0")
	s, err := OpenOn(disk, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	mustInstall(t, s, v)
	if _, err := disk.Create("models/meter-reader/active" + temporary); err != nil {
		t.Fatal(err)
	}
	disk.Before = func(int, string, string) error { return syscall.EROFS }
	if s, err = OpenOn(disk, Limits{}); err != nil {
		t.Fatal(err)
	}
	if found := s.Recover("meter-reader", Pointer{}, judge); found.Active != v.pointer || !errors.Is(s.Unswept(), syscall.EROFS) {
		t.Errorf("found %+v, unswept %v", found, s.Unswept())
	}
}

func TestTwoAgentsCannotShareAFolder(t *testing.T) {
	dir := t.TempDir()
	first, err := Open(dir, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Limits{})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by another agent (process %d)", os.Getpid())) {
		t.Errorf("the second Open gave %v", err)
	}
	look, err := Look(dir)
	if err != nil {
		t.Fatalf("a look beside the agent: %v", err)
	}
	if err := errors.Join(look.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir, Limits{})
	if err != nil {
		t.Fatalf("after the first closed: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestAttackPathTraversalByAModelsName(t *testing.T) {
	s := openTemp(t)
	for _, name := range []string{"../escape", "a/b", "", "."} {
		if err := s.Activate(name, newVersion("1.0.0").pointer); err == nil {
			t.Errorf("activated a model named %q", name)
		}
		if err := s.SaveState(name, nil); err == nil {
			t.Errorf("saved the state of a model named %q", name)
		}
	}
}

// A delta, or what else is left of a download, is nobody's once its object is in
// its place; before that it is the next try's.
func TestCollectTakesADownloadWhoseObjectArrived(t *testing.T) {
	s := openTemp(t)
	v1, v2 := newVersion("1.0.0"), newVersion("2.0.0")
	mustInstall(t, s, v1)
	if err := s.Put(v2.pointer.Envelope, int64(len(v2.envelope)), bytes.NewReader(v2.envelope)); err != nil {
		t.Fatal(err)
	}
	arrived := filepath.Join(s.Incoming(), v1.order[0].Hex()+".from."+v2.order[0].Hex()+".part")
	coming := filepath.Join(s.Incoming(), v2.order[0].Hex()+".from."+v1.order[0].Hex()+".part")
	if err := errors.Join(os.WriteFile(arrived, nil, 0o600), os.WriteFile(coming, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Collect(hold(v1, v2), judge); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(arrived); err == nil {
		t.Error("the delta of an object that is here stayed")
	}
	if _, err := os.Stat(coming); err != nil {
		t.Errorf("the delta of an object on its way was collected: %v", err)
	}
}

// TestMakeLeavesAnObjectOrNothing fails half-way, and then does not.
func TestMakeLeavesAnObjectOrNothing(t *testing.T) {
	s := openTemp(t)
	b := []byte("an object that is made here")
	d := bundle.DigestOf(b)
	broken := errors.New("the delta is bad")
	err := s.Make(d, func(w io.Writer) error {
		if _, err := w.Write(b[:9]); err != nil {
			return err
		}
		return broken
	})
	left, globErr := filepath.Glob(filepath.Join(s.dir, "objects", "sha256", "*", "*"))
	if !errors.Is(err, broken) || len(left) > 0 || globErr != nil {
		t.Errorf("%v; left %q, %v", err, left, globErr)
	}
	err = s.Make(d, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
	if err != nil || !s.Whole(d, int64(len(b))) {
		t.Errorf("%v", err)
	}
}
