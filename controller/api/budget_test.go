package api

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/squadron-edge/squadron/deploy/wire"
)

// download writes so many bytes within a site's budget, and returns how long that
// took, or the status that it was refused with.
func download(b *budgets, device string, size int64) (time.Duration, *httptest.ResponseRecorder, error) {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	if device != "" {
		r.Header.Set(wire.DeviceHeader, device)
	}
	began := time.Now()
	limited, done, err := b.enter(w, r, size)
	if err != nil {
		return 0, w, err
	}
	defer done()
	_, err = limited.Write(make([]byte, size))
	return time.Since(began), w, err
}

func TestDownloadsOfASiteShareItsBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudgets(SiteBudgets{"plant-7": 64 << 10, OtherSites: 1 << 20})
		var all sync.WaitGroup
		for _, c := range []struct {
			device string
			size   int64
			want   time.Duration
		}{
			// Both together have 64 KiB a second, so that neither ends before the
			// other is nearly there.
			{"plant-7/cam-1", 1 << 20, 32 * time.Second},
			{"plant-7/cam-2", 1 << 20, 32 * time.Second},
			{"plant-8/cam-1", 8 << 20, 8 * time.Second},
			{"", 8 << 20, 8 * time.Second}, // who names no site has a budget of its own
			{"plant-7/../plant-8", 0, 0},
		} {
			all.Go(func() {
				took, _, err := download(b, c.device, c.size)
				if err != nil || took < c.want-2*time.Second || took > c.want+2*time.Second {
					t.Errorf("%q had %d bytes after %s, want about %s: %v", c.device, c.size, took, c.want, err)
				}
			})
		}
		all.Wait()
	})
}

// TestMoreDownloadsThanALinkCarriesComeLater: but small files find a way.
func TestMoreDownloadsThanALinkCarriesComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudgets(SiteBudgets{"plant-7": 64 << 10})
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if _, _, err := download(b, "plant-7/cam-1", 1<<20); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		_, w, err := download(b, "plant-7/cam-3", 1<<20)
		wait, _ := strconv.Atoi(w.Header().Get("Retry-After"))
		if refused, ok := err.(*RefusedError); !ok || refused.Status != http.StatusServiceUnavailable || wait < 30 || wait > 90 {
			t.Errorf("the third download: %v, wait %d s", err, wait)
		}
		if _, _, err := download(b, "plant-7/cam-3", 4<<10); err != nil {
			t.Errorf("a small file: %v", err)
		}
		if took, _, err := download(b, "plant-8/cam-3", 1<<20); err != nil || took > 0 {
			t.Errorf("a site without a budget took %s: %v", took, err)
		}
		all.Wait()
		if _, _, err := download(b, "plant-7/cam-3", 1<<20); err != nil {
			t.Errorf("after the others: %v", err)
		}
	})
}

func TestBudgetsThatNoDownloadEndsWithinAreRefused(t *testing.T) {
	for _, b := range []SiteBudgets{{"plant-7": 1 << 10}, {"plant-7": 0}, {"plant/7": 1 << 20}, {OtherSites: -1}} {
		if err := b.Validate(); err == nil {
			t.Errorf("%v was taken", b)
		}
	}
	if err := (SiteBudgets{"plant-7": MinSiteBudget, OtherSites: 1 << 20}).Validate(); err != nil {
		t.Error(err)
	}
}
