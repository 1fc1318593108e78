package agent

import (
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/squadron-edge/squadron/agent/fetch"
)

// dying is a stick whose kernel holds on to the opening of some files until it is let
// go.
type dying struct {
	fs.FS
	part string        // of their names
	held chan struct{} // closed once one is held
	let  chan struct{}
	once sync.Once
}

func (d *dying) Open(name string) (fs.File, error) {
	if strings.Contains(name, d.part) {
		d.once.Do(func() { close(d.held) })
		<-d.let
	}
	return d.FS.Open(name)
}

// startWithDying starts the agent on a stick of which the named files hang until the
// test has ended.
func startWithDying(t *testing.T, c Config, part string) (*running, *dying) {
	t.Helper()
	d := &dying{part: part, held: make(chan struct{}), let: make(chan struct{})}
	t.Cleanup(func() { close(d.let) })
	a, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	a.updater.open = func(dir string) *fetch.Folder {
		d.FS = os.DirFS(dir)
		return fetch.FolderOn(dir, d)
	}
	return run(t, a), d
}

// answers has somebody answer in the place of the controller.
func (f *fleet) answers(mischief func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mischief = mischief
}

// While a stick holds a reading, of its order, its trust or an object, orders that
// come by the network are judged, and the agent ends when it is asked to.
func TestAStickThatHangsHoldsUpNoOrder(t *testing.T) {
	for _, part := range []string{"orders/", "tuf/", "sha256/"} {
		t.Run(part, func(t *testing.T) {
			f := newFleet(t)
			c := f.config(t.TempDir())
			committed(t, f, c).end()
			f.answers(func(w http.ResponseWriter, r *http.Request) bool {
				asksOrder := strings.HasSuffix(r.URL.Path, "/desired")
				if asksOrder { // which the stick brings
					http.NotFound(w, r)
				}
				return asksOrder
			})
			r, d := startWithDying(t, c, part)
			r.awaitServing("1.0.0")
			f.newerOrder(f.publish(newRelease(t, "2.0.0", false), f.key))
			_, end, err := Bring(c.StateDir, f.stick())
			if err != nil {
				t.Fatal(err)
			}
			<-d.held
			f.order()
			f.await("an order of the network", func() bool { return f.state.Generation == 3 })
			r.end()
			if err := end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A network that brings trust slowly holds up no order of those who are known.
func TestTrustOnItsWayHoldsUpNoOrder(t *testing.T) {
	f := newFleet(t)
	c := f.config(t.TempDir())
	r := committed(t, f, c)
	held, let := make(chan struct{}), make(chan struct{})
	defer close(let)
	asked := sync.OnceFunc(func() { close(held) })
	f.answers(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/v1/tuf/") {
			asked()
			<-let
		}
		return false
	})
	f.order(f.publish(newRelease(t, "2.0.0", false), f.key))
	<-held
	f.order()
	f.await("the next order", func() bool { return f.state.Generation == 3 })
	r.end()
}
