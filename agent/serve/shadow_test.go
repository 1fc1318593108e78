package serve_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/agent/serve"
)

// running is a device whose server runs, so that shadows read.
func running(t *testing.T, s serve.Session) device {
	t.Helper()
	models := serve.NewModels(quiet)
	server := serve.New(models, quiet)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		models.EndShadow("meter")
		models.Close()
	})
	if err := models.Activate(model(1, s)); err != nil {
		t.Fatal(err)
	}
	return device{models, server.Handler()}
}

// announced is a session that says when it begins to read.
func announced(version int, run func(context.Context) error) (*session, chan struct{}) {
	began := make(chan struct{}, 100)
	return &session{version: version, run: func(ctx context.Context) error {
		began <- struct{}{}
		return run(ctx)
	}}, began
}

func well(context.Context) error { return nil }

// readUntil asks for readings until the shadow has begun n more.
func (d device) readUntil(t *testing.T, began chan struct{}, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); n > 0 && time.Now().Before(deadline); {
		if a := d.predict(t); a.Code != 200 || a.Version != "1.0.0" {
			t.Fatalf("beside a shadow, got %+v", a)
		}
		select {
		case <-began:
			n--
		default:
		}
	}
	if n > 0 {
		t.Fatalf("the shadow was shown %d pictures too few", n)
	}
}

func (d device) mustShadow(t *testing.T, m serve.Model) serve.ShadowStatus {
	t.Helper()
	s, err := d.Shadow(m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAShadowReadsWhatIsAnsweredAndIsComparedWithIt(t *testing.T) {
	for _, c := range []struct {
		version int
		agrees  bool
	}{{2, false}, {1 + versions, true}} {
		t.Run(fmt.Sprintf("version %d", c.version), func(t *testing.T) {
			d := running(t, &session{version: 1})
			beside, began := announced(c.version, well)
			m := model(c.version, beside)
			if s := d.mustShadow(t, m); s.Inferences != 0 {
				t.Errorf("it begins with %+v", s)
			}
			d.readUntil(t, began, 3) // when the third begins, two have ended
			s := d.mustShadow(t, m)
			if s.Inferences < 2 || s.Errors != 0 || s.P95ms <= 0 || s.BeforeP95ms <= 0 || c.agrees != (s.Agreed >= 2) || !c.agrees && s.Agreed > 0 {
				t.Errorf("the shadow is %+v", s)
			}
			list := d.mustAsk(t, "GET", "/v1/models", nil).Models
			if len(list) != 1 || list[0].Version != "1.0.0" || list[0].Shadow == nil || list[0].Shadow.Version != m.Version {
				t.Errorf("the list is %+v", list)
			}
			d.EndShadow("meter")
			if err := beside.Close(); err != nil { // panics if it is read with
				t.Fatal(err)
			}
			if list := d.mustAsk(t, "GET", "/v1/models", nil).Models; list[0].Shadow != nil {
				t.Errorf("after its end, the list is %+v", list)
			}
		})
	}
}

func TestAShadowThatFailsOrPanicsHarmsNobody(t *testing.T) {
	for name, c := range map[string]struct {
		run    func(context.Context) error
		panics bool
	}{
		"an error": {func(context.Context) error { return errors.New("the GPU fell off the bus") }, false},
		"a panic":  {func(context.Context) error { panic("index out of range") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := running(t, &session{version: 1})
			beside, began := announced(2, c.run)
			d.mustShadow(t, model(2, beside))
			d.readUntil(t, began, 3)
			s := d.mustShadow(t, model(2, beside))
			if s.Errors < 2 || s.Errors != s.Inferences || c.panics != (s.Panics >= 2) {
				t.Errorf("the shadow is %+v", s)
			}
			if list := d.mustAsk(t, "GET", "/v1/models", nil).Models; list[0].Errors != 0 {
				t.Errorf("its failures count for what serves: %+v", list)
			}
		})
	}
}

// TestAShadowThatHangsKeepsNobodyWaiting: neither who asks for a reading, nor
// who ends the shadow.
func TestAShadowThatHangsKeepsNobodyWaiting(t *testing.T) {
	d := running(t, &session{version: 1})
	beside, began := announced(2, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	d.mustShadow(t, model(2, beside))
	d.readUntil(t, began, 1)
	for range 20 {
		if a := d.predict(t); a.Code != 200 {
			t.Fatalf("got %+v", a)
		}
	}
	d.EndShadow("meter")
	if len(began) > 0 {
		t.Error("it read two pictures at once")
	}
	if err := beside.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAShadowIsNotShownLargePictures: they would take the memory twice.
func TestAShadowIsNotShownLargePictures(t *testing.T) {
	d := running(t, &session{version: 1})
	beside, began := announced(2, well)
	d.mustShadow(t, model(2, beside))
	var large bytes.Buffer
	if err := png.Encode(&large, image.NewGray(image.Rect(0, 0, 2048, 1025))); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if a := d.mustAsk(t, "POST", "/v1/predict/meter", bytes.NewReader(large.Bytes())); a.Code != 200 {
			t.Fatalf("got %+v", a)
		}
	}
	for range 2 { // a large one that it was shown would be read before these
		d.predict(t)
		<-began
	}
	if s := d.mustShadow(t, model(2, beside)); s.Inferences > 2 {
		t.Errorf("the shadow read %d pictures, two of them small", s.Inferences)
	}
}

// TestAnotherVersionTakesOverTheShadow: the one before it is not read with any
// more.
func TestAnotherVersionTakesOverTheShadow(t *testing.T) {
	d := running(t, &session{version: 1})
	first, began := announced(2, well)
	d.mustShadow(t, model(2, first))
	d.readUntil(t, began, 1)
	second, secondBegan := announced(3, well)
	if s := d.mustShadow(t, model(3, second)); s.Inferences != 0 || s.Version != "3.0.0" {
		t.Errorf("it begins with %+v", s)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	d.readUntil(t, secondBegan, 1)
}
