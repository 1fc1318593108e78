package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/cmd/config"
	"github.com/squadron-edge/squadron/cmd/exit"
	"github.com/squadron-edge/squadron/controller"
	"github.com/squadron-edge/squadron/controller/api"
	"github.com/squadron-edge/squadron/controller/bucket"
)

// office is what an operator has: samples, keys, and a controller in this
// process, all in one folder.
type office struct {
	t      *testing.T
	dir    string
	url    string // of the controller
	broker string // host:port
	stop   func() // ends the controller; may be called twice
	s3     bucket.Config
}

// openOffice starts a controller on free ports. It ends with the test.
func openOffice(t *testing.T) *office { return openOfficeWith(t, bucket.Config{}) }

// openOfficeWith starts a controller that keeps a bucket, unless it is the zero
// one.
func openOfficeWith(t *testing.T, s3 bucket.Config) *office {
	t.Helper()
	o := &office{t: t, dir: t.TempDir(), s3: s3}
	squadron(t, exit.Done, "samples", o.file("samples"))
	if err := os.CopyFS(o.dir, os.DirFS(founded(t))); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SQUADRON_PASSPHRASE_FILE", o.file("passphrase"))
	o.start("online.key", s3)
	return o
}

// start runs the controller on its folder with an online key, on other ports than
// before, until the test or stop ends it.
func (o *office) start(key string, s3 bucket.Config) {
	o.t.Helper()
	t := o.t
	online, err := config.PrivateKey(o.key(key), []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c, err := controller.New(ctx, controller.Config{
		Dir: o.file("controller"), Trust: o.file("trust"), OnlineKey: online, HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0",
		S3Endpoint: o.s3.Endpoint, S3Bucket: o.s3.Name, S3Credentials: o.s3.Credentials,
	})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	o.url, o.broker = "http://"+c.HTTPAddr(), c.BrokerAddr()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	o.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the controller ended with: %v", err)
		}
	})
	t.Cleanup(o.stop)
}

func (o *office) file(name string) string { return filepath.Join(o.dir, name) }

// pack packs a release of the samples under a name with a key file, and gives
// the bundle's path.
func (o *office) pack(name, version, key string) string {
	o.t.Helper()
	out := o.file(name + "-" + version + "-" + key + ".sqb")
	squadron(o.t, exit.Done, "pack", o.file("samples/meter-reader-"+version+".onnx"), "--name", name, "--version", version,
		"--key", o.key(key), "--out", out,
		"--labels", o.file("samples/labels.txt"), "--golden", o.file("samples/golden"), "--pipeline", o.file("samples/pipeline.json"))
	return out
}

// key is the file of a key of the fleet's owner, or of a stranger.
func (o *office) key(name string) string { return o.file("trust/keys/" + name) }

// publishes runs squadron publish with the publisher's key.
func (o *office) publishes(status int, bundle string, more ...string) (stdout, stderr string) {
	o.t.Helper()
	return o.asks(status, append([]string{"publish", bundle, "--key", o.key("publisher.key")}, more...)...)
}

// asks runs an operator's command against the controller.
func (o *office) asks(status int, args ...string) (stdout, stderr string) {
	o.t.Helper()
	return squadron(o.t, status, append(args, "--controller", o.url)...)
}

// devices is what the operator sees of the fleet.
func (o *office) devices() []api.Device { return listed[api.Device](o, "devices") }

// bundles is what was published.
func (o *office) bundles() []api.Bundle { return listed[api.Bundle](o, "bundles") }

func listed[T any](o *office, what string) []T {
	o.t.Helper()
	out, _ := o.asks(exit.Done, what, "list", "--json")
	var all []T
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		o.t.Fatalf("squadron %s list --json printed %q: %v", what, out, err)
	}
	return all
}

// patience bounds every wait: what takes longer has failed.
const patience = 15 * time.Second

// until polls for something to come about.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	tooLate := time.After(patience)
	for !done() {
		select {
		case <-tooLate:
			t.Fatalf("%s did not come about within %v", what, patience)
		case <-tick.C:
		}
	}
}
