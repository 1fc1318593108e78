package agent

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

var kills = flag.Int("kills", 5, "how often an agent under load is killed at random; 500 take minutes")

// TestKilledUnderLoadTheDeviceServesOneWholeVersion kills a real agent process
// with SIGKILL at random moments, while pictures are asked for without a pause
// and orders go back and forth between two versions. What each kill leaves is
// one whole version, and each answer, the first after a restart included, is
// right and by one of the two.
func TestKilledUnderLoadTheDeviceServesOneWholeVersion(t *testing.T) {
	f := newFleet(t)
	dir := t.TempDir()
	orders := []wire.DesiredModel{f.publish(newRelease(t, "1.0.0", false), f.key), f.publish(newRelease(t, "2.0.0", false), f.key)}
	r := start(t, f.config(dir))
	f.order(orders[0])
	f.awaitPhase("1.0.0", wire.PhaseCommitted)
	r.end()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	left, answered := map[string]int{}, 0
	for n := range *kills {
		order := orders[(n+1)%2]
		order.Attempt = n + 2
		f.order(order)
		answers, err := f.killUnderLoad(dir, time.Duration(random.Int64N(int64(time.Second))))
		if err != nil {
			t.Fatalf("seed %d, kill %d: %v", seed, n+1, err)
		}
		answered += answers
		left[f.wholeVersion(dir)]++
	}
	if *kills >= 100 && (left["1.0.0"] < *kills/10 || left["2.0.0"] < *kills/10) {
		t.Errorf("the kills fell too much on one side of the switch: %v", left)
	}
	t.Logf("%d kills, 0 broken; left behind: %v; %d pictures answered, seed %d", *kills, left, answered, seed)
}

// killUnderLoad starts an agent, and kills it some time after its first answer,
// while several ask it at once.
func (f *fleet) killUnderLoad(dir string, after time.Duration) (answered int, err error) {
	cmd, err := f.victim(dir)
	if err != nil {
		return 0, err
	}
	cmd.Stderr = nil
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return 0, err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return 0, errors.Join(fmt.Errorf("the agent did not start: %w", err), cmd.Wait())
	}
	load := newLoad("http://" + address[:len(address)-1] + "/v1/predict/shade")
	select {
	case <-load.first:
		<-time.After(after)
	case <-time.After(30 * time.Second):
		err = errors.New("the agent does not answer")
	}
	err = errors.Join(err, cmd.Process.Kill())
	if ended := cmd.Wait(); !errors.As(ended, new(*exec.ExitError)) {
		err = errors.Join(err, fmt.Errorf("the killed agent ended with %w", ended))
	}
	answered, wrong := load.end()
	return answered, errors.Join(err, wrong)
}

// load asks a device for both pictures until its end.
type load struct {
	url    string
	client *http.Client
	stop   chan struct{}
	first  chan struct{} // closed by the first answer
	once   sync.Once
	asking sync.WaitGroup

	mu       sync.Mutex
	answered int
	wrong    error
}

func newLoad(url string) *load {
	l := &load{url: url, client: &http.Client{Transport: &http.Transport{}}, stop: make(chan struct{}), first: make(chan struct{})}
	for range 4 {
		l.asking.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				default:
					l.ask(n%2 == 0)
				}
			}
		})
	}
	return l
}

// ask takes an answer into account; none, or not yet, is what a device that
// starts or dies gives.
func (l *load) ask(light bool) {
	shade, want := uint8(0), "dark"
	if light {
		shade, want = 255, "light"
	}
	reply, err := l.client.Post(l.url, "image/png", bytes.NewReader(picture(shade)))
	if err != nil {
		return
	}
	var a answer
	err = errors.Join(json.NewDecoder(reply.Body).Decode(&a), reply.Body.Close())
	if err != nil || reply.StatusCode == http.StatusServiceUnavailable {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	whole := a.Version == "1.0.0" || a.Version == "2.0.0"
	if reply.StatusCode != http.StatusOK || !whole || len(a.Labels) != 2 || a.Labels[0].Label != want {
		l.wrong = fmt.Errorf("a picture that is %s gave %s, %+v", want, reply.Status, a)
	}
	l.answered++
	l.once.Do(func() { close(l.first) })
}

func (l *load) end() (answered int, wrong error) {
	close(l.stop)
	l.asking.Wait()
	l.client.CloseIdleConnections()
	return l.answered, l.wrong
}

// victim is this test as an agent.
func (f *fleet) victim(dir string) (*exec.Cmd, error) {
	config, err := json.Marshal(victimConfig{dir, f.http.URL, "tcp://" + f.port, f.trust.Files["1.root.json"]})
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), victim+"="+string(config))
	return cmd, nil
}
