package controller_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/squadron-edge/squadron/controller"
	"github.com/squadron-edge/squadron/controller/api"
)

func TestTheLogWarnsOfAPublisherWhoseWordExpires(t *testing.T) {
	b := newBench(t)
	b.start()
	row, _, err := b.client.Publish(t.Context(), bytes.NewReader(b.pub.Bundle(t, "meter", "1.0.0")))
	must(t, err)
	elevenMonthsAgo := time.Now().UTC().Add(-340 * 24 * time.Hour)
	_, err = b.client.Vouch(t.Context(), b.signer(), release(row), elevenMonthsAgo)
	must(t, err)
	b.stop()

	var log bytes.Buffer // read once the controller has ended
	cfg := b.config()
	cfg.Log = slog.New(slog.NewJSONHandler(&log, nil))
	c, err := controller.New(t.Context(), cfg)
	must(t, err)
	stop := background(t, c.Run)
	_, err = api.NewClient("http://"+c.HTTPAddr(), "", "ada").Bundles(t.Context())
	must(t, err)
	stop()
	if said := log.String(); strings.Count(said, `"level":"WARN"`) != 1 || !strings.Contains(said, `"file":"ada.json"`) || !strings.Contains(said, "squadron publish") {
		t.Errorf("the log says %s", said)
	}
}
