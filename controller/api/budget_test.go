package api

import (
	"fmt"
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

// Strangers who invent sites leave nothing behind: HEAD none at all, and a GET no
// more than a bounded number.
func TestInventedSitesLeaveNoBudgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudgets(SiteBudgets{"plant-7": 1 << 20, OtherSites: 64 << 10})
		r := httptest.NewRequest(http.MethodHead, "/", nil)
		r.Header.Set(wire.DeviceHeader, "invented/cam")
		if _, _, err := b.enter(httptest.NewRecorder(), r, 1<<20); err != nil || len(b.sites) != 0 {
			t.Errorf("HEAD left %d budgets, %v", len(b.sites), err)
		}
		for i := range 2 * maxSites { // at once: none is idle
			if _, _, err := download(b, fmt.Sprintf("invented-%d/cam", i), 1); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(b.sites); n != maxSites+1 {
			t.Errorf("they left %d budgets", n)
		}
		site := func(name string) *budget {
			r.Header.Set(wire.DeviceHeader, name+"/cam")
			return b.of(r)
		}
		if site("beyond") != b.sites[OtherSites] || site("plant-7") == b.sites[OtherSites] {
			t.Error("one beyond them shares no budget, or one that is configured does")
		}
		time.Sleep(2 * time.Second)
		if site("plant-8") != b.sites["plant-8"] || len(b.sites) != 1 {
			t.Errorf("two seconds later there are %d budgets", len(b.sites))
		}
	})
}

// slowReader takes so many bytes a second.
type slowReader struct {
	http.ResponseWriter
	perSecond int
}

func (s slowReader) Write(b []byte) (int, error) {
	time.Sleep(time.Duration(len(b)) * time.Second / time.Duration(s.perSecond))
	return s.ResponseWriter.Write(b)
}

// A slow reader gives its place up; one that waits for its site's budget does not.
func TestASlowReaderGivesItsPlaceUp(t *testing.T) {
	for _, c := range []struct {
		perSecond int
		least     time.Duration
		most      time.Duration
		cut       bool
	}{
		{2 << 10, time.Minute, 2 * time.Minute, true},
		{20 << 10, 6 * time.Minute, 8 * time.Minute, false},
		{1 << 30, 2 * time.Minute, 3 * time.Minute, false}, // as slow as the budget
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBudgets(SiteBudgets{"plant-7": 64 << 10})
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set(wire.DeviceHeader, "plant-7/cam-1")
			began := time.Now()
			w, done, err := b.enter(slowReader{httptest.NewRecorder(), c.perSecond}, r, 8<<20)
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Write(make([]byte, 8<<20))
			done()
			if took := time.Since(began); (err != nil) != c.cut || took < c.least || took > c.most {
				t.Errorf("%d bytes a second: it held its place for %s, %v", c.perSecond, took, err)
			}
		})
	}
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
