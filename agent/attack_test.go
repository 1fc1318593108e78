package agent

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/bundle"
	"github.com/squadron-edge/squadron/deploy/trust"
	"github.com/squadron-edge/squadron/deploy/trust/trusttest"
)

// What attackers do to a whole device, whose trust alone is tested in package
// trust under the same names: the attacks of TUF specification §1.5.2 here, and
// further ones in attack_*_test.go. In each of them 1.0.0 goes on serving, the
// fleet hears what was wrong, and nothing foreign stays on the disk.

// Who owns the controller without any key publishes a model of her own.
func TestAttackArbitrarySoftware(t *testing.T) {
	a := newAssault(t)
	a.order(a.evil()) // which the publisher's role names, and a stranger signed
	a.refused("a stranger's envelope", "no publisher's key signed these bytes")
	a.with(func(r *trusttest.Repository) { r.Publishers["ada"] = mallory })
	a.order(a.publish(newRelease(t, "3.0.0", true), mallory))
	a.unharmed("a stranger's role", "ada.json: unsigned metadata")
}

// The server shows what it had before 2.0.0, and orders that.
func TestAttackRollback(t *testing.T) {
	a := newAssault(t)
	old := a.trust.CopyFiles()
	first := a.desired.Models[0]
	a.order(a.next())
	a.heals()
	a.with(func(r *trusttest.Repository) { r.Files = old })
	first.Rollout = "r-9"
	a.order(first)
	a.await("the sentence", func() bool {
		return len(a.state.Models) == 1 && strings.Contains(a.state.Models[0].Why, "timestamp.json: bad version number error: new timestamp version")
	})
	a.device.mustServe("2.0.0")
	a.device.end()
	a.nothingForeign("an older version")
}

// The server shows the same as ever, for longer than its timestamp is believed:
// here the agent was built eight days from now.
func TestAttackIndefiniteFreeze(t *testing.T) {
	a := newAssault(t)
	next := a.next()
	a.device.end()
	a.config.Built = time.Now().Add(8 * 24 * time.Hour)
	a.device = start(t, a.config)
	a.order(next)
	a.unharmed("a week-old timestamp", "timestamp.json is expired, judged at "+a.config.Built.Format("2006-01-02"))
}

// A thief of the online key leaves no higher version for anybody honest, until
// the owner's next root.
func TestAttackFastForward(t *testing.T) {
	a := newAssault(t)
	a.with(func(r *trusttest.Repository) {
		honest := r.TimestampVersion
		r.TimestampVersion = 1 << 50
		r.Stamp(r.Files[fmt.Sprintf("%d.snapshot.json", r.SnapshotVersion)])
		r.TimestampVersion = honest
	})
	missing := a.desired.Models[0]
	missing.Version, missing.Digest = "2.0.0", bundle.DigestOf([]byte("nothing"))
	a.order(missing)
	a.refused("an order to look", "no publisher")
	a.order(a.next())
	a.unharmed("honest versions after it", "must be >= 1125899906842625")
	a.with(newOnlineKey)
	a.heals()
}

// Roles that never were together: the role from before under its next name.
func TestAttackMixAndMatch(t *testing.T) {
	a := newAssault(t)
	next := a.next()
	a.with(func(r *trusttest.Repository) {
		v := r.Roles["ada"].Version()
		r.Files[fmt.Sprintf("%d.ada.json", v)] = r.Files[fmt.Sprintf("%d.ada.json", v-1)]
	})
	a.order(next)
	a.unharmed("an older role", "ada.json: bad version number")
}

// A file and an object without an end.
func TestAttackEndlessData(t *testing.T) {
	for name, want := range map[string]string{
		"/timestamp.json": "timestamp.json: fetch it from 127.0.0.1",
		"/artefacts/":     "the server sent more than its",
	} {
		t.Run(strings.Trim(name, "/"), func(t *testing.T) {
			a := newAssault(t)
			a.answers(func(w http.ResponseWriter, r *http.Request) bool {
				for err := error(nil); strings.Contains(r.URL.Path, name); {
					if err != nil {
						return true
					}
					_, err = w.Write(make([]byte, 32<<10))
				}
				return false
			})
			a.order(a.next())
			a.unharmed("an endless "+name, want)
		})
	}
}

// Somebody who may publish other models vouches for this one.
func TestAttackExtraneousDependencies(t *testing.T) {
	a := newAssault(t)
	evil := a.evil()
	a.with(func(r *trusttest.Repository) {
		r.Targets.Next(r.Now.Add(trusttest.Year))
		r.Delegate("mallory", mallory, "other-*/*")
		r.SignTargets()
		r.Must(r.Roles["mallory"].Put("shade/2.0.0", evil.Digest, evil.Size, ""))
		r.Roles["ada"].Remove("shade/2.0.0")
		r.Publish("ada", "shade/1.0.1", "another", "")
		r.Publish("mallory", "other-model/1.0.0", "hers", "")
	})
	a.order(evil)
	a.refused("another's model", "no publisher that the repository trusts vouches for it")
}

// A whole other repository, validly signed by its own keys.
func TestAttackWrongRepository(t *testing.T) {
	a := newAssault(t)
	evil := a.evil()
	other := trusttest.At(t, time.Now().UTC(), "*")
	other.Online = mallory
	other.Rotate(func() {
		other.Must(other.Root.SetKeys(trust.RoleSnapshot, 1, mallory.Public()))
		other.Must(other.Root.SetKeys(trust.RoleTimestamp, 1, mallory.Public()))
	}, other.RootKeys[2])
	other.Release()
	a.with(func(r *trusttest.Repository) { r.Files = other.Files })
	a.order(evil)
	a.unharmed("its root", "2.root.json: unsigned metadata")
	a.with(func(r *trusttest.Repository) { delete(r.Files, "2.root.json") })
	a.unharmed("its timestamp", "timestamp.json: unsigned metadata")
}

// A mirror that sends other bytes is left alone, and the fleet hears of it if
// nobody else has the right ones.
func TestAttackMaliciousMirror(t *testing.T) {
	a := newAssault(t)
	a.device.end()
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		n := len(a.objects[filepath.Base(r.URL.Path)])
		a.mu.Unlock()
		if _, err := w.Write([]byte(strings.Repeat("x", n))); err != nil {
			t.Log(err)
		}
	}))
	defer mirror.Close()
	a.config.Mirrors = []string{mirror.URL}
	a.device = start(t, a.config)
	a.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/artefacts/") {
			http.NotFound(w, r)
		}
		return strings.Contains(r.URL.Path, "/artefacts/")
	})
	a.order(a.next())
	a.unharmed("a mirror's bytes", "so they are not what was asked for; from 127.0.0.1")
	a.heals()
}

// A mirror that is a folder, such as a stick, has links where objects should be.
func TestAttackSymlink(t *testing.T) {
	a := newAssault(t)
	a.device.end()
	stick := filepath.Join(t.TempDir(), "sha256")
	secret := filepath.Join(t.TempDir(), "secret")
	next := a.next()
	if err := os.Mkdir(stick, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, a.objects[next.Digest.Hex()], 0o600); err != nil {
		t.Fatal(err)
	}
	for hex := range a.objects {
		if err := os.Symlink(secret, filepath.Join(stick, hex)); err != nil {
			t.Fatal(err)
		}
	}
	// And links in the folder of downloads, to what must not be written.
	if err := os.Symlink(secret, filepath.Join(a.config.StateDir, "incoming", next.Digest.Hex()+".part")); err != nil {
		t.Fatal(err)
	}
	a.config.Mirrors = []string{"file://" + filepath.Dir(stick)}
	a.device = start(t, a.config)
	a.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/artefacts/") {
			_, err := io.WriteString(w, "x")
			return err == nil
		}
		return false
	})
	a.order(next)
	a.unharmed("links", next.Digest.Hex()+" is not a plain file")
	if b, err := os.ReadFile(secret); err != nil || string(b) != string(a.honest[next.Digest.Hex()]) {
		t.Errorf("the link's target holds %q, %v", b, err)
	}
	a.heals()
}
