package serve_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/squadron-edge/squadron/agent/pipeline"
)

// zeros never ends, and counts what is read of it.
type zeros struct{ read int }

func (z *zeros) Read(b []byte) (int, error) {
	z.read += len(b)
	return len(b), nil
}

// bomb is a small PNG that promises a great many pixels.
func bomb() []byte {
	b := bytes.Clone(picture)
	binary.BigEndian.PutUint32(b[16:], 1<<20)
	binary.BigEndian.PutUint32(b[20:], 1<<20)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func TestHostileUploadsAreRefusedAndNotTheModelsFault(t *testing.T) {
	endless := &zeros{}
	for _, c := range []struct {
		name string
		body io.Reader
		code int
	}{
		{"an endless body", endless, 413},
		{"a body of a known size beyond the bound", bytes.NewReader(make([]byte, pipeline.MaxPictureBytes+1)), 413},
		{"a pixel bomb", bytes.NewReader(bomb()), 413},
		{"no body", nil, 415},
		{"a GIF", strings.NewReader("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), 415},
		{"HTML", strings.NewReader("<script>"), 415},
		{"half a picture", bytes.NewReader(picture[:len(picture)/2]), 422},
		{"a sender that breaks off", iotest.ErrReader(errors.New("reset")), 400},
	} {
		d := newDevice(t, &session{version: 1})
		a := d.mustAsk(t, "POST", "/v1/predict/meter", c.body)
		if a.Code != c.code || a.Error == "" {
			t.Errorf("%s: got %+v, want %d", c.name, a, c.code)
		}
		if m := d.Status()[0]; m.Inferences != 0 || m.Errors != 0 {
			t.Errorf("%s was counted: %+v", c.name, m)
		}
	}
	if endless.read > pipeline.MaxPictureBytes+1<<20 {
		t.Errorf("%d bytes of the endless body were read", endless.read)
	}
}

func TestAPictureAnnouncedAsTooLargeIsNotRead(t *testing.T) {
	d, body := newDevice(t, &session{version: 1}), &zeros{}
	r := httptest.NewRequest("POST", "/v1/predict/meter", body)
	r.ContentLength = pipeline.MaxPictureBytes + 1
	w := record()
	d.handler.ServeHTTP(w, r)
	if w.Code != 413 || body.read != 0 {
		t.Errorf("%d bytes were read, and the answer is %d", body.read, w.Code)
	}
}

func TestTooManyRequestsAreTurnedAwayAndTheOthersAnswered(t *testing.T) {
	const admitted = 16
	synctest.Test(t, func(t *testing.T) {
		answers, goOn := make(chan answer), make(chan struct{})
		d := newDevice(t, &session{version: 1, run: func(context.Context) error { <-goOn; return nil }})
		for range admitted {
			go func() {
				a, err := d.ask("POST", "/v1/predict/meter", bytes.NewReader(picture))
				if err != nil {
					a.Error = err.Error()
				}
				answers <- a
			}()
		}
		synctest.Wait()
		if a := d.predict(t); a.Code != 503 || a.Retry == "" || !strings.HasPrefix(a.Error, "busy") {
			t.Errorf("one too many: got %+v", a)
		}
		close(goOn)
		for range admitted {
			if a := <-answers; a.Code != 200 {
				t.Errorf("one of the others: got %+v", a)
			}
		}
	})
}

func TestAClientThatLeavesIsNotRunFor(t *testing.T) {
	entered, goOn := make(chan struct{}, 2), make(chan struct{})
	d := newDevice(t, &session{version: 1, run: func(context.Context) error { entered <- struct{}{}; <-goOn; return nil }})
	var busy sync.WaitGroup
	for range 2 { // all that may run at once
		busy.Go(func() {
			if _, err := d.ask("POST", "/v1/predict/meter", bytes.NewReader(picture)); err != nil {
				t.Error(err)
			}
		})
		<-entered
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	w := record()
	d.handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "POST", "/v1/predict/meter", bytes.NewReader(picture)))
	close(goOn)
	busy.Wait()
	if m := d.Status()[0]; m.Inferences != 2 || w.Body.Len() != 0 {
		t.Errorf("%d inferences, and the answer %q", m.Inferences, w.Body)
	}
}
