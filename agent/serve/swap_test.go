package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/squadron-edge/squadron/agent/serve"
)

func TestSwapUnderLoadAnswersEveryRequestByOneVersion(t *testing.T) {
	first := &session{version: 0}
	d := newDevice(t)
	if err := d.Activate(model(0, first)); err != nil {
		t.Fatal(err)
	}
	sessions := []*session{first}
	ctx, stop := context.WithCancel(t.Context())
	answered := make(chan struct{}, 1)
	var load sync.WaitGroup
	for range 6 {
		load.Go(func() {
			for ctx.Err() == nil {
				a, err := d.ask("POST", "/v1/predict/meter", bytes.NewReader(picture))
				if err != nil || a.Code != 200 || fmt.Sprintf("v%c", a.Version[0]) != a.Labels[0].Label {
					t.Errorf("got %+v, %v", a, err)
					stop()
				}
				select {
				case answered <- struct{}{}:
				default:
				}
			}
		})
	}
	for i := range 200 {
		s := &session{version: (i + 1) % versions}
		sessions = append(sessions, s)
		if err := d.Activate(model(s.version, s)); err != nil {
			t.Fatal(err)
		}
		if a := d.predict(t); a.Version != fmt.Sprintf("%d.0.0", s.version) {
			t.Fatalf("right after the swap to %d: got %+v", s.version, a)
		}
		select {
		case <-answered:
		case <-ctx.Done():
			t.FailNow()
		}
	}
	stop()
	load.Wait()
	for i, s := range sessions[:len(sessions)-1] {
		if n := s.closed.Load(); n != 1 {
			t.Errorf("retired session %d was closed %d times", i, n)
		}
	}
	if last := sessions[len(sessions)-1]; last.closed.Load() != 0 {
		t.Error("the serving session was closed")
	}
}

func TestARetiredModelEndsItsRequestsFirst(t *testing.T) {
	entered, goOn := make(chan struct{}), make(chan struct{})
	old := &session{version: 1, run: func(context.Context) error { close(entered); <-goOn; return nil }}
	d := newDevice(t, old)
	slow := make(chan answer)
	go func() {
		a, err := d.ask("POST", "/v1/predict/meter", bytes.NewReader(picture))
		if err != nil {
			t.Error(err)
		}
		slow <- a
	}()
	<-entered
	if err := d.Activate(model(2, &session{version: 2})); err != nil {
		t.Fatal(err)
	}
	if a := d.predict(t); a.Version != "2.0.0" {
		t.Errorf("a request after the swap: got %+v", a)
	}
	if old.closed.Load() != 0 {
		t.Error("the old session was closed with a request under way")
	}
	close(goOn)
	if a := <-slow; a.Code != 200 || a.Version != "1.0.0" || a.Labels[0].Label != "v1" {
		t.Errorf("the request from before the swap: got %+v", a)
	}
	if old.closed.Load() != 1 {
		t.Error("the old session was not closed after its last request")
	}
}

func TestCloseRetiresEverythingAndRefusesMore(t *testing.T) {
	s := &session{version: 1}
	d := newDevice(t, s)
	d.Close()
	d.Close()
	if a := d.predict(t); a.Code != 503 || s.closed.Load() != 1 {
		t.Errorf("got %+v, closed %d times", a, s.closed.Load())
	}
	if err := d.Activate(model(2, &session{version: 2})); err == nil {
		t.Error("a closed table took a model")
	}
}

func TestRunEndsTheRequestsUnderWay(t *testing.T) {
	entered, goOn := make(chan struct{}), make(chan struct{})
	d := newDevice(t, &session{version: 1, run: func(context.Context) error { close(entered); <-goOn; return nil }})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- serve.New(d.Models, quiet).Run(ctx, l) }()
	answers := make(chan answer)
	go func() { answers <- post(t, l.Addr()) }()
	<-entered
	stop()
	close(goOn)
	if a := <-answers; a.Version != "1.0.0" {
		t.Errorf("the request under way got %+v", a)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("it still listens", c.Close())
	}
}

// post asks over the network.
func post(t *testing.T, addr net.Addr) (a answer) {
	r, err := http.Post("http://"+addr.String()+"/v1/predict/meter", "image/png", bytes.NewReader(picture))
	if err != nil {
		t.Error(err)
		return answer{}
	}
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		t.Error(err)
	}
	if err := r.Body.Close(); err != nil {
		t.Error(err)
	}
	return a
}

func TestRunReportsAListenerThatFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := serve.New(serve.NewModels(quiet), quiet).Run(t.Context(), l); err == nil {
		t.Error("a closed listener was served")
	}
}
