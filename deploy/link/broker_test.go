package link_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// brokers are the real brokers that the link is tested with.
var brokers = map[string]func(testing.TB) (address string){
	"mochi":     func(t testing.TB) string { return startMochi(t, nil) },
	"mosquitto": startMosquitto,
}

const (
	secretTopic   = "squadron/v1/a/secret/desired"
	rightPassword = "right"
)

// rules let everybody in but a user with a wrong password, and nobody read the
// secret topic.
type rules struct{ mqtt.HookBase }

func (*rules) ID() string           { return "rules" }
func (*rules) Provides(b byte) bool { return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck }

func (*rules) OnConnectAuthenticate(_ *mqtt.Client, pk packets.Packet) bool {
	return len(pk.Connect.Username) == 0 || string(pk.Connect.Password) == rightPassword
}

func (*rules) OnACLCheck(_ *mqtt.Client, topic string, write bool) bool {
	return write || topic != secretTopic
}

// startMochi starts the broker that the controller embeds.
func startMochi(t testing.TB, config *tls.Config) string {
	t.Helper()
	s := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := s.AddHook(new(rules), nil); err != nil {
		t.Fatal(err)
	}
	l := listeners.NewTCP(listeners.Config{ID: "tcp", Address: "127.0.0.1:0", TLSConfig: config})
	if err := s.AddListener(l); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return l.Address()
}

// startMosquitto starts Debian's broker.
func startMosquitto(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the package mosquitto is not installed, and CI must not skip this test")
		}
		t.Skip("install the package mosquitto to test the link with it")
	}
	address := freeAddress(t)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, "listener %s %s\nallow_anonymous true\nlog_dest stderr\n", port, host), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", config)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(log)
	drained := make(chan struct{})
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		<-drained
		cmd.Wait() // killed: its status says nothing
	})
	for line := ""; !strings.Contains(line, "running"); {
		if line, err = lines.ReadString('\n'); err != nil {
			close(drained)
			t.Fatalf("mosquitto did not start: %v", err)
		}
	}
	go func() {
		defer close(drained)
		io.Copy(io.Discard, lines)
	}()
	return address
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// cable lies between a link and its broker, and can be cut, stalled and
// mended.
type cable struct {
	t        testing.TB
	to       string
	listener net.Listener
	running  sync.WaitGroup

	mu      sync.Mutex
	cut     bool
	stalled chan struct{} // closed unless stalled
	open    map[net.Conn]bool
}

func startCable(t testing.TB, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{t: t, to: to, listener: l, stalled: make(chan struct{}), open: map[net.Conn]bool{}}
	close(c.stalled)
	c.running.Go(c.accept)
	t.Cleanup(func() {
		l.Close()
		c.Cut()
		c.running.Wait()
	})
	return c
}

func (c *cable) URL() string { return "tcp://" + c.listener.Addr().String() }

// Cut breaks every connection, and new ones until Mend.
func (c *cable) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for conn := range c.open {
		conn.Close()
	}
	select {
	case <-c.stalled:
	default:
		close(c.stalled)
	}
}

func (c *cable) Mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = false
}

// Stall lets nothing through any more, and breaks nothing.
func (c *cable) Stall() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = make(chan struct{})
}

func (c *cable) accept() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		if far := c.join(near); far != nil {
			c.running.Go(func() { c.carry(near, far) })
			c.running.Go(func() { c.carry(far, near) })
		} else {
			near.Close()
		}
	}
}

// join connects an end that came to the broker, unless the cable is cut.
func (c *cable) join(near net.Conn) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return nil
	}
	far, err := net.Dial("tcp", c.to)
	if err != nil {
		return nil
	}
	c.open[near], c.open[far] = true, true
	return far
}

func (c *cable) carry(from, to net.Conn) {
	defer c.forget(from, to)
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		c.mu.Lock()
		stalled := c.stalled
		c.mu.Unlock()
		<-stalled
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func (c *cable) forget(ends ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range ends {
		e.Close()
		delete(c.open, e)
	}
}
