package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/squadron-edge/squadron/cmd/squadron/demo/digits"
)

// prediction is an answer of a device's inference API.
type prediction struct {
	Version string `json:"version"`
	Engine  string `json:"engine"`
	Labels  []struct {
		Label string  `json:"label"`
		Score float32 `json:"score"`
	} `json:"labels"`
}

// predict asks a device to read a picture.
func predict(ctx context.Context, addr string, picture []byte) (prediction, error) {
	var p prediction
	url := "http://" + addr + "/v1/predict/" + Name
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(picture))
	if err != nil {
		return p, err
	}
	req.Header.Set("Content-Type", "image/png")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return p, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return p, fmt.Errorf("read the answer of %s: %w", url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return p, fmt.Errorf("%s answers %s: %s", url, resp.Status, bytes.TrimSpace(body))
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, fmt.Errorf("read the answer of %s: %w", url, err)
	}
	if len(p.Labels) == 0 {
		return p, fmt.Errorf("%s answers without a label", url)
	}
	return p, nil
}

// pictures are the sheet's pictures as PNG files.
func pngs(sheet *digits.Sheet) ([][]byte, error) {
	files := make([][]byte, len(sheet.Labels))
	for i := range files {
		var b bytes.Buffer
		if err := png.Encode(&b, sheet.Picture(i)); err != nil {
			return nil, err
		}
		files[i] = b.Bytes()
	}
	return files, nil
}

// meter is the camera of one device: it asks for a reading again and again,
// while models come and go behind the API.
type meter struct {
	addr     string
	pictures [][]byte

	answers, failures atomic.Int64
	lastFailure       atomic.Value // string
}

// meterPeriod is how often a meter is read.
const meterPeriod = 100 * time.Millisecond

// run reads the meter until ctx ends.
func (m *meter) run(ctx context.Context) {
	tick := time.NewTicker(meterPeriod)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := predict(ctx, m.addr, m.pictures[i%len(m.pictures)]); err != nil && ctx.Err() == nil {
			m.failures.Add(1)
			m.lastFailure.Store(err.Error())
		} else if err == nil {
			m.answers.Add(1)
		}
	}
}
